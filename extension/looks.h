/* Lists of vectors that look alike. */
#ifndef TILESCOUT_LOOKS_H
#define TILESCOUT_LOOKS_H

#include "codes.h"

#include "datatype/timestamp.h"

/*
 * Lists that look alike make a group. Instead of lists there are the middles of all groups, in their order, with a ListGroup of each, and of each group the middles of its lists, with an
 * Extent of each. The lists of a region, which hold its vectors once more, are a group as well, whose number comes after those; of each region there is its box, with a Region.
 */
#define GROUPS (-1)
#define MIDDLES_OF(group) (-2 - (group))
#define REGIONS PG_INT32_MIN

/* What a list says of each of its vectors, beside the sketch. Days are since PostgreSQL's epoch, those beyond a century the last ones; a cell's dates hold those of its tiles. */
typedef struct
{
	int32		run, number;	/* of the cell: the halves of its id */
	int32		collection;
	uint16		place;			/* in the cell */
	int16		from_day, to_day;	/* NO_DAY: no tile of the cell has a date */
	ItemPointerData codes;		/* where the row of tilescout.code was that holds its code */
	uint16		hash;			/* the first of its locator's, by which one sees whether it is still there */
	uint16		unused;
} Member;

StaticAssertDecl(sizeof(Member) == 28, "members lie in rows without gaps");

/* Where the first rows of a list, or of a group's middles, were when they had been written; they are known by their keys. */
#define ROWS_LOCATED 2
typedef struct
{
	ItemPointerData rows[ROWS_LOCATED];
} ListPlace;

/* The lists of a group; place: of their middles. */
typedef struct
{
	int32		first, count;
	ListPlace	place;
} ListGroup;

typedef struct
{
	int32		tiles;
	ListGroup	lists;
} Region;

/* What is said of each list, beside the code of its middle. */
typedef struct
{
	int32		count;
	float4		cosine, sine;	/* of the angle from the middle within which the nearest tenth of its vectors lie */
	ListPlace	place;
} Extent;

#define NO_DAY PG_INT16_MIN

static inline int16
day_of(TimestampTz time)
{
	int64		day = time / USECS_PER_DAY - (time % USECS_PER_DAY < 0);

	return (int16) Max(PG_INT16_MIN + 1, Min(PG_INT16_MAX, day));
}

static inline int64
cell_of(const Member *member)
{
	return ((int64) member->run << 32) + (uint32) member->number;
}

#endif
