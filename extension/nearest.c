/* The nearest vectors of cells, all of which are compared themselves. */
#include "packs.h"

#include "lib/binaryheap.h"
#include "utils/memutils.h"

/* The nearest so far. */
typedef struct
{
	Candidate  *members;
	int64		room;
	int64		depth;			/* most that are kept */
	binaryheap *by_rank;		/* places in members; the first is the furthest of them */
	const int32 *collections;
} Nearest;

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

/* everywhere: the pack's cell is sure, or there is no box to meet. */
static void
rank_pack(const PackReading *reading, Question *question, int32 piece, bool everywhere, Nearest *nearest)
{
	Pack		pack;
	Candidate	candidate;

	if (!unpack(reading, question, &pack))
		return;
	for (int32 i = 0; i < pack.count; i++)
		if ((everywhere || tile_meets(pack.boxes + 4 * i, &question->box)) && consider(&pack, i, question, piece, &candidate))
			offer(nearest, &candidate);
}

static void
rank_cells(Oid schema, Question *question, const Cells *cells, Nearest *nearest)
{
	PackReading reading = read_packs(schema, question->vector_type, 1);
	MemoryContext of_pack = AllocSetContextCreate(CurrentMemoryContext, "tilescout pack", ALLOCSET_DEFAULT_SIZES);

	for (int32 piece = 0; piece < cells->count; piece++)
	{
		bool		everywhere = cells->sures[piece] || !question->in_box;

		for (bool found = find_packs(&reading, cells->ids[piece]); found; found = next_row(&reading.rows))
		{
			if (!everywhere && !pack_meets(&reading, &question->box))
				continue;

			/* The heap grows in the context that it came from; what is unpacked goes. */
			MemoryContext outer = MemoryContextSwitchTo(of_pack);

			rank_pack(&reading, question, piece, everywhere, nearest);
			MemoryContextSwitchTo(outer);
			MemoryContextReset(of_pack);
		}
	}
	MemoryContextDelete(of_pack);
	end_reading(&reading.rows);
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
