#pragma once

#if !__has_include(<libpq-fe.h>)
#error "libpq is missing: apt-get install libpq-dev (or run scripts/setup)"
#endif

#include <libpq-fe.h>
