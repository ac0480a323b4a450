/* Which lists a search knows: of the groups that are most like the query, or of the regions that the area meets. */
#include "looking.h"

#include "utils/fmgroids.h"

/* Room for what is known, at first: of most searches all of it. */
#define LISTS_AT_FIRST 4096

/* A row of a list: this part of it, or the first from there on. */
bool
find_part(Reading *rows, int64 generation, int32 list, StrategyNumber strategy, int32 part)
{
	ScanKeyData keys[3];

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(generation));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(list));
	ScanKeyInit(&keys[2], 3, strategy, strategy == BTEqualStrategyNumber ? F_INT4EQ : F_INT4GE, Int32GetDatum(part));
	return find_row(rows, keys, 3);
}

/* The codes of the row at hand. false: they are not what they should be. */
static bool
codes_at_hand(const Reading *rows, AttrNumber codes, int32 dimension, Size more, CodesRow *row)
{
	return read_codes(PG_DETOAST_DATUM(value_of(rows, codes)), dimension, row)
		&& row->header->count <= UINT8_MAX && row->rest_size == row->header->count * more;
}

static bool
row_at_hand(const Looking *looking, Size more, CodesRow *row)
{
	prefetch_row(&looking->rows, 1);
	return codes_at_hand(&looking->rows, looking->codes, looking->search->model.dimension, more, row);
}

/* Where a part of a list is, or is likely to be: rows that fill their pages are written one after the other. */
static ItemPointerData
place_of(const ListPlace *place, int32 part)
{
	ItemPointerData at = place->rows[Min(part, ROWS_LOCATED - 1)];

	if (part >= ROWS_LOCATED && ItemPointerIsValid(&at))
		ItemPointerSet(&at, ItemPointerGetBlockNumber(&at) + part - (ROWS_LOCATED - 1), FirstOffsetNumber);
	return at;
}

/* A part of a list, or of a group's middles, where it is likely to be, or by its key. */
static bool
go_to_part(Looking *looking, int32 list, int32 part, const ListPlace *place)
{
	Reading    *rows = &looking->rows;
	ItemPointerData at = place_of(place, part);
	int64		generation = looking->search->model.generation;

	return (fetch_row(rows, looking->blocks, &at)
			&& int8_of(rows, looking->generation) == generation && int4_of(rows, looking->list) == list && int4_of(rows, looking->part) == part)
		|| find_part(rows, generation, list, BTEqualStrategyNumber, part);
}

/* Asks memory for a part of a list that will be read next. */
void
read_list_soon(const Looking *looking, int32 part, const ListPlace *place)
{
	ItemPointerData at = place_of(place, part);

	fetch_soon(&looking->rows, &at, share_before_members(looking->query.dimension));
}

/* false: a row is not what it should be. */
bool
read_list(Looking *looking, int32 list, int32 part, const ListPlace *place, SketchesRow *row)
{
	if (!go_to_part(looking, list, part, place))
		return false;
	prefetch_row(&looking->rows, share_before_members(looking->query.dimension));
	return read_sketches(PG_DETOAST_DATUM(value_of(&looking->rows, looking->codes)), looking->search->model.dimension, row);
}

/* false: there are none. */
bool
rank_groups(Looking *looking)
{
	int32		room = 0;

	for (bool found = find_part(&looking->rows, looking->search->model.generation, GROUPS, BTGreaterEqualStrategyNumber, 0); found; found = next_row(&looking->rows))
	{
		CodesRow	row;
		float4		cosines[UINT8_MAX];

		if (!row_at_hand(looking, sizeof(ListGroup), &row))
			return false;
		likely_cosines(&looking->query, &row, cosines);
		if (looking->group_count + row.header->count > room)
			looking->groups = larger_in_reach(looking->groups, (room = 2 * (looking->group_count + row.header->count)) * sizeof(NearGroup));
		for (int32 i = 0; i < row.header->count; i++)
		{
			enqueue(&looking->nearest_groups, cosines[i], looking->group_count);
			looking->groups[looking->group_count++] = (NearGroup) {.number = row.header->first + i, .lists = ((const ListGroup *) row.rest)[i]};
		}
	}
	return looking->group_count > 0;
}

/* Makes the lists of a group known; next: of which those will be that are next; NULL: it is not known. */
static void
know_lists(Looking *looking, const NearGroup *group, const ListGroup *next)
{
	int32		count = 0;

	if (looking->known + group->lists.count > looking->list_room)
		looking->lists = larger_in_reach(looking->lists, (looking->list_room = Max(LISTS_AT_FIRST, 2 * (looking->known + group->lists.count))) * sizeof(NearList));
	for (int32 part = 0; count < group->lists.count; part++)
	{
		CodesRow	row;
		float4		cosines[UINT8_MAX];

		if (!go_to_part(looking, MIDDLES_OF(group->number), part, &group->lists.place) || !row_at_hand(looking, sizeof(Extent), &row) || row.header->count == 0)
			break;

		bool		same = next == NULL || count + row.header->count < group->lists.count;
		ItemPointerData soon = same ? place_of(&group->lists.place, part + 1) : place_of(&next->place, 0);

		fetch_soon(&looking->rows, &soon, 1);
		likely_cosines(&looking->query, &row, cosines);
		for (int32 i = 0; i < row.header->count && count < group->lists.count; i++, count++)
		{
			const Extent *extent = (const Extent *) row.rest + i;

			if (extent->count == 0)
				continue;
			enqueue(&looking->nearest_lists, cosines[i], looking->known);
			looking->lists[looking->known++] = (NearList) {.cosine = cosines[i], .number = group->lists.first + count, .extent = *extent};
		}
	}
	looking->opened++;
}

/* Makes the lists of the nearest group known. false: those of all groups are. */
bool
open_group(Looking *looking)
{
	int32		nearest;

	if (!dequeue(&looking->nearest_groups, &nearest))
		return false;

	int32		next = soon_in_queue(&looking->nearest_groups, 0);

	know_lists(looking, &looking->groups[nearest], next < 0 ? NULL : &looking->groups[next].lists);
	return true;
}

/* How much of a box lies in another one. */
static double
overlap(const float4 *box, const Box *other)
{
	return Max(0, Min(box[2], other->east) - Max(box[0], other->west)) * Max(0, Min(box[3], other->north) - Max(box[1], other->south));
}

typedef struct
{
	float4		box[4];
	int32		number;
	Region		region;
} BoxedRegion;

/* The regions of a model. */
typedef struct
{
	Oid			schema;
	int64		generation;
	int32		count;
	BoxedRegion *regions;
} Regions;

/* Those of one generation never change, so a session keeps what it has read. */
static const Regions *
regions_of(const Search *search)
{
	static Regions kept = {0};

	if (kept.schema == search->schema && kept.generation == search->model.generation)
		return &kept;

	Relation	look = open_table(search->schema, "look");
	Reading		rows = read_by_index(look, open_primary_key(look), 3, 0);
	AttrNumber	codes = column(look, "codes", BYTEAOID);
	Regions		read = {.schema = search->schema, .generation = search->model.generation};
	int32		room = 0;

	for (bool found = find_part(&rows, read.generation, REGIONS, BTGreaterEqualStrategyNumber, 0); found; found = next_row(&rows))
	{
		CodesRow	row;

		if (!codes_at_hand(&rows, codes, search->model.dimension, sizeof(Region), &row))
		{
			read.count = 0;
			break;
		}
		if (read.count + row.header->count > room)
			read.regions = larger(read.regions, (room = 2 * (read.count + row.header->count)) * sizeof(BoxedRegion));
		for (int32 i = 0; i < row.header->count; i++)
		{
			BoxedRegion *boxed = &read.regions[read.count++];

			*boxed = (BoxedRegion) {.number = row.header->first + i, .region = ((const Region *) row.rest)[i]};
			memcpy(boxed->box, row.boxes + 4 * i, sizeof(boxed->box));
		}
	}
	end_reading(&rows);
	read.regions = keep(read.regions, read.count * sizeof(BoxedRegion), kept.regions);
	kept = read;
	return &kept;
}

/* Finds the regions that the area meets. */
RegionsMet
meet_regions(const Search *search)
{
	RegionsMet	met = {0};

	if (!search->in_area || !search->model.sorted)
		return met;

	const Regions *all = regions_of(search);

	met.found = palloc(Max(1, all->count) * sizeof(int32));
	for (int32 i = 0; i < all->count; i++)
	{
		const float4 *box = all->regions[i].box;
		const Region *region = &all->regions[i].region;
		Lie			lie = tile_meets(box, &search->box) ? lie_of_tile(search->outline, box) : BESIDE;

		if (lie == BESIDE)
			continue;
		met.found[met.count++] = i;
		met.tiles += region->tiles;

		double		size = (box[2] - box[0]) * (box[3] - box[1]), common = overlap(box, &search->box);

		if (lie == INSIDE)
		{
			met.inside += size;
			met.inside_tiles += region->tiles;
		}
		else
		{
			met.partly += common;
			met.partly_tiles += region->tiles * common / Max(size, 1e-12);
		}
	}
	return met;
}

/* Makes the lists of all regions known that the area meets. */
void
open_regions(Looking *looking, const RegionsMet *met)
{
	const Regions *all = regions_of(looking->search);

	for (int32 i = 0; i < met->count; i++)
	{
		const BoxedRegion *boxed = &all->regions[met->found[i]];

		know_lists(looking, &(NearGroup) {.number = boxed->number, .lists = boxed->region.lists}, i + 1 < met->count ? &all->regions[met->found[i + 1]].region.lists : NULL);
	}
}
