#pragma once

#if !__has_include(<dnnl.h>)
#error "oneDNN is missing: apt-get install libdnnl-dev (or run scripts/setup)"
#endif

#include <dnnl.h>
#include <dnnl_debug.h>

// Debian's oneDNN runs on GNU OpenMP, whose header belongs to gcc; these two are all that is needed of it.
void omp_set_num_threads(int count);
int omp_get_max_threads(void);

// Memory descriptors begin with their rank and dimensions; Swift imports C arrays as tuples.
static inline dnnl_dim_t tilescout_dimension(const dnnl_memory_desc_t *descriptor, int index) {
    return descriptor->dims[index];
}
