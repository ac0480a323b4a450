/* The table of a model's vectors. */
#include "search.h"

#include "access/table.h"
#include "utils/fmgroids.h"

/* As the last ANALYZE counted them; 0: never. */
double
rows_of_model(const Search *search)
{
	Relation	vectors = open_vectors(search->schema, search->model.id);
	double		rows = vectors->rd_rel->reltuples;

	table_close(vectors, NoLock);
	return Max(rows, 0);
}

/* The vector of a tile that is visible, whatever its collection. */
bool
find_vector(const Search *search, const pg_uuid_t *tile, Datum *vector)
{
	Relation	vectors = open_vectors(search->schema, search->model.id);
	Reading		reading = read_by_index(vectors, open_primary_key(vectors), 1, 0);
	AttrNumber	run = column(vectors, "run_id", INT4OID), embedding = column(vectors, "embedding", search->outside->vector_type);
	ScanKeyData key;
	bool		found;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(tile));
	for (found = find_row(&reading, &key, 1); found; found = next_row(&reading))
		if (!is_hidden(search, int4_of(&reading, run)))
			break;
	if (found)
		*vector = PointerGetDatum(PG_DETOAST_DATUM_COPY(value_of(&reading, embedding)));
	end_reading(&reading);
	return found;
}

int
compare_hits(const void *a, const void *b)
{
	const Hit  *x = a, *y = b;

	return compare_ranks(x->distance, &x->tile, x->collection, y->distance, &y->tile, y->collection);
}
