/* Looks up the row of a tile that is near: whether it passes, and what an answer shows of it. */
#include "search.h"

#include "access/table.h"

Lookup
begin_lookup(const Search *search)
{
	VectorRows	vectors = read_vectors(search->schema, search->model.id, search->outside->vector_type);
	Relation	table = vectors.reading.table;

	/* What is shown of tiles is read beside their vectors, and by no one who may not read tiles. */
	readable_table(search->schema, "tile");

	return (Lookup) {
		.vectors = vectors, .scene = column(table, "scene_id", INT8OID),
		.acquired = column(table, "acquired_at", TIMESTAMPTZOID), .footprint = column(table, "footprint", search->outside->geometry_type)
	};
}

void
end_lookup(Lookup *lookup)
{
	end_reading(&lookup->vectors.reading);
	if (lookup->by_key.table != NULL)
		end_reading(&lookup->by_key);
}

/* The row of a tile, by its key. */
static bool
find_by_key(Lookup *lookup, const pg_uuid_t *tile, int32 collection)
{
	if (lookup->by_key.table == NULL)
	{
		Relation	table = table_open(RelationGetRelid(lookup->vectors.reading.table), AccessShareLock);

		lookup->by_key = read_by_index(table, open_primary_key(table), 2, 0);
	}
	return find_tile(&lookup->by_key, tile, collection);
}

static bool
passes_dates(const Search *search, const Lookup *lookup, const Reading *row)
{
	bool		null;

	if (!search->dates.given)
		return true;

	TimestampTz time = DatumGetTimestampTz(value_or_null(row, lookup->acquired, &null));

	return !null && date_passes(&search->dates, time);
}

/* inside: it surely lies in the area. false: it is left out, or elsewhere. */
static bool
take_row(const Search *search, const Lookup *lookup, const Reading *row, const Candidate *candidate, int32 collection, bool inside, Hit *hit)
{
	if (!passes_dates(search, lookup, row) || (search->in_area && !inside && !lies_in_area(search, value_of(row, lookup->footprint))))
		return false;
	*hit = (Hit) {
		.distance = candidate->distance, .tile = candidate->tile, .collection = collection, .scene = int8_of(row, lookup->scene),
		.valid = value_of(row, lookup->vectors.valid), .footprint = PointerGetDatum(PG_DETOAST_DATUM_COPY(value_of(row, lookup->footprint)))
	};
	hit->cloud = value_or_null(row, lookup->vectors.cloud, &hit->cloud_unknown);
	return true;
}

/* false: its tile is gone, left out, or elsewhere. */
bool
find_hit(const Search *search, Lookup *lookup, const Candidate *candidate, int32 collection, bool inside, Hit *hit)
{
	Locator		locator = locate(&candidate->tile, collection, &candidate->row);

	if (is_left_out(search, &candidate->tile))
		return false;
	if (fetch_vector(&lookup->vectors, &locator))
		return take_row(search, lookup, &lookup->vectors.reading, candidate, collection, inside, hit);
	return find_by_key(lookup, &candidate->tile, collection) && take_row(search, lookup, &lookup->by_key, candidate, collection, inside, hit);
}
