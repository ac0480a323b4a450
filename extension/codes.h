/* Vectors in 4 bits a dimension, and how near to a query each of them is at least. */
#ifndef TILESCOUT_CODES_H
#define TILESCOUT_CODES_H

#include "tilescout_packs.h"

#include "access/stratnum.h"
#include "storage/itemptr.h"
#include "utils/array.h"

/* Changes with whatever another reader would misread. */
#define CODES_VERSION 2

/* What a row may hold that fills a page. */
#define ROW_SIZE 8100

/* A row of tilescout.code: this, then `count` scales, cosines and sines, `count` boxes of four, `count` codes of code_bytes each, and `count` locators. */
typedef struct
{
	uint16		version;
	uint16		dimension;
	uint16		count;
	uint16		per_pack;		/* vectors in each pack of the cell but the last */
	uint32		first;			/* the first one's place in its cell */
	int32		model;
} CodesHeader;

/* Where a vector's own row was when it was coded, and a hash of its tile's id and collection, by which one sees whether it is still there. */
typedef struct
{
	ItemPointerData row;
	uint16		hash[4];
} Locator;

/* What tilescout.cell says of each row of its codes: where it was when it had been written, how many vectors it holds, and the box that holds their boxes. */
typedef struct
{
	ItemPointerData row;
	uint16		count;
	float4		box[4];
} CodesPart;

/* What is found at these places of a row. */
typedef struct
{
	const CodesHeader *header;
	const float4 *scales, *cosines, *sines, *boxes;
	const uint8 *codes;
	const char *rest;			/* what a row holds beside them */
	Size		rest_size;
} CodesRow;

typedef struct
{
	int32		dimension;
	int32		bytes;			/* of a code */
	int8	   *values;			/* of the dimensions in low halves of bytes, then in high ones; NULL: the query has no direction */
	int32		sum;			/* of the values */
	float4		scale, offset, margin;
} CodedQuery;

/* pgvector's halfvec. */
typedef struct
{
	int32		header;
	int16		dimension, unused;
	uint16		values[FLEXIBLE_ARRAY_MEMBER];
} HalfVector;

static inline int32
dimension_of(Datum vector)
{
	return ((const HalfVector *) DatumGetPointer(vector))->dimension;
}

/* Of tilescout.code. */
typedef struct
{
	Reading		rows;
	BlockNumber blocks;
	AttrNumber	cell, part, codes;
} CodesReading;

/* Of a record (code_vector). */
static inline const float4 *
box_of_record(const char *record)
{
	return (const float4 *) record + 3;
}

static inline const uint8 *
code_of_record(const char *record)
{
	return (const uint8 *) (record + 7 * sizeof(float4));
}

/* 1 / <x, y> (codes.c); 0: the vector may be anywhere. */
static inline float4
scale_of_record(const char *record)
{
	const float4 *numbers = (const float4 *) record;

	return numbers[1] > 0 ? numbers[0] / numbers[1] : 0;
}

extern float4 error_of_record(const char *record, int32 dimension);
extern ArrayType *reals(const float4 *values, int32 count);
extern CodesReading read_all_codes(Oid schema);
extern CodesReading read_code_rows(Oid schema);
extern bool find_codes(Reading *rows, int64 cell, StrategyNumber strategy, int32 part);
extern void code_soon(const CodesReading *reading, const ItemPointerData *row, int32 dimension, int32 place);
extern int32 code_bytes(int32 dimension);
extern int32 codes_per_row(int32 dimension, Size more);
extern Size codes_size(int32 dimension, int32 count);
extern bool read_codes(struct varlena *value, int32 dimension, CodesRow *row);
extern void code_vector(Datum vector, int32 dimension, const float4 *box, char *record);
extern CodedQuery code_query(Datum vector);
extern void least_distances(const CodedQuery *query, const CodesRow *row, const int32 *places, int32 count, float4 doubt, float4 *least);
extern int32 likest(const CodedQuery *queries, int32 count, const uint8 *code, float4 *how_like);
extern void likenesses(const CodedQuery *queries, int32 count, const uint8 *code, float4 *like);
extern void likely_cosines(const CodedQuery *query, const CodesRow *row, float4 *cosines);
extern CodedQuery code_turned(const float4 *x, int32 dimension);
extern void read_code(const uint8 *code, int32 dimension, float4 *y);
extern Size record_size(int32 dimension);
extern void read_record(const CodesRow *row, int32 place, int32 dimension, char *record);
extern void make_record(const float4 *x, int32 dimension, char *record);
extern void write_records(char *data, CodesHeader header, const char *const *records);

#endif
