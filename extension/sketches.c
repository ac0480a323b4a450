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
#define DOUBTED_SIGMAS 3.3f
/* Of steps of a spot. */
#define LAST_STEP UINT16_MAX
/* Single precision. */
#define ROUNDING 1e-5f

PG_FUNCTION_INFO_V1(native_least_by_sketches);

int32
sketch_bytes(int32 dimension)
{
	return code_bytes(dimension) / 4;
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
		header->widest = Max(header->widest, nextafterf(box[2] - (header->west + spots[i].x * header->across), INFINITY));
		header->highest = Max(header->highest, nextafterf(box[3] - (header->south + spots[i].y * header->up), INFINITY));
	}
}

/* A box that holds that of the tile at a place of a row. */
void
box_at(const SketchesRow *row, int32 place, float4 *box)
{
	const SketchesHeader *header = row->header;

	box[0] = header->west + row->spots[place].x * header->across;
	box[1] = header->south + row->spots[place].y * header->up;
	box[2] = nextafterf(box[0] + header->widest, INFINITY);
	box[3] = nextafterf(box[1] + header->highest, INFINITY);
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
	int32		dimension = header->dimension;
	uint8	   *sketch = (uint8 *) row->sketches + (Size) place * sketch_bytes(dimension);
	float4		square = 0, signs_along_itself = 0, along = 0, signs_along = 0;
	pg_prng_state random;
	uint64		drawn = 0;

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
		sketch[i / 8] |= beyond << i % 8;
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

/* Sums of the numbers of a query where sketches are positive, in the ways that processors know. All give the same numbers. */
#define LOOP(way, attributes) \
attributes static void \
sums_##way(const CodedQuery *query, const uint8 *sketches, int32 count, int32 *sums) \
{ \
	int32		bytes = query->bytes / 4; \
\
	for (int32 i = 0; i < count; i++) \
		sums[i] = sum_##way(sketches + (Size) i * bytes, query->values, bytes); \
}

static inline int32
sum_plain(const uint8 *sketch, const int8 *values, int32 bytes)
{
	int32		sum = 0;

	for (int32 i = 0; i < bytes; i++)
		for (int32 bit = 0; bit < 8; bit++)
			sum += values[8 * i + bit] & -(sketch[i] >> bit & 1);
	return sum;
}

LOOP(plain,)

#if defined(__x86_64__)

AVX2 static inline int32
sum_avx2(const uint8 *sketch, const int8 *values, int32 bytes)
{
	/* Each of four bytes eight times, and of these each one bit. */
	const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303), bits = _mm256_set1_epi64x((int64) 0x8040201008040201);
	__m256i		sum = _mm256_setzero_si256(), ones = _mm256_set1_epi8(1);

	for (int32 i = 0; i < bytes; i += 4)
	{
		int32		four;

		memcpy(&four, sketch + i, sizeof(four));

		__m256i		set = _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(four), spread), bits), bits);
		__m256i		pairs = _mm256_maddubs_epi16(_mm256_and_si256(set, ones), _mm256_loadu_si256((const __m256i *) (values + 8 * i)));

		sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
	}

	return total_avx2(sum);
}

LOOP(avx2, AVX2)

/* Sketches are of whole registers of 16 bytes: of 128 dimensions. */
VNNI static inline int32
sum_vnni(const uint8 *sketch, const int8 *values, int32 bytes)
{
	__m512i		sum = _mm512_setzero_si512(), other = _mm512_setzero_si512();

	for (int32 i = 0; i < bytes; i += 16)
	{
		uint64		bits[2];

		memcpy(bits, sketch + i, sizeof(bits));
		sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_set1_epi8(bits[0], 1), _mm512_loadu_si512(values + 8 * i));
		other = _mm512_dpbusd_epi32(other, _mm512_maskz_set1_epi8(bits[1], 1), _mm512_loadu_si512(values + 8 * i + 64));
	}
	return _mm512_reduce_add_epi32(_mm512_add_epi32(sum, other));
}

LOOP(vnni, VNNI)

#endif

static void
sums_of(const CodedQuery *query, const uint8 *sketches, int32 count, int32 *sums)
{
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
least_by_sketches(const CodedQuery *query, const SketchesRow *row, float4 cosine, float4 *restrict least)
{
	const SketchesHeader *header = row->header;
	const float4 *scales = row->scales, *offsets = row->offsets;
	int32		count = header->count, sums[UINT8_MAX], sum = query->sum;
	float4		from_middle = header->centre > 0 ? cosine : 0, away = sqrtf(Max(0, 1 + header->centre - 2 * from_middle));
	float4		share = Min(1, DOUBTED_SIGMAS / sqrtf(query->dimension)), vague = share * header->vagueness * away, rounding = share * header->rounding;
	float4		unit = query->scale, start = 1 - ROUNDING - from_middle;

	sums_of(query, row->sketches, count, sums);
	for (int32 i = 0; i < count; i++)
	{
		float4		doubt = vague * scales[i];

		least[i] = start - offsets[i] - scales[i] * unit * (2 * sums[i] - sum) - sqrtf(doubt * doubt + rounding * rounding);
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
	least_by_sketches(&query, &row, cosines[place], least);
	PG_RETURN_ARRAYTYPE_P(reals(least, row.header->count));
}
