// Element-wise parts of a backward pass: plain loops that the compiler vectorises, for three generations of x86-64.
#include "ckernels.h"

#include <math.h>

#if defined(__x86_64__) && defined(__ELF__)
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CLONES
#endif

CLONES void ck_add(float *sum, const float *term, size_t count) {
    for (size_t i = 0; i < count; i++) sum[i] += term[i];
}

CLONES void ck_mask_gradient(float *gradient, const float *value, float lower, float upper, size_t rows, size_t channels,
                             float *sums) {
    for (size_t r = 0; r < rows; r++) {
        float *g = gradient + r * channels;
        const float *v = value + r * channels;
        for (size_t c = 0; c < channels; c++) {
            const float d = v[c] > lower && v[c] < upper ? g[c] : 0;
            g[c] = d;
            sums[c] += d;
        }
    }
}

CLONES void ck_sum_rows(const float *gradient, size_t rows, size_t channels, float *sums) {
    for (size_t r = 0; r < rows; r++) {
        const float *g = gradient + r * channels;
        for (size_t c = 0; c < channels; c++) sums[c] += g[c];
    }
}
