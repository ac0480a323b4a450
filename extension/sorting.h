/* Sorting the vectors of a model into lists of such as look alike. */
#ifndef TILESCOUT_SORTING_H
#define TILESCOUT_SORTING_H

#include "looks.h"

#include "nodes/execnodes.h"

/* Vectors of a list on average, and those that its middle is made of. */
#define PER_LIST 96
#define LEARNT_FROM 32

/* Records (codes.c) that lie one after the other. */
typedef struct
{
	char	   *data;
	Size		size;			/* of each */
	int32		dimension;
	int64		count, room;
} Records;

static inline char *
record_at(const Records *records, int64 i)
{
	return records->data + i * records->size;
}

/* ---- middles.c ---- */

/* Middles of something. */
typedef struct
{
	int32		count;
	float4	   *values;			/* dimension of each, unit vectors in the axes of codes */
	CodedQuery *coded;
} Middles;

/* Coarse middles, and fine ones of what is nearest to each of these. */
typedef struct
{
	Middles		coarse, fine;
	int32	   *first;			/* of each coarse middle, the first of its fine ones; one more at the end */
	float4	   *likenesses;		/* room for those of a vector with the coarse ones */
} Groups;

extern Middles room_for_middles(int32 count, int32 dimension);
extern void find_middles(const Records *records, Middles *middles, int32 start, int32 wanted, const int64 *of, int64 count, int rounds);
extern int32 nearest_middle(const Middles *middles, int32 start, int32 end, const char *record, float4 *how_like);
extern void sort_by_middle(const Records *records, const Middles *middles, int32 *nearest, int64 *order, int64 *ends);
extern Groups learn_groups(const Records *sample, int32 lists);
extern int32 list_of(Groups *groups, const char *record);

/* ---- writing.c: rows of tilescout.look ---- */

typedef struct
{
	ReturnSetInfo *result;
	int32		model, dimension, per_pack;
} Writing;

/* The cosines between the vectors of a list and its middle. */
typedef struct
{
	float4	   *cosines;
	int64		count, room;
} Spread;

/* Lists, whose members come one list after the other. */
typedef struct
{
	const Writing *writing;
	const Middles *middles;
	int32		base;			/* the number of the first list; of the first middle */
	Extent	   *extents;		/* of the lists that have been written */
	Size		size;			/* of a record */
	char	  **records;		/* of the row that is being filled */
	int32		most, count, part, list;
	Spread		spread;
} ListWriting;

extern void put_row(const Writing *writing, int32 list, int32 part, int32 first, char *const *records, int32 count, Size more);
extern char **room_for_records(const Writing *writing, int32 count, Size more);
extern void put_middles(const Writing *writing, int32 list, const Middles *middles, int32 start, int32 end, int32 base, const void *more, Size size_of_more);
extern ListWriting begin_lists(const Writing *writing, const Middles *middles, int32 base);
extern void put_member(ListWriting *lists, int32 list, const char *record);
extern void end_lists(ListWriting *lists);

/* ---- sorting.c ---- */

/* A cell, and where it lies. */
typedef struct
{
	int64		id;
	Member		member;			/* what all of its vectors have in common */
	double		x, y;
	int32		tiles;
} SortedCell;

/* The codes of cells. */
typedef struct
{
	Reading		rows;
	AttrNumber	codes;
	int32		dimension, per_pack;
} CellReading;

/* What is done with each vector: its record (codes.c), and its Member. */
typedef void (*Take) (void *taker, bytea *record);

extern void take_cell(CellReading *reading, SortedCell *cell, Take take, void *taker);

/* ---- regions.c ---- */

extern void put_regions(const Writing *writing, CellReading *reading, SortedCell *cells, int32 count, int32 first_group, int32 first_list);

#endif
