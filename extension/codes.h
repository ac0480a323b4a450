/* Vectors in 4 bits a dimension, and how near to a query each of them is at least. */
#ifndef TILESCOUT_CODES_H
#define TILESCOUT_CODES_H

#include "postgres.h"

/* Changes with whatever another reader would misread. */
#define CODES_VERSION 1

/* A row of tilescout.code: this, then `count` scales, cosines and sines, `count` boxes of four, and `count` codes of code_bytes each. */
typedef struct
{
	uint16		version;
	uint16		dimension;
	uint16		count;
	uint16		per_pack;		/* vectors in each pack of the cell but the last */
	uint32		first;			/* the first one's place in its cell */
} CodesHeader;

/* What is found at these places of a row. */
typedef struct
{
	const CodesHeader *header;
	const float4 *scales, *cosines, *sines, *boxes;
	const uint8 *codes;
} CodesRow;

typedef struct
{
	int32		dimension;
	int32		bytes;			/* of a code */
	int8	   *values;			/* of the dimensions in low halves of bytes, then in high ones; NULL: the query has no direction */
	float4		scale, offset, margin;
} CodedQuery;

/* pgvector's halfvec. */
typedef struct
{
	int32		header;
	int16		dimension, unused;
	uint16		values[FLEXIBLE_ARRAY_MEMBER];
} HalfVector;

extern int32 code_bytes(int32 dimension);
extern int32 codes_per_row(int32 dimension);
extern Size codes_size(int32 dimension, int32 count);
extern bool read_codes(struct varlena *value, int32 dimension, CodesRow *row);
extern void write_codes(char *data, int32 dimension, int32 count, int32 per_pack, int32 first, Datum *vectors, const float4 *boxes);
extern CodedQuery code_query(Datum vector);
extern void least_distances(const CodedQuery *query, const CodesRow *row, const int32 *places, int32 count, float4 *least);
extern int32 count_nearer(const CodedQuery *query, const CodesRow *row, double distance);

/* For tests: whether instructions beyond the processor's common ones are left alone. */
extern bool codes_are_plain;
#endif
