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

// Channels that one pass over the rows keeps in double precision.
enum { block = 64 };

CLONES void ck_channel_moments(const float *x, size_t rows, size_t channels, float *mean, float *variance) {
    for (size_t start = 0; start < channels; start += block) {
        const size_t count = channels - start < block ? channels - start : block;
        double sums[block] = {0}, squares[block] = {0};
        for (size_t r = 0; r < rows; r++) {
            const float *row = x + r * channels + start;
            for (size_t c = 0; c < count; c++) sums[c] += row[c];
        }
        for (size_t c = 0; c < count; c++) sums[c] /= (double)rows;
        for (size_t r = 0; r < rows; r++) {
            const float *row = x + r * channels + start;
            for (size_t c = 0; c < count; c++) squares[c] += (row[c] - sums[c]) * (row[c] - sums[c]);
        }
        for (size_t c = 0; c < count; c++) {
            mean[start + c] = (float)sums[c];
            variance[start + c] = (float)(squares[c] / (double)rows);
        }
    }
}

CLONES void ck_normalise(const float *x, const float *residual, const float *scale, const float *shift, float lower, float upper,
                         size_t rows, size_t channels, float *y) {
    for (size_t r = 0; r < rows; r++) {
        const size_t start = r * channels;
        for (size_t c = 0; c < channels; c++) {
            float value = x[start + c] * scale[c] + shift[c];
            if (residual) value += residual[start + c];
            value = value > lower ? value : lower;
            y[start + c] = value < upper ? value : upper;
        }
    }
}

CLONES void ck_normalise_gradient(float *gradient, const float *x, const float *mean, const float *inverse, const float *gamma,
                                  size_t rows, size_t channels, float *gamma_sums) {
    for (size_t start = 0; start < channels; start += block) {
        const size_t count = channels - start < block ? channels - start : block;
        double sums[block] = {0}, products[block] = {0};
        for (size_t r = 0; r < rows; r++) {
            const float *g = gradient + r * channels + start, *v = x + r * channels + start;
            for (size_t c = 0; c < count; c++) {
                sums[c] += g[c];
                products[c] += (double)g[c] * ((v[c] - mean[start + c]) * inverse[start + c]);
            }
        }
        float level[block], slope[block], factor[block];
        for (size_t c = 0; c < count; c++) {
            gamma_sums[start + c] += (float)products[c];
            level[c] = (float)(sums[c] / (double)rows);
            slope[c] = (float)(products[c] / (double)rows) * inverse[start + c];
            factor[c] = gamma[start + c] * inverse[start + c];
        }
        for (size_t r = 0; r < rows; r++) {
            float *g = gradient + r * channels + start;
            const float *v = x + r * channels + start;
            for (size_t c = 0; c < count; c++) g[c] = factor[c] * (g[c] - level[c] - (v[c] - mean[start + c]) * slope[c]);
        }
    }
}
