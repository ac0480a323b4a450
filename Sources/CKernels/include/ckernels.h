#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// True where the kernels of this module run: AVX-512 F, BW, DQ, VL and BF16
/// (Intel from Cooper Lake and Sapphire Rapids, AMD from Zen 4).
bool ck_available(void);

/// The shape of a depthwise convolution of one image, channels last.
typedef struct {
    int channels, height, width, output_height, output_width;
    int kernel, stride;  ///< 3 or 5; 1 or 2
    int top, left;       ///< rows and columns of zeros before the image
    float lower, upper;  ///< results are clipped to this range
} ck_depthwise_shape;

/// Depthwise convolution with bias and clipping, sums in float32.
/// weights: kernel × kernel × channels, float32; bias: channels; input, output: height × width × channels.
void ck_depthwise_f32(const ck_depthwise_shape *shape, const float *input, const float *weights, const float *bias, float *output);
/// The same with bfloat16 input and output, weights still float32.
void ck_depthwise_bf16(const ck_depthwise_shape *shape, const uint16_t *input, const float *weights, const float *bias, uint16_t *output);
/// The same with float32 input and bfloat16 output.
void ck_depthwise_f32_bf16(const ck_depthwise_shape *shape, const float *input, const float *weights, const float *bias, uint16_t *output);

/// Adds ∂L/∂weights of one image, kernel × kernel × channels, to d_weights.
void ck_depthwise_weights_gradient(const ck_depthwise_shape *shape, const float *input, const float *d_output, float *d_weights);
/// ∂L/∂input of one image, of a convolution with stride 2. With stride 1 it is a convolution with the turned kernel.
void ck_depthwise_input_gradient_stride2(const ck_depthwise_shape *shape, const float *d_output, const float *weights, float *d_input);

/// sum[i] += term[i].
void ck_add(float *sum, const float *term, size_t count);
/// Backward of clipping to (lower, upper): gradient[i] becomes 0 where value[i] lies at a bound or past it. Adds what is left to
/// the channels' sums. Both rows × channels.
void ck_mask_gradient(float *gradient, const float *value, float lower, float upper, size_t rows, size_t channels, float *sums);
/// sums[c] += Σ of column c of rows × channels.
void ck_sum_rows(const float *gradient, size_t rows, size_t channels, float *sums);

/// Mean and variance (biased) of each column of rows × channels.
void ck_channel_moments(const float *x, size_t rows, size_t channels, float *mean, float *variance);
/// y = clip(x · scale + shift + residual) by channel, rows × channels; residual may be null.
void ck_normalise(const float *x, const float *residual, const float *scale, const float *shift, float lower, float upper,
                  size_t rows, size_t channels, float *y);
/// Backward of γ (x − mean) inverse + β, where mean and inverse = 1/√(variance + ε) are x's own: turns ∂L/∂y into ∂L/∂x in
/// place, and adds ∂L/∂γ to gamma_sums.
void ck_normalise_gradient(float *gradient, const float *x, const float *mean, const float *inverse, const float *gamma,
                           size_t rows, size_t channels, float *gamma_sums);

/// The shape of a convolution of one three-channel image, channels last; output channels a multiple of 32.
typedef struct {
    int height, width, output_channels, output_height, output_width;
    int kernel, stride;
    int top, left;       ///< rows and columns of zeros before the image
    float lower, upper;  ///< results are clipped to this range
} ck_stem_shape;

/// Convolution of float32 pixels with bias and clipping. weights: kernel × kernel × 3 × output channels.
void ck_stem_f32(const ck_stem_shape *shape, const float *input, const float *weights, const float *bias, float *output);
/// The same with bfloat16 output.
void ck_stem_bf16(const ck_stem_shape *shape, const float *input, const float *weights, const float *bias, uint16_t *output);

/// The shape of a pointwise convolution, channels last: rows of `input_channels` values, an even number, each to a row of
/// `output_channels`.
typedef struct {
    int rows, input_channels, output_channels;
    bool accumulate;     ///< add what the output holds, before clipping
    float lower, upper;  ///< results are clipped to this range
} ck_pointwise_shape;

/// Pointwise convolution with bias and clipping, sums in float32.
/// weights: bfloat16, [⌈outputs / 64⌉][inputs / 2][64][2]: panels of 64 output channels (zeros past the last), in them pairs
/// of input channels; aligned to 64 bytes. bias: outputs.
void ck_pointwise_bf16(const ck_pointwise_shape *shape, const uint16_t *input, const uint16_t *weights, const float *bias, uint16_t *output);
/// The same with float32 output; `accumulate` does not count.
void ck_pointwise_bf16_f32(const ck_pointwise_shape *shape, const uint16_t *input, const uint16_t *weights, const float *bias, float *output);

/// Vertical half of a resize: row[x] = Σ_t weights[t] · source[t · stride + x], x < count.
void ck_blend_rows(const uint8_t *source, size_t stride, const float *weights, int taps, int count, float *row);

/// Horizontal half, of RGB pixels: out[x] = scale · Σ_t weights[x · taps + t] · row[starts[x] + t] + shift, x < count, per
/// channel. `row` must be readable one float past its end; `scale` and `shift` have four values, the last unused.
void ck_blend_columns_f32(const float *row, const int32_t *starts, const float *weights, int taps, int count,
                          const float *scale, const float *shift, float *out);
void ck_blend_columns_bf16(const float *row, const int32_t *starts, const float *weights, int taps, int count,
                           const float *scale, const float *shift, uint16_t *out);
