/* What the sums of codes (codes.c) and of sketches (sketches.c) have in common, in the ways that processors know. */
#ifndef TILESCOUT_WAYS_H
#define TILESCOUT_WAYS_H

#include "postgres.h"

typedef enum
{
	PLAIN, WITH_AVX2, WITH_VNNI
} CodesWay;

/* What this processor does fastest, of what is allowed. */
extern CodesWay way_of_codes(void);

/* For tests. */
extern CodesWay most_of_codes;

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

#endif

#endif
