/*
 * The vectors of cells one after the other, the nearest first.
 *
 * Codes (codes.c) say how near each vector is at least, and are read four times as fast as vectors are. Those that may be the nearest are compared themselves, and handed out once
 * nothing that has not been compared can be nearer. Where a cell has no codes, or so many vectors lie about equally far that codes tell them apart too badly, all are compared.
 */
#include "codes.h"
#include "outline.h"
#include "packs.h"

#include "lib/pairingheap.h"
#include "utils/memutils.h"

/* Least distances, 0 to 2, are sorted into so many bins. */
#define BINS 1024
/* Further away than anything is: it lies beside the area. */
#define OUT_OF_QUESTION 9
/* Looking one vector up and comparing it takes as long as comparing so many that are read one after the other. */
#define COMPARED_MEANWHILE 12
/* So few are compared pack by pack, those packs only that they lie in. */
#define FEW 2048
/* Where all are compared, so many are kept at first: most searches find what they want among them. */
#define LEAST_DEPTH 128
/* Four bytes are kept of each. */
#define MOST_BY_CODES (16 << 20)
/* And where so many are; others are found by their cells and places. */
#define MOST_LOCATED (1 << 20)

/* Where a vector's row is, and its tile. */
typedef struct
{
	Locator		locator;
	float4		box[4];
} Located;

/* A vector that may be near. */
typedef struct
{
	float4		least;
	int32		piece;
	int32		place;			/* in its cell */
	Located		located;
} Gathered;

/* One that has been compared. */
typedef struct
{
	pairingheap_node node;
	Candidate	candidate;
} Compared;

struct Ranking
{
	Oid			schema;
	Question   *question;
	const Cells *cells;
	Candidate	last;			/* the one that was handed out last */
	bool		begun;

	/* By codes. */
	bool		by_codes;
	CodedQuery	query;
	int32		per_pack;
	float4	   *least;			/* of all vectors of the cells */
	int64		count, room, inside;	/* inside: of the question */
	Located    *located;		/* the first ones */
	int64		located_count;
	int64	   *ends;			/* of each cell, the end of its vectors */
	int32		bins[BINS];
	int32		bin;			/* those before it have been gathered */
	double		edge;			/* nothing nearer is left to be gathered */
	int64		wanted;
	Gathered   *gathered;
	int64		gathered_count, gathered_at, compared_count;
	pairingheap *compared;
	int32		model;
	VectorRows *rows;
	VectorRows	own_rows;
	PackReading packs;			/* for what has moved */

	/* All compared. */
	Candidate  *nearest;
	int64		nearest_count, nearest_at, depth;
};

/* Of what is no number, the first. */
static int32
bin_of(float4 distance)
{
	return distance > 0 ? Min(BINS - 1, (int32) (distance * (BINS / 2))) : 0;
}

static int
compare_distances(const pairingheap_node *a, const pairingheap_node *b, void *argument)
{
	const Candidate *x = &((const Compared *) a)->candidate, *y = &((const Compared *) b)->candidate;
	const Cells *cells = argument;

	/* The first of the heap is the largest. */
	return compare_ranks(y->distance, &y->tile, cells->collections[y->piece], x->distance, &x->tile, cells->collections[x->piece]);
}

static int
compare_least(const void *a, const void *b)
{
	const Gathered *x = a, *y = b;

	return (x->least > y->least) - (x->least < y->least);
}

static void
make_room(Ranking *ranking, int32 count)
{
	if (ranking->count + count <= ranking->room)
		return;
	ranking->room = Max(ranking->room * 2, ranking->count + Max(count, 1024));
	ranking->least = larger(ranking->least, ranking->room * sizeof(float4));
	if (ranking->located_count == ranking->count)
		ranking->located = larger(ranking->located, Min(ranking->room, MOST_LOCATED) * sizeof(Located));
}

/* Where vectors are that are about to be counted, as long as there is room for that; NULL: nobody will ask for these. */
static void
keep_located(Ranking *ranking, const CodesRow *row, int32 count)
{
	Located    *located = ranking->located + ranking->located_count;

	if (ranking->located_count < ranking->count || ranking->located_count + count > MOST_LOCATED)
		return;
	for (int32 i = 0; row != NULL && i < count; i++)
	{
		located[i].locator = ((const Locator *) row->rest)[i];
		memcpy(located[i].box, row->boxes + 4 * i, sizeof(located[i].box));
	}
	ranking->located_count += count;
}

/* Nothing of what they hold may pass. */
static void
pass_over(Ranking *ranking, int32 count)
{
	make_room(ranking, count);
	for (int32 i = 0; i < count; i++)
		ranking->least[ranking->count + i] = OUT_OF_QUESTION;
	keep_located(ranking, NULL, count);
	ranking->count += count;
}

/* How the box round some tiles lies to the area. */
static Lie
lie_of_part(const Question *question, const float4 *box)
{
	if (!tile_meets(box, &question->box))
		return BESIDE;
	return question->area == NULL ? UNCLEAR : lie_of_tile(question->area, box);
}

/* What may pass of a row of codes. */
static void
judge(Ranking *ranking, const CodesRow *row, bool everywhere)
{
	int32		count = row->header->count, places[UINT8_MAX] = {0}, inside = 0;
	float4		least[UINT8_MAX], *all = ranking->least + ranking->count;

	for (int32 i = 0; i < count; i++)
	{
		all[i] = OUT_OF_QUESTION;
		if (everywhere || tile_meets(row->boxes + 4 * i, &ranking->question->box))
			places[inside++] = i;
	}
	least_distances(&ranking->query, row, places, inside, 1, least);
	for (int32 i = 0; i < inside; i++)
	{
		all[places[i]] = least[i];
		ranking->bins[bin_of(least[i])]++;
	}
	keep_located(ranking, row, count);
	ranking->count += count;
	ranking->inside += inside;
}

/* The row of codes at hand, of the cell whose vectors begin at start. false: it is another than expected. */
static bool
judge_row(Ranking *ranking, const CodesReading *reading, int64 start, bool everywhere)
{
	CodesRow	row;

	prefetch_row(&reading->rows, 1);
	if (!read_codes(PG_DETOAST_DATUM(value_of(&reading->rows, reading->codes)), ranking->query.dimension, &row)
		|| row.header->first != ranking->count - start || row.header->count > UINT8_MAX || row.rest_size != row.header->count * sizeof(Locator))
		return false;
	if (ranking->per_pack == 0)
	{
		ranking->per_pack = row.header->per_pack;
		ranking->model = row.header->model;
	}
	if (row.header->per_pack != ranking->per_pack || row.header->model != ranking->model || ranking->count > MOST_BY_CODES)
		return false;
	make_room(ranking, row.header->count);
	judge(ranking, &row, everywhere);
	return true;
}

/* The rows that the cell names, where they were, or by their keys; those beside the area are not read. */
static bool
read_parts(Ranking *ranking, CodesReading *reading, int32 piece, bool everywhere)
{
	struct varlena *value = ranking->cells->parts[piece];
	const CodesPart *parts = (const CodesPart *) VARDATA(value);
	int32		count = VARSIZE_ANY_EXHDR(value) / sizeof(CodesPart);
	int64		cell = ranking->cells->ids[piece], start = ranking->count;

	for (int32 part = 0; part < count; part++)
	{
		Lie			lie = everywhere ? INSIDE : lie_of_part(ranking->question, parts[part].box);

		if (lie == BESIDE)
			pass_over(ranking, parts[part].count);
		else if ((!(fetch_row(&reading->rows, reading->blocks, &parts[part].row)
					&& int8_of(&reading->rows, reading->cell) == cell && int4_of(&reading->rows, reading->part) == part)
				  && !find_codes(&reading->rows, cell, BTEqualStrategyNumber, part))
				 || !judge_row(ranking, reading, start, lie == INSIDE))
			return false;
	}
	return true;
}

/* The codes of one cell. false: it has none, or others than expected. */
static bool
read_cell(Ranking *ranking, CodesReading *reading, int32 piece)
{
	int64		start = ranking->count;
	bool		everywhere = ranking->cells->sures[piece] || !ranking->question->in_box;

	if (ranking->cells->parts != NULL && ranking->cells->parts[piece] != NULL)
	{
		if (!read_parts(ranking, reading, piece, everywhere))
			return false;
	}
	else
		for (bool found = find_codes(&reading->rows, ranking->cells->ids[piece], BTGreaterEqualStrategyNumber, 0); found; found = next_row(&reading->rows))
			if (!judge_row(ranking, reading, start, everywhere))
				return false;
	ranking->ends[piece] = ranking->count;
	return ranking->count > start;
}

/* How near every vector is at least. false: codes do not tell. */
static bool
judge_all(Ranking *ranking)
{
	CodesReading reading = read_all_codes(ranking->schema);
	bool		known = true;

	ranking->ends = palloc(ranking->cells->count * sizeof(int64));
	for (int32 piece = 0; known && piece < ranking->cells->count; piece++)
		known = read_cell(ranking, &reading, piece);
	end_reading(&reading.rows);
	return known;
}

static int
compare_places(const void *a, const void *b)
{
	const Gathered *x = a, *y = b;

	return x->piece != y->piece ? x->piece - y->piece : x->place - y->place;
}

/* The vectors of the next bins, some `most` or more, in order. */
static void
gather(Ranking *ranking, int64 most, int (*order) (const void *, const void *))
{
	/* It meets every box. */
	static const Located unknown = {.box = {-180, -90, 180, 90}};
	double		from = ranking->bin == 0 ? -1 : ranking->edge;
	int64		count = 0, start = 0;

	while (ranking->bin < BINS && count < most)
		count += ranking->bins[ranking->bin++];
	ranking->edge = ranking->bin == BINS ? OUT_OF_QUESTION : ranking->bin / (BINS / 2.0);
	if (ranking->gathered != NULL)
		pfree(ranking->gathered);
	ranking->gathered = MemoryContextAllocHuge(CurrentMemoryContext, Max(1, count) * sizeof(Gathered));
	ranking->gathered_count = ranking->gathered_at = 0;
	for (int32 piece = 0; piece < ranking->cells->count; start = ranking->ends[piece++])
		for (int64 i = start; i < ranking->ends[piece]; i++)
			if (ranking->least[i] < ranking->edge && ranking->least[i] >= from)
				ranking->gathered[ranking->gathered_count++] = (Gathered) {.least = ranking->least[i], .piece = piece, .place = i - start, .located = i < ranking->located_count ? ranking->located[i] : unknown};
	qsort(ranking->gathered, ranking->gathered_count, sizeof(Gathered), order);
}

static void
compare_itself(Ranking *ranking, const Gathered *gathered)
{
	Placed		vector = {
		.locator = gathered->located.locator, .cell = ranking->cells->ids[gathered->piece], .collection = ranking->cells->collections[gathered->piece], .place = gathered->place, .per_pack = ranking->per_pack
	};
	Candidate	candidate;

	ranking->compared_count++;
	if (ranking->question->area != NULL && lie_of_tile(ranking->question->area, gathered->located.box) == BESIDE)
		return;
	if (!compare_vector(ranking->rows, &ranking->packs, ranking->schema, &vector, ranking->question, gathered->piece, &candidate))
		return;

	Compared   *compared = palloc(sizeof(Compared));

	compared->candidate = candidate;
	pairingheap_add(ranking->compared, &compared->node);
}

static const Candidate *
nearest_compared(const Ranking *ranking)
{
	return pairingheap_is_empty(ranking->compared) ? NULL : &((Compared *) pairingheap_first(ranking->compared))->candidate;
}

/* More that may be the nearest. false: codes tell too little, and comparing all takes less time. */
static bool
gather_more(Ranking *ranking)
{
	if (ranking->inside > ranking->wanted * 2 && ranking->compared_count * COMPARED_MEANWHILE <= ranking->inside)
	{
		gather(ranking, ranking->wanted, compare_least);
		ranking->wanted *= 4;
		return true;
	}
	if (ranking->inside - ranking->compared_count > FEW)
		return false;
	gather(ranking, PG_INT64_MAX, compare_places);
	for (int64 i = 0; i < ranking->gathered_count; i++)
		compare_itself(ranking, &ranking->gathered[i]);
	ranking->gathered_at = ranking->gathered_count;
	return true;
}

/* false: nothing is left, or by_codes is no more. */
static bool
next_by_codes(Ranking *ranking, Candidate *candidate)
{
	for (;;)
	{
		const Candidate *first = nearest_compared(ranking);

		for (; ranking->gathered_at < ranking->gathered_count && (first == NULL || ranking->gathered[ranking->gathered_at].least <= first->distance); first = nearest_compared(ranking))
			compare_itself(ranking, &ranking->gathered[ranking->gathered_at++]);
		if (first != NULL && (first->distance < ranking->edge || ranking->bin == BINS))
		{
			*candidate = *first;
			pfree(pairingheap_remove_first(ranking->compared));
			return true;
		}
		if (ranking->bin == BINS)
			return false;
		if (!gather_more(ranking))
		{
			ranking->by_codes = false;
			return false;
		}
	}
}

/* Whether it comes after what was handed out, by codes too: these leave out what lies beside the area, so that numbers of what was handed out tell nothing. */
static bool
is_next(const Ranking *ranking, const Candidate *candidate)
{
	const int32 *collections = ranking->cells->collections;
	const Candidate *last = &ranking->last;

	return !ranking->begun
		|| compare_ranks(candidate->distance, &candidate->tile, collections[candidate->piece], last->distance, &last->tile, collections[last->piece]) > 0;
}

/* Of so many more, as often as they do not suffice. */
static bool
next_of_all(Ranking *ranking, Candidate *candidate)
{
	for (;;)
	{
		for (; ranking->nearest_at < ranking->nearest_count; ranking->nearest_at++)
			if (is_next(ranking, &ranking->nearest[ranking->nearest_at]))
			{
				*candidate = ranking->nearest[ranking->nearest_at++];
				return true;
			}
		if (ranking->depth > 0 && ranking->nearest_count < ranking->depth)
			return false;
		if (ranking->nearest != NULL)
			pfree(ranking->nearest);
		ranking->depth = ranking->depth == 0 ? Max(LEAST_DEPTH, ranking->wanted) : ranking->depth * 8;
		ranking->nearest_count = nearest_of_cells(ranking->schema, ranking->question, ranking->cells, ranking->depth, &ranking->nearest);
		ranking->nearest_at = 0;
	}
}

/* rows: those of the model, where the caller reads them anyway; NULL: it does not. wanted: about how many will be asked for. */
Ranking *
begin_ranking(Oid schema, Question *question, const Cells *cells, VectorRows *rows, double wanted)
{
	Ranking    *ranking = palloc0(sizeof(Ranking));

	ranking->schema = schema;
	ranking->question = question;
	ranking->cells = cells;
	ranking->wanted = Max(16, Min(wanted, MOST_BY_CODES));
	ranking->query = code_query(question->query);
	ranking->by_codes = ranking->query.values != NULL && cells->count > 0 && judge_all(ranking);
	if (ranking->by_codes)
	{
		ranking->compared = pairingheap_allocate(compare_distances, (void *) cells);
		if (rows == NULL)
			ranking->own_rows = read_vectors(schema, ranking->model, question->vector_type);
		ranking->rows = rows != NULL ? rows : &ranking->own_rows;
	}
	return ranking;
}

bool
next_nearest(Ranking *ranking, Candidate *candidate)
{
	bool		found = (ranking->by_codes && next_by_codes(ranking, candidate)) || (!ranking->by_codes && next_of_all(ranking, candidate));

	if (found)
	{
		ranking->last = *candidate;
		ranking->begun = true;
	}
	return found;
}

void
end_ranking(Ranking *ranking)
{
	if (ranking->own_rows.reading.table != NULL)
		end_reading(&ranking->own_rows.reading);
	if (ranking->packs.rows.table != NULL)
		end_reading(&ranking->packs.rows);
	pfree(ranking);
}
