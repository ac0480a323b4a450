// Pointwise (1 × 1) convolutions, channels last, in bfloat16 with float32 sums, for AVX-512 BF16.
//
// A pointwise convolution is the product of a matrix of pixels (rows) and one of weights. A tile of R rows and up to 64
// columns is kept in registers: for each pair of input channels its weights are loaded once for all rows, and each row's
// pair is broadcast once for all columns, so that the dot-product unit is the limit. R is as large as the registers allow.
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#define INLINE static inline __attribute__((always_inline)) TARGET

// Columns of a panel of weights, in elements: two for each of 64 output channels.
#define PANEL 128

// R rows by V registers of 16 columns. `mask`: the columns of the last register that exist.
INLINE void tile(const ck_pointwise_shape *s, const uint16_t *input, const uint16_t *weights, const float *bias,
                 void *output, __mmask16 mask, const int R, const int V, const bool accumulate, const bool wide) {
    __m512 sum[14][4];
    _Pragma("unroll") for (int v = 0; v < V; v++) {
        const __m512 b = _mm512_maskz_loadu_ps(v == V - 1 ? mask : 0xffff, bias + 16 * v);
        _Pragma("unroll") for (int r = 0; r < R; r++) sum[r][v] = b;
    }
    const int pairs = s->input_channels / 2;
    for (int p = 0; p < pairs; p++) {
        __m512bh w[4];
        _Pragma("unroll") for (int v = 0; v < V; v++) w[v] = (__m512bh)_mm512_load_si512(weights + p * PANEL + 32 * v);
        _Pragma("unroll") for (int r = 0; r < R; r++) {
            int32_t pair;
            __builtin_memcpy(&pair, input + (ptrdiff_t)r * s->input_channels + 2 * p, sizeof pair);
            const __m512bh x = (__m512bh)_mm512_set1_epi32(pair);
            _Pragma("unroll") for (int v = 0; v < V; v++) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], x, w[v]);
        }
    }
    const __m512 lower = _mm512_set1_ps(s->lower), upper = _mm512_set1_ps(s->upper);
    _Pragma("unroll") for (int r = 0; r < R; r++) _Pragma("unroll") for (int v = 0; v < V; v++) {
        const __mmask16 columns = v == V - 1 ? mask : 0xffff;
        const ptrdiff_t place = (ptrdiff_t)r * s->output_channels + 16 * v;
        __m512 x = sum[r][v];
        if (accumulate) {
            const __m256i before = _mm256_maskz_loadu_epi16(columns, (const uint16_t *)output + place);
            x = _mm512_add_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(before), 16)));
        }
        x = _mm512_min_ps(_mm512_max_ps(x, lower), upper);
        if (wide) _mm512_mask_storeu_ps((float *)output + place, columns, x);
        else _mm256_mask_storeu_epi16((uint16_t *)output + place, columns, (__m256i)_mm512_cvtneps_pbh(x));
    }
}

// All rows of one panel, R at a time and the rest in ever smaller tiles.
INLINE void panel(const ck_pointwise_shape *s, const uint16_t *input, const uint16_t *weights, const float *bias,
                  char *output, int rows, __mmask16 mask, const int R, const int V, const bool accumulate, const bool wide) {
    const ptrdiff_t in = s->input_channels, out = (ptrdiff_t)s->output_channels * (wide ? 4 : 2);
    int row = 0;
#define STEP(N)                                                                                                        \
    for (; row + N <= rows; row += N)                                                                                  \
        tile(s, input + row * in, weights, bias, output + row * out, mask, N, V, accumulate, wide);
    STEP(R)
    if (R > 8) { STEP(8) }
    if (R > 4) { STEP(4) }
    STEP(2)
    STEP(1)
#undef STEP
}

#define DEFINE_POINTWISE(NAME, ACCUMULATE, WIDE)                                                                       \
    TARGET static void NAME(const ck_pointwise_shape *s, const uint16_t *input, const uint16_t *weights,               \
                            const float *bias, char *output) {                                                         \
        /* Rows in blocks that stay in the second-level cache while every panel of weights passes over them. */        \
        const int most = 98304 / (2 * s->input_channels);                                                              \
        const int block = most < 24 ? 24 : most / 24 * 24;                                                             \
        for (int first = 0; first < s->rows; first += block) {                                                         \
            const int rows = s->rows - first < block ? s->rows - first : block;                                        \
            const uint16_t *x = input + (ptrdiff_t)first * s->input_channels;                                          \
            char *y = output + (ptrdiff_t)first * s->output_channels * (WIDE ? 4 : 2);                                 \
            for (int column = 0; column < s->output_channels; column += 64) {                                          \
                const int left = s->output_channels - column < 64 ? s->output_channels - column : 64;                  \
                const int V = (left + 15) / 16;                                                                        \
                const __mmask16 mask = (__mmask16)((1u << (left - 16 * (V - 1))) - 1);                                 \
                const uint16_t *w = weights + (ptrdiff_t)(column / 64) * (s->input_channels / 2) * PANEL;              \
                char *o = y + (ptrdiff_t)column * (WIDE ? 4 : 2);                                                      \
                switch (V) {                                                                                           \
                    case 4: panel(s, x, w, bias + column, o, rows, mask, 6, 4, ACCUMULATE, WIDE); break;               \
                    case 3: panel(s, x, w, bias + column, o, rows, mask, 8, 3, ACCUMULATE, WIDE); break;               \
                    case 2: panel(s, x, w, bias + column, o, rows, mask, 12, 2, ACCUMULATE, WIDE); break;              \
                    default: panel(s, x, w, bias + column, o, rows, mask, 14, 1, ACCUMULATE, WIDE); break;             \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
DEFINE_POINTWISE(plain, false, false)
DEFINE_POINTWISE(residual, true, false)
DEFINE_POINTWISE(last, false, true)

void ck_pointwise_bf16(const ck_pointwise_shape *s, const uint16_t *x, const uint16_t *w, const float *b, uint16_t *y) {
    (s->accumulate ? residual : plain)(s, x, w, b, (char *)y);
}

void ck_pointwise_bf16_f32(const ck_pointwise_shape *s, const uint16_t *x, const uint16_t *w, const float *b, float *y) {
    last(s, x, w, b, (char *)y);
}

#else
// Other processors take the plain path: nothing here is called.
void ck_pointwise_bf16(const ck_pointwise_shape *s, const uint16_t *x, const uint16_t *w, const float *b, uint16_t *y) {}
void ck_pointwise_bf16_f32(const ck_pointwise_shape *s, const uint16_t *x, const uint16_t *w, const float *b, float *y) {}
#endif
