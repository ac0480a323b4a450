/* Whether lists by look are asked, and which: where that takes less time than comparing what lies in the area, which finds all that is near. */
#include "search.h"

#include <math.h>

/* Microseconds of searching lists by look, altogether and of each vector; vectors that are read at least, and to find one that passes. */
#define LOOKS_START 300
#define LOOKS_ROW 0.04
#define LOOKS_READ 1200
#define LOOKS_PER_HIT 20
/* And of each tile of a region, whose lists have to be known first. */
#define REGION_TILE 0.0003
/* And so many times as long altogether, since it takes that where little in the area is like the query. */
#define REGIONS_DOUBT 1.5
/* Of ten times as many rows as these each takes so much more to compare. */
#define FEW_ROWS 10000
#define SCATTERING 0.5
/* Where comparing takes so long, and not so many times as much is likely to pass as lists need, some lists are looked into to see whether they do. */
#define TRIAL_WORTHWHILE 1000
#define TRIAL_NEEDLESS 4

/* What runs hold that are younger than the lists, compared exactly, takes its places in the answer of the lists. */
static void
add_younger(const Search *search, Answer *answer)
{
	NearCells	near = {0};
	Search		younger = *search;
	Answer		more = {.hits = palloc(search->k * sizeof(Hit))};

	if (!runs_outside_lists(search))
		return;
	younger.after_run = search->model.through_run;
	younger.near = &near;
	compare_all(&younger, &more);
	end_near(&near);

	Hit		   *all = palloc((answer->count + more.count) * sizeof(Hit));
	int32		count = answer->count + more.count;

	memcpy(all, answer->hits, answer->count * sizeof(Hit));
	memcpy(all + answer->count, more.hits, more.count * sizeof(Hit));
	qsort(all, count, sizeof(Hit), compare_hits);
	answer->read += more.read;
	answer->count = Min(search->k, count);
	memcpy(answer->hits, all, answer->count * sizeof(Hit));
}

/* How many vectors of lists are read in this time. */
static double
looks_within(double microseconds)
{
	return (microseconds - LOOKS_START) / LOOKS_ROW;
}

/* How long it takes to find k in lists of vectors of which this share passes, if look and place have nothing to do with each other. */
static double
looks_time(const Search *search, double share)
{
	return LOOKS_START + LOOKS_ROW * (LOOKS_READ + LOOKS_PER_HIT * search->k / share);
}

/* How many times as long it takes to compare each of so many rows as one of few, which stay in the processor's caches. */
static double
scattering(double rows)
{
	return 1 + SCATTERING * Max(0, log10(rows / FEW_ROWS));
}

/* Whether the lists of all tiles gave the answer, in less than other_time. */
static bool
ask_all_lists(const Search *search, Looking *looking, double share, double other_time, Answer *answer)
{
	/* So much of what can be read meanwhile has to pass. */
	double		needed = LOOKS_PER_HIT * search->k / Max(1, looks_within(other_time) - LOOKS_READ), hoped = 0;

	/* Where look and place go together, more of what is near passes than of all, and where they are at odds, less. */
	if (other_time >= TRIAL_WORTHWHILE && share < TRIAL_NEEDLESS * needed)
		hoped = needed;
	else if (share < needed)
		return false;
	/* Where the guess was wrong, it has cost as much as the other way takes. */
	return look_everywhere(looking, Max(share, hoped), hoped, other_time / LOOKS_ROW, answer);
}

/* Of rows that are likely to pass. Returns which lists gave the answer, in less than exact_time; NULL: none did. */
static const char *
ask_lists(const Search *search, const RegionsMet *met, double total, double rows, double exact_time, Answer *answer)
{
	double		share = Min(1, Max(1, rows) / total), share_there = met->tiles > 0 ? Min(1, Max(1, rows) / met->tiles) : 0;
	double		regions_time = met->tiles > 0 ? REGIONS_DOUBT * (looks_time(search, share_there) + REGION_TILE * met->tiles) : INFINITY;
	/* What is hard to find in all lists is in those of regions, too, but for what is left out by asking these. */
	double		other_time = share < share_there ? Min(exact_time, regions_time / (1 - share / share_there)) : exact_time;
	const char *way = NULL;
	Looking    *looking = begin_looks(search);

	if (ask_all_lists(search, looking, share, other_time, answer))
		way = "lists";
	else if (regions_time < exact_time && look_in_regions(looking, met, share_there, exact_time / LOOKS_ROW, answer))
		way = "lists of regions";
	end_looks(looking);
	if (way != NULL)
		add_younger(search, answer);
	return way;
}

/* As ask_lists, by an estimate of its own. */
const char *
ask_lists_roughly(const Search *search, const RegionsMet *met, const Costs *costs, Answer *answer)
{
	double		total = search->model.sorted ? rows_of_model(search) : 0;

	if (total <= 0)
		return NULL;

	double		rows = rough_rows(search, total, costs->cells_looked_at, met), exact_time = rows * costs->exact_row * scattering(rows);

	return exact_time < looks_time(search, 1) ? NULL : ask_lists(search, met, total, rows, exact_time, answer);
}

/* Whether lists gave the answer, of which this share is likely to pass, in less than exact_time. */
bool
ask_lists_within(const Search *search, double share, double exact_time, Answer *answer)
{
	double		total = rows_of_model(search);

	if (total <= 0 || exact_time < looks_time(search, 1))
		return false;

	RegionsMet	met = meet_regions(search);

	return ask_lists(search, &met, total, share * total, exact_time, answer) != NULL;
}
