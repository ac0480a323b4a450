/* What the sums of codes (codes.c) and of sketches (sketches.c) have in common, in the ways that processors know. */
#ifndef TILESCOUT_WAYS_H
#define TILESCOUT_WAYS_H

#include "postgres.h"

typedef enum
{
	PLAIN, WITH_AVX2, WITH_VNNI
} CodesWay;

/* What this processor does fastest. */
extern CodesWay way_of_codes(void);

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

AVX2 static inline int32
total_avx2(__m256i sum)
{
	__m128i		half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));

	half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
	return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

#endif

#endif
