#pragma once

// Three planes of bytes into interleaved RGB. It is here because Swift cannot compile one function for a CPU feature that
// the rest of the program does not ask for, and without byte shuffles this loop costs more than decoding a tile.

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("ssse3")))
static inline size_t tilescout_interleave_ssse3(
    const uint8_t *red, const uint8_t *green, const uint8_t *blue, uint8_t *rgb, size_t count) {
    // Byte i of each output vector comes from these bytes of red, green and blue; -1 gives zero.
    const __m128i r0 = _mm_setr_epi8(0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1, 5);
    const __m128i g0 = _mm_setr_epi8(-1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1);
    const __m128i b0 = _mm_setr_epi8(-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1);
    const __m128i r1 = _mm_setr_epi8(-1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10, -1);
    const __m128i g1 = _mm_setr_epi8(5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10);
    const __m128i b1 = _mm_setr_epi8(-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1);
    const __m128i r2 = _mm_setr_epi8(-1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1, -1);
    const __m128i g2 = _mm_setr_epi8(-1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1);
    const __m128i b2 = _mm_setr_epi8(10, -1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15);
    size_t done = 0;
    for (; done + 16 <= count; done += 16, rgb += 48) {
        const __m128i r = _mm_loadu_si128((const __m128i *)(red + done));
        const __m128i g = _mm_loadu_si128((const __m128i *)(green + done));
        const __m128i b = _mm_loadu_si128((const __m128i *)(blue + done));
        _mm_storeu_si128((__m128i *)rgb, _mm_or_si128(
            _mm_or_si128(_mm_shuffle_epi8(r, r0), _mm_shuffle_epi8(g, g0)), _mm_shuffle_epi8(b, b0)));
        _mm_storeu_si128((__m128i *)(rgb + 16), _mm_or_si128(
            _mm_or_si128(_mm_shuffle_epi8(r, r1), _mm_shuffle_epi8(g, g1)), _mm_shuffle_epi8(b, b1)));
        _mm_storeu_si128((__m128i *)(rgb + 32), _mm_or_si128(
            _mm_or_si128(_mm_shuffle_epi8(r, r2), _mm_shuffle_epi8(g, g2)), _mm_shuffle_epi8(b, b2)));
    }
    return done;
}
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/// count pixels; rgb takes 3 × count bytes. The planes may be one and the same (grey).
static inline void tilescout_interleave(
    const uint8_t *red, const uint8_t *green, const uint8_t *blue, uint8_t *rgb, size_t count) {
    size_t done = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("ssse3")) done = tilescout_interleave_ssse3(red, green, blue, rgb, count);
#elif defined(__aarch64__)
    for (; done + 16 <= count; done += 16) {
        const uint8x16x3_t pixels = {{vld1q_u8(red + done), vld1q_u8(green + done), vld1q_u8(blue + done)}};
        vst3q_u8(rgb + 3 * done, pixels);
    }
#endif
    for (; done < count; done++) {
        rgb[3 * done] = red[done];
        rgb[3 * done + 1] = green[done];
        rgb[3 * done + 2] = blue[done];
    }
}
