/* native_codes: the codes of a cell's vectors, in rows as tilescout.code has them. */
#include "codes.h"
#include "packs.h"

#include "funcapi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(native_codes);
PG_FUNCTION_INFO_V1(native_least_distances);
PG_FUNCTION_INFO_V1(native_plain_codes);

/* All vectors of a cell, in the order of its packs. */
typedef struct
{
	Datum	   *vectors;
	float4	   *boxes;
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
		}
		while (members.count + pack.count > room)
		{
			members.vectors = repalloc(members.vectors, (room *= 2) * sizeof(Datum));
			members.boxes = repalloc(members.boxes, room * 4 * sizeof(float4));
		}
		memcpy(members.boxes + 4 * members.count, pack.boxes, pack.count * 4 * sizeof(float4));
		for (int32 i = 0; i < pack.count; i++)
			members.vectors[members.count++] = PointerGetDatum(memcpy(palloc(pack.vector_size), DatumGetPointer(vector_of(&pack, i)), pack.vector_size));
	}
	end_reading(&reading.rows);
	return members;
}

Datum
native_codes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);

	Members		members = members_of(get_func_namespace(fcinfo->flinfo->fn_oid), PG_GETARG_INT64(0));

	if (members.count == 0)
		return (Datum) 0;

	int32		dimension = ((const HalfVector *) DatumGetPointer(members.vectors[0]))->dimension, most = codes_per_row(dimension, 0);

	char	  **records = palloc(most * sizeof(char *));

	for (int32 i = 0; i < most; i++)
		records[i] = palloc(record_size(dimension));
	for (int32 first = 0, part = 0; first < members.count; first += most, part++)
	{
		int32		count = Min(most, members.count - first);
		Size		size = VARHDRSZ + codes_size(dimension, count);
		bytea	   *codes = palloc(size);
		Datum		values[2] = {Int32GetDatum(part), PointerGetDatum(codes)};
		bool		nulls[2] = {false, false};

		SET_VARSIZE(codes, size);
		for (int32 i = 0; i < count; i++)
			code_vector(members.vectors[first + i], dimension, members.boxes + 4 * (first + i), records[i]);
		write_records(VARDATA(codes), dimension, count, PG_GETARG_INT32(1), first, (const char *const *) records);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		pfree(codes);
	}
	return (Datum) 0;
}

Datum
native_least_distances(PG_FUNCTION_ARGS)
{
	CodedQuery	query = code_query(PointerGetDatum(PG_GETARG_VARLENA_P(1)));
	CodesRow	row;

	/* Aligned, as it is in the table. */
	if (query.values == NULL || !read_codes(PG_DETOAST_DATUM(PG_GETARG_DATUM(0)), query.dimension, &row))
		PG_RETURN_NULL();

	int32		count = row.header->count, *places = palloc(Max(1, count) * sizeof(int32));
	float4	   *least = palloc(Max(1, count) * sizeof(float4));
	Datum	   *values = palloc(Max(1, count) * sizeof(Datum));

	for (int32 i = 0; i < count; i++)
		places[i] = i;
	least_distances(&query, &row, places, count, least);
	for (int32 i = 0; i < count; i++)
		values[i] = Float4GetDatum(least[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, count, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
}

/* For tests: leaves out, or takes into use again, what only some processors can do. */
Datum
native_plain_codes(PG_FUNCTION_ARGS)
{
	codes_are_plain = PG_GETARG_BOOL(0);
	PG_RETURN_VOID();
}
