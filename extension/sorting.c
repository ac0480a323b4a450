/*
 * native_looks: the vectors of a model sorted into lists by look, of all of it, and of each of its regions (regions.c).
 *
 * Lists have middles, found as k-means finds them, in two steps: those of groups first, and then so many within each of these, so that a vector is compared with few of them. All of it is
 * done with codes: what is a code's neighbour is nearly always the vector's, and a search looks into more lists than the one that it expects.
 */
#include "sorting.h"
#include "search.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "catalog/pg_operator_d.h"
#include "utils/tuplesort.h"

#define MOST_LISTS 65536

PG_FUNCTION_INFO_V1(native_looks);
PG_FUNCTION_INFO_V1(native_placed);

/* The cells of a model's runs up to this one, in no order. */
static SortedCell *
cells_through(Oid schema, int32 model, int32 through, int32 *count)
{
	Oid			cell = get_relname_relid("cell", schema);
	Reading		reading = read_whole(open_table(schema, "cell"));
	CellColumns columns = cell_columns(reading.table, get_atttype(cell, get_attnum(cell, "box")));
	int32		room = 1024;
	SortedCell *cells = palloc(room * sizeof(SortedCell));

	*count = 0;
	while (next_row(&reading))
	{
		bool		none, null;
		int64		id = int8_of(&reading, columns.id);
		Datum		from = value_or_null(&reading, columns.from, &none), to = value_or_null(&reading, columns.to, &null);

		if (int4_of(&reading, columns.model) != model || int4_of(&reading, columns.run) > through)
			continue;
		if (*count == room)
			cells = repalloc_huge(cells, (room *= 2) * sizeof(SortedCell));
		cells[(*count)++] = (SortedCell) {
			.id = id, .tiles = int4_of(&reading, columns.tiles), .member = {
				.run = (int32) (id >> 32), .number = (int32) (uint32) id, .collection = int4_of(&reading, columns.collection),
				.from_day = none ? NO_DAY : day_of(DatumGetTimestampTz(from)), .to_day = none ? NO_DAY : day_of(DatumGetTimestampTz(to))
			}
		};
	}
	end_reading(&reading);
	return cells;
}

static CellReading
read_cells(Oid schema, int32 dimension)
{
	Relation	code = open_table(schema, "code");

	return (CellReading) {.rows = read_by_index(code, open_primary_key(code), 1, 0), .codes = column(code, "codes", BYTEAOID), .dimension = dimension};
}

/* Every vector of a cell. Notes where the cell lies. */
void
take_cell(CellReading *reading, SortedCell *cell, Take take, void *taker)
{
	Size		size = record_size(reading->dimension);
	bytea	   *record = palloc(VARHDRSZ + size + sizeof(Member));
	bool		found = find_number(&reading->rows, cell->id);

	if (!found)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("cell %lld has no codes", (long long) cell->id));
	SET_VARSIZE(record, VARHDRSZ + size + sizeof(Member));
	for (; found; found = next_row(&reading->rows))
	{
		CodesRow	row;
		Member		member = cell->member;

		if (!read_codes(PG_DETOAST_DATUM(value_of(&reading->rows, reading->codes)), reading->dimension, &row) || row.rest_size != row.header->count * sizeof(Locator)
			|| row.header->first + row.header->count > UINT16_MAX)
			ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("cell %lld has codes of another version or dimension", (long long) cell->id));
		reading->per_pack = row.header->per_pack;
		member.codes = reading->rows.slot->tts_tid;
		cell->x = (row.boxes[0] + row.boxes[2]) / 2;
		cell->y = (row.boxes[1] + row.boxes[3]) / 2;
		for (int32 i = 0; i < row.header->count; i++)
		{
			member.place = row.header->first + i;
			member.hash = ((const Locator *) row.rest)[i].hash[0];
			read_record(&row, i, reading->dimension, VARDATA(record));
			memcpy(VARDATA(record) + size, &member, sizeof(Member));
			take(taker, record);
		}
	}
	pfree(record);
}

/* A systematic sample: one vector in `step`. */
typedef struct
{
	Records		records;
	int64		number;
	int32		step;
} Sampling;

static void
take_for_sample(void *taker, bytea *record)
{
	Sampling   *sampling = taker;

	if (sampling->number++ % sampling->step == 0 && sampling->records.count < sampling->records.room)
		memcpy(record_at(&sampling->records, sampling->records.count++), VARDATA(record), sampling->records.size);
}

/* All vectors, by their lists. */
typedef struct
{
	Groups		groups;
	Tuplesortstate *sort;
	TupleTableSlot *slot;
} ByList;

static void
take_for_lists(void *taker, bytea *record)
{
	ByList	   *by_list = taker;
	TupleTableSlot *slot = by_list->slot;

	ExecClearTuple(slot);
	slot->tts_values[0] = Int32GetDatum(list_of(&by_list->groups, VARDATA(record)));
	slot->tts_values[1] = PointerGetDatum(record);
	slot->tts_isnull[0] = slot->tts_isnull[1] = false;
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(by_list->sort, slot);
}

static void
begin_sort(ByList *by_list)
{
	TupleDesc	row = CreateTemplateTupleDesc(2);
	AttrNumber	keys[1] = {1};
	Oid			operators[1] = {Int4LessOperator}, collations[1] = {InvalidOid};
	bool		nulls_first[1] = {false};

	TupleDescInitEntry(row, 1, "list", INT4OID, -1, 0);
	TupleDescInitEntry(row, 2, "record", BYTEAOID, -1, 0);
	by_list->slot = MakeSingleTupleTableSlot(row, &TTSOpsVirtual);
	by_list->sort = tuplesort_begin_heap(row, 1, keys, operators, collations, nulls_first, maintenance_work_mem, NULL, TUPLESORT_NONE);
}

/* Ends the sort. Returns the extents of the lists. */
static Extent *
put_lists(const Writing *writing, ByList *by_list)
{
	ListWriting lists = begin_lists(writing, &by_list->groups.fine, 0);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(by_list->slot->tts_tupleDescriptor, &TTSOpsMinimalTuple);
	bool		null;

	tuplesort_performsort(by_list->sort);
	while (tuplesort_gettupleslot(by_list->sort, true, false, slot, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		put_member(&lists, DatumGetInt32(slot_getattr(slot, 1, &null)), VARDATA_ANY(DatumGetPointer(slot_getattr(slot, 2, &null))));
	}
	end_lists(&lists);
	ExecDropSingleTupleTableSlot(slot);
	ExecDropSingleTupleTableSlot(by_list->slot);
	tuplesort_end(by_list->sort);
	return lists.extents;
}

static void
put_groups(const Writing *writing, const Groups *groups, const Extent *extents)
{
	ListGroup  *lists = palloc(groups->coarse.count * sizeof(ListGroup));

	for (int32 i = 0; i < groups->coarse.count; i++)
	{
		lists[i] = (ListGroup) {.first = groups->first[i], .count = groups->first[i + 1] - groups->first[i]};
		put_middles(writing, MIDDLES_OF(i), &groups->fine, groups->first[i], groups->first[i + 1], 0, extents, sizeof(Extent));
	}
	put_middles(writing, GROUPS, &groups->coarse, 0, groups->coarse.count, 0, lists, sizeof(ListGroup));
}

/* Arguments: model, through_run, dimension, how many vectors there are. */
Datum
native_looks(PG_FUNCTION_ARGS)
{
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	Writing		writing = {.result = (ReturnSetInfo *) fcinfo->resultinfo, .model = PG_GETARG_INT32(0), .dimension = PG_GETARG_INT32(2)};
	double		total = PG_GETARG_INT64(3);
	int32		lists = Max(1, Min(MOST_LISTS, total / PER_LIST)), count;
	SortedCell *cells = cells_through(schema, writing.model, PG_GETARG_INT32(1), &count);
	CellReading reading = read_cells(schema, writing.dimension);
	Sampling	sampling = {.records = {.size = record_size(writing.dimension), .dimension = writing.dimension}};
	Records    *sample = &sampling.records;
	ByList		by_list;

	InitMaterializedSRF(fcinfo, 0);
	sample->room = Max(1, Min(Min(total, (double) lists * LEARNT_FROM), maintenance_work_mem * 1024.0 / sample->size));
	sample->data = MemoryContextAllocHuge(CurrentMemoryContext, sample->room * sample->size);
	sampling.step = Max(1, (int32) (total / sample->room));
	for (int32 i = 0; i < count; i++)
		take_cell(&reading, &cells[i], take_for_sample, &sampling);
	writing.per_pack = reading.per_pack;
	if (sample->count > 0)
	{
		by_list.groups = learn_groups(sample, Min(lists, sample->count));
		begin_sort(&by_list);
		for (int32 i = 0; i < count; i++)
			take_cell(&reading, &cells[i], take_for_lists, &by_list);
		put_groups(&writing, &by_list.groups, put_lists(&writing, &by_list));
		pfree(sample->data);
		put_regions(&writing, &reading, cells, count, by_list.groups.coarse.count, by_list.groups.fine.count);
	}
	end_reading(&reading.rows);
	return (Datum) 0;
}

static void
place_list(Reading *rows, int64 generation, int32 list, ListPlace *place)
{
	for (int32 part = 0; part < ROWS_LOCATED && find_part(rows, generation, list, BTEqualStrategyNumber, part); part++)
		place->rows[part] = rows->slot->tts_tid;
}

/* What is said of each middle of a row of this number, or of each region. */
static Size
size_of_more(int32 list)
{
	return list == GROUPS ? sizeof(ListGroup) : list == REGIONS ? sizeof(Region) : sizeof(Extent);
}

/* Arguments: a row of middles, or of regions. Returns it with the places of what these are the middles of. */
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

	if (!read_codes((struct varlena *) codes, header->dimension, &row) || row.rest_size != row.header->count * size_of_more(list))
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("row %d of look is not one of middles", list));
	for (int32 i = 0; i < row.header->count; i++)
	{
		int32		number = row.header->first + i;

		if (list == GROUPS)
			place_list(&rows, generation, MIDDLES_OF(number), &((ListGroup *) row.rest)[i].place);
		else if (list == REGIONS)
			place_list(&rows, generation, MIDDLES_OF(number), &((Region *) row.rest)[i].lists.place);
		else
			place_list(&rows, generation, number, &((Extent *) row.rest)[i].place);
	}
	end_reading(&rows);
	PG_RETURN_BYTEA_P(codes);
}
