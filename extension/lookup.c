/* Looks up the row of a tile that is near: whether it passes, and what an answer shows of it. */
#include "search.h"

#include "utils/fmgroids.h"

Lookup
begin_lookup(const Search *search)
{
	Relation	tile = open_table(search->schema, "tile"), scene = open_table(search->schema, "scene");

	return (Lookup) {
		.tile = read_by_index(tile, open_primary_key(tile), 2, 0), .scene = read_by_index(scene, open_primary_key(scene), 1, 0),
		.footprint = column(tile, "footprint", search->outside->geometry_type), .of_scene = column(tile, "scene_id", INT8OID),
		.valid = column(tile, "valid_fraction", FLOAT4OID), .cloud = column(tile, "cloud_fraction", FLOAT4OID),
		.acquired = column(scene, "acquired_at", TIMESTAMPTZOID)
	};
}

void
end_lookup(Lookup *lookup)
{
	end_reading(&lookup->tile);
	end_reading(&lookup->scene);
}

static bool
scene_passes_dates(const Search *search, Lookup *lookup)
{
	bool		null;

	if (!search->dates.given)
		return true;
	if (!find_number(&lookup->scene, int8_of(&lookup->tile, lookup->of_scene)))
		return false;

	TimestampTz time = DatumGetTimestampTz(value_of(&lookup->scene, lookup->acquired, &null));

	return !null && date_passes(&search->dates, time);
}

/* sure: it needs no looking up whether it lies in the area and in the dates. false: its tile is gone, left out, or elsewhere. */
bool
find_hit(const Search *search, Lookup *lookup, const Candidate *candidate, int32 collection, bool sure, Hit *hit)
{
	ScanKeyData key[2];
	bool		null;

	if (is_left_out(search, &candidate->tile))
		return false;
	ScanKeyInit(&key[0], 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&candidate->tile));
	ScanKeyInit(&key[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(collection));
	if (!find_row(&lookup->tile, key, 2))
		return false;
	if (!sure && ((search->in_area && !lies_in_area(search, value_of(&lookup->tile, lookup->footprint, &null))) || !scene_passes_dates(search, lookup)))
		return false;
	*hit = (Hit) {
		.distance = candidate->distance, .tile = candidate->tile, .collection = collection, .scene = int8_of(&lookup->tile, lookup->of_scene),
		.valid = value_of(&lookup->tile, lookup->valid, &null), .footprint = PointerGetDatum(PG_DETOAST_DATUM_COPY(value_of(&lookup->tile, lookup->footprint, &null)))
	};
	hit->cloud = value_of(&lookup->tile, lookup->cloud, &hit->cloud_unknown);
	return true;
}
