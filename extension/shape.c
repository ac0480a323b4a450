/* Areas: whether they are valid, and what lies in them. PostGIS is asked where outline.c does not tell. */
#include "search.h"

#include "utils/memutils.h"

static Outline *
outline_of(const Search *search, Datum polygon)
{
	bytea	   *wkb = DatumGetByteaP(FunctionCall1((FmgrInfo *) &search->as_binary, polygon));
	Outline    *outline = read_outline(VARDATA(wkb), VARSIZE(wkb) - VARHDRSZ);

	pfree(wkb);
	return outline;
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
	Outline    *tile = outline_of(search, footprint);

	if (tile->count == 0 || tile->rings[0].edges == 0)
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
