/* native_codes: the codes of a cell's vectors, in rows as tilescout.code has them. */
#include "codes.h"
#include "packs.h"
#include "rows.h"
#include "search.h"
#include "ways.h"

#include <math.h>

#include "funcapi.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(native_codes);
PG_FUNCTION_INFO_V1(native_parts);
PG_FUNCTION_INFO_V1(native_least_distances);
PG_FUNCTION_INFO_V1(native_plain_codes);
PG_FUNCTION_INFO_V1(native_codes_way);

static CodesReading
reading_of(Reading rows)
{
	return (CodesReading) {
		.rows = rows, .blocks = RelationGetNumberOfBlocks(rows.table),
		.cell = column(rows.table, "cell_id", INT8OID), .part = column(rows.table, "part", INT4OID), .codes = column(rows.table, "codes", BYTEAOID)
	};
}

CodesReading
read_all_codes(Oid schema)
{
	Relation	code = open_table(schema, "code");

	return reading_of(read_by_index(code, open_primary_key(code), 2, 0));
}

/* By where they are only. */
CodesReading
read_code_rows(Oid schema)
{
	return reading_of(read_by_place(open_table(schema, "code")));
}

/* A row of a cell's codes: this part of them, or the first from there on. */
bool
find_codes(Reading *rows, int64 cell, StrategyNumber strategy, int32 part)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(cell));
	ScanKeyInit(&keys[1], 2, strategy, strategy == BTEqualStrategyNumber ? F_INT4EQ : F_INT4GE, Int32GetDatum(part));
	return find_row(rows, keys, 2);
}

/* All vectors of a cell, in the order of its packs. */
typedef struct
{
	Datum	   *vectors;
	float4	   *boxes;
	pg_uuid_t  *tiles;
	int32		count;
} Members;

static Members
members_of(Oid schema, int64 cell)
{
	Oid			pack = get_relname_relid("pack", schema), vector_type = get_element_type(get_atttype(pack, get_attnum(pack, "vectors")));
	PackReading reading = read_packs(schema, vector_type, 1);
	Question	all = {.vector_type = vector_type};
	Members		members = {0};
	int32		room = 0;

	for (bool found = find_packs(&reading, cell); found; found = next_row(&reading.rows))
	{
		Pack		pack;

		unpack(&reading, &all, &pack);
		if (room == 0)
		{
			members.vectors = palloc((room = 256) * sizeof(Datum));
			members.boxes = palloc(room * 4 * sizeof(float4));
			members.tiles = palloc(room * sizeof(pg_uuid_t));
		}
		while (members.count + pack.count > room)
		{
			members.vectors = repalloc(members.vectors, (room *= 2) * sizeof(Datum));
			members.boxes = repalloc(members.boxes, room * 4 * sizeof(float4));
			members.tiles = repalloc(members.tiles, room * sizeof(pg_uuid_t));
		}
		memcpy(members.boxes + 4 * members.count, pack.boxes, pack.count * 4 * sizeof(float4));
		memcpy(members.tiles + members.count, pack.tiles, pack.count * sizeof(pg_uuid_t));
		for (int32 i = 0; i < pack.count; i++)
			members.vectors[members.count++] = PointerGetDatum(memcpy(palloc(pack.vector_size), DatumGetPointer(vector_of(&pack, i)), pack.vector_size));
	}
	end_reading(&reading.rows);
	return members;
}

/* Where the members' own rows are; of one whose tile is gone, nowhere. */
static Locator *
locate_all(Oid schema, int32 model, int32 collection, const Members *members)
{
	Locator    *locators = palloc0(members->count * sizeof(Locator));
	Relation	table = open_vectors(schema, model);
	Reading		rows = read_by_index(table, open_primary_key(table), 2, 0);

	for (int32 i = 0; i < members->count; i++)
		if (find_tile(&rows, &members->tiles[i], collection))
			locators[i] = locate(&members->tiles[i], collection, &rows.slot->tts_tid);
	end_reading(&rows);
	return locators;
}

/* Whose vectors a cell holds. false: there is no such cell. */
static bool
find_cell(Oid schema, int64 id, int32 *model, int32 *collection)
{
	Relation	cell = open_table(schema, "cell");
	Reading		reading = read_by_index(cell, open_primary_key(cell), 1, 0);
	bool		found = find_number(&reading, id);

	if (found)
	{
		*model = int4_of(&reading, column(cell, "model_id", INT4OID));
		*collection = int4_of(&reading, column(cell, "collection_id", INT4OID));
	}
	end_reading(&reading);
	return found;
}

Datum
native_codes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	int32		model, collection;

	InitMaterializedSRF(fcinfo, 0);

	Members		members = members_of(schema, PG_GETARG_INT64(0));

	if (members.count == 0 || !find_cell(schema, PG_GETARG_INT64(0), &model, &collection))
		return (Datum) 0;

	Locator    *locators = locate_all(schema, model, collection, &members);
	int32		dimension = dimension_of(members.vectors[0]), most = codes_per_row(dimension, sizeof(Locator));

	char	  **records = palloc(most * sizeof(char *));

	for (int32 i = 0; i < most; i++)
		records[i] = palloc(record_size(dimension));
	for (int32 first = 0, part = 0; first < members.count; first += most, part++)
	{
		int32		count = Min(most, members.count - first);
		Size		start = VARHDRSZ + codes_size(dimension, count), size = start + count * sizeof(Locator);
		bytea	   *codes = palloc(size);
		Datum		values[2] = {Int32GetDatum(part), PointerGetDatum(codes)};
		bool		nulls[2] = {false, false};

		SET_VARSIZE(codes, size);
		for (int32 i = 0; i < count; i++)
			code_vector(members.vectors[first + i], dimension, members.boxes + 4 * (first + i), records[i]);
		write_records(VARDATA(codes), (CodesHeader) {.dimension = dimension, .count = count, .per_pack = PG_GETARG_INT32(1), .first = first, .model = model},
					  (const char *const *) records);
		memcpy((char *) codes + start, locators + first, count * sizeof(Locator));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		pfree(codes);
	}
	return (Datum) 0;
}

ArrayType *
reals(const float4 *values, int32 count)
{
	Datum	   *elements = palloc(Max(1, count) * sizeof(Datum));

	for (int32 i = 0; i < count; i++)
		elements[i] = Float4GetDatum(values[i]);
	return construct_array(elements, count, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT);
}

Datum
native_least_distances(PG_FUNCTION_ARGS)
{
	CodedQuery	query = code_query(PointerGetDatum(PG_GETARG_VARLENA_P(1)));
	CodesRow	row;

	/* Aligned, as it is in the table. */
	if (query.values == NULL || !read_codes(PG_DETOAST_DATUM(PG_GETARG_DATUM(0)), query.dimension, &row) || row.header->count > UINT8_MAX)
		PG_RETURN_NULL();

	int32		count = row.header->count, *places = palloc(Max(1, count) * sizeof(int32));
	float4	   *least = palloc(Max(1, count) * sizeof(float4));

	for (int32 i = 0; i < count; i++)
		places[i] = i;
	least_distances(&query, &row, places, count, 1, least);
	PG_RETURN_ARRAYTYPE_P(reals(least, count));
}

/* As native_codes_way; scripts of the extension's versions before 1.6 name it. */
Datum
native_plain_codes(PG_FUNCTION_ARGS)
{
	most_of_codes = PG_GETARG_BOOL(0) ? PLAIN : WITH_VNNI;
	PG_RETURN_VOID();
}

/* For tests: leaves out, or takes into use again, what only some processors can do. */
Datum
native_codes_way(PG_FUNCTION_ARGS)
{
	most_of_codes = Max(PLAIN, Min(WITH_VNNI, PG_GETARG_INT32(0)));
	PG_RETURN_VOID();
}

/* Where the rows of a cell's codes lie: CodesParts. NULL: it has none. Raises where they are of another version. */
Datum
native_parts(PG_FUNCTION_ARGS)
{
	CodesReading reading = read_all_codes(get_func_namespace(fcinfo->flinfo->fn_oid));
	int32		count = 0, room = 8;
	bytea	   *value = palloc(VARHDRSZ + room * sizeof(CodesPart));

	for (bool found = find_codes(&reading.rows, PG_GETARG_INT64(0), BTGreaterEqualStrategyNumber, 0); found; found = next_row(&reading.rows))
	{
		struct varlena *codes = PG_DETOAST_DATUM(value_of(&reading.rows, reading.codes));
		CodesPart	part = {.row = reading.rows.slot->tts_tid, .box = {INFINITY, INFINITY, -INFINITY, -INFINITY}};
		CodesRow	row;

		if (!read_codes(codes, ((const CodesHeader *) VARDATA(codes))->dimension, &row) || int4_of(&reading.rows, reading.part) != count)
			ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("cell %lld has codes of another version", (long long) PG_GETARG_INT64(0)));
		part.count = row.header->count;
		for (int32 i = 0; i < part.count; i++)
		{
			part.box[0] = Min(part.box[0], row.boxes[4 * i]);
			part.box[1] = Min(part.box[1], row.boxes[4 * i + 1]);
			part.box[2] = Max(part.box[2], row.boxes[4 * i + 2]);
			part.box[3] = Max(part.box[3], row.boxes[4 * i + 3]);
		}
		if (count == room)
			value = repalloc(value, VARHDRSZ + (room *= 2) * sizeof(CodesPart));
		((CodesPart *) VARDATA(value))[count++] = part;
	}
	end_reading(&reading.rows);
	if (count == 0)
		PG_RETURN_NULL();
	SET_VARSIZE(value, VARHDRSZ + count * sizeof(CodesPart));
	PG_RETURN_BYTEA_P(value);
}
