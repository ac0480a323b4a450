/*
 * Searches lists of vectors that look alike (sorting.c).
 *
 * The groups of lists whose middles are nearest are opened, and of the lists that are known then those whose middles are nearest are looked into first. Then those that reach into the
 * answer: whose inner tenth may be as near as the answer's last. And four times as many altogether as it took to find what is now the answer: where nothing that passes is like the query,
 * it comes from lists further away.
 */
#include "looking.h"

#include <math.h>

#include "storage/bufmgr.h"

/*
 * Lists that are looked into at least where everything passes, and with this root of the share, more where little does: after too few the answer is still far away, and many lists
 * reach into it. How many times as many as it took to find the answer. And after how many something is compared for the first time.
 */
#define LEAST_LISTS 16
#define ROOT 8
#define PERSISTENCE 4
#define SOON 4
/*
 * Of so many groups at least the lists are known where everything passes, and of more where little does, for what is near then lies in more lists: as the root of the share. And of so
 * many for each list that is wanted, as a group holds lists that are far from its own middle. And of so many that they hold so many lists: of a small table all.
 */
#define LEAST_GROUPS 8
#define GROUPS_FOR_EACH 1
#define LEAST_KNOWN 192
/* So many lists, of so many groups, tell whether look and place go together. */
#define TRIED_LISTS 4
#define TRIED_GROUPS 4
/* Where a larger part of the known lists reaches into the answer, more become known. */
#define CROWDED 4
/* Where less passes, as much is known and looked into as if so much did. */
#define LEAST_SHARE 0.01
/* Room for what waits, at first: of the first lists all of it. */
#define WAITING_AT_FIRST 512
/* Of six standard deviations, within which a vector is for certain (codes.c), these are enough where not everything has to be found. */
#define DOUBT (3.3f / 6.0f)
/* The cosine of the angle, seen from a middle, between query and list: 1 means that the list's vectors lie towards the query, and in many dimensions none does. */
#define TOWARDS 0.95f
/* So many of what waits are asked of memory before their turn. */
#define LOOKED_AHEAD 3
#define RECALLED_AHEAD 2

/* Whether a vector may pass, by its run, its collection, its cell's dates, and its box. */
static bool
may_pass(const Search *search, const float4 *box, const Member *member)
{
	if (search->in_area && !tile_meets(box, &search->box))
		return false;
	if (search->dates.given && (member->from_day == NO_DAY || (!search->dates.open_from && member->to_day < day_of(search->dates.from))
								|| (!search->dates.open_to && member->from_day > day_of(search->dates.to))))
		return false;
	return !is_hidden(search, member->run) && is_in_collections(search, member->collection);
}

/* The places in a row of what may be near enough. Returns how many there are; memory has been asked for what is said of them. */
static int32
near_enough(const SketchesRow *row, const float4 *least, double furthest, int32 *places)
{
	float4		limit = furthest;
	int32		count = 0;

	/* What is no number may be anywhere. Without a branch, for few are. */
	for (int32 i = 0; i < row->header->count; i++)
	{
		places[count] = i;
		count += !(least[i] > limit);
	}
	for (int32 i = 0; i < count; i++)
	{
		__builtin_prefetch(&row->spots[places[i]]);
		__builtin_prefetch(&row->members[places[i]]);
	}
	return count;
}

/* What may belong to the answer of a row of a list whose middle has this cosine. Most is too far away, so that comes first. */
static void
judge_row(Looking *looking, const SketchesRow *row, float4 cosine, double furthest)
{
	const Search *search = looking->search;
	float4		least[UINT8_MAX];
	int32		places[UINT8_MAX], count;

	least_by_sketches(&looking->sketched, row, cosine, least);
	count = near_enough(row, least, furthest, places);
	if (looking->waiting_count + count > looking->waiting_room)
		looking->waiting = repalloc_huge(looking->waiting, (looking->waiting_room *= 2) * sizeof(Waiting));
	for (int32 i = 0; i < count; i++)
	{
		Waiting    *waiting = &looking->waiting[looking->waiting_count];
		int32		place = places[i];

		box_at(row, place, waiting->box);
		if (!may_pass(search, waiting->box, &row->members[place]))
			continue;
		waiting->least = isnan(least[place]) ? 0 : least[place];
		waiting->turn = looking->turns;
		waiting->coded = waiting->awaited = false;
		waiting->member = row->members[place];
		looking->waiting_count++;
	}
	looking->read += row->header->count;
}

/* Nothing further away belongs to the answer. */
static double
furthest_of(const Search *search, const Answer *answer)
{
	return answer->count < search->k ? INFINITY : answer->hits[answer->count - 1].distance;
}

/* Asks memory for the first of these lists, and for what is remembered of those that follow it. */
static void
look_soon(const Looking *looking, const Queue *following)
{
	for (int32 turn = 0; turn <= RECALLED_AHEAD; turn++)
	{
		int32		next = soon_in_queue(following, turn);

		if (next < 0)
			return;

		const ListPlace *place = &looking->lists[next].extent.place;

		if (turn == 0)
			read_list_soon(looking, 0, place);
		else
			recall_soon(&looking->rows, &place->rows[0]);
	}
}

/* following: lists of which the first will be looked into next. false: a row is not what it should be. */
static bool
look_into(Looking *looking, NearList *list, const Queue *following, const Answer *answer)
{
	const Search *search = looking->search;

	list->done = true;
	for (int32 part = 0, read = 0; read < list->extent.count; part++)
	{
		SketchesRow row;

		if (!read_list(looking, list->number, part, &list->extent.place, &row))
			return false;
		read += row.header->count;
		if (read < list->extent.count)
			read_list_soon(looking, part + 1, &list->extent.place);
		else
			look_soon(looking, following);
		judge_row(looking, &row, list->cosine, furthest_of(search, answer));
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

/* The code of a member in the row at hand, and its place there. false: the row holds others. */
static bool
holds_code(const Looking *looking, const CodesReading *reading, const Member *member, CodesRow *row, int32 *place)
{
	if (!read_codes(PG_DETOAST_DATUM(value_of(&reading->rows, reading->codes)), looking->query.dimension, row) || row->rest_size != row->header->count * sizeof(Locator))
		return false;
	*place = member->place - (int32) row->header->first;
	return *place >= 0 && *place < row->header->count && ((const Locator *) row->rest)[*place].hash[0] == member->hash;
}

/* The row of codes that holds a member, where it was, or by its key. false: it is gone with its cell. */
static bool
find_code(Looking *looking, const Member *member, CodesRow *row, int32 *place)
{
	const CodesReading *were = &looking->code_rows;
	CodesReading *cells = &looking->cells;

	if (fetch_row(&looking->code_rows.rows, were->blocks, &member->codes) && int8_of(&were->rows, were->cell) == cell_of(member) && holds_code(looking, were, member, row, place))
		return true;
	if (cells->rows.table == NULL)
		*cells = read_all_codes(looking->search->schema);
	return find_codes(&cells->rows, cell_of(member), BTEqualStrategyNumber, member->place / looking->codes_per_row) && holds_code(looking, cells, member, row, place);
}

/* Reads the code of what waits. false: it is gone, or further away, or elsewhere. */
static bool
read_code_of(Looking *looking, Waiting *waiting, double furthest)
{
	const Search *search = looking->search;
	CodesRow	row;
	int32		place;

	if ((search->in_area && lie_of_tile(search->outline, waiting->box) == BESIDE) || !find_code(looking, &waiting->member, &row, &place))
		return false;
	least_distances(&looking->query, &row, &place, 1, DOUBT, &waiting->least);
	waiting->coded = true;
	waiting->awaited = false;
	waiting->locator = ((const Locator *) row.rest)[place];
	waiting->per_pack = row.header->per_pack;
	memcpy(waiting->box, row.boxes + 4 * place, sizeof(waiting->box));
	return waiting->least <= furthest;
}

/* Compares a vector itself. */
static void
compare_coded(Looking *looking, const Waiting *waiting, Answer *answer)
{
	const Search *search = looking->search;
	const Member *member = &waiting->member;
	Placed		vector = {
		.locator = waiting->locator, .cell = cell_of(member), .collection = member->collection, .place = member->place, .per_pack = waiting->per_pack
	};
	Lie			lie = search->in_area ? lie_of_tile(search->outline, waiting->box) : INSIDE;
	Candidate	candidate;
	Hit			hit;

	if (lie != BESIDE && compare_vector(&looking->lookup.vectors, &looking->packs, search->schema, &vector, &looking->question, 0, &candidate)
		&& candidate.distance <= furthest_of(search, answer) && find_hit(search, &looking->lookup, &candidate, member->collection, lie == INSIDE, &hit)
		&& (answer->count < search->k || compare_hits(&hit, &answer->hits[answer->count - 1]) < 0))
		enter(looking, answer, &hit, waiting->turn);
}

/* Asks memory for what will be read of something that waits; negative: of nothing. */
static void
compare_soon(const Looking *looking, int32 place)
{
	Waiting    *waiting = place < 0 ? NULL : &looking->waiting[place];

	if (waiting == NULL || waiting->awaited)
		return;
	waiting->awaited = true;

	if (waiting->coded)
		fetch_soon(&looking->lookup.vectors.reading, &waiting->locator.row, 1);
	else
		code_soon(&looking->code_rows, &waiting->member.codes, looking->query.dimension, waiting->member.place % looking->codes_per_row);
}

/* Compares what waits, the likeliest first, until no more of it can be nearer than the answer's last. */
static void
compare_waiting_ones(Looking *looking, Answer *answer)
{
	const Search *search = looking->search;
	int32		place;

	empty_queue(&looking->likeliest);
	for (int32 i = 0; i < looking->waiting_count; i++)
		if (looking->waiting[i].least <= furthest_of(search, answer))
		{
			recall_soon(&looking->code_rows.rows, &looking->waiting[i].member.codes);
			enqueue(&looking->likeliest, -looking->waiting[i].least, i);
		}
	while (dequeue(&looking->likeliest, &place))
	{
		Waiting    *waiting = &looking->waiting[place];
		double		furthest = furthest_of(search, answer);

		for (int32 turn = 0; turn < LOOKED_AHEAD; turn++)
			compare_soon(looking, soon_in_queue(&looking->likeliest, turn));
		if (waiting->least > furthest)
			break;
		if (waiting->coded)
			compare_coded(looking, waiting, answer);
		else if (read_code_of(looking, waiting, furthest))
			enqueue(&looking->likeliest, -waiting->least, place);
	}
	looking->waiting_count = 0;
}

/* Whether a list's extent reaches as near as the answer's last is, which has this cosine. */
static bool
reaches(const NearList *list, float4 cosine)
{
	return list->cosine * list->extent.cosine + TOWARDS * sqrtf(Max(0, 1 - list->cosine * list->cosine)) * list->extent.sine >= cosine;
}

/* Whether enough lists are known to find so many that are near. */
static bool
enough_known(const Looking *looking, int32 wanted)
{
	double		groups = Max(looking->least_groups, GROUPS_FOR_EACH * wanted);

	return looking->known >= LEAST_KNOWN && looking->opened >= groups;
}

/* The nearest list that has not been looked into. NULL: there is none. */
static NearList *
nearest_list(Looking *looking, int32 wanted)
{
	int32		place;

	while (!enough_known(looking, wanted) && open_group(looking))
		;
	do
		while (dequeue(&looking->nearest_lists, &place))
			if (!looking->lists[place].done)
				return &looking->lists[place];
	while (open_group(looking));
	return NULL;
}

/* So many lists are to be looked into, by where the answer was found. */
static int32
lists_wanted(const Looking *looking, const Answer *answer)
{
	int32		last = 0;

	if (answer->count < looking->search->k)
		return Max(looking->least_lists, looking->turns * 2);
	for (int32 i = 0; i < answer->count; i++)
		last = Max(last, looking->found_in[i]);
	return Max(looking->least_lists, PERSISTENCE * (last + 1));
}

/* Whether as much of the first lists passes as is hoped for: where look and place go together, much more does than of all. */
static bool
keeps_promise(Looking *looking, double hoped, const Answer *answer)
{
	const Search *search = looking->search;
	double		groups = looking->least_groups;
	int32		passing = 0;
	NearList   *list;

	looking->least_groups = TRIED_GROUPS;
	while (looking->turns < TRIED_LISTS && (list = nearest_list(looking, 0)) != NULL)
		if (!look_into(looking, list, &looking->nearest_lists, answer))
			return false;
	looking->least_groups = groups;
	/* Nothing is too far away yet: what may pass waits. */
	for (int64 i = 0; i < looking->waiting_count; i++)
		passing += !search->in_area || lie_of_tile(search->outline, looking->waiting[i].box) != BESIDE;
	return passing >= hoped * looking->read;
}

/* Looks into as many lists as are wanted, the nearest first. false: it takes too long. */
static bool
look_into_nearest(Looking *looking, double most, Answer *answer)
{
	NearList   *list;

	for (int32 wanted = lists_wanted(looking, answer); looking->turns < wanted && (list = nearest_list(looking, wanted)) != NULL;)
	{
		if (!look_into(looking, list, &looking->nearest_lists, answer) || looking->read > most)
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
			/* They are as long as those before. */
			if (looking->read / looking->turns * wanted > most)
				return false;
		}
	}
	compare_waiting_ones(looking, answer);
	return true;
}

/* The known lists that reach into the answer and have not been looked into. Returns how many vectors they hold. */
static double
find_reaching(const Looking *looking, float4 cosine, Queue *reaching, int32 *count)
{
	double		vectors = 0;

	*count = 0;
	empty_queue(reaching);
	for (int32 i = 0; i < looking->known; i++)
	{
		const NearList *list = &looking->lists[i];

		if (list->done || !reaches(list, cosine))
			continue;
		vectors += list->extent.count;
		enqueue(reaching, list->cosine, i);
		(*count)++;
	}
	return vectors;
}

/* Looks into the lists that reach into the answer. false: it would take too long. */
static bool
look_into_reaching(Looking *looking, double most, Answer *answer)
{
	float4		cosine = 1 - furthest_of(looking->search, answer);
	Queue		reaching = {0};
	int32		count, groups, place;
	double		vectors;

	if (answer->count < looking->search->k)
		return true;
	/* Where many of the known ones do, some of further groups do, too. */
	do
	{
		vectors = find_reaching(looking, cosine, &reaching, &count);
		groups = looking->opened;
		while (count > looking->known / CROWDED && looking->opened < 2 * groups && open_group(looking))
			;
	} while (looking->opened > groups);
	if (looking->read + vectors > most)
		return false;
	while (dequeue(&reaching, &place))
	{
		NearList   *list = &looking->lists[place];

		/* The answer may have come nearer. */
		if (!reaches(list, 1 - furthest_of(looking->search, answer)))
			continue;
		if (!look_into(looking, list, &reaching, answer))
			return false;
		compare_waiting_ones(looking, answer);
	}
	return true;
}

Looking *
begin_looks(const Search *search)
{
	Looking    *looking = palloc(sizeof(Looking));
	Relation	look = open_table(search->schema, "look");

	*looking = (Looking) {
		.search = search, .query = code_query(search->query),
		.question = {.tiles = search->tiles, .query = search->query, .vector_type = search->outside->vector_type, .distance = search->distance},
		.rows = read_by_index(look, open_primary_key(look), 3, 0), .blocks = RelationGetNumberOfBlocks(look),
		.generation = column(look, "generation", INT8OID), .list = column(look, "list", INT4OID), .part = column(look, "part", INT4OID), .codes = column(look, "codes", BYTEAOID),
		.code_rows = read_code_rows(search->schema), .codes_per_row = codes_per_row(search->model.dimension, sizeof(Locator)), .lookup = begin_lookup(search),
		.waiting = larger_in_reach(NULL, WAITING_AT_FIRST * sizeof(Waiting)), .waiting_room = WAITING_AT_FIRST, .found_in = palloc(search->k * sizeof(int32))
	};
	looking->sketched = sketch_query(&looking->query);
	return looking;
}

/* Nothing is known yet, or any more. share: of the vectors in lists that are likely to pass. */
static void
begin_anew(Looking *looking, double share, Answer *answer)
{
	share = Max(LEAST_SHARE, share);
	looking->least_lists = LEAST_LISTS / pow(share, 1.0 / ROOT);
	looking->least_groups = LEAST_GROUPS / sqrt(share);
	empty_queue(&looking->nearest_groups);
	empty_queue(&looking->nearest_lists);
	looking->group_count = looking->opened = looking->known = looking->turns = 0;
	looking->waiting_count = 0;
	looking->read = 0;
	answer->count = 0;
}

static bool
look_into_known(Looking *looking, double most, Answer *answer)
{
	return look_into_nearest(looking, most, answer) && look_into_reaching(looking, most, answer) && look_into_nearest(looking, most, answer);
}

/*
 * Searches the lists of all tiles. hoped: the share of the nearest lists' vectors that has to pass; most: vectors that may be read. false: it would take more, less passes, or there are no
 * lists: other ways are to be gone.
 */
bool
look_everywhere(Looking *looking, double share, double hoped, double most, Answer *answer)
{
	bool		useful;

	begin_anew(looking, share, answer);
	useful = rank_groups(looking) && (hoped == 0 || keeps_promise(looking, hoped, answer)) && look_into_known(looking, most, answer);
	answer->read += looking->read;
	return useful;
}

/* Searches the lists of the regions that the area meets. false: it would take more. */
bool
look_in_regions(Looking *looking, const RegionsMet *met, double share, double most, Answer *answer)
{
	bool		useful;

	begin_anew(looking, share, answer);
	looking->least_lists += met->count;
	open_regions(looking, met);
	useful = look_into_known(looking, most, answer);
	answer->read += looking->read;
	return useful;
}

void
end_looks(Looking *looking)
{
	end_lookup(&looking->lookup);
	if (looking->packs.rows.table != NULL)
		end_reading(&looking->packs.rows);
	if (looking->cells.rows.table != NULL)
		end_reading(&looking->cells.rows);
	end_reading(&looking->code_rows.rows);
	end_reading(&looking->rows);
}
