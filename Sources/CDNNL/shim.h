#pragma once

#if !__has_include(<dnnl.h>)
#error "oneDNN is missing: apt-get install libdnnl-dev (or run scripts/setup)"
#endif

#include <dnnl.h>
#include <dnnl_debug.h>
