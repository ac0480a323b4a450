/*
 * Vectors in 4 bits a dimension.
 *
 * A unit vector is turned by a fixed orthogonal map, which spreads whatever it holds evenly over the axes, and rounded there to 16 levels. The rounded vector y, scaled by
 * s = 1 / <x, y>, differs from the vector x by r, which is at right angles to x, and of known length e. So for a unit query q
 *
 *     <q, x> = s <q, y> + <q, r>,   |<q, r>| <= e sqrt(1 - <q, x>²) |cos|,
 *
 * where cos is of the angle between r and the part of q that is at right angles to x. In D dimensions the cosine of an angle between directions that have nothing to do with one
 * another is normally distributed, of standard deviation 1 / sqrt(D): beyond SIGMAS of these it is once in a thousand million times, and in few dimensions never. (Gao and Long,
 * RaBitQ, SIGMOD 2024, which this follows with 4 bits where they have one.) Of 256 dimensions e is about 0.1, and the bound 0.04 and less.
 */
#include "codes.h"
#include "ways.h"

#include <math.h>

#include "access/htup_details.h"

#define SIGMAS 6
/* Of a normal distribution's 16 levels, in standard deviations: the distance at which the error is least (Max, 1960). */
#define LEVEL 0.335f
/* Of the levels 0 to 15. */
#define MIDDLE 7.5f
/* What is rounded worse than this is compared itself. */
#define WORST 0.5f
/* Single precision, in which pgvector adds up distances too. */
#define ROUNDING 1e-5f
/* Queries that one code is multiplied with at a time. */
#define AT_ONCE 64

CodesWay	most_of_codes = WITH_VNNI;

/* Whole registers of 64 bytes. */
int32
code_bytes(int32 dimension)
{
	return (dimension + 127) / 128 * 64;
}

/* What goes from row to row with a code: scale, cosine and sine, box, and the code. */
Size
record_size(int32 dimension)
{
	return 7 * sizeof(float4) + code_bytes(dimension);
}

static CodesRow
row_at(const char *data, int32 count)
{
	const float4 *numbers = (const float4 *) (data + sizeof(CodesHeader));

	return (CodesRow) {
		.header = (const CodesHeader *) data, .scales = numbers, .cosines = numbers + count, .sines = numbers + 2 * count, .boxes = numbers + 3 * count,
		.codes = (const uint8 *) (numbers + 7 * count)
	};
}

/* So many fill a page, as the packs do, where so many bytes of something else go with each. */
int32
codes_per_row(int32 dimension, Size more)
{
	return Max(1, (ROW_SIZE - sizeof(CodesHeader)) / (record_size(dimension) + more));
}

void
read_record(const CodesRow *row, int32 place, int32 dimension, char *record)
{
	float4	   *numbers = (float4 *) record;

	numbers[0] = row->scales[place];
	numbers[1] = row->cosines[place];
	numbers[2] = row->sines[place];
	memcpy(numbers + 3, row->boxes + 4 * place, 4 * sizeof(float4));
	memcpy(numbers + 7, row->codes + (Size) place * code_bytes(dimension), code_bytes(dimension));
}

/* A row's contents, of header.count records. */
void
write_records(char *data, CodesHeader header, const char *const *records)
{
	CodesRow	row = row_at(data, header.count);
	int32		bytes = code_bytes(header.dimension);

	header.version = CODES_VERSION;
	*(CodesHeader *) data = header;
	for (int32 i = 0; i < header.count; i++)
	{
		const float4 *numbers = (const float4 *) records[i];

		((float4 *) row.scales)[i] = numbers[0];
		((float4 *) row.cosines)[i] = numbers[1];
		((float4 *) row.sines)[i] = numbers[2];
		memcpy((float4 *) row.boxes + 4 * i, numbers + 3, 4 * sizeof(float4));
		memcpy((uint8 *) row.codes + (Size) i * bytes, numbers + 7, bytes);
	}
}

Size
codes_size(int32 dimension, int32 count)
{
	return sizeof(CodesHeader) + count * record_size(dimension);
}

/* Asks memory for one vector of a row of tilescout.code that is about to be fetched. */
void
code_soon(const CodesReading *reading, const ItemPointerData *at, int32 dimension, int32 place)
{
	Size		size, before = MAXALIGN(SizeofHeapTupleHeader) + sizeof(int64) + sizeof(int32) + VARHDRSZ;
	const char *data = row_soon(&reading->rows, at, &size);
	int32		bytes = code_bytes(dimension), count = data == NULL || size < before ? 0 : (size - before - sizeof(CodesHeader)) / (record_size(dimension) + sizeof(Locator));

	if (place >= count)
		return;

	CodesRow	row = row_at(data + before, count);

	__builtin_prefetch(data);
	__builtin_prefetch(row.header);
	__builtin_prefetch(row.scales + place);
	__builtin_prefetch(row.cosines + place);
	__builtin_prefetch(row.sines + place);
	__builtin_prefetch(row.boxes + 4 * place);
	for (int32 i = 0; i <= bytes; i += 64)
		__builtin_prefetch(row.codes + (Size) place * bytes + i);
	__builtin_prefetch(row.codes + (Size) count * bytes + place * sizeof(Locator));
}

/* false: another version wrote it, or it is of another dimension. */
bool
read_codes(struct varlena *value, int32 dimension, CodesRow *row)
{
	Size		size = VARSIZE_ANY_EXHDR(value);
	const CodesHeader *header = (const CodesHeader *) VARDATA_ANY(value);

	if (size < sizeof(CodesHeader) || header->version != CODES_VERSION || header->dimension != dimension || size < codes_size(dimension, header->count))
		return false;
	*row = row_at(VARDATA_ANY(value), header->count);
	row->rest = VARDATA_ANY(value) + codes_size(dimension, header->count);
	row->rest_size = size - codes_size(dimension, header->count);
	return true;
}

static float4
single(uint16 half)
{
	uint32		sign = (uint32) (half & 0x8000) << 16, magnitude = half & 0x7fff;
	union
	{
		uint32		bits;
		float4		value;
	}			number;

	if (magnitude < 0x0400)
	{
		number.value = magnitude * (1.0f / (1 << 24));
		number.bits |= sign;
	}
	else
		number.bits = sign | ((magnitude << 13) + ((magnitude >= 0x7c00 ? 224 : 112) << 23));
	return number.value;
}

static void
flip(float4 *x, int32 count, uint32 turn)
{
	for (int32 i = 0; i < count; i++)
	{
		uint32		h = (uint32) i * 2654435761u + turn * 0x9e3779b9u;

		h = (h ^ (h >> 15)) * 0x85ebca6bu;
		h = (h ^ (h >> 13)) * 0xc2b2ae35u;
		if ((h ^ (h >> 16)) & 1)
			x[i] = -x[i];
	}
}

/* Walsh and Hadamard's transform of a power of two of values, which keeps lengths. */
static void
transform(float4 *x, int32 count)
{
	float4		unit = 1 / sqrtf(count);

	for (int32 half = 1; half < count; half *= 2)
		for (int32 i = 0; i < count; i += 2 * half)
			for (int32 j = i; j < i + half; j++)
			{
				float4		a = x[j], b = x[j + half];

				x[j] = a + b;
				x[j + half] = a - b;
			}
	for (int32 i = 0; i < count; i++)
		x[i] *= unit;
}

/* The orthogonal map: signs as if drawn at random, then sums of all with all; of other dimensions than powers of two of the first ones, and of the last. */
static void
turn(float4 *x, int32 dimension)
{
	int32		power = 1;

	while (power * 2 <= dimension)
		power *= 2;
	for (uint32 round = 0; round < 2; round++)
	{
		flip(x, dimension, 2 * round);
		transform(x, power);
		if (power == dimension)
			continue;
		flip(x, dimension, 2 * round + 1);
		transform(x + dimension - power, power);
	}
}

static float4
dot(const float4 *a, const float4 *b, int32 count)
{
	float4		sum = 0;

	for (int32 i = 0; i < count; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Of unit length, and turned. false: it has no direction. */
static bool
turned(Datum vector, int32 dimension, float4 *x)
{
	const HalfVector *halves = (const HalfVector *) DatumGetPointer(vector);

	if (halves->dimension != dimension)
		return false;
	for (int32 i = 0; i < dimension; i++)
		x[i] = single(halves->values[i]);

	float4		length = sqrtf(dot(x, x, dimension));

	if (!(length > 0) || isinf(length))
		return false;
	for (int32 i = 0; i < dimension; i++)
		x[i] /= length;
	turn(x, dimension);
	return true;
}

/* How many lengths of an error may lie along a direction that has nothing to do with it. */
static float4
share_along(int32 dimension)
{
	return Min(1, SIGMAS / sqrtf(dimension));
}

/* The length of its error; 0: its vector may be anywhere. */
float4
error_of_record(const char *record, int32 dimension)
{
	const float4 *numbers = (const float4 *) record;

	return numbers[1] > 0 ? numbers[2] / numbers[1] / share_along(dimension) : 0;
}

/* The record of a turned unit vector, with no box. What is rounded badly may be anywhere. */
void
make_record(const float4 *x, int32 dimension, char *record)
{
	int32		bytes = code_bytes(dimension);
	float4	   *numbers = (float4 *) record, *y = palloc(dimension * sizeof(float4)), level = LEVEL / sqrtf(dimension), error = INFINITY;
	uint8	   *code = (uint8 *) (numbers + 7);

	memset(record, 0, record_size(dimension));
	numbers[2] = 1;
	for (int32 i = 0; i < dimension; i++)
	{
		int32		number = Min(15, Max(0, (int32) floorf(x[i] / level) + 8));

		code[i % bytes] |= number << (i < bytes ? 0 : 4);
		y[i] = number - MIDDLE;
	}

	float4		along = dot(x, y, dimension);

	if (along > 0)
	{
		for (int32 i = 0; i < dimension; i++)
			y[i] = x[i] - y[i] / along;
		error = sqrtf(dot(y, y, dimension));
	}
	pfree(y);
	if (error > WORST)
		return;

	float4		slope = share_along(dimension) * error;

	numbers[1] = 1 / sqrtf(1 + slope * slope);
	numbers[2] = slope * numbers[1];
	numbers[0] = numbers[1] / along;
}

/* The record of a vector, with its box. */
void
code_vector(Datum vector, int32 dimension, const float4 *box, char *record)
{
	float4	   *numbers = (float4 *) record, *x = palloc(dimension * sizeof(float4));

	if (turned(vector, dimension, x))
		make_record(x, dimension, record);
	else
	{
		memset(record, 0, record_size(dimension));
		numbers[2] = 1;
	}
	memcpy(numbers + 3, box, 4 * sizeof(float4));
	pfree(x);
}

/* In whole numbers, so that it is multiplied with codes in whole numbers; x: of unit length, turned. */
CodedQuery
code_turned(const float4 *x, int32 dimension)
{
	int32		bytes = code_bytes(dimension), sum = 0;
	CodedQuery	query = {.dimension = dimension, .bytes = bytes, .values = palloc0(2 * bytes)};
	float4		most = 1e-9f, error = 0;

	for (int32 i = 0; i < dimension; i++)
		most = Max(most, fabsf(x[i]));
	query.scale = most / 127;
	for (int32 i = 0; i < dimension; i++)
	{
		int32		value = (int32) rintf(x[i] / query.scale);
		float4		missing = x[i] - value * query.scale;

		query.values[i] = value;
		sum += value;
		error += missing * missing;
	}
	query.sum = sum;
	query.offset = MIDDLE * sum;
	/* The longest that a scaled vector can be whose error is the worst. */
	query.margin = share_along(dimension) * sqrtf(error) * sqrtf(1 + WORST * WORST);
	return query;
}

CodedQuery
code_query(Datum vector)
{
	int32		dimension = dimension_of(vector);
	CodedQuery	query = {.dimension = dimension};
	float4	   *x = palloc(dimension * sizeof(float4));

	if (turned(vector, dimension, x))
		query = code_turned(x, dimension);
	pfree(x);
	return query;
}

/* The rounded vector, turned, of some length. */
void
read_code(const uint8 *code, int32 dimension, float4 *y)
{
	int32		bytes = code_bytes(dimension);

	for (int32 i = 0; i < dimension; i++)
		y[i] = (i < bytes ? code[i] & 15 : code[i - bytes] >> 4) - MIDDLE;
}

/*
 * Sums of products of codes with queries in whole numbers, in the ways that processors know. All give the same numbers. Of each way there are two loops, so that what is called once
 * is the loop: one query with codes at some places of a row, and one code with several queries.
 */
#define LOOPS(way, attributes) \
attributes static void \
of_codes_##way(const CodedQuery *query, const uint8 *codes, const int32 *places, int32 count, int32 *sums) \
{ \
	for (int32 i = 0; i < count; i++) \
		sums[i] = product_##way(codes + (Size) places[i] * query->bytes, query->values, query->bytes); \
} \
attributes static void \
of_queries_##way(const CodedQuery *queries, const uint8 *code, int32 count, int32 *sums) \
{ \
	for (int32 i = 0; i < count; i++) \
		sums[i] = product_##way(code, queries[i].values, queries[i].bytes); \
}

static inline int32
product_plain(const uint8 *code, const int8 *values, int32 bytes)
{
	int32		sum = 0;

	for (int32 i = 0; i < bytes; i++)
		sum += (code[i] & 15) * values[i] + (code[i] >> 4) * values[bytes + i];
	return sum;
}

LOOPS(plain,)

#if defined(__x86_64__)

AVX2 static inline int32
total_avx2(__m256i sum)
{
	__m128i		half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));

	half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
	return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

AVX2 static inline int32
product_avx2(const uint8 *code, const int8 *values, int32 bytes)
{
	__m256i		sum = _mm256_setzero_si256(), low_half = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);

	for (int32 i = 0; i < bytes; i += 32)
	{
		__m256i		both = _mm256_loadu_si256((const __m256i *) (code + i));
		__m256i		low = _mm256_and_si256(both, low_half), high = _mm256_and_si256(_mm256_srli_epi16(both, 4), low_half);

		/* Two products of 15 times 127 fit 16 bits, and four of them too. */
		__m256i		pairs = _mm256_add_epi16(_mm256_maddubs_epi16(low, _mm256_loadu_si256((const __m256i *) (values + i))),
											 _mm256_maddubs_epi16(high, _mm256_loadu_si256((const __m256i *) (values + bytes + i))));

		sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
	}

	return total_avx2(sum);
}

LOOPS(avx2, AVX2)

VNNI static inline int32
product_vnni(const uint8 *code, const int8 *values, int32 bytes)
{
	__m512i		sum = _mm512_setzero_si512(), other = _mm512_setzero_si512(), low_half = _mm512_set1_epi8(15);

	for (int32 i = 0; i < bytes; i += 64)
	{
		__m512i		both = _mm512_loadu_si512(code + i);

		sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(both, low_half), _mm512_loadu_si512(values + i));
		other = _mm512_dpbusd_epi32(other, _mm512_and_si512(_mm512_srli_epi16(both, 4), low_half), _mm512_loadu_si512(values + bytes + i));
	}
	return _mm512_reduce_add_epi32(_mm512_add_epi32(sum, other));
}

LOOPS(vnni, VNNI)

#endif

typedef struct
{
	void		(*of_codes) (const CodedQuery *query, const uint8 *codes, const int32 *places, int32 count, int32 *sums);
	void		(*of_queries) (const CodedQuery *queries, const uint8 *code, int32 count, int32 *sums);
} Loops;

CodesWay
way_of_codes(void)
{
	static CodesWay fastest = PLAIN;
#if defined(__x86_64__)
	static bool known = false;

	if (!known)
	{
		__builtin_cpu_init();
		if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw"))
			fastest = WITH_VNNI;
		else if (__builtin_cpu_supports("avx2"))
			fastest = WITH_AVX2;
		known = true;
	}
#endif
	return Min(fastest, most_of_codes);
}

static const Loops *
loops(void)
{
	static const Loops ways[] = {
		[PLAIN] = {of_codes_plain, of_queries_plain},
#if defined(__x86_64__)
		[WITH_AVX2] = {of_codes_avx2, of_queries_avx2}, [WITH_VNNI] = {of_codes_vnni, of_queries_vnni}
#endif
	};

	return &ways[way_of_codes()];
}

/* Of the vectors at these places of a row: no cosine distance is less. With less doubt than 1, that many times SIGMAS, few are. */
void
least_distances(const CodedQuery *query, const CodesRow *row, const int32 *places, int32 count, float4 doubt, float4 *least)
{
	int32		sums[UINT8_MAX];

	loops()->of_codes(query, row->codes, places, count, sums);
	for (int32 i = 0; i < count; i++)
	{
		float4		cosine = row->cosines[places[i]], sine = row->sines[places[i]];

		/* The cosine of the angle between query and rounded vector, less what lies between that one and the vector itself. */
		float4		m = row->scales[places[i]] * query->scale * (sums[i] - query->offset) + query->margin;

		/* What is no number may be anywhere. */
		least[i] = !(m < cosine) ? -ROUNDING : 1 - ROUNDING - (m * cosine + sqrtf(Max(0, 1 - m * m)) * sine);
		if (doubt < 1 && cosine > 0)
			least[i] += (1 - doubt) * (1 - m / cosine - least[i]);
	}
}

/* How like the queries a rounded vector is: the larger the nearer, of vectors of one length. */
void
likenesses(const CodedQuery *queries, int32 count, const uint8 *code, float4 *like)
{
	int32		sums[AT_ONCE];

	for (int32 start = 0; start < count; start += AT_ONCE)
	{
		int32		now = Min(AT_ONCE, count - start);

		loops()->of_queries(queries + start, code, now, sums);
		for (int32 i = 0; i < now; i++)
			like[start + i] = queries[start + i].scale * (sums[i] - queries[start + i].offset);
	}
}

/* Which of these queries a rounded vector is most like, and how much. */
int32
likest(const CodedQuery *queries, int32 count, const uint8 *code, float4 *how_like)
{
	float4		like[AT_ONCE];
	int32		best = 0;

	*how_like = -INFINITY;
	for (int32 start = 0; start < count; start += AT_ONCE)
	{
		int32		now = Min(AT_ONCE, count - start);

		likenesses(queries + start, now, code, like);
		for (int32 i = 0; i < now; i++)
			if (like[i] > *how_like)
			{
				*how_like = like[i];
				best = start + i;
			}
	}
	return best;
}

/* Of all vectors of a row about the cosines between them and the query. */
void
likely_cosines(const CodedQuery *query, const CodesRow *row, float4 *cosines)
{
	int32		places[UINT8_MAX], sums[UINT8_MAX];

	for (int32 i = 0; i < row->header->count; i++)
		places[i] = i;
	loops()->of_codes(query, row->codes, places, row->header->count, sums);
	for (int32 i = 0; i < row->header->count; i++)
		cosines[i] = row->cosines[i] > 0 ? row->scales[i] / row->cosines[i] * query->scale * (sums[i] - query->offset) : -1;
}
