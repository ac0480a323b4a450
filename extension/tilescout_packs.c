/*
 * Ranks the vectors of tilescout.pack.
 *
 * The executor hands on a row in 1 to 2 microseconds, and unnesting a pack makes one row of each vector: three quarters of what an exact search takes
 * (docs/search.md). Here a pack is read where it lies in its page, and only the nearest become rows. Distances are pgvector's own function's, so that both
 * ways give the same answer to the last bit.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

PG_MODULE_MAGIC;

/* Arguments of native_nearest_in_cells, in their order. */
enum { CELLS, COLLECTIONS, SURES, QUERY, WEST, SOUTH, EAST, NORTH, LEAST_VALID, MOST_CLOUD, AFTER_DISTANCE, AFTER_TILE, DEPTH };

typedef struct
{
	double		distance;
	pg_uuid_t	tile;
	int32		piece;			/* place in the arrays of cells */
} Candidate;

/* The nearest so far: a heap whose first element is the furthest of them. */
typedef struct
{
	Candidate  *members;
	int64		count;
	int64		room;
	int64		depth;			/* most that are kept */
	const int32 *collections;
} Nearest;

/* The columns of pack by number, as 1 is the first. */
typedef struct
{
	AttrNumber	west, south, east, north, tiles, valid, cloud, vectors, boxes;
} PackColumns;

typedef struct
{
	bool		in_box;			/* west to north restrict */
	double		west, south, east, north;
	bool		by_valid, by_cloud, after;
	float4		least_valid, most_cloud;
	double		after_distance;
	pg_uuid_t	after_tile;
	Datum		query;
	FmgrInfo	distance;
} Question;

PG_FUNCTION_INFO_V1(native_nearest_in_cells);

/* In the order of an answer: by distance, tile, collection. */
static int
compare(const Candidate *a, const Candidate *b, const int32 *collections)
{
	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	int			by_tile = memcmp(a->tile.data, b->tile.data, UUID_LEN);
	if (by_tile != 0)
		return by_tile;
	int32		x = collections[a->piece], y = collections[b->piece];
	return (x > y) - (x < y);
}

static int
compare_for_sort(const void *a, const void *b, void *collections)
{
	return compare(a, b, collections);
}

static void
sift_down(Nearest *nearest, Candidate moved)
{
	int64		hole = 0;

	for (;;)
	{
		int64		child = 2 * hole + 1;

		if (child >= nearest->count)
			break;
		if (child + 1 < nearest->count && compare(&nearest->members[child], &nearest->members[child + 1], nearest->collections) < 0)
			child++;
		if (compare(&nearest->members[child], &moved, nearest->collections) <= 0)
			break;
		nearest->members[hole] = nearest->members[child];
		hole = child;
	}
	nearest->members[hole] = moved;
}

static void
sift_up(Nearest *nearest, Candidate moved)
{
	int64		hole = nearest->count++;

	while (hole > 0)
	{
		int64		parent = (hole - 1) / 2;

		if (compare(&nearest->members[parent], &moved, nearest->collections) >= 0)
			break;
		nearest->members[hole] = nearest->members[parent];
		hole = parent;
	}
	nearest->members[hole] = moved;
}

static void
offer(Nearest *nearest, Candidate candidate)
{
	if (nearest->count < nearest->depth)
	{
		if (nearest->count == nearest->room)
		{
			nearest->room = Min(nearest->room * 2, nearest->depth);
			nearest->members = repalloc_huge(nearest->members, nearest->room * sizeof(Candidate));
		}
		sift_up(nearest, candidate);
	}
	else if (compare(&candidate, nearest->members, nearest->collections) < 0)
		sift_down(nearest, candidate);
}

static AttrNumber
column(Relation pack, const char *name, Oid type)
{
	AttrNumber	number = get_attnum(RelationGetRelid(pack), name);

	if (number == InvalidAttrNumber || TupleDescAttr(RelationGetDescr(pack), number - 1)->atttypid != type)
		ereport(ERROR,
				errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("column %s of %s is missing or of another type than %s", name, RelationGetRelationName(pack), format_type_be(type)),
				errhint("Install the version of tilescout_packs that belongs to this schema, or drop the extension and run tilescout db migrate."));
	return number;
}

/* The relation pack of the function's own schema, which the caller must be allowed to read. */
static Relation
open_pack(Oid function, Oid query_type, PackColumns *columns)
{
	Oid			schema = get_func_namespace(function);
	Oid			oid = get_relname_relid("pack", schema);

	if (!OidIsValid(oid))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("there is no table pack in schema %s", get_namespace_name(schema)));
	AclResult	allowed = pg_class_aclcheck(oid, GetUserId(), ACL_SELECT);

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_TABLE, "pack");

	Relation	pack = table_open(oid, AccessShareLock);

	columns->west = column(pack, "west", FLOAT8OID);
	columns->south = column(pack, "south", FLOAT8OID);
	columns->east = column(pack, "east", FLOAT8OID);
	columns->north = column(pack, "north", FLOAT8OID);
	columns->tiles = column(pack, "tiles", UUIDARRAYOID);
	columns->valid = column(pack, "valid", FLOAT4ARRAYOID);
	columns->cloud = column(pack, "cloud", FLOAT4ARRAYOID);
	columns->vectors = column(pack, "vectors", get_array_type(query_type));
	columns->boxes = column(pack, "boxes", FLOAT4ARRAYOID);
	return pack;
}

/* The primary key, whose first column is the cell. */
static Relation
open_key(Relation pack)
{
	RelationGetIndexList(pack);
	if (!OidIsValid(pack->rd_pkindex))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("table pack has no primary key"));

	Relation	key = index_open(pack->rd_pkindex, AccessShareLock);

	if (key->rd_index->indkey.values[0] != column(pack, "cell_id", INT8OID))
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the primary key of pack does not begin with cell_id"));
	return key;
}

/* pgvector's function behind <=>, wherever its schema is. */
static Oid
distance_function(Oid vector_type)
{
	HeapTuple	type = SearchSysCache1(TYPEOID, ObjectIdGetDatum(vector_type));

	if (!HeapTupleIsValid(type))
		elog(ERROR, "cache lookup failed for type %u", vector_type);

	char	   *schema = get_namespace_name(((Form_pg_type) GETSTRUCT(type))->typnamespace);

	ReleaseSysCache(type);

	Oid			operator = OpernameGetOprid(list_make2(makeString(schema), makeString("<=>")), vector_type, vector_type);

	if (!OidIsValid(operator))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("there is no operator <=> of %s", format_type_be(vector_type)));
	return get_opcode(operator);
}

static double
float8_of(TupleTableSlot *slot, AttrNumber number)
{
	bool		null;

	return DatumGetFloat8(slot_getattr(slot, number, &null));
}

static bool
meets_box(TupleTableSlot *slot, const PackColumns *columns, const Question *question)
{
	return float8_of(slot, columns->west) <= question->east && float8_of(slot, columns->east) >= question->west
		&& float8_of(slot, columns->south) <= question->north && float8_of(slot, columns->north) >= question->south;
}

/* The same of one tile's box: west, south, east, north. */
static bool
tile_meets_box(const float4 *box, const Question *question)
{
	return box[0] <= question->east && box[2] >= question->west && box[1] <= question->north && box[3] >= question->south;
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
		if (boxes != NULL && !tile_meets_box(boxes + 4 * i, question))
			continue;
		if (valid != NULL && (valid_nulls[i] || !(DatumGetFloat4(valid[i]) >= question->least_valid)))
			continue;
		if (cloud != NULL && (cloud_nulls[i] || !(DatumGetFloat4(cloud[i]) <= question->most_cloud)))
			continue;

		Candidate	candidate = {DatumGetFloat8(FunctionCall2(&question->distance, value, question->query)), tile[i], piece};

		if (question->after && (candidate.distance < question->after_distance
								|| (candidate.distance == question->after_distance && memcmp(tile[i].data, question->after_tile.data, UUID_LEN) <= 0)))
			continue;
		offer(nearest, candidate);
	}
}

static Question
question_of(FunctionCallInfo fcinfo, Oid vector_type)
{
	Question	question = {0};

	/* Detoasted once, not at each comparison. */
	question.query = PointerGetDatum(PG_GETARG_VARLENA_P(QUERY));
	fmgr_info(distance_function(vector_type), &question.distance);
	question.in_box = !PG_ARGISNULL(WEST);
	if (question.in_box)
	{
		question.west = PG_GETARG_FLOAT8(WEST);
		question.south = PG_GETARG_FLOAT8(SOUTH);
		question.east = PG_GETARG_FLOAT8(EAST);
		question.north = PG_GETARG_FLOAT8(NORTH);
	}
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
static ArrayType *
per_cell(FunctionCallInfo fcinfo, int argument, int count)
{
	ArrayType  *array = PG_ARGISNULL(argument) ? NULL : PG_GETARG_ARRAYTYPE_P(argument);

	if (array == NULL || ARR_HASNULL(array) || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != count)
		ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("cells, collections and sures must be as long as one another, without NULL"));
	return array;
}

/* Every pack of the cells, which are named by number. */
static void
rank_cells(Relation pack, const PackColumns *columns, Question *question, const int64 *cells, const bool *sure, int32 count, Nearest *nearest)
{
	Relation	key = open_key(pack);
	TupleTableSlot *slot = table_slot_create(pack, NULL);
	IndexScanDesc scan = index_beginscan(pack, key, GetActiveSnapshot(), 1, 0);
	MemoryContext of_pack = AllocSetContextCreate(CurrentMemoryContext, "tilescout pack", ALLOCSET_DEFAULT_SIZES);

	for (int32 piece = 0; piece < count; piece++)
	{
		bool		everywhere = sure[piece] || !question->in_box;
		ScanKeyData of_cell;

		ScanKeyInit(&of_cell, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(cells[piece]));
		index_rescan(scan, &of_cell, 1, NULL, 0);
		while (index_getnext_slot(scan, ForwardScanDirection, slot))
		{
			CHECK_FOR_INTERRUPTS();
			if (!everywhere && !meets_box(slot, columns, question))
				continue;

			/* The heap grows in the context that it came from; what is unpacked goes. */
			MemoryContext outer = MemoryContextSwitchTo(of_pack);

			rank_pack(slot, columns, question, piece, everywhere, nearest);
			MemoryContextSwitchTo(outer);
			MemoryContextReset(of_pack);
		}
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(key, AccessShareLock);
}

Datum
native_nearest_in_cells(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			vector_type = get_fn_expr_argtype(fcinfo->flinfo, QUERY);

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(CELLS) || PG_ARGISNULL(QUERY) || PG_ARGISNULL(DEPTH) || PG_GETARG_INT64(DEPTH) <= 0)
		return (Datum) 0;

	ArrayType  *cells = PG_GETARG_ARRAYTYPE_P(CELLS);
	int			count = ArrayGetNItems(ARR_NDIM(cells), ARR_DIMS(cells));

	if (count == 0)
		return (Datum) 0;
	cells = per_cell(fcinfo, CELLS, count);

	const int32 *collections = (const int32 *) ARR_DATA_PTR(per_cell(fcinfo, COLLECTIONS, count));
	const bool *sure = (const bool *) ARR_DATA_PTR(per_cell(fcinfo, SURES, count));
	Question	question = question_of(fcinfo, vector_type);
	Nearest		nearest = {.depth = PG_GETARG_INT64(DEPTH), .collections = collections};

	nearest.room = Min(nearest.depth, 256);
	nearest.members = palloc(nearest.room * sizeof(Candidate));

	PackColumns columns;
	Relation	pack = open_pack(fcinfo->flinfo->fn_oid, vector_type, &columns);

	rank_cells(pack, &columns, &question, (const int64 *) ARR_DATA_PTR(cells), sure, count, &nearest);
	table_close(pack, AccessShareLock);

	qsort_arg(nearest.members, nearest.count, sizeof(Candidate), compare_for_sort, (void *) collections);
	for (int64 i = 0; i < nearest.count; i++)
	{
		Candidate  *found = &nearest.members[i];
		Datum		values[4] = {UUIDPGetDatum(&found->tile), Int32GetDatum(collections[found->piece]), Float8GetDatum(found->distance), BoolGetDatum(sure[found->piece])};
		bool		nulls[4] = {false, false, false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
