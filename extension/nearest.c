/*
 * Ranks the vectors of tilescout.pack.
 *
 * The executor hands on a row in 1 to 2 microseconds, and unnesting a pack makes one row of each vector: three quarters of what an exact search takes
 * (docs/search.md). Here a pack is read where it lies in its page, and only the nearest become rows. Distances are pgvector's own function's, so that both
 * ways give the same answer to the last bit.
 */
#include "tilescout_packs.h"

#include "funcapi.h"
#include "lib/binaryheap.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

/* Arguments of native_nearest_in_cells, in their order. */
enum { CELLS, COLLECTIONS, SURES, QUERY, WEST, SOUTH, EAST, NORTH, LEAST_VALID, MOST_CLOUD, AFTER_DISTANCE, AFTER_TILE, DEPTH };

/* The nearest so far. */
typedef struct
{
	Candidate  *members;
	int64		room;
	int64		depth;			/* most that are kept */
	binaryheap *by_rank;		/* places in members; the first is the furthest of them */
	const int32 *collections;
} Nearest;

/* The columns of pack by number, as 1 is the first. */
typedef struct
{
	AttrNumber	west, south, east, north, tiles, valid, cloud, vectors, boxes;
} PackColumns;

PG_FUNCTION_INFO_V1(native_nearest_in_cells);

/* The order of an answer: by distance, tile, collection. */
int
compare_ranks(double distance_a, const pg_uuid_t *tile_a, int32 collection_a, double distance_b, const pg_uuid_t *tile_b, int32 collection_b)
{
	if (distance_a != distance_b)
		return distance_a < distance_b ? -1 : 1;

	int			by_tile = memcmp(tile_a->data, tile_b->data, UUID_LEN);

	return by_tile != 0 ? by_tile : (collection_a > collection_b) - (collection_a < collection_b);
}

static int
compare(const Candidate *a, const Candidate *b, const int32 *collections)
{
	return compare_ranks(a->distance, &a->tile, collections[a->piece], b->distance, &b->tile, collections[b->piece]);
}

static int
compare_for_sort(const void *a, const void *b, void *collections)
{
	return compare(a, b, collections);
}

static int
compare_in_heap(Datum a, Datum b, void *argument)
{
	const Nearest *nearest = argument;

	return compare(&nearest->members[DatumGetInt64(a)], &nearest->members[DatumGetInt64(b)], nearest->collections);
}

static void
offer(Nearest *nearest, const Candidate *candidate)
{
	int64		count = nearest->by_rank->bh_size;

	if (count < nearest->depth)
	{
		if (count == nearest->room)
		{
			nearest->room = Min(nearest->room * 2, nearest->depth);
			nearest->members = repalloc_huge(nearest->members, nearest->room * sizeof(Candidate));
		}
		nearest->members[count] = *candidate;
		binaryheap_add(nearest->by_rank, Int64GetDatum(count));
		return;
	}

	Datum		furthest = binaryheap_first(nearest->by_rank);

	if (compare(candidate, &nearest->members[DatumGetInt64(furthest)], nearest->collections) < 0)
	{
		nearest->members[DatumGetInt64(furthest)] = *candidate;
		binaryheap_replace_first(nearest->by_rank, furthest);
	}
}

static PackColumns
columns_of(Relation pack, Oid vector_type)
{
	return (PackColumns) {
		.west = column(pack, "west", FLOAT8OID), .south = column(pack, "south", FLOAT8OID),
		.east = column(pack, "east", FLOAT8OID), .north = column(pack, "north", FLOAT8OID),
		.tiles = column(pack, "tiles", UUIDARRAYOID), .valid = column(pack, "valid", FLOAT4ARRAYOID), .cloud = column(pack, "cloud", FLOAT4ARRAYOID),
		.vectors = column(pack, "vectors", get_array_type(vector_type)), .boxes = column(pack, "boxes", FLOAT4ARRAYOID)
	};
}

static double
float8_of(TupleTableSlot *slot, AttrNumber number)
{
	bool		null;

	return DatumGetFloat8(slot_getattr(slot, number, &null));
}

static bool
pack_meets(TupleTableSlot *slot, const PackColumns *columns, const Box *box)
{
	return boxes_meet((Box) {float8_of(slot, columns->west), float8_of(slot, columns->south), float8_of(slot, columns->east), float8_of(slot, columns->north)}, *box);
}

/* The same of one tile: west, south, east, north. */
static bool
tile_meets(const float4 *tile, const Box *box)
{
	return boxes_meet((Box) {tile[0], tile[1], tile[2], tile[3]}, *box);
}

/* The shares of a column of a pack, one for each of its tiles. false: none of its tiles has one. */
static bool
shares_of(TupleTableSlot *slot, AttrNumber number, int count, Datum **shares, bool **nulls)
{
	bool		null;
	int			found;
	Datum		value = slot_getattr(slot, number, &null);

	if (null)
		return false;
	deconstruct_array(DatumGetArrayTypeP(value), FLOAT4OID, sizeof(float4), true, TYPALIGN_INT, shares, nulls, &found);
	if (found != count)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a pack has %d tiles and %d shares", count, found));
	return true;
}

/* The boxes of a pack's tiles, four values each. */
static const float4 *
boxes_of(TupleTableSlot *slot, const PackColumns *columns, int count)
{
	bool		null;
	ArrayType  *boxes = DatumGetArrayTypeP(slot_getattr(slot, columns->boxes, &null));

	if (ARR_HASNULL(boxes) || ArrayGetNItems(ARR_NDIM(boxes), ARR_DIMS(boxes)) != 4 * count)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a pack has not one box for each tile"));
	return (const float4 *) ARR_DATA_PTR(boxes);
}

/* everywhere: the pack's cell is sure, or there is no box to meet. */
static void
rank_pack(TupleTableSlot *slot, const PackColumns *columns, Question *question, int32 piece, bool everywhere, Nearest *nearest)
{
	bool		null;
	ArrayType  *tiles = DatumGetArrayTypeP(slot_getattr(slot, columns->tiles, &null));
	ArrayType  *vectors = DatumGetArrayTypeP(slot_getattr(slot, columns->vectors, &null));
	int			count = ArrayGetNItems(ARR_NDIM(tiles), ARR_DIMS(tiles));
	Datum	   *valid = NULL, *cloud = NULL;
	bool	   *valid_nulls = NULL, *cloud_nulls = NULL;

	if (ARR_HASNULL(tiles) || ARR_HASNULL(vectors) || ArrayGetNItems(ARR_NDIM(vectors), ARR_DIMS(vectors)) != count)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a pack has not one vector for each tile"));
	if (question->by_valid && !shares_of(slot, columns->valid, count, &valid, &valid_nulls))
		return;
	if (question->by_cloud && !shares_of(slot, columns->cloud, count, &cloud, &cloud_nulls))
		return;

	const pg_uuid_t *tile = (const pg_uuid_t *) ARR_DATA_PTR(tiles);
	char	   *vector = ARR_DATA_PTR(vectors);
	const float4 *boxes = everywhere ? NULL : boxes_of(slot, columns, count);

	for (int i = 0; i < count; i++)
	{
		Datum		value = PointerGetDatum(vector);

		vector = (char *) att_align_nominal(vector + VARSIZE_ANY(vector), TYPALIGN_INT);
		if (boxes != NULL && !tile_meets(boxes + 4 * i, &question->box))
			continue;
		if (valid != NULL && (valid_nulls[i] || !(DatumGetFloat4(valid[i]) >= question->least_valid)))
			continue;
		if (cloud != NULL && (cloud_nulls[i] || !(DatumGetFloat4(cloud[i]) <= question->most_cloud)))
			continue;

		Candidate	candidate = {DatumGetFloat8(FunctionCall2(&question->distance, value, question->query)), tile[i], piece};

		if (question->after && (candidate.distance < question->after_distance
								|| (candidate.distance == question->after_distance && memcmp(tile[i].data, question->after_tile.data, UUID_LEN) <= 0)))
			continue;
		offer(nearest, &candidate);
	}
}

/* Every pack of the cells, which are named by number: the first column of the primary key. */
static void
rank_cells(Oid schema, Question *question, const Cells *cells, Nearest *nearest)
{
	Relation	pack = open_table(schema, "pack");
	Reading		reading = read_by_index(pack, open_primary_key(pack), 1, 0);
	PackColumns columns = columns_of(pack, question->vector_type);
	MemoryContext of_pack = AllocSetContextCreate(CurrentMemoryContext, "tilescout pack", ALLOCSET_DEFAULT_SIZES);

	if (reading.index->rd_index->indkey.values[0] != column(pack, "cell_id", INT8OID))
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the primary key of pack does not begin with cell_id"));
	for (int32 piece = 0; piece < cells->count; piece++)
	{
		bool		everywhere = cells->sures[piece] || !question->in_box;
		ScanKeyData of_cell;

		ScanKeyInit(&of_cell, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(cells->ids[piece]));
		for (bool found = find_row(&reading, &of_cell, 1); found; found = next_row(&reading))
		{
			if (!everywhere && !pack_meets(reading.slot, &columns, &question->box))
				continue;

			/* The heap grows in the context that it came from; what is unpacked goes. */
			MemoryContext outer = MemoryContextSwitchTo(of_pack);

			rank_pack(reading.slot, &columns, question, piece, everywhere, nearest);
			MemoryContextSwitchTo(outer);
			MemoryContextReset(of_pack);
		}
	}
	MemoryContextDelete(of_pack);
	end_reading(&reading);
}

/* How many there are, at most depth, in the order of an answer. */
int64
nearest_of_cells(Oid schema, Question *question, const Cells *cells, int64 depth, Candidate **found)
{
	Nearest		nearest = {.depth = depth, .room = Min(depth, 256), .collections = cells->collections};

	nearest.members = palloc(nearest.room * sizeof(Candidate));
	nearest.by_rank = binaryheap_allocate(depth, compare_in_heap, &nearest);
	rank_cells(schema, question, cells, &nearest);

	int64		count = nearest.by_rank->bh_size;

	binaryheap_free(nearest.by_rank);
	qsort_arg(nearest.members, count, sizeof(Candidate), compare_for_sort, (void *) cells->collections);
	*found = nearest.members;
	return count;
}

static Question
question_of(FunctionCallInfo fcinfo)
{
	Question	question = {.vector_type = get_fn_expr_argtype(fcinfo->flinfo, QUERY)};

	/* Detoasted once, not at each comparison. */
	question.query = PointerGetDatum(PG_GETARG_VARLENA_P(QUERY));
	fmgr_info(distance_function(question.vector_type), &question.distance);
	question.in_box = !PG_ARGISNULL(WEST);
	if (question.in_box)
		question.box = (Box) {PG_GETARG_FLOAT8(WEST), PG_GETARG_FLOAT8(SOUTH), PG_GETARG_FLOAT8(EAST), PG_GETARG_FLOAT8(NORTH)};
	question.by_valid = !PG_ARGISNULL(LEAST_VALID);
	if (question.by_valid)
		question.least_valid = PG_GETARG_FLOAT4(LEAST_VALID);
	question.by_cloud = !PG_ARGISNULL(MOST_CLOUD);
	if (question.by_cloud)
		question.most_cloud = PG_GETARG_FLOAT4(MOST_CLOUD);
	question.after = !PG_ARGISNULL(AFTER_TILE) && !PG_ARGISNULL(AFTER_DISTANCE);
	if (question.after)
	{
		question.after_distance = PG_GETARG_FLOAT8(AFTER_DISTANCE);
		question.after_tile = *PG_GETARG_UUID_P(AFTER_TILE);
	}
	return question;
}

/* An array argument without NULLs, of as many elements as there are cells. */
static void *
per_cell(FunctionCallInfo fcinfo, int argument, int count)
{
	ArrayType  *array = PG_ARGISNULL(argument) ? NULL : PG_GETARG_ARRAYTYPE_P(argument);

	if (array == NULL || ARR_HASNULL(array) || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != count)
		ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("cells, collections and sures must be as long as one another, without NULL"));
	return ARR_DATA_PTR(array);
}

Datum
native_nearest_in_cells(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(CELLS) || PG_ARGISNULL(QUERY) || PG_ARGISNULL(DEPTH) || PG_GETARG_INT64(DEPTH) <= 0)
		return (Datum) 0;

	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(CELLS);
	int			pieces = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (pieces == 0)
		return (Datum) 0;

	Cells		cells = {
		.ids = per_cell(fcinfo, CELLS, pieces), .collections = per_cell(fcinfo, COLLECTIONS, pieces), .sures = per_cell(fcinfo, SURES, pieces), .count = pieces
	};
	Question	question = question_of(fcinfo);
	Candidate  *nearest;
	int64		count = nearest_of_cells(get_func_namespace(fcinfo->flinfo->fn_oid), &question, &cells, PG_GETARG_INT64(DEPTH), &nearest);

	for (int64 i = 0; i < count; i++)
	{
		int32		piece = nearest[i].piece;
		Datum		values[4] = {UUIDPGetDatum(&nearest[i].tile), Int32GetDatum(cells.collections[piece]), Float8GetDatum(nearest[i].distance), BoolGetDatum(cells.sures[piece])};
		bool		nulls[4] = {false, false, false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
