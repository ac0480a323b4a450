/* Rows of tilescout.look, as native_looks returns them. */
#include "sketches.h"
#include "sorting.h"

#include <math.h>

/* The share of a list's vectors that its extent holds. */
#define INNER 0.1

/* Frees the row. */
static void
put_value(const Writing *writing, int32 list, int32 part, bytea *row)
{
	Datum		values[3] = {Int32GetDatum(list), Int32GetDatum(part), PointerGetDatum(row)};
	bool		nulls[3] = {false, false, false};

	tuplestore_putvalues(writing->result->setResult, writing->result->setDesc, values, nulls);
	pfree(row);
}

/* A row of records, the first of which has this number, and what follows each of these. */
void
put_row(const Writing *writing, int32 list, int32 part, int32 first, char *const *records, int32 count, Size more)
{
	Size		start = codes_size(writing->dimension, count), size = VARHDRSZ + start + count * more, record = record_size(writing->dimension);
	bytea	   *row = palloc0(size);

	SET_VARSIZE(row, size);
	write_records(VARDATA(row), (CodesHeader) {.dimension = writing->dimension, .count = count, .per_pack = writing->per_pack, .first = first, .model = writing->model},
				  (const char *const *) records);
	for (int32 i = 0; i < count; i++)
		memcpy(VARDATA(row) + start + i * more, records[i] + record, more);
	put_value(writing, list, part, row);
}

char **
room_for_records(const Writing *writing, int32 count, Size more)
{
	char	  **records = palloc(count * sizeof(char *));

	for (int32 i = 0; i < count; i++)
		records[i] = palloc(record_size(writing->dimension) + more);
	return records;
}

static void
free_records(char **records, int32 count)
{
	for (int32 i = 0; i < count; i++)
		pfree(records[i]);
	pfree(records);
}

/* Rows of middles from start to end, with something that is said of each; base: the number of the first of all. */
void
put_middles(const Writing *writing, int32 list, const Middles *middles, int32 start, int32 end, int32 base, const void *more, Size size_of_more)
{
	int32		most = codes_per_row(writing->dimension, size_of_more), part = 0;
	char	  **records = room_for_records(writing, most, size_of_more);

	for (int32 first = start; first < end; first += most)
	{
		int32		count = Min(most, end - first);

		for (int32 i = 0; i < count; i++)
		{
			make_record(middles->values + (Size) (first + i) * writing->dimension, writing->dimension, records[i]);
			memcpy(records[i] + record_size(writing->dimension), (const char *) more + (first + i) * size_of_more, size_of_more);
		}
		put_row(writing, list, part++, base + first, records, count, size_of_more);
	}
	free_records(records, most);
}

static int
compare_cosines(const void *a, const void *b)
{
	float4		x = *(const float4 *) a, y = *(const float4 *) b;

	return (x < y) - (x > y);
}

static void
add_to_spread(Spread *spread, const Middles *middles, int32 middle, const char *record)
{
	float4		scale = scale_of_record(record), like;

	nearest_middle(middles, middle, middle + 1, record, &like);
	if (spread->count == spread->room)
		spread->cosines = repalloc_huge(spread->cosines, (spread->room *= 2) * sizeof(float4));
	/* What is rounded badly may be anywhere: at the middle, too. */
	spread->cosines[spread->count++] = scale > 0 ? scale * like : 1;
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

ListWriting
begin_lists(const Writing *writing, const Middles *middles, int32 base)
{
	ListWriting lists = {
		.writing = writing, .middles = middles, .base = base, .extents = palloc0(middles->count * sizeof(Extent)), .size = record_size(writing->dimension) + sizeof(Member),
		.most = sketches_per_row(writing->dimension), .list = -1, .spread = {.room = 4096}
	};

	lists.records = room_for_records(writing, lists.most, sizeof(Member));
	lists.spread.cosines = palloc(lists.spread.room * sizeof(float4));
	return lists;
}

static void
put_list_row(ListWriting *lists)
{
	if (lists->count > 0)
		put_value(lists->writing, lists->base + lists->list, lists->part++, sketches_of(lists->writing->dimension, lists->middles->values + (Size) lists->list * lists->writing->dimension, lists->records, lists->count));
	lists->count = 0;
}

static void
end_list(ListWriting *lists)
{
	put_list_row(lists);
	if (lists->list >= 0)
		lists->extents[lists->list] = extent_of(&lists->spread);
}

/* A record and its Member; list: of the first of all is 0. */
void
put_member(ListWriting *lists, int32 list, const char *record)
{
	if (list != lists->list)
	{
		end_list(lists);
		lists->list = list;
		lists->part = 0;
	}
	if (lists->count == lists->most)
		put_list_row(lists);
	memcpy(lists->records[lists->count], record, lists->size);
	add_to_spread(&lists->spread, lists->middles, list, lists->records[lists->count++]);
}

void
end_lists(ListWriting *lists)
{
	end_list(lists);
	free_records(lists->records, lists->most);
	pfree(lists->spread.cosines);
}
