// Depthwise convolutions, channels last, for AVX-512.
//
// A block of 16 channels is one register. Along an output row the input is walked column by column: the column's
// `kernel` pixels are loaded once, and added to every output that they belong to, so that loads (and in bfloat16
// conversions) are shared and the multiply-add unit is the limit. The weights of the block stay in registers or the
// first-level cache. oneDNN's depthwise kernels load each pixel once per output instead.
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#define INLINE static inline __attribute__((always_inline)) TARGET

INLINE __m512 load_f32(const float *p, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, p); }
INLINE __m512 load_bf16(const uint16_t *p, __mmask16 mask) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, p)), 16));
}
INLINE void store_f32(float *p, __mmask16 mask, __m512 x) { _mm512_mask_storeu_ps(p, mask, x); }
INLINE void store_bf16(uint16_t *p, __mmask16 mask, __m512 x) {
    _mm256_mask_storeu_epi16(p, mask, (__m256i)_mm512_cvtneps_pbh(x));
}

// B outputs of one row from ox on, 16 channels from c on. `inside`: no column is in the padding.
#define DEFINE_SPAN(NAME, T, LOAD, OUT, STORE)                                                                         \
    INLINE void NAME(const ck_depthwise_shape *s, const T *input, const float *weights, const float *bias,             \
                     OUT *output, int oy, int ox, int c, __mmask16 mask, const int K, const int S, const int B,        \
                     bool inside) {                                                                                    \
        const int channels = s->channels;                                                                              \
        __m512 sum[8];                                                                                                 \
        const __m512 b = load_f32(bias + c, mask);                                                                     \
        _Pragma("unroll") for (int i = 0; i < B; i++) sum[i] = b;                                                      \
        const int y0 = oy * S - s->top, x0 = ox * S - s->left;                                                         \
        for (int ky = 0; ky < K; ky++) {                                                                               \
            const int y = y0 + ky;                                                                                     \
            if (y < 0 || y >= s->height) continue;                                                                     \
            const T *row = input + ((ptrdiff_t)y * s->width + x0) * channels + c;                                      \
            __m512 w[5];                                                                                               \
            _Pragma("unroll") for (int kx = 0; kx < K; kx++) w[kx] =                                                   \
                load_f32(weights + (ky * K + kx) * channels + c, mask);                                                \
            _Pragma("unroll") for (int j = 0; j < (B - 1) * S + K; j++) {                                              \
                if (!inside && (x0 + j < 0 || x0 + j >= s->width)) continue;                                           \
                const __m512 x = LOAD(row + (ptrdiff_t)j * channels, mask);                                            \
                _Pragma("unroll") for (int kx = 0; kx < K; kx++) {                                                     \
                    const int i = j - kx;                                                                              \
                    if (i >= 0 && i % S == 0 && i / S < B) sum[i / S] = _mm512_fmadd_ps(x, w[kx], sum[i / S]);         \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        const __m512 lower = _mm512_set1_ps(s->lower), upper = _mm512_set1_ps(s->upper);                               \
        OUT *out = output + ((ptrdiff_t)oy * s->output_width + ox) * channels + c;                                     \
        _Pragma("unroll") for (int i = 0; i < B; i++)                                                                  \
            STORE(out + (ptrdiff_t)i * channels, mask, _mm512_min_ps(_mm512_max_ps(sum[i], lower), upper));            \
    }
DEFINE_SPAN(span_f32, float, load_f32, float, store_f32)
DEFINE_SPAN(span_bf16, uint16_t, load_bf16, uint16_t, store_bf16)
DEFINE_SPAN(span_f32_bf16, float, load_f32, uint16_t, store_bf16)

// Channels that are walked down the whole image together: their input rows stay in the first-level cache.
#define GROUP 64

#define DEFINE_CONVOLUTION(NAME, T, OUT, SPAN, K, S)                                                                   \
    TARGET static void NAME(const ck_depthwise_shape *s, const T *input, const float *weights, const float *bias,      \
                            OUT *output) {                                                                             \
        for (int first = 0; first < s->channels; first += GROUP)                                                       \
        for (int oy = 0; oy < s->output_height; oy++) {                                                                \
            for (int c = first; c < s->channels && c < first + GROUP; c += 16) {                                       \
                const int left = s->channels - c;                                                                      \
                const __mmask16 mask = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);                            \
                int ox = 0;                                                                                            \
                for (; ox + 7 <= s->output_width; ox += 7) {                                                           \
                    const int x0 = ox * S - s->left;                                                                   \
                    if (x0 >= 0 && x0 + 6 * S + K <= s->width)                                                         \
                        SPAN(s, input, weights, bias, output, oy, ox, c, mask, K, S, 7, true);                         \
                    else                                                                                               \
                        SPAN(s, input, weights, bias, output, oy, ox, c, mask, K, S, 7, false);                        \
                }                                                                                                      \
                for (; ox < s->output_width; ox++)                                                                     \
                    SPAN(s, input, weights, bias, output, oy, ox, c, mask, K, S, 1, false);                            \
            }                                                                                                          \
        }                                                                                                              \
    }
DEFINE_CONVOLUTION(f32_k3s1, float, float, span_f32, 3, 1)
DEFINE_CONVOLUTION(f32_k3s2, float, float, span_f32, 3, 2)
DEFINE_CONVOLUTION(f32_k5s1, float, float, span_f32, 5, 1)
DEFINE_CONVOLUTION(f32_k5s2, float, float, span_f32, 5, 2)
DEFINE_CONVOLUTION(bf16_k3s1, uint16_t, uint16_t, span_bf16, 3, 1)
DEFINE_CONVOLUTION(bf16_k3s2, uint16_t, uint16_t, span_bf16, 3, 2)
DEFINE_CONVOLUTION(bf16_k5s1, uint16_t, uint16_t, span_bf16, 5, 1)
DEFINE_CONVOLUTION(bf16_k5s2, uint16_t, uint16_t, span_bf16, 5, 2)
DEFINE_CONVOLUTION(f32_bf16_k3s1, float, uint16_t, span_f32_bf16, 3, 1)
DEFINE_CONVOLUTION(f32_bf16_k3s2, float, uint16_t, span_f32_bf16, 3, 2)
DEFINE_CONVOLUTION(f32_bf16_k5s1, float, uint16_t, span_f32_bf16, 5, 1)
DEFINE_CONVOLUTION(f32_bf16_k5s2, float, uint16_t, span_f32_bf16, 5, 2)

void ck_depthwise_f32(const ck_depthwise_shape *s, const float *x, const float *w, const float *b, float *y) {
    if (s->kernel == 3) (s->stride == 1 ? f32_k3s1 : f32_k3s2)(s, x, w, b, y);
    else (s->stride == 1 ? f32_k5s1 : f32_k5s2)(s, x, w, b, y);
}

void ck_depthwise_bf16(const ck_depthwise_shape *s, const uint16_t *x, const float *w, const float *b, uint16_t *y) {
    if (s->kernel == 3) (s->stride == 1 ? bf16_k3s1 : bf16_k3s2)(s, x, w, b, y);
    else (s->stride == 1 ? bf16_k5s1 : bf16_k5s2)(s, x, w, b, y);
}

void ck_depthwise_f32_bf16(const ck_depthwise_shape *s, const float *x, const float *w, const float *b, uint16_t *y) {
    if (s->kernel == 3) (s->stride == 1 ? f32_bf16_k3s1 : f32_bf16_k3s2)(s, x, w, b, y);
    else (s->stride == 1 ? f32_bf16_k5s1 : f32_bf16_k5s2)(s, x, w, b, y);
}

#else
// Other processors take the plain path: nothing here is called.
void ck_depthwise_f32(const ck_depthwise_shape *s, const float *x, const float *w, const float *b, float *y) {}
void ck_depthwise_bf16(const ck_depthwise_shape *s, const uint16_t *x, const float *w, const float *b, uint16_t *y) {}
void ck_depthwise_f32_bf16(const ck_depthwise_shape *s, const float *x, const float *w, const float *b, uint16_t *y) {}
#endif
