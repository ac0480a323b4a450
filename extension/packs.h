/* The packs of cells, and their vectors by distance. */
#ifndef PACKS_H
#define PACKS_H

#include "rows.h"

/* ---- packs.c ---- */

typedef struct
{
	Reading		rows;
	AttrNumber	west, south, east, north, tiles, valid, cloud, vectors, boxes;
	/* What compare_one looked for last, and whether it is in the slot. */
	int64		cell;
	int32		part;
	bool		at_hand;
	MemoryContext unpacked;
} PackReading;

typedef struct
{
	Datum	   *values;
	bool	   *nulls;
} Shares;

typedef struct
{
	int32		count;
	const pg_uuid_t *tiles;
	char	   *vectors;
	Size		vector_size;
	const float4 *boxes;		/* four each: west, south, east, north */
	Shares		valid, cloud;	/* where they are asked for */
} Pack;

/* Where a vector lies: its own row, and its place in a cell, of which per_pack are in each pack. */
typedef struct
{
	Locator		locator;
	int64		cell;
	int32		collection, place, per_pack;
} Placed;

/* Arguments of both functions that SQL searches ask: least_valid, most_cloud, after_distance, after_tile. */
#define TILE_FILTER_ARGUMENTS 4

extern PackReading read_packs(Oid schema, Oid vector_type, int keys);
extern bool find_packs(PackReading *reading, int64 cell);
extern bool find_pack(PackReading *reading, int64 cell, int32 part);
extern bool pack_meets(const PackReading *reading, const Box *box);
extern bool unpack(const PackReading *reading, const Question *question, Pack *pack);
extern TileFilter tile_filter(FunctionCallInfo fcinfo, int first);
extern bool compare_vector(VectorRows *rows, PackReading *packs, Oid schema, const Placed *vector, Question *question, int32 piece, Candidate *candidate);
extern bool follows(const Question *question, const Candidate *candidate);
extern bool consider(const Pack *pack, int32 place, Question *question, int32 piece, Candidate *candidate);

static inline Datum
vector_of(const Pack *pack, int32 place)
{
	return PointerGetDatum(pack->vectors + pack->vector_size * place);
}

static inline bool
tile_meets(const float4 *tile, const Box *box)
{
	return boxes_meet((Box) {tile[0], tile[1], tile[2], tile[3]}, *box);
}

/* ---- nearest.c ---- */

extern int64 nearest_of_cells(Oid schema, Question *question, const Cells *cells, int64 depth, Candidate **nearest);

/* ---- ranking.c ---- */

typedef struct Ranking Ranking;

extern Ranking *begin_ranking(Oid schema, Question *question, const Cells *cells, VectorRows *rows, double wanted);
extern bool next_nearest(Ranking *ranking, Candidate *candidate);
extern void end_ranking(Ranking *ranking);

#endif
