/*
 * Searches lists of vectors that look alike (sorting.c).
 *
 * The lists whose middles are nearest are looked into first. Then those that reach into the answer: whose inner tenth is, at the angle between query and middle, at most as far away as
 * the answer's last. And four times as many altogether as it took to find what is now the answer: where nothing that passes is like the query, it comes from lists further away.
 */
#include "looks.h"
#include "packs.h"
#include "search.h"

#include <math.h>

#include "lib/binaryheap.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

/* Lists that are looked into at least; how many times as many as it took to find the answer. */
#define LEAST_LISTS 10
#define PERSISTENCE 4
#define SOON 2

/* The middles of lists, which a session keeps until the lists are made anew. */
typedef struct
{
	Oid			schema;
	int32		model;
	int64		generation;
	MemoryContext context;
	CodesRow   *rows;
	int32		row_count;
	int32		count;			/* lists */
	Extent	   *extents;
	/* Room for a search. */
	float4	   *cosines;
	int32	   *reaching;
} KnownMiddles;

/* The cosine of a list that is not to be looked into any more. */
#define DONE (-2)

typedef struct
{
	float4		least;
	int32		turn;			/* how many lists were looked into before its own */
	int32		per_pack;
	Member		member;
} Waiting;

typedef struct
{
	const Search *search;
	CodedQuery	query;
	Question	question;
	Reading		rows;
	AttrNumber	codes;
	PackReading packs;
	Lookup		lookup;
	const KnownMiddles *middles;
	float4	   *cosines;		/* between the query and the middles of lists that have not been looked into */
	Waiting    *waiting;
	int64		waiting_count, waiting_room;
	int32		turns;			/* lists that have been looked into */
	int32	   *found_in;		/* of each hit, the turn in which its list was looked into */
	double		read;			/* vectors */
} Looking;

static int
compare_waiting(Datum a, Datum b, void *argument)
{
	float4		x = ((const Waiting *) DatumGetPointer(a))->least, y = ((const Waiting *) DatumGetPointer(b))->least;

	/* The first of the heap is the largest. */
	return (y > x) - (y < x);
}

/* The rows of a list, or of the middles. */
static bool
find_list(Reading *rows, const Model *model, int32 list)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model->generation));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(list));
	return find_row(rows, keys, 2);
}

static const KnownMiddles *
middles_of(Looking *looking)
{
	static KnownMiddles kept = {0};
	const Search *search = looking->search;
	KnownMiddles middles = {.schema = search->schema, .model = search->model.id, .generation = search->model.generation};
	int32		room = 64;

	if (kept.schema == search->schema && kept.model == search->model.id && kept.generation == search->model.generation)
		return &kept;

	middles.context = AllocSetContextCreate(CurrentMemoryContext, "tilescout middles", ALLOCSET_DEFAULT_SIZES);
	middles.rows = MemoryContextAlloc(middles.context, room * sizeof(CodesRow));
	for (bool found = find_list(&looking->rows, &search->model, MIDDLES); found; found = next_row(&looking->rows))
	{
		bool		null;
		struct varlena *value = PG_DETOAST_DATUM(value_of(&looking->rows, looking->codes, &null));
		struct varlena *copy = memcpy(MemoryContextAlloc(middles.context, VARSIZE_ANY(value)), value, VARSIZE_ANY(value));

		if (middles.row_count == room)
			middles.rows = repalloc(middles.rows, (room *= 2) * sizeof(CodesRow));
		if (!read_codes(copy, search->model.dimension, &middles.rows[middles.row_count])
			|| middles.rows[middles.row_count].rest_size != middles.rows[middles.row_count].header->count * sizeof(Extent))
			break;
		middles.count += middles.rows[middles.row_count++].header->count;
	}
	middles.extents = MemoryContextAlloc(middles.context, Max(1, middles.count) * sizeof(Extent));
	middles.cosines = MemoryContextAlloc(middles.context, Max(1, middles.count) * sizeof(float4));
	middles.reaching = MemoryContextAlloc(middles.context, Max(1, middles.count) * sizeof(int32));
	for (int32 i = 0, list = 0; i < middles.row_count; list += middles.rows[i++].header->count)
		memcpy(middles.extents + list, middles.rows[i].rest, middles.rows[i].rest_size);
	/* Complete, it outlives the search. */
	MemoryContextSetParent(middles.context, TopMemoryContext);
	if (kept.context != NULL)
		MemoryContextDelete(kept.context);
	kept = middles;
	return &kept;
}

static void
rank_lists(Looking *looking)
{
	const KnownMiddles *middles = looking->middles;

	looking->cosines = middles->cosines;
	for (int32 i = 0, list = 0; i < middles->row_count; list += middles->rows[i++].header->count)
		likely_cosines(&looking->query, &middles->rows[i], middles->cosines + list);
	for (int32 i = 0; i < middles->count; i++)
		if (middles->extents[i].count == 0)
			looking->cosines[i] = DONE;
}

/* Whether a vector may pass, by its run, its cell's dates, and its box. */
static bool
may_pass(const Search *search, const float4 *box, const Member *member)
{
	if (search->in_area && !tile_meets(box, &search->box))
		return false;
	if (search->dates.given && (member->from_hour == NO_HOUR || (!search->dates.open_from && member->to_hour < hour_of(search->dates.from))
								|| (!search->dates.open_to && member->from_hour > hour_of(search->dates.to))))
		return false;
	return !is_hidden(search, member->run);
}

/* What may belong to the answer of a list's row. */
static void
judge_row(Looking *looking, const CodesRow *row, double furthest)
{
	const Search *search = looking->search;
	const Member *members = (const Member *) row->rest;
	int32		count = row->header->count, places[UINT8_MAX] = {0}, inside = 0;
	float4		least[UINT8_MAX];

	for (int32 i = 0; i < count; i++)
		if (may_pass(search, row->boxes + 4 * i, &members[i]))
			places[inside++] = i;
	least_distances(&looking->query, row, places, inside, least);
	if (looking->waiting_count + inside > looking->waiting_room)
		looking->waiting = repalloc_huge(looking->waiting, (looking->waiting_room *= 2) * sizeof(Waiting));
	for (int32 i = 0; i < inside; i++)
		if (least[i] <= furthest)
			looking->waiting[looking->waiting_count++] = (Waiting) {.least = least[i], .turn = looking->turns, .per_pack = row->header->per_pack, .member = members[places[i]]};
	looking->read += count;
}

/* Nothing further away belongs to the answer. */
static double
furthest_of(const Search *search, const Answer *answer)
{
	return answer->count < search->k ? INFINITY : answer->hits[answer->count - 1].distance;
}

/* false: a row is not what it should be. */
static bool
look_into(Looking *looking, int32 list, const Answer *answer)
{
	const Search *search = looking->search;

	looking->cosines[list] = DONE;
	for (bool found = find_list(&looking->rows, &search->model, list); found; found = next_row(&looking->rows))
	{
		bool		null;
		CodesRow	row;

		if (!read_codes(PG_DETOAST_DATUM(value_of(&looking->rows, looking->codes, &null)), search->model.dimension, &row)
			|| row.header->count > UINT8_MAX || row.rest_size != row.header->count * sizeof(Member))
			return false;
		judge_row(looking, &row, furthest_of(search, answer));
	}
	looking->turns++;
	return true;
}

/* Puts a hit where it belongs; the last makes room. */
static void
enter(Looking *looking, Answer *answer, const Hit *hit, int32 turn)
{
	int32		at = answer->count < looking->search->k ? answer->count++ : answer->count - 1;

	for (; at > 0 && compare_hits(hit, &answer->hits[at - 1]) < 0; at--)
	{
		answer->hits[at] = answer->hits[at - 1];
		looking->found_in[at] = looking->found_in[at - 1];
	}
	answer->hits[at] = *hit;
	looking->found_in[at] = turn;
}

/* Compares what waits, the likeliest first, until no more of it can be nearer than the answer's last. */
static void
compare_waiting_ones(Looking *looking, Answer *answer)
{
	const Search *search = looking->search;
	binaryheap *likeliest = binaryheap_allocate(Max(1, looking->waiting_count), compare_waiting, NULL);

	for (int64 i = 0; i < looking->waiting_count; i++)
		binaryheap_add_unordered(likeliest, PointerGetDatum(&looking->waiting[i]));
	binaryheap_build(likeliest);
	while (!binaryheap_empty(likeliest))
	{
		const Waiting *waiting = (const Waiting *) DatumGetPointer(binaryheap_remove_first(likeliest));
		Candidate	candidate;
		Hit			hit;

		if (waiting->least > furthest_of(search, answer))
			break;
		if (compare_one(&looking->packs, cell_of(&waiting->member), waiting->member.place, waiting->per_pack, &looking->question, 0, &candidate)
			&& candidate.distance <= furthest_of(search, answer)
			&& find_hit(search, &looking->lookup, &candidate, waiting->member.collection, false, &hit)
			&& (answer->count < search->k || compare_hits(&hit, &answer->hits[answer->count - 1]) < 0))
			enter(looking, answer, &hit, waiting->turn);
	}
	binaryheap_free(likeliest);
	looking->waiting_count = 0;
}

/* Whether a list's extent reaches as near as the answer's last is. */
static bool
reaches(const Looking *looking, int32 list, float4 cosine, float4 sine)
{
	const Extent *extent = &looking->middles->extents[list];

	/* Of the two angles' sum, which is less than half a turn. */
	return looking->cosines[list] != DONE && (looking->cosines[list] >= cosine * extent->cosine - sine * extent->sine || cosine < -extent->cosine);
}

/* The list whose middle is nearest; -1: all have been looked into. */
static int32
nearest_list(const Looking *looking)
{
	float4		most = DONE;
	int32		count = looking->middles->count, nearest = 0;

	for (int32 i = 0; i < count; i++)
		most = Max(most, looking->cosines[i]);
	if (most == DONE)
		return -1;
	while (looking->cosines[nearest] != most)
		nearest++;
	return nearest;
}

static int
compare_by_middle(const void *a, const void *b, void *cosines)
{
	float4		x = ((const float4 *) cosines)[*(const int32 *) a], y = ((const float4 *) cosines)[*(const int32 *) b];

	return (x < y) - (x > y);
}

/* So many lists are to be looked into, by where the answer was found. */
static int32
lists_wanted(const Looking *looking, const Answer *answer)
{
	int32		last = 0;

	if (answer->count < looking->search->k)
		return Max(LEAST_LISTS, looking->turns * 2);
	for (int32 i = 0; i < answer->count; i++)
		last = Max(last, looking->found_in[i]);
	return Max(LEAST_LISTS, PERSISTENCE * (last + 1));
}

/* Looks into as many lists as are wanted, the nearest first. false: it takes too long. */
static bool
look_into_nearest(Looking *looking, double most, Answer *answer)
{
	int32		list;

	for (int32 wanted = lists_wanted(looking, answer); looking->turns < wanted && (list = nearest_list(looking)) >= 0;)
	{
		if (!look_into(looking, list, answer) || looking->read > most)
			return false;

		/* Soon once, so that little of what follows may still belong to the answer. */
		if (looking->turns == SOON || looking->turns >= wanted)
			compare_waiting_ones(looking, answer);
		if (looking->turns >= wanted)
		{
			/* As many passed of what was read. */
			if (answer->count < looking->search->k && looking->read * looking->search->k / (answer->count + 1) > most)
				return false;
			wanted = lists_wanted(looking, answer);
		}
	}
	compare_waiting_ones(looking, answer);
	return true;
}

/* Looks into the lists that reach into the answer. false: it would take too long. */
static bool
look_into_reaching(Looking *looking, double most, Answer *answer)
{
	float4		cosine = 1 - furthest_of(looking->search, answer), sine = sqrtf(Max(0, 1 - cosine * cosine));
	int32	   *lists = looking->middles->reaching, count = 0;
	double		vectors = looking->read;

	if (answer->count < looking->search->k)
		return true;
	for (int32 i = 0; i < looking->middles->count; i++)
		if (reaches(looking, i, cosine, sine))
		{
			vectors += looking->middles->extents[i].count;
			lists[count++] = i;
		}
	if (vectors > most)
		return false;
	qsort_arg(lists, count, sizeof(int32), compare_by_middle, looking->cosines);
	for (int32 i = 0; i < count; i++)
	{
		/* The answer may have come nearer. */
		cosine = 1 - furthest_of(looking->search, answer);
		if (!reaches(looking, lists[i], cosine, sqrtf(Max(0, 1 - cosine * cosine))))
			continue;
		if (!look_into(looking, lists[i], answer))
			return false;
		compare_waiting_ones(looking, answer);
	}
	return true;
}

/* most: vectors that may be read. false: it would take more, or there are no lists: other ways are to be gone. */
bool
search_looks(const Search *search, double most, Answer *answer)
{
	Relation	look = open_table(search->schema, "look");
	Looking		looking = {
		.search = search, .query = code_query(search->query),
		.question = {.query = search->query, .vector_type = search->outside->vector_type, .distance = search->distance},
		.rows = read_by_index(look, open_primary_key(look), 2, 0), .codes = column(look, "codes", BYTEAOID),
		.packs = read_packs(search->schema, search->outside->vector_type, 2), .lookup = begin_lookup(search),
		.waiting = palloc(1024 * sizeof(Waiting)), .waiting_room = 1024, .found_in = palloc(search->k * sizeof(int32))
	};
	bool		useful;

	looking.middles = middles_of(&looking);
	answer->count = 0;
	useful = looking.middles->count > 0;
	if (useful)
	{
		rank_lists(&looking);
		useful = look_into_nearest(&looking, most, answer) && look_into_reaching(&looking, most, answer) && look_into_nearest(&looking, most, answer);
	}
	end_lookup(&looking.lookup);
	end_reading(&looking.packs.rows);
	end_reading(&looking.rows);
	return useful;
}
