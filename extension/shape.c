/* Areas: whether they are valid, and what lies in them. PostGIS is asked where outline.c does not tell. */
#include "search.h"

#include "utils/memutils.h"

static bytea *
binary_of(const Outside *outside, Datum place)
{
	/* What is called changes nothing of it. */
	return DatumGetByteaP(FunctionCall1((FmgrInfo *) &outside->as_binary, place));
}

static Box
box_by_postgis(const Outside *outside, Datum place)
{
	Outside    *called = (Outside *) outside;
	Datum		box = FunctionCall1(&called->box, place);

	return (Box) {
		.west = DatumGetFloat8(FunctionCall1(&called->x_min, box)), .south = DatumGetFloat8(FunctionCall1(&called->y_min, box)),
		.east = DatumGetFloat8(FunctionCall1(&called->x_max, box)), .north = DatumGetFloat8(FunctionCall1(&called->y_max, box))
	};
}

/* Of no rings where it is something else than a polygon. */
Outline *
outline_of(const Outside *outside, Datum place)
{
	bytea	   *wkb = binary_of(outside, place);
	Outline    *outline = read_outline(VARDATA(wkb), VARSIZE(wkb) - VARHDRSZ);

	pfree(wkb);
	return outline;
}

Box
box_of(const Outside *outside, Datum place)
{
	bytea	   *wkb = binary_of(outside, place);
	Box			box;

	if (!read_box(VARDATA(wkb), VARSIZE(wkb) - VARHDRSZ, &box))
		box = box_by_postgis(outside, place);
	pfree(wkb);
	return box;
}

/* Prepares what tells whether something lies in the area. */
void
take_area(Search *search)
{
	fmgr_info(search->outside->intersects, &search->intersects);
	search->scratch = AllocSetContextCreate(CurrentMemoryContext, "tilescout area", ALLOCSET_SMALL_SIZES);
	search->outline = outline_of(search->outside, search->area);
}

bool
area_is_valid(const Search *search)
{
	return surely_valid(search->outline) || DatumGetBool(OidFunctionCall1(search->outside->valid, search->area));
}

/* In square degrees. */
double
surface_of_area(const Search *search)
{
	return DatumGetFloat8(OidFunctionCall1(search->outside->surface, search->area));
}

/* How a footprint lies to the area. */
static Lie
lie_in_area(const Search *search, Datum footprint)
{
	Outline    *tile = outline_of(search->outside, footprint);

	if (!is_polygon(tile))
		return UNCLEAR;

	Box			round = box_round(tile);
	Lie			lie = lie_of(search->outline, &round);

	/* A corner that lies inside suffices, or an edge that comes in. */
	for (int32 i = 0; lie == UNCLEAR && i < tile->rings[0].edges; i++)
	{
		Point		corner = tile->rings[0].corners[i];

		if (lie_of(search->outline, &(Box) {corner.x, corner.y, corner.x, corner.y}) == INSIDE)
			lie = INSIDE;
	}
	return lie == UNCLEAR && surely_cross(search->outline, &tile->rings[0]) ? INSIDE : lie;
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
