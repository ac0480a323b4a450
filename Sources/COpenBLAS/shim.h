#pragma once

#if !__has_include(<cblas.h>)
#error "OpenBLAS is missing: apt-get install libopenblas-dev (or run scripts/setup)"
#endif

#include <cblas.h>
