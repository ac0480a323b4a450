#pragma once

#if !__has_include(<cblas.h>)
#error "OpenBLAS is missing: apt-get install libopenblas-dev (or run scripts/setup)"
#endif

#include <cblas.h>
#include <stddef.h>

// LAPACK's symmetric eigensolver by divide and conquer, which libopenblas carries without a header of its own.
// The trailing lengths are those of the character arguments, as gfortran passes them.
extern void ssyevd_(const char *jobz, const char *uplo, const blasint *n, float *a, const blasint *lda, float *w,
                    float *work, const blasint *lwork, blasint *iwork, const blasint *liwork, blasint *info,
                    size_t jobz_length, size_t uplo_length);
extern void dsyevd_(const char *jobz, const char *uplo, const blasint *n, double *a, const blasint *lda, double *w,
                    double *work, const blasint *lwork, blasint *iwork, const blasint *liwork, blasint *info,
                    size_t jobz_length, size_t uplo_length);
