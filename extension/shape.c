/*
 * Outlines of areas, as far as they can be told without PostGIS.
 *
 * GEOS takes 10 µs to find out whether an outline of a hundred corners is valid, and milliseconds for thousands; and as long to prepare it before it tells what lies in it: more than
 * the search itself. Both are mostly clear at first sight. What is not, here or for the coordinates' rounding, PostGIS is asked.
 */
#include "search.h"

#include <math.h>

#include "utils/memutils.h"

/* WKB of a polygon: byte order, type, number of rings; and of each ring the number of corners, and these. */
#define WKB_HEAD 9
#define WKB_POLYGON 3
/* Several times what rounding can do to a product. */
#define ROUNDING 1e-14
/* Looking at every edge of an outline as long as this takes longer than GEOS does once it has prepared it, which takes as long as so many looks. */
#define LONG 500
#define LOOKS_AT_LONG 64

static int32
int32_at(const char *data)
{
	int32		value;

	memcpy(&value, data, sizeof(value));
	return value;
}

/* The corners of a polygon; none: it is something else. */
static Outline *
outline_of(const Search *search, Datum polygon)
{
	bytea	   *wkb = DatumGetByteaP(FunctionCall1((FmgrInfo *) &search->as_binary, polygon));
	const char *data = VARDATA(wkb);
	Size		size = VARSIZE(wkb) - VARHDRSZ, at = WKB_HEAD;
	const int32 here = 1;
	Outline    *outline = palloc0(sizeof(Outline));

	if (size < WKB_HEAD || data[0] != *(const char *) &here || int32_at(data + 1) != WKB_POLYGON)
		return outline;
	outline->rings = int32_at(data + 5);
	outline->ends = palloc(Max(1, outline->rings) * sizeof(int32));
	outline->corners = palloc(size);
	for (int32 i = 0; i < outline->rings; i++)
	{
		int32		count = int32_at(data + at);

		memcpy(outline->corners + outline->count, data + at + sizeof(int32), count * sizeof(Point));
		at += sizeof(int32) + count * sizeof(Point);
		outline->ends[i] = outline->count += count;
	}
	pfree(wkb);
	return outline;
}

/* 1 and -1: p lies surely to the left, and to the right, of the way from a to b. */
static inline int
side_of(Point a, Point b, Point p)
{
	double		left = (b.x - a.x) * (p.y - a.y), right = (b.y - a.y) * (p.x - a.x), error = ROUNDING * (fabs(left) + fabs(right));

	return left - right > error ? 1 : left - right < -error ? -1 : 0;
}

/*
 * Whether an outline is valid for sure: all of it is seen from the mean of its corners, as that of a box, a circle, and of most of what people draw is. As its edges turn round that
 * point once, and always in the same direction, none crosses another.
 */
static bool
surely_valid(const Outline *outline)
{
	const Point *corners = outline->corners;
	int32		last = outline->count - 1, rounds = 0;
	int			way = 0;
	Point		mean = {0, 0};

	if (outline->rings != 1 || last < 3 || corners[0].x != corners[last].x || corners[0].y != corners[last].y)
		return false;
	for (int32 i = 0; i < last; i++)
	{
		mean.x += corners[i].x / last;
		mean.y += corners[i].y / last;
	}
	for (int32 i = 0; i < last; i++)
	{
		Point		a = corners[i], b = corners[i + 1];
		int			turn = side_of(a, b, mean);

		if (turn == 0 || (way != 0 && turn != way))
			return false;
		way = turn;
		/* Over the line that leads from there in the direction of x. */
		rounds += way > 0 ? a.y <= mean.y && b.y > mean.y : b.y <= mean.y && a.y > mean.y;
	}
	return rounds == 1;
}

typedef enum
{
	BESIDE, INSIDE, UNCLEAR
} Lie;

/* How a box lies to the outline: whether no edge meets it, and if so, whether an odd number of them lies to the east of its corner. */
static Lie
lie_of(const Outline *outline, Box box)
{
	const Point box_corners[4] = {{box.west, box.south}, {box.east, box.south}, {box.east, box.north}, {box.west, box.north}};
	bool		odd = false;

	for (int32 ring = 0, i = 0; ring < outline->rings; ring++, i++)
		for (; i + 1 < outline->ends[ring]; i++)
		{
			Point		a = outline->corners[i], b = outline->corners[i + 1];
			bool		passes = (a.y > box.south) != (b.y > box.south);

			if ((a.y < box.south && b.y < box.south) || (a.y > box.north && b.y > box.north) || (a.x < box.west && b.x < box.west))
				continue;
			if (a.x > box.east && b.x > box.east)
			{
				odd ^= passes;
				continue;
			}

			int			side = side_of(a, b, box_corners[0]);

			for (int32 j = 1; j < 4; j++)
				if (side == 0 || side_of(a, b, box_corners[j]) != side)
					return UNCLEAR;
			odd ^= passes && (side > 0) == (b.y > a.y);
		}
	return odd ? INSIDE : BESIDE;
}

/* Prepares what tells whether something lies in the area. false: it is not valid. */
bool
take_area(Search *search)
{
	fmgr_info(search->outside->intersects, &search->intersects);
	fmgr_info(search->outside->as_binary, &search->as_binary);
	search->scratch = AllocSetContextCreate(CurrentMemoryContext, "tilescout area", ALLOCSET_SMALL_SIZES);
	search->outline = outline_of(search, search->area);
	return surely_valid(search->outline) || DatumGetBool(OidFunctionCall1(search->outside->valid, search->area));
}

static Box
box_round(const Outline *outline)
{
	const Point *corners = outline->corners;
	Box			box = {corners[0].x, corners[0].y, corners[0].x, corners[0].y};

	for (int32 i = 1; i < outline->count; i++)
		box = (Box) {Min(box.west, corners[i].x), Min(box.south, corners[i].y), Max(box.east, corners[i].x), Max(box.north, corners[i].y)};
	return box;
}

/* How the box of a footprint, or of a cell, lies to the area. */
static Lie
lie_in_area(const Search *search, Datum footprint)
{
	Outline    *area = search->outline, *tile;

	if (area->count == 0 || (area->count > LONG && area->looks++ > LOOKS_AT_LONG))
		return UNCLEAR;
	tile = outline_of(search, footprint);
	if (tile->count == 0)
		return UNCLEAR;

	Lie			lie = lie_of(area, box_round(tile));

	/* A corner that lies inside suffices. */
	for (int32 i = 1; lie == UNCLEAR && i < tile->count; i++)
		if (lie_of(area, (Box) {tile->corners[i].x, tile->corners[i].y, tile->corners[i].x, tile->corners[i].y}) == INSIDE)
			lie = INSIDE;
	return lie;
}

/* What PostGIS prepares of the area stays for the next call; all else goes. */
bool
lies_in_area(const Search *search, Datum footprint)
{
	MemoryContext outer = MemoryContextSwitchTo(search->scratch);
	Lie			lie = lie_in_area(search, footprint);
	bool		lies = lie == INSIDE || (lie == UNCLEAR && DatumGetBool(FunctionCall2((FmgrInfo *) &search->intersects, search->area, footprint)));

	MemoryContextSwitchTo(outer);
	MemoryContextReset(search->scratch);
	return lies;
}
