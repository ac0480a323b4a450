/* What the sources of the extension share. */
#ifndef TILESCOUT_PACKS_H
#define TILESCOUT_PACKS_H

#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"
#include "utils/uuid.h"

/* An array, or NULL, made as large as that. */
static inline void *
larger(void *array, Size size)
{
	return array == NULL ? palloc(size) : repalloc_huge(array, size);
}

/* search.c. Where a search puts what the next one will put there as well; NULL: with everything else. */
extern MemoryContext within_reach;

/* As larger. Not for what may take megabytes: what grows is copied. */
static inline void *
larger_in_reach(void *array, Size size)
{
	return array == NULL && within_reach != NULL ? MemoryContextAllocHuge(within_reach, size) : larger(array, size);
}

/* A copy of an array, or of nothing, that lasts as long as the session; it takes the place of what was kept before. */
static inline void *
keep(const void *array, Size size, void *before)
{
	void	   *kept = MemoryContextAllocHuge(TopMemoryContext, size);

	if (size > 0)
		memcpy(kept, array, size);
	if (before != NULL)
		pfree(before);
	return kept;
}

#define CACHE_LINE 64

/* Asks memory for what will be read soon, line by line. */
static inline void
ask_memory(const char *data, Size size)
{
	for (Size at = 0; at < size; at += CACHE_LINE)
		__builtin_prefetch(data + at);
}

/* ---- reading.c: tables of one schema, read with the caller's rights and the statement's snapshot, without the executor ---- */

/* A table that is being read: whole, or by one of its indexes. */
typedef struct
{
	Relation	table;
	Relation	index;
	IndexScanDesc by_index;
	TableScanDesc whole;
	TupleTableSlot *slot;		/* the row at hand */
} Reading;

extern Oid	readable_table(Oid schema, const char *name);
extern Relation open_table(Oid schema, const char *name);
extern Relation open_primary_key(Relation table);
extern Relation open_index(Oid schema, const char *name);
extern AttrNumber column(Relation table, const char *name, Oid type);

extern Reading read_whole(Relation table);
extern Reading read_by_place(Relation table);
extern Reading read_by_index(Relation table, Relation index, int keys, int orders);
extern bool next_row(Reading *reading);
extern bool fetch_row(Reading *reading, BlockNumber blocks, const ItemPointerData *place);
extern void prefetch_row(const Reading *reading, float4 share);
extern bool find_row(Reading *reading, ScanKey keys, int count);
extern bool find_number(Reading *reading, int64 number);
extern bool find_tile(Reading *reading, const pg_uuid_t *tile, int32 collection);
extern void end_reading(Reading *reading);

extern int32 int4_of(const Reading *reading, AttrNumber number);
extern int64 int8_of(const Reading *reading, AttrNumber number);
extern Datum value_of(const Reading *reading, AttrNumber number);
extern Datum value_or_null(const Reading *reading, AttrNumber number, bool *null);
extern bool text_is(const Reading *reading, AttrNumber number, const char *wanted, Size size);

/* ---- recent.c: where in the server's memory rows were ---- */

extern void remember_row(const Reading *reading);
extern void recall_soon(const Reading *reading, const ItemPointerData *place);
extern const char *row_soon(const Reading *reading, const ItemPointerData *place, Size *size);
extern void fetch_soon(const Reading *reading, const ItemPointerData *place, float4 share);
extern bool fetch_recent(Reading *reading, const ItemPointerData *place, bool *elsewhere);

/* ---- the vectors of packs by distance: packs.h ---- */

typedef struct
{
	double		west, south, east, north;
} Box;

static inline bool
boxes_meet(Box a, Box b)
{
	return a.west <= b.east && a.east >= b.west && a.south <= b.north && a.north >= b.south;
}

typedef struct
{
	double		distance;
	pg_uuid_t	tile;
	int32		piece;			/* place in the arrays of cells */
	ItemPointerData row;		/* where the vector's own row is; invalid: not known */
} Candidate;

/* What is asked of single tiles, wherever they lie. */
typedef struct
{
	bool		by_valid, by_cloud, after;
	float4		least_valid, most_cloud;
	double		after_distance;
	pg_uuid_t	after_tile;
} TileFilter;

/* What is asked of packs. */
typedef struct
{
	bool		in_box;
	Box			box;
	const struct Outline *area; /* which the box is round, where it is known; what surely lies beside it may be left out */
	TileFilter	tiles;
	Datum		query;
	Oid			vector_type;
	FmgrInfo	distance;
} Question;

/* Cells by number, with the collection of each, and whether all of its tiles lie in the area. */
typedef struct
{
	int64	   *ids;
	int32	   *collections;
	bool	   *sures;
	struct varlena **parts;		/* of each, its CodesParts; NULL: they are not known */
	int32		count;
} Cells;

extern int	compare_ranks(double distance_a, const pg_uuid_t *tile_a, int32 collection_a, double distance_b, const pg_uuid_t *tile_b, int32 collection_b);

/* ---- outside.c: functions of pgvector, PostGIS and the schema, found by name once a session ---- */

/* Their numbers. */
typedef struct
{
	Oid			geometry_type, vector_type;
	/* pgvector */
	Oid			distance, dims, to_single, normalise, to_half;
	/* PostGIS */
	Oid			srid, valid, intersects, overlaps, surface, x, y;
	/* asked of each cell and tile */
	FmgrInfo	as_binary, box, x_min, y_min, x_max, y_max;
	/* the schema's */
	Oid			middle_of;
} Outside;

extern Oid	distance_function(Oid vector_type);
extern const Outside *outside(Oid schema, Oid geometry_type, Oid vector_type);

/* What the schema's functions say of costs, which the SQL plans by as well. Microseconds. */
typedef struct
{
	int32		few_cells, cells_looked_at;
	double		exact_row;
} Costs;

extern const Costs *costs(Oid schema, int32 dimension);

#endif
