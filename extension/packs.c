/*
 * Reads tilescout.pack: each row where it lies in its page, without the executor, which hands on a row in 1 to 2 microseconds, and of which unnesting a pack makes one for each
 * vector: three quarters of what an exact search in SQL takes (docs/search.md). Distances are pgvector's own function's, so that both ways give the same answer to the last bit.
 */
#include "packs.h"

#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* keys: 1 for find_packs, 2 for find_pack. */
PackReading
read_packs(Oid schema, Oid vector_type, int keys)
{
	Relation	pack = open_table(schema, "pack");
	PackReading reading = {
		.rows = read_by_index(pack, open_primary_key(pack), keys, 0),
		.west = column(pack, "west", FLOAT8OID), .south = column(pack, "south", FLOAT8OID),
		.east = column(pack, "east", FLOAT8OID), .north = column(pack, "north", FLOAT8OID),
		.tiles = column(pack, "tiles", UUIDARRAYOID), .valid = column(pack, "valid", FLOAT4ARRAYOID), .cloud = column(pack, "cloud", FLOAT4ARRAYOID),
		.vectors = column(pack, "vectors", get_array_type(vector_type)), .boxes = column(pack, "boxes", FLOAT4ARRAYOID)
	};

	if (reading.rows.index->rd_index->indkey.values[0] != column(pack, "cell_id", INT8OID))
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the primary key of pack does not begin with cell_id"));
	return reading;
}

/* The first pack of a cell; next_row brings the others. */
bool
find_packs(PackReading *reading, int64 cell)
{
	return find_number(&reading->rows, cell);
}

bool
find_pack(PackReading *reading, int64 cell, int32 part)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(cell));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(part));
	return find_row(&reading->rows, keys, 2);
}

static double
float8_of(const PackReading *reading, AttrNumber number)
{
	return DatumGetFloat8(value_of(&reading->rows, number));
}

bool
pack_meets(const PackReading *reading, const Box *box)
{
	return boxes_meet((Box) {float8_of(reading, reading->west), float8_of(reading, reading->south), float8_of(reading, reading->east), float8_of(reading, reading->north)}, *box);
}

/* The shares of a column of a pack, one for each of its tiles. false: none of its tiles has one. */
static bool
shares_of(const PackReading *reading, AttrNumber number, int count, Shares *shares)
{
	bool		null;
	int			found;
	Datum		value = value_or_null(&reading->rows, number, &null);

	if (null)
		return false;
	deconstruct_array(DatumGetArrayTypeP(value), FLOAT4OID, sizeof(float4), true, TYPALIGN_INT, &shares->values, &shares->nulls, &found);
	if (found != count)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a pack has %d tiles and %d shares", count, found));
	return true;
}

/* The pack at hand; what a question does not ask for is left out. false: no tile of it passes. */
bool
unpack(const PackReading *reading, const Question *question, Pack *pack)
{
	ArrayType  *tiles = DatumGetArrayTypeP(value_of(&reading->rows, reading->tiles));
	ArrayType  *vectors = DatumGetArrayTypeP(value_of(&reading->rows, reading->vectors));
	ArrayType  *boxes = DatumGetArrayTypeP(value_of(&reading->rows, reading->boxes));
	int32		count = ArrayGetNItems(ARR_NDIM(tiles), ARR_DIMS(tiles));

	if (ARR_HASNULL(tiles) || ARR_HASNULL(vectors) || ArrayGetNItems(ARR_NDIM(vectors), ARR_DIMS(vectors)) != count)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a pack has not one vector for each tile"));
	if (ARR_HASNULL(boxes) || ArrayGetNItems(ARR_NDIM(boxes), ARR_DIMS(boxes)) != 4 * count)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a pack has not one box for each tile"));
	*pack = (Pack) {
		.count = count, .tiles = (const pg_uuid_t *) ARR_DATA_PTR(tiles), .vectors = ARR_DATA_PTR(vectors), .boxes = (const float4 *) ARR_DATA_PTR(boxes),
		/* They are of one dimension. */
		.vector_size = count == 0 ? 0 : att_align_nominal(VARSIZE_ANY(ARR_DATA_PTR(vectors)), TYPALIGN_INT)
	};
	if ((Size) count * pack->vector_size > VARSIZE_ANY(vectors))
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a pack has vectors of different dimensions"));
	return (!question->tiles.by_valid || shares_of(reading, reading->valid, count, &pack->valid))
		&& (!question->tiles.by_cloud || shares_of(reading, reading->cloud, count, &pack->cloud));
}

/* What the arguments from the first on ask of single tiles; NULL asks nothing. */
TileFilter
tile_filter(FunctionCallInfo fcinfo, int first)
{
	TileFilter	filter = {.by_valid = !PG_ARGISNULL(first), .by_cloud = !PG_ARGISNULL(first + 1), .after = !PG_ARGISNULL(first + 2) && !PG_ARGISNULL(first + 3)};

	if (filter.by_valid)
		filter.least_valid = PG_GETARG_FLOAT4(first);
	if (filter.by_cloud)
		filter.most_cloud = PG_GETARG_FLOAT4(first + 1);
	if (filter.after)
	{
		filter.after_distance = PG_GETARG_FLOAT8(first + 2);
		filter.after_tile = *PG_GETARG_UUID_P(first + 3);
	}
	return filter;
}

/* Whether it is beyond an earlier page. */
bool
follows(const Question *question, const Candidate *candidate)
{
	return !question->tiles.after || candidate->distance > question->tiles.after_distance
		|| (candidate->distance == question->tiles.after_distance && memcmp(candidate->tile.data, question->tiles.after_tile.data, UUID_LEN) > 0);
}

/* Whether a tile of a pack may be an answer, and how near it is. */
bool
consider(const Pack *pack, int32 place, Question *question, int32 piece, Candidate *candidate)
{
	if (question->tiles.by_valid && (pack->valid.nulls[place] || !(DatumGetFloat4(pack->valid.values[place]) >= question->tiles.least_valid)))
		return false;
	if (question->tiles.by_cloud && (pack->cloud.nulls[place] || !(DatumGetFloat4(pack->cloud.values[place]) <= question->tiles.most_cloud)))
		return false;
	*candidate = (Candidate) {
		.distance = DatumGetFloat8(FunctionCall2(&question->distance, vector_of(pack, place), question->query)), .tile = pack->tiles[place], .piece = piece
	};
	return follows(question, candidate);
}

/* Whether a tile of a pack is the one that is looked for, where its own row's place, and so its hash, is known. */
static bool
is_tile_of(const Placed *vector, const pg_uuid_t *tile)
{
	return !ItemPointerIsValid(&vector->locator.row) || is_row_of(&vector->locator, tile, vector->collection);
}

/* One vector of a cell. false: it is no answer, or gone with its cell. */
static bool
compare_one(PackReading *reading, const Placed *vector, Question *question, int32 piece, Candidate *candidate)
{
	Pack		pack;
	int32		part = vector->place / vector->per_pack, place = vector->place % vector->per_pack;

	/* Not in the context that is emptied below, for a scan keeps what it allocates. */
	if (!reading->at_hand || reading->cell != vector->cell || reading->part != part)
	{
		reading->cell = vector->cell;
		reading->part = part;
		reading->at_hand = find_pack(reading, vector->cell, part);
		if (!reading->at_hand)
			return false;
	}
	if (reading->unpacked == NULL)
		reading->unpacked = AllocSetContextCreate(CurrentMemoryContext, "tilescout pack", ALLOCSET_DEFAULT_SIZES);

	MemoryContext outer = MemoryContextSwitchTo(reading->unpacked);
	bool		passes = unpack(reading, question, &pack) && place < pack.count && is_tile_of(vector, &pack.tiles[place]) && consider(&pack, place, question, piece, candidate);

	MemoryContextSwitchTo(outer);
	MemoryContextReset(reading->unpacked);
	return passes;
}

/* The vector's own row, or, where that has moved, its pack, which is looked for among packs of schema; they are opened when they are needed. */
bool
compare_vector(VectorRows *rows, PackReading *packs, Oid schema, const Placed *vector, Question *question, int32 piece, Candidate *candidate)
{
	if (fetch_vector(rows, &vector->locator))
		return consider_row(rows, question, piece, candidate);
	if (packs->rows.table == NULL)
		*packs = read_packs(schema, question->vector_type, 2);
	return compare_one(packs, vector, question, piece, candidate);
}
