/*
 * The vectors of a list in one bit a dimension: on which side of the list's middle each coordinate of a turned vector (codes.c) is.
 *
 * With the middle c, y of coordinates 1 and -1, and x - c = s y + r, r is at right angles to x - c, and of known length e. So for a query q
 *
 *     <q, x> = <q, c> + <c, r> + s <q, y> + <q - c, r>,
 *
 * of which the first is known of the list, the second of the vector, and the last is normally distributed as if r had nothing to do with q - c, of standard deviation
 * e |q - c| / sqrt(D): of 256 dimensions 0.02 where both are near the middle. (Gao and Long, RaBitQ, SIGMOD 2024.) That is too vague to rank what is near, but most of a list is further
 * away: of some 50 vectors one has to have its code read, which lies in its cell's row of tilescout.code; and a list takes a third of the memory of one that holds its vectors' codes, and of
 * the time that memory takes.
 */
#include "sketches.h"
#include "ways.h"

#include <math.h>

#include "common/pg_prng.h"

/* Beyond so many standard deviations few vectors are. */
#define DOUBTED_SIGMAS 2.8f
/* The largest of a query's numbers. */
#define LARGEST 31
/* Of so many bytes sums fit 16 bits. */
#define ADDED_AT_ONCE 256
/* Whole registers of a row's sums. */
#define SUMS_ROOM 256
/* Of steps of a spot. */
#define LAST_STEP UINT16_MAX
/* Single precision. */
#define ROUNDING 1e-5f

PG_FUNCTION_INFO_V1(native_least_by_sketches);

/* What follows the sketches of a row is aligned. */
int32
sketch_bytes(int32 dimension)
{
	return (dimension + 31) / 32 * sizeof(int32);
}

static Size
sketches_size(int32 dimension, int32 count)
{
	return sizeof(SketchesHeader) + count * (2 * sizeof(float4) + sketch_bytes(dimension) + sizeof(Spot) + sizeof(Member));
}

/* So many fill a page. */
int32
sketches_per_row(int32 dimension)
{
	return Max(1, Min(UINT8_MAX, (ROW_SIZE - sizeof(SketchesHeader)) / (sketches_size(dimension, 1) - sizeof(SketchesHeader))));
}

/* Of a row: what is read of all its vectors. */
float4
share_before_members(int32 dimension)
{
	Size		before = 2 * sizeof(float4) + sketch_bytes(dimension);

	return (float4) before / (before + sizeof(Spot) + sizeof(Member));
}

static SketchesRow
row_at(const char *data, int32 dimension, int32 count)
{
	SketchesRow row = {.header = (const SketchesHeader *) data, .scales = (const float4 *) (data + sizeof(SketchesHeader))};

	row.offsets = row.scales + count;
	row.sketches = (const uint8 *) (row.offsets + count);
	row.spots = (const Spot *) (row.sketches + (Size) count * sketch_bytes(dimension));
	row.members = (const Member *) (row.spots + count);
	return row;
}

/* false: another version wrote it, or it is of another dimension, or empty. */
bool
read_sketches(struct varlena *value, int32 dimension, SketchesRow *row)
{
	const SketchesHeader *header = (const SketchesHeader *) VARDATA_ANY(value);

	if (VARSIZE_ANY_EXHDR(value) < sizeof(SketchesHeader) || header->version != SKETCHES_VERSION || header->dimension != dimension
		|| header->count == 0 || header->count > UINT8_MAX || VARSIZE_ANY_EXHDR(value) != sketches_size(dimension, header->count))
		return false;
	*row = row_at(VARDATA_ANY(value), dimension, header->count);
	return true;
}

/* ---- Boxes ---- */

/* The step of a coordinate that is not beyond it, as box_at counts. */
static uint16
step_of(float4 coordinate, float4 start, float4 size)
{
	int32		step = size > 0 ? Max(0, Min(LAST_STEP, (int32) floorf((coordinate - start) / size))) : 0;

	while (step > 0 && start + step * size > coordinate)
		step--;
	return step;
}

static void
put_boxes(SketchesHeader *header, Spot *spots, char *const *records, int32 count)
{
	float4		east = -INFINITY, north = -INFINITY;

	header->west = header->south = INFINITY;
	for (int32 i = 0; i < count; i++)
	{
		const float4 *box = box_of_record(records[i]);

		header->west = Min(header->west, box[0]);
		header->south = Min(header->south, box[1]);
		east = Max(east, box[0]);
		north = Max(north, box[1]);
	}
	header->across = (east - header->west) / LAST_STEP;
	header->up = (north - header->south) / LAST_STEP;
	for (int32 i = 0; i < count; i++)
	{
		const float4 *box = box_of_record(records[i]);

		spots[i] = (Spot) {step_of(box[0], header->west, header->across), step_of(box[1], header->south, header->up)};
		/* Beyond it by more than their sum is rounded. */
		header->widest = Max(header->widest, nextafterf(box[2], INFINITY) - (header->west + spots[i].x * header->across));
		header->highest = Max(header->highest, nextafterf(box[3], INFINITY) - (header->south + spots[i].y * header->up));
	}
}

/* A box that holds that of the tile at a place of a row. */
void
box_at(const SketchesRow *row, int32 place, float4 *box)
{
	const SketchesHeader *header = row->header;

	box[0] = header->west + row->spots[place].x * header->across;
	box[1] = header->south + row->spots[place].y * header->up;
	box[2] = box[0] + header->widest;
	box[3] = box[1] + header->highest;
}

/* ---- Sketches ---- */

/* What a record is rounded to. Returns the distance between its levels; 0: it is rounded too badly, and its vector may be anywhere. */
static float4
rounded(const char *record, int32 dimension, float4 *x)
{
	float4		scale = scale_of_record(record);

	read_code(code_of_record(record), dimension, x);
	for (int32 i = 0; i < dimension; i++)
		x[i] *= scale;
	return scale;
}

/*
 * The sketch of a vector at a place of a row, and what its header says of all.
 *
 * Where vector and middle were rounded to the same level, their difference is only one of scales, and its sign the middle's: r would go with c. So there a sign is drawn.
 */
static void
put_sketch(SketchesRow *row, int32 place, const float4 *centre, float4 level, const float4 *x)
{
	SketchesHeader *header = (SketchesHeader *) row->header;
	int32		dimension = header->dimension, count = header->count;
	uint8	   *sketch = (uint8 *) row->sketches + place;
	float4		square = 0, signs_along_itself = 0, along = 0, signs_along = 0;
	pg_prng_state random;
	uint64		drawn = 0;
	uint8		byte = 0;

	pg_prng_seed(&random, place);
	for (int32 i = 0; i < dimension; i++)
	{
		if (i % 64 == 0)
			drawn = pg_prng_uint64(&random);

		float4		away = x[i] - centre[i];
		bool		beyond = fabsf(away) < level / 2 ? drawn >> i % 64 & 1 : away > 0;

		square += away * away;
		signs_along_itself += beyond ? away : -away;
		along += away * centre[i];
		signs_along += beyond ? centre[i] : -centre[i];
		byte |= beyond << i % 8;
		if (i % 8 == 7 || i == dimension - 1)
		{
			sketch[i / 8 * count] = byte;
			byte = 0;
		}
	}

	float4		scale = signs_along_itself > 0 ? square / signs_along_itself : 0;

	((float4 *) row->scales)[place] = scale;
	((float4 *) row->offsets)[place] = along - scale * signs_along;
	if (scale > 0)
		header->vagueness += sqrtf(Max(0, scale * scale * dimension - square)) / scale / header->count;
}

/* A row of what these records of a list say, and the Members that follow them; middle: the list's, turned. */
bytea *
sketches_of(int32 dimension, const float4 *middle, char *const *records, int32 count)
{
	Size		size = VARHDRSZ + sketches_size(dimension, count);
	bytea	   *value = palloc0(size);
	SketchesRow row = row_at(VARDATA(value), dimension, count);
	SketchesHeader *header = (SketchesHeader *) row.header;
	float4	   *centre = palloc(dimension * sizeof(float4)), *x = palloc(dimension * sizeof(float4));
	char	   *coded = palloc(record_size(dimension));

	SET_VARSIZE(value, size);
	*header = (SketchesHeader) {.version = SKETCHES_VERSION, .dimension = dimension, .count = count};
	put_boxes(header, (Spot *) row.spots, records, count);
	/* As searches know it. */
	make_record(middle, dimension, coded);
	rounded(coded, dimension, centre);
	for (int32 i = 0; i < dimension; i++)
		header->centre += centre[i] * centre[i];
	for (int32 i = 0; i < count; i++)
	{
		float4		level = rounded(records[i], dimension, x);

		if (level > 0)
			put_sketch(&row, i, centre, level, x);
		else
			((float4 *) row.scales)[i] = NAN;
		header->rounding += error_of_record(records[i], dimension) / count;
		memcpy((Member *) row.members + i, records[i] + record_size(dimension), sizeof(Member));
	}
	pfree(centre);
	pfree(x);
	pfree(coded);
	return value;
}

/* The numbers of four dimensions where these bits are set, from the least that they may add up to. */
static uint8
table_entry(const int8 *numbers, int32 bits)
{
	int32		sum = 0;

	for (int32 i = 0; i < 4; i++)
		sum += bits >> i & 1 ? Max(numbers[i], 0) : Max(-numbers[i], 0);
	return sum;
}

/* Numbers are rounded so that two tables add up to a byte. Of the variance of what a sketch leaves open that is some four-hundredth. */
SketchedQuery
sketch_query(const CodedQuery *coded)
{
	int32		halves = 2 * sketch_bytes(coded->dimension);
	SketchedQuery query = {.coded = coded, .tables = palloc(16 * halves), .unit = coded->scale * PG_INT8_MAX / LARGEST};

	for (int32 half = 0; half < halves; half++)
	{
		int8		numbers[4];

		for (int32 i = 0; i < 4; i++)
		{
			numbers[i] = rintf(coded->values[4 * half + i] * (float4) LARGEST / PG_INT8_MAX);
			query.span += abs(numbers[i]);
		}
		for (int32 bits = 0; bits < 16; bits++)
			query.tables[16 * half + bits] = table_entry(numbers, bits);
	}
	return query;
}

/*
 * What the tables add up to for each sketch, in the ways that processors know: all give the same numbers. One instruction looks up half a byte of 32 or 64 sketches. (André, Kermarrec
 * and Le Scouarnec, Cache locality is not enough, VLDB 2015.)
 */
static void
sums_plain(const SketchedQuery *query, const uint8 *sketches, int32 count, int32 *sums)
{
	int32		bytes = sketch_bytes(query->coded->dimension);

	for (int32 at = 0; at < bytes; at++, sketches += count)
	{
		const uint8 *low = query->tables + 32 * at, *high = low + 16;

		for (int32 i = 0; i < count; i++)
			sums[i] += low[sketches[i] & 15] + high[sketches[i] >> 4];
	}
}

#if defined(__x86_64__)

StaticAssertDecl(sizeof(Spot) + sizeof(Member) >= sizeof(__m256i), "a register's end that is beyond the sketches is still in the row");

/* both: of two sketches that lie together, the sum of the first, and 256 times that of the second; second: that one's. */
AVX2 static inline void
add_avx2(__m256i both, __m256i second, int32 *sums)
{
	__m256i		first = _mm256_sub_epi16(both, _mm256_slli_epi16(second, 8)), low = _mm256_unpacklo_epi16(first, second), high = _mm256_unpackhi_epi16(first, second);
	__m128i		parts[4] = {_mm256_castsi256_si128(low), _mm256_castsi256_si128(high), _mm256_extracti128_si256(low, 1), _mm256_extracti128_si256(high, 1)};

	for (int32 i = 0; i < 4; i++)
	{
		__m256i    *eight = (__m256i *) sums + i;

		_mm256_storeu_si256(eight, _mm256_add_epi32(_mm256_loadu_si256(eight), _mm256_cvtepu16_epi32(parts[i])));
	}
}

AVX2 static void
sums_avx2(const SketchedQuery *query, const uint8 *sketches, int32 count, int32 *sums)
{
	const __m256i half = _mm256_set1_epi8(15);
	int32		bytes = sketch_bytes(query->coded->dimension);

	for (int32 i = 0; i < count; i += 32)
		for (int32 start = 0; start < bytes; start += ADDED_AT_ONCE)
		{
			__m256i		both = _mm256_setzero_si256(), second = both;

			for (int32 at = start; at < Min(bytes, start + ADDED_AT_ONCE); at++)
			{
				const __m128i *tables = (const __m128i *) (query->tables + 32 * at);
				__m256i		these = _mm256_loadu_si256((const __m256i *) (sketches + (Size) at * count + i));
				__m256i		low = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(tables)), _mm256_and_si256(these, half));
				__m256i		high = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(tables + 1)), _mm256_and_si256(_mm256_srli_epi16(these, 4), half));
				__m256i		sum = _mm256_add_epi8(low, high);

				both = _mm256_add_epi16(both, sum);
				second = _mm256_add_epi16(second, _mm256_srli_epi16(sum, 8));
			}
			add_avx2(both, second, sums + i);
		}
}

VNNI static inline void
add_vnni(__m512i both, __m512i second, int32 *sums)
{
	const __m512i former = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), latter = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
	__m512i		first = _mm512_sub_epi16(both, _mm512_slli_epi16(second, 8)), low = _mm512_unpacklo_epi16(first, second), high = _mm512_unpackhi_epi16(first, second);
	__m512i		halves[2] = {_mm512_permutex2var_epi64(low, former, high), _mm512_permutex2var_epi64(low, latter, high)};

	for (int32 i = 0; i < 4; i++)
	{
		__m256i		part = i % 2 == 0 ? _mm512_castsi512_si256(halves[i / 2]) : _mm512_extracti64x4_epi64(halves[i / 2], 1);

		_mm512_storeu_si512(sums + 16 * i, _mm512_add_epi32(_mm512_loadu_si512(sums + 16 * i), _mm512_cvtepu16_epi32(part)));
	}
}

VNNI static void
sums_vnni(const SketchedQuery *query, const uint8 *sketches, int32 count, int32 *sums)
{
	const __m512i half = _mm512_set1_epi8(15);
	int32		bytes = sketch_bytes(query->coded->dimension);

	for (int32 i = 0; i < count; i += 64)
	{
		__mmask64	there = count - i >= 64 ? PG_UINT64_MAX : ((uint64) 1 << (count - i)) - 1;

		for (int32 start = 0; start < bytes; start += ADDED_AT_ONCE)
		{
			__m512i		both = _mm512_setzero_si512(), second = both;

			for (int32 at = start; at < Min(bytes, start + ADDED_AT_ONCE); at++)
			{
				const __m128i *tables = (const __m128i *) (query->tables + 32 * at);
				__m512i		these = _mm512_maskz_loadu_epi8(there, sketches + (Size) at * count + i);
				__m512i		low = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128(tables)), _mm512_and_si512(these, half));
				__m512i		high = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128(tables + 1)), _mm512_and_si512(_mm512_srli_epi16(these, 4), half));
				__m512i		sum = _mm512_add_epi8(low, high);

				both = _mm512_add_epi16(both, sum);
				second = _mm512_add_epi16(second, _mm512_srli_epi16(sum, 8));
			}
			add_vnni(both, second, sums + i);
		}
	}
}

#endif

static void
sums_of(const SketchedQuery *query, const uint8 *sketches, int32 count, int32 *sums)
{
	memset(sums, 0, SUMS_ROOM * sizeof(int32));
#if defined(__x86_64__)
	switch (way_of_codes())
	{
		case WITH_VNNI:
			sums_vnni(query, sketches, count, sums);
			return;
		case WITH_AVX2:
			sums_avx2(query, sketches, count, sums);
			return;
		case PLAIN:
			break;
	}
#endif
	sums_plain(query, sketches, count, sums);
}

/* Of the vectors of a row of a list whose middle has this cosine: few cosine distances are less. */
void
least_by_sketches(const SketchedQuery *query, const SketchesRow *row, float4 cosine, float4 *restrict least)
{
	const SketchesHeader *header = row->header;
	const float4 *scales = row->scales, *offsets = row->offsets;
	int32		count = header->count, sums[SUMS_ROOM], span = query->span;
	float4		from_middle = header->centre > 0 ? cosine : 0, away = sqrtf(Max(0, 1 + header->centre - 2 * from_middle));
	float4		share = Min(1, DOUBTED_SIGMAS / sqrtf(query->coded->dimension)), vague = share * header->vagueness * away, rounding = share * header->rounding;
	float4		unit = query->unit, start = 1 - ROUNDING - from_middle;

	sums_of(query, row->sketches, count, sums);
	for (int32 i = 0; i < count; i++)
	{
		float4		doubt = vague * scales[i];

		least[i] = start - offsets[i] - scales[i] * unit * (2 * sums[i] - span) - sqrtf(doubt * doubt + rounding * rounding);
	}
}

Datum
native_least_by_sketches(PG_FUNCTION_ARGS)
{
	CodedQuery	query = code_query(PointerGetDatum(PG_GETARG_VARLENA_P(3)));
	CodesRow	middles;
	SketchesRow row;
	float4		cosines[UINT8_MAX], least[UINT8_MAX];

	/* Aligned, as they are in the table. */
	if (query.values == NULL || !read_codes(PG_DETOAST_DATUM(PG_GETARG_DATUM(0)), query.dimension, &middles) || middles.header->count > UINT8_MAX
		|| !read_sketches(PG_DETOAST_DATUM(PG_GETARG_DATUM(2)), query.dimension, &row))
		PG_RETURN_NULL();

	int64		place = PG_GETARG_INT32(1) - (int64) middles.header->first;

	if (place < 0 || place >= middles.header->count)
		PG_RETURN_NULL();
	likely_cosines(&query, &middles, cosines);

	SketchedQuery sketched = sketch_query(&query);

	least_by_sketches(&sketched, &row, cosines[place], least);
	PG_RETURN_ARRAYTYPE_P(reals(least, row.header->count));
}
