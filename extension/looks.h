/* Lists of vectors that look alike. */
#ifndef TILESCOUT_LOOKS_H
#define TILESCOUT_LOOKS_H

#include "codes.h"

/* Instead of a list: the middles of all lists, in their order. */
#define MIDDLES (-1)

/* What a list says of each of its vectors, beside the code. Hours are since PostgreSQL's epoch; a cell's dates hold those of its tiles. */
typedef struct
{
	int32		run, number;	/* of the cell: the halves of its id */
	int32		collection;
	int32		place;			/* in the cell */
	int32		from_hour, to_hour; /* NO_HOUR: no tile of the cell has a date */
} Member;

/* What is said of each list, beside the code of its middle. */
typedef struct
{
	int32		count;
	float4		cosine, sine;	/* of the angle from the middle within which the nearest tenth of its vectors lie */
} Extent;

#define NO_HOUR PG_INT32_MIN
#define MICROSECONDS_PER_HOUR INT64CONST(3600000000)

static inline int32
hour_of(int64 microseconds)
{
	int64		hour = microseconds / MICROSECONDS_PER_HOUR - (microseconds % MICROSECONDS_PER_HOUR < 0);

	return (int32) Max(PG_INT32_MIN + 1, Min(PG_INT32_MAX, hour));
}

static inline int64
cell_of(const Member *member)
{
	return ((int64) member->run << 32) + (uint32) member->number;
}

#endif
