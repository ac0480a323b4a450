#pragma once

#if !__has_include(<cairo.h>)
#error "Cairo is missing: apt-get install libcairo2-dev (or run scripts/setup)"
#endif

#include <cairo.h>
