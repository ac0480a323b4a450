/*
 * Lists of the vectors of each region: of some 64 cells that lie together.
 *
 * Of an area that holds a hundredth of ten million tiles, little or nothing is in those lists of all tiles that are most like a query, and to compare all of it takes milliseconds. In the
 * lists of the regions that the area meets, a large part of everything passes.
 */
#include "sorting.h"

#include <math.h>

#include "utils/memutils.h"

/* Vectors of a region: fewer, and the lists of more regions hold what is near; more, and more of them lies beside the area. */
#define PER_REGION 16384
/* Rounds of finding the middles of its lists. */
#define ROUNDS 3

typedef struct
{
	const Writing *writing;
	CellReading *reading;
	int32		next_group, next_list;
	MemoryContext scratch;		/* of one region */
	/* Rows that tell of regions. */
	char	  **records;
	int32		count, most, part;
} RegionWriting;

/* The vectors of a region, and the box round them. */
typedef struct
{
	Records		records;		/* and Members */
	float4		box[4];
} Gathering;

static void
take_for_region(void *taker, bytea *record)
{
	Gathering  *gathering = taker;
	Records    *records = &gathering->records;
	const float4 *box = box_of_record(VARDATA(record));

	if (records->count == records->room)
		records->data = repalloc_huge(records->data, (records->room *= 2) * records->size);
	memcpy(record_at(records, records->count++), VARDATA(record), records->size);
	for (int i = 0; i < 2; i++)
	{
		gathering->box[i] = Min(gathering->box[i], box[i]);
		gathering->box[i + 2] = Max(gathering->box[i + 2], box[i + 2]);
	}
}

/* Writes the lists of a region, and their middles. Returns how many there are. */
static int32
put_region_lists(RegionWriting *regions, const Records *records)
{
	int32		wanted = Max(1, records->count / PER_LIST), *nearest = palloc(records->count * sizeof(int32));
	int64		learnt_from = Min(records->count, (int64) wanted * LEARNT_FROM), *order = palloc(records->count * sizeof(int64));
	Middles		middles = room_for_middles(wanted, records->dimension);

	for (int64 i = 0; i < learnt_from; i++)
		order[i] = i * records->count / learnt_from;
	find_middles(records, &middles, 0, wanted, order, learnt_from, ROUNDS);
	sort_by_middle(records, &middles, nearest, order, palloc((wanted + 1) * sizeof(int64)));

	ListWriting lists = begin_lists(regions->writing, &middles, regions->next_list);

	for (int64 i = 0; i < records->count; i++)
		put_member(&lists, nearest[order[i]], record_at(records, order[i]));
	end_lists(&lists);
	put_middles(regions->writing, MIDDLES_OF(regions->next_group), &middles, 0, wanted, regions->next_list, lists.extents, sizeof(Extent));
	return wanted;
}

/* Writes the rows that tell of regions: those that are waiting for it. */
static void
put_region_row(RegionWriting *regions)
{
	if (regions->count > 0)
		put_row(regions->writing, REGIONS, regions->part++, regions->next_group - regions->count, regions->records, regions->count, sizeof(Region));
	regions->count = 0;
}

static void
put_region(RegionWriting *regions, SortedCell *cells, int32 count)
{
	MemoryContext outer = MemoryContextSwitchTo(regions->scratch);
	Gathering	gathering = {
		.records = {.size = record_size(regions->writing->dimension) + sizeof(Member), .dimension = regions->writing->dimension, .room = PER_REGION},
		.box = {INFINITY, INFINITY, -INFINITY, -INFINITY}
	};
	Records    *records = &gathering.records;

	records->data = MemoryContextAllocHuge(CurrentMemoryContext, records->room * records->size);
	/* Not in the context that is emptied below, for a scan keeps what it allocates. */
	MemoryContextSwitchTo(outer);
	for (int32 i = 0; i < count; i++)
		take_cell(regions->reading, &cells[i], take_for_region, &gathering);
	MemoryContextSwitchTo(regions->scratch);

	char	   *record = regions->records[regions->count];
	Region		region = {.tiles = records->count, .lists = {.first = regions->next_list, .count = put_region_lists(regions, records)}};
	Size		size = record_size(regions->writing->dimension);

	memset(record, 0, size);
	memcpy((float4 *) record + 3, gathering.box, sizeof(gathering.box));
	memcpy(record + size, &region, sizeof(Region));
	regions->count++;
	regions->next_group++;
	regions->next_list += region.lists.count;
	MemoryContextSwitchTo(outer);
	MemoryContextReset(regions->scratch);
	if (regions->count == regions->most)
		put_region_row(regions);
}

static int
compare_x(const void *a, const void *b)
{
	double		x = ((const SortedCell *) a)->x, y = ((const SortedCell *) b)->x;

	return (x > y) - (x < y);
}

static int
compare_y(const void *a, const void *b)
{
	double		x = ((const SortedCell *) a)->y, y = ((const SortedCell *) b)->y;

	return (x > y) - (x < y);
}

/* Orders cells along the longer side of the box round them, on the ground. */
static void
order_cells(SortedCell *cells, int32 count)
{
	double		west = INFINITY, south = INFINITY, east = -INFINITY, north = -INFINITY;

	for (int32 i = 0; i < count; i++)
	{
		west = Min(west, cells[i].x);
		east = Max(east, cells[i].x);
		south = Min(south, cells[i].y);
		north = Max(north, cells[i].y);
	}
	qsort(cells, count, sizeof(SortedCell), (east - west) * cos((south + north) / 2 * M_PI / 180) > north - south ? compare_x : compare_y);
}

static double
tiles_of(const SortedCell *cells, int32 count)
{
	double		tiles = 0;

	for (int32 i = 0; i < count; i++)
		tiles += cells[i].tiles;
	return tiles;
}

/* Halves cells until each part is a region. */
static void
put_regions_of(RegionWriting *regions, SortedCell *cells, int32 count)
{
	double		tiles = tiles_of(cells, count), left = 0;
	int32		parts = rint(tiles / PER_REGION), at = 0;

	if (parts < 2 || count < 2)
	{
		put_region(regions, cells, count);
		return;
	}
	order_cells(cells, count);
	do
		left += cells[at++].tiles;
	while (at < count - 1 && left < tiles * (parts / 2) / parts);
	put_regions_of(regions, cells, at);
	put_regions_of(regions, cells + at, count - at);
}

/* Numbers of groups and lists go on from these. Of a single region there is nothing: its lists would be those of all tiles. */
void
put_regions(const Writing *writing, CellReading *reading, SortedCell *cells, int32 count, int32 first_group, int32 first_list)
{
	RegionWriting regions = {
		.writing = writing, .reading = reading, .next_group = first_group, .next_list = first_list,
		.scratch = AllocSetContextCreate(CurrentMemoryContext, "tilescout region", ALLOCSET_DEFAULT_SIZES), .most = codes_per_row(writing->dimension, sizeof(Region))
	};

	if (rint(tiles_of(cells, count) / PER_REGION) < 2)
		return;
	regions.records = room_for_records(writing, regions.most, sizeof(Region));
	put_regions_of(&regions, cells, count);
	put_region_row(&regions);
	MemoryContextDelete(regions.scratch);
}
