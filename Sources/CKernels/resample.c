// The two halves of a separable resize of 8-bit RGB, for AVX-512.
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

bool ck_available(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bf16");
}

TARGET void ck_blend_rows(const uint8_t *source, size_t stride, const float *weights, int taps, int count, float *row) {
    for (int x = 0; x < count; x += 16) {
        const int left = count - x;
        const __mmask16 mask = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
        __m512 sum = _mm512_setzero_ps();
        for (int t = 0; t < taps; t++) {
            const __m128i bytes = _mm_maskz_loadu_epi8(mask, source + t * stride + x);
            sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)), _mm512_set1_ps(weights[t]), sum);
        }
        _mm512_mask_storeu_ps(row + x, mask, sum);
    }
}

// One pixel: red, green, blue, and a fourth lane that is never stored.
TARGET static inline __m128 pixel(const float *source, const float *weights, int taps, __m128 scale, __m128 shift) {
    __m128 sum = _mm_setzero_ps();
    for (int t = 0; t < taps; t++) sum = _mm_fmadd_ps(_mm_loadu_ps(source + 3 * t), _mm_set1_ps(weights[t]), sum);
    return _mm_fmadd_ps(sum, scale, shift);
}

TARGET void ck_blend_columns_f32(const float *row, const int32_t *starts, const float *weights, int taps, int count,
                                 const float *scale, const float *shift, float *out) {
    const __m128 a = _mm_loadu_ps(scale), b = _mm_loadu_ps(shift);
    for (int x = 0; x < count; x++)
        _mm_mask_storeu_ps(out + 3 * x, 7, pixel(row + 3 * starts[x], weights + x * taps, taps, a, b));
}

TARGET void ck_blend_columns_bf16(const float *row, const int32_t *starts, const float *weights, int taps, int count,
                                  const float *scale, const float *shift, uint16_t *out) {
    const __m128 a = _mm_loadu_ps(scale), b = _mm_loadu_ps(shift);
    for (int x = 0; x < count; x++)
        _mm_mask_storeu_epi16(out + 3 * x, 7,
            (__m128i)_mm_cvtneps_pbh(pixel(row + 3 * starts[x], weights + x * taps, taps, a, b)));
}

#else
// Other processors take the plain path: nothing here is called.
bool ck_available(void) { return false; }
void ck_blend_rows(const uint8_t *s, size_t d, const float *w, int t, int n, float *r) {}
void ck_blend_columns_f32(const float *r, const int32_t *s, const float *w, int t, int n, const float *a, const float *b, float *o) {}
void ck_blend_columns_bf16(const float *r, const int32_t *s, const float *w, int t, int n, const float *a, const float *b, uint16_t *o) {}
#endif
