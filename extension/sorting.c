/*
 * native_looks: the vectors of a model sorted into lists by look.
 *
 * Lists have middles, found as k-means finds them, in two steps: those of groups first, and then so many within each of these, so that a vector is compared with few of them. All of it is
 * done with codes: what is a code's neighbour is nearly always the vector's, and a search looks into more lists than the one that it expects.
 */
#include "looks.h"
#include "search.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "catalog/pg_operator_d.h"
#include "utils/tuplesort.h"

/* Vectors of a list on average; lists at most; vectors that a middle is made of; rounds. */
#define PER_LIST 64
#define MOST_LISTS 65536
#define LEARNT_FROM 32
#define GROUP_LEARNT_FROM 256
#define ROUNDS 6
/* Groups, times the square root of the lists' number: where a search opens 16 of them, it compares the fewest middles. */
#define GROUPS_PER_ROOT 4
/* Of the coarse middles so many are looked into for a vector's own. */
#define LOOKED_INTO 3
/* The share of a list's vectors that its extent holds. */
#define INNER 0.1

PG_FUNCTION_INFO_V1(native_looks);
PG_FUNCTION_INFO_V1(native_placed);

/* Middles of something. */
typedef struct
{
	int32		count;
	float4	   *values;			/* dimension of each, unit vectors in the axes of codes */
	CodedQuery *coded;
} Middles;

typedef struct
{
	int32		model, dimension, per_pack;
	Size		size;			/* of a record */
	double		total;			/* vectors */
	/* A systematic sample. */
	char	   *records;
	int64		count, room;
	Middles		coarse;
	float4	   *likenesses;		/* room for those of a vector with the coarse ones */
	int32	   *first;			/* of each coarse middle, the first of its fine ones; one more at the end */
	Middles		fine;
	Extent	   *extents;		/* of the fine ones */
	/* Where all vectors go. */
	Tuplesortstate *sort;
	TupleTableSlot *slot;
} Sorting;

static const uint8 *
code_in(const char *record)
{
	return (const uint8 *) (record + 7 * sizeof(float4));
}

static int32
nearest_middle(const Middles *middles, int32 start, int32 end, const uint8 *code, float4 *how_like)
{
	return start + likest(middles->coded + start, end - start, code, how_like);
}

/* Makes a middle of what has been added up. false: there is nothing. */
static bool
settle_middle(Middles *middles, int32 i, const float4 *sum, int32 dimension)
{
	float4		square = 0;

	for (int32 j = 0; j < dimension; j++)
		square += sum[j] * sum[j];
	if (!(square > 0))
		return false;
	for (int32 j = 0; j < dimension; j++)
		middles->values[(Size) i * dimension + j] = sum[j] / sqrtf(square);
	if (middles->coded[i].values != NULL)
		pfree(middles->coded[i].values);
	middles->coded[i] = code_turned(middles->values + (Size) i * dimension, dimension);
	return true;
}

/* Finds `wanted` middles, from `start` on, of these records of the sample, which come in no order. */
static void
find_middles(const Sorting *sorting, Middles *middles, int32 start, int32 wanted, const int64 *of, int64 count)
{
	int32		dimension = sorting->dimension, end = start + wanted;
	float4	   *sums = MemoryContextAllocHuge(CurrentMemoryContext, (Size) wanted * dimension * sizeof(float4)), *y = palloc(dimension * sizeof(float4)), how_like;

	for (int32 i = 0; i < wanted; i++)
	{
		read_code(code_in(sorting->records + of[i * count / wanted] * sorting->size), dimension, y);
		settle_middle(middles, start + i, y, dimension);
	}
	for (int32 round = 0; round < ROUNDS; round++)
	{
		memset(sums, 0, (Size) wanted * dimension * sizeof(float4));
		for (int64 i = 0; i < count; i++)
		{
			const uint8 *code = code_in(sorting->records + of[i] * sorting->size);
			float4	   *sum = sums + (Size) (nearest_middle(middles, start, end, code, &how_like) - start) * dimension;

			CHECK_FOR_INTERRUPTS();
			read_code(code, dimension, y);
			for (int32 j = 0; j < dimension; j++)
				sum[j] += y[j];
		}
		/* One that nothing is near to stays where it is. */
		for (int32 i = 0; i < wanted; i++)
			settle_middle(middles, start + i, sums + (Size) i * dimension, dimension);
	}
	pfree(sums);
	pfree(y);
}

static Middles
room_for_middles(int32 count, int32 dimension)
{
	return (Middles) {
		.count = count, .values = MemoryContextAllocHuge(CurrentMemoryContext, (Size) count * dimension * sizeof(float4)), .coded = palloc0(count * sizeof(CodedQuery))
	};
}

/* Coarse middles of the sample, and fine ones of what is nearest to each of these. */
static void
learn(Sorting *sorting, int32 lists)
{
	int32		coarse = Max(1, Min(lists, (int32) rint(GROUPS_PER_ROOT * sqrt(lists))));
	int64	   *all = MemoryContextAllocHuge(CurrentMemoryContext, sorting->count * sizeof(int64)), *ends = palloc0((coarse + 1) * sizeof(int64)), first = 0;
	int64		enough = Min(sorting->count, (int64) coarse * GROUP_LEARNT_FROM);
	int32	   *nearest = MemoryContextAllocHuge(CurrentMemoryContext, sorting->count * sizeof(int32)), fine = 0;
	float4		how_like;

	for (int64 i = 0; i < enough; i++)
		all[i] = i * sorting->count / enough;
	sorting->coarse = room_for_middles(coarse, sorting->dimension);
	sorting->likenesses = palloc(coarse * sizeof(float4));
	find_middles(sorting, &sorting->coarse, 0, coarse, all, enough);

	/* Sorted by the coarse middle, by counting. */
	for (int64 i = 0; i < sorting->count; i++)
		ends[(nearest[i] = nearest_middle(&sorting->coarse, 0, coarse, code_in(sorting->records + i * sorting->size), &how_like)) + 1]++;
	for (int32 i = 0; i < coarse; i++)
		ends[i + 1] += ends[i];
	sorting->first = palloc((coarse + 1) * sizeof(int32));
	for (int32 i = 0; i < coarse; i++)
	{
		int64		members = ends[i + 1] - ends[i];

		sorting->first[i] = fine;
		fine += members == 0 ? 0 : Max(1, (int32) rint((double) lists * members / sorting->count));
	}
	sorting->first[coarse] = fine;

	int64	   *next = palloc(coarse * sizeof(int64));

	memcpy(next, ends, coarse * sizeof(int64));
	for (int64 i = 0; i < sorting->count; i++)
		all[next[nearest[i]]++] = i;
	sorting->fine = room_for_middles(fine, sorting->dimension);
	for (int32 i = 0; i < coarse; first = ends[++i])
		if (ends[i + 1] > first)
			find_middles(sorting, &sorting->fine, sorting->first[i], sorting->first[i + 1] - sorting->first[i], all + first, ends[i + 1] - first);
	pfree(all);
	pfree(nearest);
}

static int32
list_of(const Sorting *sorting, const uint8 *code)
{
	int32		into[LOOKED_INTO], count = 0, list = 0;
	float4		likest[LOOKED_INTO], best = -INFINITY;

	likenesses(sorting->coarse.coded, sorting->coarse.count, code, sorting->likenesses);
	for (int32 i = 0; i < sorting->coarse.count; i++)
	{
		float4		like = sorting->likenesses[i];
		int32		at = count < LOOKED_INTO ? count++ : LOOKED_INTO;

		for (; at > 0 && like > likest[at - 1]; at--)
			if (at < LOOKED_INTO)
			{
				likest[at] = likest[at - 1];
				into[at] = into[at - 1];
			}
		if (at < LOOKED_INTO)
		{
			likest[at] = like;
			into[at] = i;
		}
	}
	for (int32 i = 0; i < count; i++)
	{
		float4		like;
		int32		nearest = nearest_middle(&sorting->fine, sorting->first[into[i]], sorting->first[into[i] + 1], code, &like);

		if (like > best)
		{
			best = like;
			list = nearest;
		}
	}
	return list;
}

/* Every vector's record, with what is known of its cell; of one in `step`, for the sample, or of all, for their lists. */
static void
read_all(Sorting *sorting, Oid schema, Oid geometry, int32 model, int32 through, int32 step)
{
	Relation	code = open_table(schema, "code");
	Reading		cell = read_whole(open_table(schema, "cell")), reading = read_by_index(code, open_primary_key(code), 1, 0);
	CellColumns columns = cell_columns(cell.table, geometry);
	AttrNumber	codes = column(code, "codes", BYTEAOID);
	int64		number = 0;
	bytea	   *record = palloc(VARHDRSZ + sorting->size + sizeof(Member));

	SET_VARSIZE(record, VARHDRSZ + sorting->size + sizeof(Member));
	while (next_row(&cell))
	{
		bool		none, null;
		int64		id = int8_of(&cell, columns.id);
		Datum		from = value_of(&cell, columns.from, &none), to = value_of(&cell, columns.to, &null);
		Member		member = {
			.run = (int32) (id >> 32), .number = (int32) (uint32) id, .collection = int4_of(&cell, columns.collection),
			.from_day = none ? NO_DAY : day_of(DatumGetTimestampTz(from)), .to_day = none ? NO_DAY : day_of(DatumGetTimestampTz(to))
		};

		if (int4_of(&cell, columns.model) != model || int4_of(&cell, columns.run) > through)
			continue;

		bool		found = find_number(&reading, id);

		if (!found)
			ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("cell %lld has no codes", (long long) id));
		for (; found; found = next_row(&reading))
		{
			CodesRow	row;

			if (!read_codes(PG_DETOAST_DATUM(value_of(&reading, codes, &null)), sorting->dimension, &row) || row.rest_size != row.header->count * sizeof(Locator)
				|| row.header->first + row.header->count > UINT16_MAX)
				ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("cell %lld has codes of another version or dimension", (long long) id));
			sorting->per_pack = row.header->per_pack;
			for (int32 i = 0; i < row.header->count; i++, number++)
			{
				if (sorting->sort != NULL)
				{
					member.place = row.header->first + i;
					memcpy(&member.locator, row.rest + i * sizeof(Locator), sizeof(Locator));
					read_record(&row, i, sorting->dimension, VARDATA(record));
					memcpy(VARDATA(record) + sorting->size, &member, sizeof(Member));
					ExecClearTuple(sorting->slot);
					sorting->slot->tts_values[0] = Int32GetDatum(list_of(sorting, row.codes + (Size) i * code_bytes(sorting->dimension)));
					sorting->slot->tts_values[1] = PointerGetDatum(record);
					sorting->slot->tts_isnull[0] = sorting->slot->tts_isnull[1] = false;
					ExecStoreVirtualTuple(sorting->slot);
					tuplesort_puttupleslot(sorting->sort, sorting->slot);
				}
				else if (number % step == 0 && sorting->count < sorting->room)
					read_record(&row, i, sorting->dimension, sorting->records + sorting->count++ * sorting->size);
			}
		}
	}
	end_reading(&reading);
	end_reading(&cell);
	pfree(record);
}

/* A row of records, the first of which has this number, and what follows each of these. */
static void
put_row(const Sorting *sorting, ReturnSetInfo *result, int32 list, int32 part, int32 first, char **records, int32 count, Size more)
{
	Size		size = VARHDRSZ + codes_size(sorting->dimension, count) + count * more;
	bytea	   *row = palloc0(size);
	Datum		values[3] = {Int32GetDatum(list), Int32GetDatum(part), PointerGetDatum(row)};
	bool		nulls[3] = {false, false, false};

	SET_VARSIZE(row, size);
	write_records(VARDATA(row), (CodesHeader) {.dimension = sorting->dimension, .count = count, .per_pack = sorting->per_pack, .first = first, .model = sorting->model}, (const char *const *) records);
	for (int32 i = 0; i < count; i++)
		memcpy(VARDATA(row) + codes_size(sorting->dimension, count) + i * more, records[i] + sorting->size, more);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	pfree(row);
}

static char **
room_for_records(const Sorting *sorting, int32 count, Size more)
{
	char	  **records = palloc(count * sizeof(char *));

	for (int32 i = 0; i < count; i++)
		records[i] = palloc(sorting->size + more);
	return records;
}

/* Rows of middles from start to end, with something that is said of each. */
static void
put_middles(const Sorting *sorting, ReturnSetInfo *result, int32 list, const Middles *middles, int32 start, int32 end, const void *more, Size size_of_more)
{
	int32		most = codes_per_row(sorting->dimension, size_of_more), part = 0;
	char	  **records = room_for_records(sorting, most, size_of_more);

	for (int32 first = start; first < end; first += most)
	{
		int32		count = Min(most, end - first);

		for (int32 i = 0; i < count; i++)
		{
			make_record(middles->values + (Size) (first + i) * sorting->dimension, sorting->dimension, records[i]);
			memcpy(records[i] + sorting->size, (const char *) more + (first + i) * size_of_more, size_of_more);
		}
		put_row(sorting, result, list, part++, first, records, count, size_of_more);
	}
	for (int32 i = 0; i < most; i++)
		pfree(records[i]);
	pfree(records);
}

static void
put_groups(const Sorting *sorting, ReturnSetInfo *result)
{
	ListGroup	   *groups = palloc(sorting->coarse.count * sizeof(ListGroup));

	for (int32 i = 0; i < sorting->coarse.count; i++)
	{
		groups[i] = (ListGroup) {.first = sorting->first[i], .count = sorting->first[i + 1] - sorting->first[i]};
		put_middles(sorting, result, MIDDLES_OF(i), &sorting->fine, sorting->first[i], sorting->first[i + 1], sorting->extents, sizeof(Extent));
	}
	put_middles(sorting, result, GROUPS, &sorting->coarse, 0, sorting->coarse.count, groups, sizeof(ListGroup));
}

static int
compare_cosines(const void *a, const void *b)
{
	float4		x = *(const float4 *) a, y = *(const float4 *) b;

	return (x < y) - (x > y);
}

/* The cosines between the vectors of a list and its middle. */
typedef struct
{
	float4	   *cosines;
	int64		count, room;
} Spread;

static void
add_to_spread(Spread *spread, const CodedQuery *middle, const char *record)
{
	const float4 *numbers = (const float4 *) record;
	float4		like;

	likenesses(middle, 1, code_in(record), &like);
	if (spread->count == spread->room)
		spread->cosines = repalloc_huge(spread->cosines, (spread->room *= 2) * sizeof(float4));
	/* What is rounded badly may be anywhere: at the middle, too. */
	spread->cosines[spread->count++] = numbers[1] > 0 ? numbers[0] / numbers[1] * like : 1;
}

static Extent
extent_of(Spread *spread)
{
	Extent		extent = {.count = spread->count};

	qsort(spread->cosines, spread->count, sizeof(float4), compare_cosines);
	extent.cosine = Max(-1, Min(1, spread->cosines[(int64) (spread->count * INNER)]));
	extent.sine = sqrtf(1 - extent.cosine * extent.cosine);
	spread->count = 0;
	return extent;
}

static void
put_lists(Sorting *sorting, ReturnSetInfo *result)
{
	int32		most = codes_per_row(sorting->dimension, sizeof(Member)), count = 0, part = 0, list = -1;
	char	  **records = room_for_records(sorting, most, sizeof(Member));
	Spread		spread = {.room = 4096};

	spread.cosines = palloc(spread.room * sizeof(float4));
	for (bool more = true; more;)
	{
		bool		null;
		int32		of;

		more = tuplesort_gettupleslot(sorting->sort, true, false, sorting->slot, NULL);
		of = more ? DatumGetInt32(slot_getattr(sorting->slot, 1, &null)) : -1;
		if (count > 0 && (of != list || count == most))
		{
			put_row(sorting, result, list, part++, 0, records, count, sizeof(Member));
			count = 0;
		}
		if (of != list)
		{
			if (list >= 0)
				sorting->extents[list] = extent_of(&spread);
			list = of;
			part = 0;
		}
		if (!more)
			break;
		memcpy(records[count], VARDATA_ANY(DatumGetPointer(slot_getattr(sorting->slot, 2, &null))), sorting->size + sizeof(Member));
		add_to_spread(&spread, &sorting->fine.coded[list], records[count++]);
	}
}

/* Arguments: model, through_run, how many vectors there are. */
Datum
native_looks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid), cell = get_relname_relid("cell", schema), geometry = get_atttype(cell, get_attnum(cell, "box"));
	int32		model = PG_GETARG_INT32(0), through = PG_GETARG_INT32(1);
	Sorting		sorting = {.model = model, .dimension = PG_GETARG_INT32(2), .total = PG_GETARG_INT64(3)};
	int32		lists = Max(1, Min(MOST_LISTS, sorting.total / PER_LIST));

	InitMaterializedSRF(fcinfo, 0);
	sorting.size = record_size(sorting.dimension);
	sorting.room = Max(1, Min(Min(sorting.total, (double) lists * LEARNT_FROM), maintenance_work_mem * 1024.0 / sorting.size));
	sorting.records = MemoryContextAllocHuge(CurrentMemoryContext, sorting.room * sorting.size);
	read_all(&sorting, schema, geometry, model, through, Max(1, (int32) (sorting.total / sorting.room)));
	if (sorting.count == 0)
		return (Datum) 0;
	learn(&sorting, Min(lists, sorting.count));
	sorting.extents = palloc0(sorting.fine.count * sizeof(Extent));

	TupleDesc	row = CreateTemplateTupleDesc(2);
	AttrNumber	keys[1] = {1};
	Oid			operators[1] = {Int4LessOperator}, collations[1] = {InvalidOid};
	bool		nulls_first[1] = {false};

	TupleDescInitEntry(row, 1, "list", INT4OID, -1, 0);
	TupleDescInitEntry(row, 2, "record", BYTEAOID, -1, 0);
	sorting.slot = MakeSingleTupleTableSlot(row, &TTSOpsVirtual);
	sorting.sort = tuplesort_begin_heap(row, 1, keys, operators, collations, nulls_first, maintenance_work_mem, NULL, TUPLESORT_NONE);
	read_all(&sorting, schema, geometry, model, through, 1);
	tuplesort_performsort(sorting.sort);
	ExecDropSingleTupleTableSlot(sorting.slot);
	sorting.slot = MakeSingleTupleTableSlot(row, &TTSOpsMinimalTuple);
	put_lists(&sorting, result);
	put_groups(&sorting, result);
	ExecDropSingleTupleTableSlot(sorting.slot);
	tuplesort_end(sorting.sort);
	return (Datum) 0;
}

static void
place_list(Reading *rows, int64 generation, int32 list, ListPlace *place)
{
	for (int32 part = 0; part < ROWS_LOCATED && find_part(rows, generation, list, BTEqualStrategyNumber, part); part++)
		place->rows[part] = rows->slot->tts_tid;
}

/* Arguments: a row of middles. Returns it with the places of what these are the middles of. */
Datum
native_placed(PG_FUNCTION_ARGS)
{
	int64		generation = PG_GETARG_INT64(0);
	int32		list = PG_GETARG_INT32(1);
	bytea	   *codes = PG_GETARG_BYTEA_P_COPY(2);
	Relation	look = open_table(get_func_namespace(fcinfo->flinfo->fn_oid), "look");
	Reading		rows = read_by_index(look, open_primary_key(look), 3, 0);
	const CodesHeader *header = (const CodesHeader *) VARDATA(codes);
	CodesRow	row;

	if (!read_codes((struct varlena *) codes, header->dimension, &row) || row.rest_size != row.header->count * (list == GROUPS ? sizeof(ListGroup) : sizeof(Extent)))
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("row %d of look is not one of middles", list));
	for (int32 i = 0; i < row.header->count; i++)
	{
		if (list == GROUPS)
			place_list(&rows, generation, MIDDLES_OF(row.header->first + i), &((ListGroup *) row.rest)[i].place);
		else
			place_list(&rows, generation, row.header->first + i, &((Extent *) row.rest)[i].place);
	}
	end_reading(&rows);
	PG_RETURN_BYTEA_P(codes);
}
