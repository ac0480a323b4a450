#pragma once

#if !__has_include(<gdal.h>)
#error "GDAL is missing: apt-get install libgdal-dev (or run scripts/setup)"
#endif

#include <gdal.h>
#include <gdal_utils.h>
#include <gdalwarper.h>
#include <gdal_alg.h>
#include <ogr_srs_api.h>
#include <ogr_api.h>
#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_minixml.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include "interleave.h"
