// Gradients of depthwise convolutions, channels last, float32, for AVX-512. A block of 16 channels is one register.
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define INLINE static inline __attribute__((always_inline)) TARGET

// Channels that are walked down the whole image together: their rows stay in the first-level cache.
#define GROUP 64

INLINE __m512 load(const float *p, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, p); }
INLINE void store(float *p, __mmask16 mask, __m512 x) { _mm512_mask_storeu_ps(p, mask, x); }
INLINE __mmask16 columns(int left) { return left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1); }

// Adds the part of B outputs of row oy from column ox on to the sums of one block of channels. Each input column is loaded
// once, for all the taps that it meets. `inside`: no column is in the padding.
INLINE void weights_span(const ck_depthwise_shape *s, const float *input, const float *d_output, __m512 sum[25], int oy,
                         int ox, int c, __mmask16 mask, const int K, const int S, const int B, bool inside) {
    const int channels = s->channels, x0 = ox * S - s->left;
    __m512 d[7];
    const float *row = d_output + ((ptrdiff_t)oy * s->output_width + ox) * channels + c;
    _Pragma("unroll") for (int i = 0; i < B; i++) d[i] = load(row + (ptrdiff_t)i * channels, mask);
    _Pragma("unroll") for (int ky = 0; ky < K; ky++) {
        const int y = oy * S - s->top + ky;
        if (y < 0 || y >= s->height) continue;
        const float *x = input + ((ptrdiff_t)y * s->width + x0) * channels + c;
        _Pragma("unroll") for (int j = 0; j < (B - 1) * S + K; j++) {
            if (!inside && (x0 + j < 0 || x0 + j >= s->width)) continue;
            const __m512 v = load(x + (ptrdiff_t)j * channels, mask);
            _Pragma("unroll") for (int kx = 0; kx < K; kx++) {
                const int i = j - kx;
                if (i >= 0 && i % S == 0 && i / S < B) sum[ky * K + kx] = _mm512_fmadd_ps(v, d[i / S], sum[ky * K + kx]);
            }
        }
    }
}

#define DEFINE_WEIGHTS(NAME, K, S)                                                                                     \
    TARGET static void NAME(const ck_depthwise_shape *s, const float *input, const float *d_output, float *d_weights) {\
        for (int first = 0; first < s->channels; first += GROUP)                                                       \
        for (int oy = 0; oy < s->output_height; oy++)                                                                  \
            for (int c = first; c < s->channels && c < first + GROUP; c += 16) {                                       \
                const __mmask16 mask = columns(s->channels - c);                                                       \
                __m512 sum[25];                                                                                        \
                _Pragma("unroll") for (int t = 0; t < K * K; t++)                                                      \
                    sum[t] = load(d_weights + (ptrdiff_t)t * s->channels + c, mask);                                   \
                int ox = 0;                                                                                            \
                for (; ox + 7 <= s->output_width; ox += 7) {                                                           \
                    const int x0 = ox * S - s->left;                                                                   \
                    if (x0 >= 0 && x0 + 6 * S + K <= s->width)                                                         \
                        weights_span(s, input, d_output, sum, oy, ox, c, mask, K, S, 7, true);                         \
                    else                                                                                               \
                        weights_span(s, input, d_output, sum, oy, ox, c, mask, K, S, 7, false);                        \
                }                                                                                                      \
                for (; ox < s->output_width; ox++)                                                                     \
                    weights_span(s, input, d_output, sum, oy, ox, c, mask, K, S, 1, false);                            \
                _Pragma("unroll") for (int t = 0; t < K * K; t++)                                                      \
                    store(d_weights + (ptrdiff_t)t * s->channels + c, mask, sum[t]);                                   \
            }                                                                                                          \
    }
DEFINE_WEIGHTS(weights_k3s1, 3, 1)
DEFINE_WEIGHTS(weights_k3s2, 3, 2)
DEFINE_WEIGHTS(weights_k5s1, 5, 1)
DEFINE_WEIGHTS(weights_k5s2, 5, 2)

void ck_depthwise_weights_gradient(const ck_depthwise_shape *s, const float *x, const float *dy, float *dw) {
    if (s->kernel == 3) (s->stride == 1 ? weights_k3s1 : weights_k3s2)(s, x, dy, dw);
    else (s->stride == 1 ? weights_k5s1 : weights_k5s2)(s, x, dy, dw);
}

// B inputs of row y from column x on, of a convolution with stride 2. `parity`: that of x + left; only taps of the input
// column's own parity met an output.
INLINE void input_span(const ck_depthwise_shape *s, const float *d_output, const float *weights, float *d_input, int y,
                       int x, int c, __mmask16 mask, const int K, const int B, const int parity, bool inside) {
    const int channels = s->channels;
    __m512 sum[8];
    _Pragma("unroll") for (int i = 0; i < B; i++) sum[i] = _mm512_setzero_ps();
    for (int ky = (y + s->top) & 1; ky < K; ky += 2) {
        const int oy = (y + s->top - ky) / 2;
        if (y + s->top < ky || oy >= s->output_height) continue;
        const float *row = d_output + (ptrdiff_t)oy * s->output_width * channels + c;
        _Pragma("unroll") for (int kx = 0; kx < K; kx++) {
            const __m512 w = load(weights + (ptrdiff_t)(ky * K + kx) * channels + c, mask);
            _Pragma("unroll") for (int i = 0; i < B; i++) {
                if ((i + parity + kx) % 2 != 0) continue;
                const int reach = x + i + s->left - kx;
                if (!inside && (reach < 0 || reach / 2 >= s->output_width)) continue;
                sum[i] = _mm512_fmadd_ps(load(row + (ptrdiff_t)(reach / 2) * channels, mask), w, sum[i]);
            }
        }
    }
    float *out = d_input + ((ptrdiff_t)y * s->width + x) * channels + c;
    _Pragma("unroll") for (int i = 0; i < B; i++) store(out + (ptrdiff_t)i * channels, mask, sum[i]);
}

#define DEFINE_INPUT(NAME, K)                                                                                          \
    TARGET static void NAME(const ck_depthwise_shape *s, const float *d_output, const float *weights, float *d_input) {\
        for (int first = 0; first < s->channels; first += GROUP)                                                       \
        for (int y = 0; y < s->height; y++)                                                                            \
            for (int c = first; c < s->channels && c < first + GROUP; c += 16) {                                       \
                const __mmask16 mask = columns(s->channels - c);                                                       \
                for (int x = 0; x < s->width;) {                                                                       \
                    const int low = x + s->left - (K - 1), high = x + 7 + s->left, odd = (x + s->left) & 1;            \
                    if (x + 8 <= s->width && low >= 0 && high / 2 < s->output_width) {                                 \
                        if (odd) input_span(s, d_output, weights, d_input, y, x, c, mask, K, 8, 1, true);              \
                        else input_span(s, d_output, weights, d_input, y, x, c, mask, K, 8, 0, true);                  \
                        x += 8;                                                                                        \
                    } else {                                                                                           \
                        if (odd) input_span(s, d_output, weights, d_input, y, x, c, mask, K, 1, 1, false);             \
                        else input_span(s, d_output, weights, d_input, y, x, c, mask, K, 1, 0, false);                 \
                        x += 1;                                                                                        \
                    }                                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
    }
DEFINE_INPUT(input_k3, 3)
DEFINE_INPUT(input_k5, 5)

void ck_depthwise_input_gradient_stride2(const ck_depthwise_shape *s, const float *dy, const float *w, float *dx) {
    (s->kernel == 3 ? input_k3 : input_k5)(s, dy, w, dx);
}

#else
// Other processors take the plain path: nothing here is called.
void ck_depthwise_weights_gradient(const ck_depthwise_shape *s, const float *x, const float *dy, float *dw) {}
void ck_depthwise_input_gradient_stride2(const ck_depthwise_shape *s, const float *dy, const float *w, float *dx) {}
#endif
