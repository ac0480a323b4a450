/* What the usual search is made of. */
#ifndef TILESCOUT_SEARCH_H
#define TILESCOUT_SEARCH_H

#include "outline.h"
#include "rows.h"
#include "tilescout_packs.h"

#include "nodes/execnodes.h"
#include "utils/timestamp.h"

/* Times of acquisition; an end that is open restricts nothing. */
typedef struct
{
	bool		given;
	bool		open_from, open_to, with_from, with_to;
	TimestampTz from, to;
} Dates;

typedef struct
{
	int32		id, dimension;
	bool		sorted;			/* there are lists by look (sorting.c) */
	int32		through_run;	/* they hold runs up to this one */
	int64		generation;		/* of the lists */
} Model;

/* The columns of cell by number. */
typedef struct
{
	AttrNumber	id, model, run, collection, tiles, undated, from, to, box, parts;
} CellColumns;

/* Cells that may hold rows that pass, as far as they have been found; {0}: none yet. */
typedef struct
{
	Cells		cells;
	double		tiles, sure;	/* in all of them, and in those all of whose tiles pass */
	double		around;			/* in all whose boxes meet the area's box */
	bool		undated;		/* a date outside the range may be among them */
	bool		more;			/* than were asked for */
	/* How they are found. */
	Reading		reading;
	ScanKeyData key;
	CellColumns columns;
	bool		at_hand;		/* the next one */
	int32		room;
} NearCells;

/* A search by look and what is known of each vector. */
typedef struct
{
	Oid			schema;
	const Outside *outside;
	Model		model;
	int32		k;
	Datum		query;			/* halfvec of unit length */
	FmgrInfo	distance;
	bool		in_area;
	Datum		area;			/* a valid polygon in WGS84 degrees */
	Box			box;			/* the area's */
	Outline    *outline;
	FmgrInfo	intersects;
	MemoryContext scratch;
	Dates		dates;
	TileFilter	tiles;
	const int32 *collections;	/* NULL: all */
	int32		collection_count;
	bool		by_tile;		/* excluded is left out */
	pg_uuid_t	excluded;
	int32	   *hidden;			/* runs that are not published */
	int32		hidden_count;
	int32		after_run;		/* cells of earlier runs, and of this one, are left out */
	NearCells  *near;			/* what cells_near has found; NULL: it is not asked */
} Search;

/* Whether neither area nor dates nor collections are asked for. */
static inline bool
restricts_nothing(const Search *search)
{
	return !search->in_area && !search->dates.given && search->collections == NULL;
}

typedef struct
{
	double		distance;
	pg_uuid_t	tile;
	int32		collection;
	int64		scene;
	Datum		valid, cloud, footprint;
	bool		cloud_unknown;
} Hit;

typedef struct
{
	Hit		   *hits;			/* room for k */
	int32		count;
	double		read;			/* vectors in the cells and lists that were looked into */
} Answer;

/* Arguments of native_search, which are those of tilescout.search. */
enum
{
	LIKE_TILE, EMBEDDING, POSITIVES, NEGATIVES, K, WITHIN, ACQUIRED, COLLECTIONS, MIN_VALID, MAX_CLOUD, ONE_PER_PLACE, MODEL, EXCLUDE_SELF, EXCLUDE_SCENE, EXCLUDE_PLACE,
	NEAR, RADIUS, RESOLUTION, MAX_DISTANCE, AFTER, ARGUMENTS
};

/* arguments.c */
extern bool is_usual(FunctionCallInfo fcinfo);
extern bool read_arguments(FunctionCallInfo fcinfo, Search *search);
extern bool can_be_near(Search *search);
extern bool read_dates(RangeType *range, Dates *dates);

/* visible.c */
extern bool find_model(Oid schema, int32 id, Model *model);
extern bool anything_retired(Oid schema);
extern void find_hidden_runs(Search *search);
extern bool is_hidden(const Search *search, int32 run);
extern bool is_in_collections(const Search *search, int32 collection);
extern bool runs_outside_lists(const Search *search);

/* cells.c */
extern CellColumns cell_columns(Relation cell, Oid geometry);
extern bool not_before(const Dates *dates, TimestampTz time);
extern bool not_after(const Dates *dates, TimestampTz time);
extern bool date_passes(const Dates *dates, TimestampTz time);
extern const NearCells *cells_near(const Search *search, int32 most);
extern void end_near(NearCells *near);
extern void compare_all(const Search *search, Answer *answer);
extern void search_cells(const Search *search, const NearCells *near, Answer *answer);

/* lookup.c */
typedef struct
{
	VectorRows	vectors;
	AttrNumber	scene, acquired, footprint;
	Reading		by_key;			/* for what has moved; opened when it is needed */
} Lookup;

extern Lookup begin_lookup(const Search *search);
extern void end_lookup(Lookup *lookup);
extern bool find_hit(const Search *search, Lookup *lookup, const Candidate *candidate, int32 collection, bool inside, Hit *hit);

/* search.c */
extern void note_read(double read);

/* known.c, looks.c */
typedef struct Looking Looking;

/* Of the regions that an area meets: their tiles; of those that lie in it tiles and square degrees; and of the others what their boxes have in common with the area's. */
typedef struct
{
	double		tiles, inside_tiles, inside, partly_tiles, partly;
	int32	   *found, count;	/* their places among the model's */
} RegionsMet;

extern bool find_part(Reading *rows, int64 generation, int32 list, StrategyNumber strategy, int32 part);
extern Looking *begin_looks(const Search *search);
extern RegionsMet meet_regions(const Search *search);
extern bool look_everywhere(Looking *looking, double share, double hoped, double most, Answer *answer);
extern bool look_in_regions(Looking *looking, const RegionsMet *met, double share, double most, Answer *answer);
extern void end_looks(Looking *looking);

/* sample.c */
extern double rough_rows(const Search *search, double total, int32 looked_at, const RegionsMet *regions);

/* choice.c */
extern const char *ask_lists_roughly(const Search *search, const RegionsMet *met, const Costs *costs, Answer *answer);
extern bool ask_lists_within(const Search *search, double share, double exact_time, Answer *answer);

/* shape.c */
extern Outline *outline_of(const Outside *outside, Datum place);
extern Box	box_of(const Outside *outside, Datum place);
extern void take_area(Search *search);
extern bool area_is_valid(const Search *search);
extern double surface_of_area(const Search *search);
extern bool lies_in_area(const Search *search, Datum footprint);

/* vectors.c */
extern double rows_of_model(const Search *search);
extern int	compare_hits(const void *a, const void *b);
extern bool find_vector(const Search *search, const pg_uuid_t *tile, Datum *vector);

/* arguments.c */
extern bool is_left_out(const Search *search, const pg_uuid_t *tile);

/* answer.c */
extern void present(const Search *search, const Answer *answer, double max_distance, ReturnSetInfo *result);
#endif
