// A network's first convolution: three channels in, float32, and a multiple of 32 out, for AVX-512.
//
// Three channels fill no register, so the output channels are the vector: each input value is broadcast and multiplied
// with 32 weights, for six neighbouring outputs at once. The kernel's row is contiguous in memory (channels last).
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#define INLINE static inline __attribute__((always_inline)) TARGET

INLINE void store_f32(float *p, __m512 x) { _mm512_storeu_ps(p, x); }
INLINE void store_bf16(uint16_t *p, __m512 x) { _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(x)); }

// B outputs of row oy from column ox on, channels c to c + 31.
#define DEFINE_SPAN(NAME, T, STORE)                                                                                    \
    INLINE void NAME(const ck_stem_shape *s, const float *input, const float *weights, const float *bias, T *output,   \
                     int oy, int ox, int c, const int B) {                                                             \
        const int n = s->output_channels, row = 3 * s->kernel;                                                         \
        __m512 low[6], high[6];                                                                                        \
        _Pragma("unroll") for (int i = 0; i < B; i++) {                                                                \
            low[i] = _mm512_loadu_ps(bias + c);                                                                        \
            high[i] = _mm512_loadu_ps(bias + c + 16);                                                                  \
        }                                                                                                              \
        const int y0 = oy * s->stride - s->top, x0 = ox * s->stride - s->left, step = 3 * s->stride;                   \
        const int before = x0 < 0 ? -3 * x0 : 0;                                                                       \
        const int room = 3 * (s->width - x0), after = room < row ? room : row; /* of a lone output: B is 1 at edges */ \
        for (int ky = 0; ky < s->kernel; ky++) {                                                                       \
            const int y = y0 + ky;                                                                                     \
            if (y < 0 || y >= s->height) continue;                                                                     \
            const float *x = input + 3 * ((ptrdiff_t)y * s->width + x0);                                               \
            const float *w = weights + (ptrdiff_t)ky * row * n + c;                                                    \
            for (int t = before; t < after; t++) {                                                                     \
                const __m512 a = _mm512_loadu_ps(w + (ptrdiff_t)t * n), b = _mm512_loadu_ps(w + (ptrdiff_t)t * n + 16);\
                _Pragma("unroll") for (int i = 0; i < B; i++) {                                                        \
                    const __m512 v = _mm512_set1_ps(x[i * step + t]);                                                  \
                    low[i] = _mm512_fmadd_ps(v, a, low[i]);                                                            \
                    high[i] = _mm512_fmadd_ps(v, b, high[i]);                                                          \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        const __m512 lower = _mm512_set1_ps(s->lower), upper = _mm512_set1_ps(s->upper);                               \
        T *out = output + ((ptrdiff_t)oy * s->output_width + ox) * n + c;                                              \
        _Pragma("unroll") for (int i = 0; i < B; i++) {                                                                \
            STORE(out + (ptrdiff_t)i * n, _mm512_min_ps(_mm512_max_ps(low[i], lower), upper));                         \
            STORE(out + (ptrdiff_t)i * n + 16, _mm512_min_ps(_mm512_max_ps(high[i], lower), upper));                   \
        }                                                                                                              \
    }
DEFINE_SPAN(span_f32, float, store_f32)
DEFINE_SPAN(span_bf16, uint16_t, store_bf16)

#define DEFINE_CONVOLUTION(NAME, T, SPAN)                                                                              \
    TARGET void NAME(const ck_stem_shape *s, const float *x, const float *w, const float *b, T *y) {                   \
        for (int oy = 0; oy < s->output_height; oy++)                                                                  \
            for (int c = 0; c < s->output_channels; c += 32)                                                           \
                for (int ox = 0; ox < s->output_width;) {                                                              \
                    const int first = ox * s->stride - s->left;                                                        \
                    if (first >= 0 && ox + 6 <= s->output_width && first + 5 * s->stride + s->kernel <= s->width) {    \
                        SPAN(s, x, w, b, y, oy, ox, c, 6);                                                             \
                        ox += 6;                                                                                       \
                    } else {                                                                                           \
                        SPAN(s, x, w, b, y, oy, ox, c, 1);                                                             \
                        ox += 1;                                                                                       \
                    }                                                                                                  \
                }                                                                                                      \
    }
DEFINE_CONVOLUTION(ck_stem_f32, float, span_f32)
DEFINE_CONVOLUTION(ck_stem_bf16, uint16_t, span_bf16)

#else
// Other processors take the plain path: nothing here is called.
void ck_stem_f32(const ck_stem_shape *s, const float *x, const float *w, const float *b, float *y) {}
void ck_stem_bf16(const ck_stem_shape *s, const float *x, const float *w, const float *b, uint16_t *y) {}
#endif
