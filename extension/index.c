/* The table of a model's vectors: a tile's own vector, and one pass of the HNSW index. */
#include "search.h"

#include "access/table.h"
#include "commands/defrem.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"

typedef struct
{
	AttrNumber	tile, collection, scene, run, acquired, valid, cloud, footprint, vector;
} VectorColumns;

static VectorColumns
columns_of(Relation vectors, const Outside *outside)
{
	return (VectorColumns) {
		.tile = column(vectors, "tile_id", UUIDOID), .collection = column(vectors, "collection_id", INT4OID), .scene = column(vectors, "scene_id", INT8OID),
		.run = column(vectors, "run_id", INT4OID), .acquired = column(vectors, "acquired_at", TIMESTAMPTZOID),
		.valid = column(vectors, "valid_fraction", FLOAT4OID), .cloud = column(vectors, "cloud_fraction", FLOAT4OID),
		.footprint = column(vectors, "footprint", outside->geometry_type), .vector = column(vectors, "embedding", outside->vector_type)
	};
}

static Relation
open_vectors(const Search *search)
{
	return open_table(search->schema, psprintf("embedding_%d", search->model.id));
}

/* As the last ANALYZE counted them; 0: never. */
double
rows_of_model(const Search *search)
{
	Relation	vectors = open_vectors(search);
	double		rows = vectors->rd_rel->reltuples;

	table_close(vectors, NoLock);
	return Max(rows, 0);
}

/* The vector of a tile that is visible, whatever its collection. */
bool
find_vector(const Search *search, const pg_uuid_t *tile, Datum *vector)
{
	Relation	vectors = open_vectors(search);
	Reading		reading = read_by_index(vectors, open_primary_key(vectors), 1, 0);
	VectorColumns columns = columns_of(vectors, search->outside);
	ScanKeyData key;
	bool		null, found;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(tile));
	for (found = find_row(&reading, &key, 1); found; found = next_row(&reading))
		if (!is_hidden(search, int4_of(&reading, columns.run)))
			break;
	if (found)
		*vector = PointerGetDatum(PG_DETOAST_DATUM_COPY(value_of(&reading, columns.vector, &null)));
	end_reading(&reading);
	return found;
}

/*
 * The valid HNSW index that holds the runs that the model says, or, where that has just made way for another, one that holds more. NULL: there is none.
 * Their names end in the last run that they hold (tilescout.plan_index), and maybe in _ and another number.
 */
static Relation
open_hnsw(const Search *search, Relation vectors)
{
	const char *prefix = psprintf("embedding_%d_hnsw_", search->model.id);
	List	   *indexes = RelationGetIndexList(vectors);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
		const char *name = RelationGetRelationName(index);

		if (strncmp(name, prefix, strlen(prefix)) == 0 && strtol(name + strlen(prefix), NULL, 10) >= search->model.through_run && index->rd_index->indisvalid
			&& index->rd_rel->relam == get_index_am_oid("hnsw", false))
			return index;
		index_close(index, AccessShareLock);
	}
	return NULL;
}

static bool
passes(const Search *search, const Reading *reading, const VectorColumns *columns)
{
	bool		null;
	int32		run = int4_of(reading, columns->run);

	if (run > search->model.through_run || is_hidden(search, run))
		return false;
	if (is_left_out(search, DatumGetUUIDP(value_of(reading, columns->tile, &null))))
		return false;
	if (search->dates.given)
	{
		TimestampTz acquired = DatumGetTimestampTz(value_of(reading, columns->acquired, &null));

		if (null || !date_passes(&search->dates, acquired))
			return false;
	}
	return !search->in_area || lies_in_area(search, value_of(reading, columns->footprint, &null));
}

static Hit
hit_of(const Search *search, const Reading *reading, const VectorColumns *columns)
{
	bool		null;
	Hit			hit = {
		.tile = *DatumGetUUIDP(value_of(reading, columns->tile, &null)), .collection = int4_of(reading, columns->collection), .scene = int8_of(reading, columns->scene),
		.valid = value_of(reading, columns->valid, &null), .footprint = PointerGetDatum(PG_DETOAST_DATUM_COPY(value_of(reading, columns->footprint, &null)))
	};

	hit.cloud = value_of(reading, columns->cloud, &hit.cloud_unknown);
	hit.distance = DatumGetFloat8(FunctionCall2((FmgrInfo *) &search->distance, value_of(reading, columns->vector, &null), search->query));
	return hit;
}

int
compare_hits(const void *a, const void *b)
{
	const Hit  *x = a, *y = b;

	return compare_ranks(x->distance, &x->tile, x->collection, y->distance, &y->tile, y->collection);
}

static void
set_for_this_search(const char *setting, const char *value)
{
	set_config_option(setting, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * One pass, so broad, which comes in the order of distance: what iterative scans find after it is not reliably nearest (docs/search.md). false: of as many as are
 * read too few pass.
 */
bool
search_index(const Search *search, int32 breadth, int32 read, Answer *answer)
{
	Relation	vectors = open_vectors(search);
	Relation	hnsw = open_hnsw(search, vectors);

	answer->count = 0;
	if (hnsw == NULL)
	{
		table_close(vectors, NoLock);
		return false;
	}

	int			settings = NewGUCNestLevel();

	set_for_this_search("hnsw.ef_search", psprintf("%d", breadth));
	set_for_this_search("hnsw.iterative_scan", "off");

	Reading		reading = read_by_index(vectors, hnsw, 0, 1);
	VectorColumns columns = columns_of(vectors, search->outside);
	ScanKeyData nearest;

	ScanKeyEntryInitialize(&nearest, SK_ORDER_BY, 1, 1, search->outside->vector_type, InvalidOid, search->outside->distance, search->query);
	index_rescan(reading.by_index, NULL, 0, &nearest, 1);
	for (answer->read = 0; answer->read < read && answer->count < search->k && next_row(&reading); answer->read++)
		if (passes(search, &reading, &columns))
			answer->hits[answer->count++] = hit_of(search, &reading, &columns);
	end_reading(&reading);
	AtEOXact_GUC(true, settings);
	qsort(answer->hits, answer->count, sizeof(Hit), compare_hits);
	return answer->count == search->k;
}
