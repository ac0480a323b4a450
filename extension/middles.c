/* Middles of vectors that look alike, found as k-means finds them, of codes. */
#include "sorting.h"

#include <math.h>

#include "miscadmin.h"

/* Groups, times the square root of the lists' number: where a search opens 16 of them, it compares the fewest middles. */
#define GROUPS_PER_ROOT 4
#define GROUP_LEARNT_FROM 256
#define ROUNDS 6
/* Of the coarse middles so many are looked into for a vector's own. */
#define LOOKED_INTO 3

int32
nearest_middle(const Middles *middles, int32 start, int32 end, const char *record, float4 *how_like)
{
	return start + likest(middles->coded + start, end - start, code_of_record(record), how_like);
}

Middles
room_for_middles(int32 count, int32 dimension)
{
	return (Middles) {
		.count = count, .values = MemoryContextAllocHuge(CurrentMemoryContext, (Size) count * dimension * sizeof(float4)), .coded = palloc0(count * sizeof(CodedQuery))
	};
}

/* Makes a middle of what has been added up. Of nothing none is made: it stays as it was. */
static void
settle_middle(Middles *middles, int32 i, const float4 *sum, int32 dimension)
{
	float4		square = 0;

	for (int32 j = 0; j < dimension; j++)
		square += sum[j] * sum[j];
	if (!(square > 0))
		return;
	for (int32 j = 0; j < dimension; j++)
		middles->values[(Size) i * dimension + j] = sum[j] / sqrtf(square);
	if (middles->coded[i].values != NULL)
		pfree(middles->coded[i].values);
	middles->coded[i] = code_turned(middles->values + (Size) i * dimension, dimension);
}

/* Finds `wanted` middles, from `start` on, of these records, which come in no order. */
void
find_middles(const Records *records, Middles *middles, int32 start, int32 wanted, const int64 *of, int64 count, int rounds)
{
	int32		dimension = records->dimension, end = start + wanted;
	float4	   *sums = MemoryContextAllocHuge(CurrentMemoryContext, (Size) wanted * dimension * sizeof(float4)), *y = palloc(dimension * sizeof(float4)), how_like;

	for (int32 i = 0; i < wanted; i++)
	{
		read_code(code_of_record(record_at(records, of[i * count / wanted])), dimension, y);
		settle_middle(middles, start + i, y, dimension);
	}
	for (int round = 0; round < rounds; round++)
	{
		memset(sums, 0, (Size) wanted * dimension * sizeof(float4));
		for (int64 i = 0; i < count; i++)
		{
			const char *record = record_at(records, of[i]);
			float4	   *sum = sums + (Size) (nearest_middle(middles, start, end, record, &how_like) - start) * dimension;

			CHECK_FOR_INTERRUPTS();
			read_code(code_of_record(record), dimension, y);
			for (int32 j = 0; j < dimension; j++)
				sum[j] += y[j];
		}
		for (int32 i = 0; i < wanted; i++)
			settle_middle(middles, start + i, sums + (Size) i * dimension, dimension);
	}
	pfree(sums);
	pfree(y);
}

/* Of each record its nearest middle, and the records in the order of these, by counting; those of a middle begin where those of the one before end. ends: one more than middles. */
void
sort_by_middle(const Records *records, const Middles *middles, int32 *nearest, int64 *order, int64 *ends)
{
	int64	   *next = palloc(middles->count * sizeof(int64));
	float4		how_like;

	memset(ends, 0, (middles->count + 1) * sizeof(int64));
	for (int64 i = 0; i < records->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ends[(nearest[i] = nearest_middle(middles, 0, middles->count, record_at(records, i), &how_like)) + 1]++;
	}
	for (int32 i = 0; i < middles->count; i++)
		ends[i + 1] += ends[i];
	memcpy(next, ends, middles->count * sizeof(int64));
	for (int64 i = 0; i < records->count; i++)
		order[next[nearest[i]]++] = i;
	pfree(next);
}

Groups
learn_groups(const Records *sample, int32 lists)
{
	int32		coarse = Max(1, Min(lists, (int32) rint(GROUPS_PER_ROOT * sqrt(lists))));
	int64	   *all = MemoryContextAllocHuge(CurrentMemoryContext, sample->count * sizeof(int64)), *ends = palloc((coarse + 1) * sizeof(int64)), first = 0;
	int64		enough = Min(sample->count, (int64) coarse * GROUP_LEARNT_FROM);
	int32	   *nearest = MemoryContextAllocHuge(CurrentMemoryContext, sample->count * sizeof(int32)), fine = 0;
	Groups		groups = {.coarse = room_for_middles(coarse, sample->dimension), .first = palloc((coarse + 1) * sizeof(int32)), .likenesses = palloc(coarse * sizeof(float4))};

	for (int64 i = 0; i < enough; i++)
		all[i] = i * sample->count / enough;
	find_middles(sample, &groups.coarse, 0, coarse, all, enough, ROUNDS);
	sort_by_middle(sample, &groups.coarse, nearest, all, ends);
	for (int32 i = 0; i < coarse; i++)
	{
		int64		members = ends[i + 1] - ends[i];

		groups.first[i] = fine;
		fine += members == 0 ? 0 : Max(1, (int32) rint((double) lists * members / sample->count));
	}
	groups.first[coarse] = fine;
	groups.fine = room_for_middles(fine, sample->dimension);
	for (int32 i = 0; i < coarse; first = ends[++i])
		if (ends[i + 1] > first)
			find_middles(sample, &groups.fine, groups.first[i], groups.first[i + 1] - groups.first[i], all + first, ends[i + 1] - first, ROUNDS);
	pfree(all);
	pfree(nearest);
	return groups;
}

/* The fine middle that is nearest, of those of the coarse ones that are. */
int32
list_of(Groups *groups, const char *record)
{
	int32		into[LOOKED_INTO], count = 0, list = 0;
	float4		likest[LOOKED_INTO], best = -INFINITY;

	likenesses(groups->coarse.coded, groups->coarse.count, code_of_record(record), groups->likenesses);
	for (int32 i = 0; i < groups->coarse.count; i++)
	{
		float4		like = groups->likenesses[i];
		int32		at = count < LOOKED_INTO ? count++ : LOOKED_INTO;

		for (; at > 0 && like > likest[at - 1]; at--)
			if (at < LOOKED_INTO)
			{
				likest[at] = likest[at - 1];
				into[at] = into[at - 1];
			}
		if (at < LOOKED_INTO)
		{
			likest[at] = like;
			into[at] = i;
		}
	}
	for (int32 i = 0; i < count; i++)
	{
		float4		like;
		int32		nearest = nearest_middle(&groups->fine, groups->first[into[i]], groups->first[into[i] + 1], record, &like);

		if (like > best)
		{
			best = like;
			list = nearest;
		}
	}
	return list;
}
