/* The vectors of a list in one bit a dimension. */
#ifndef TILESCOUT_SKETCHES_H
#define TILESCOUT_SKETCHES_H

#include "looks.h"

/* Changes with whatever another reader would misread. */
#define SKETCHES_VERSION 4

/* A row of a list: this, then `count` scales, `count` offsets, of each byte of a sketch those of all `count` sketches, `count` spots, and `count` Members. */
typedef struct
{
	uint16		version;
	uint16		dimension;
	uint16		count;
	uint16		unused;
	float4		centre;			/* the square of the middle's length; 0: vectors are sketched as they are */
	float4		vagueness;		/* how many times as long as its scale an error is, on average */
	float4		rounding;		/* how long a code's is */
	float4		west, south;	/* degrees: where spots are counted from */
	float4		across, up;		/* and their steps */
	float4		widest, highest;	/* within so much from its spot each tile's box ends */
} SketchesHeader;

/* The south-western corner of a tile's box, or what is up to a step before it. */
typedef struct
{
	uint16		x, y;
} Spot;

typedef struct
{
	const SketchesHeader *header;
	const float4 *scales, *offsets;
	const uint8 *sketches;
	/* Of most vectors nobody asks for these. */
	const Spot *spots;
	const Member *members;
} SketchesRow;

/* A query, as sketches are compared with it. */
typedef struct
{
	const CodedQuery *coded;
	uint8	   *tables;			/* of each byte of a sketch, what its low half's 16 values add, and what its high half's do; each table's least number is 0 */
	int32		span;			/* the total of all tables' largest numbers */
	float4		unit;
} SketchedQuery;

extern SketchedQuery sketch_query(const CodedQuery *coded);
extern int32 sketch_bytes(int32 dimension);
extern int32 sketches_per_row(int32 dimension);
extern float4 share_before_members(int32 dimension);
extern bytea *sketches_of(int32 dimension, const float4 *middle, char *const *records, int32 count);
extern bool read_sketches(struct varlena *value, int32 dimension, SketchesRow *row);
extern void box_at(const SketchesRow *row, int32 place, float4 *box);
extern void least_by_sketches(const SketchedQuery *query, const SketchesRow *row, float4 cosine, float4 *least);

#endif
