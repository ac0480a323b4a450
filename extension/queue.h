/*
 * Numbers that are taken by their keys, the largest key first.
 *
 * Of thousands that a search puts in it takes some ten or hundred. So only those whose turn is near are in a heap; the others wait in bins, in no order. PostgreSQL's pairing heap
 * brings all of them in order when the first is taken, which took a tenth of a search.
 */
#ifndef TILESCOUT_QUEUE_H
#define TILESCOUT_QUEUE_H

#include "tilescout_packs.h"

/* Keys are cosines, from 1 to -1, or distances, from 0 to -2. */
#define QUEUE_BINS 256
#define LARGEST_KEY 1
#define SMALLEST_KEY (-2)

typedef struct
{
	float4		key;
	int32		number;
} Keyed;

/* {0}: an empty one. */
typedef struct
{
	Keyed	   *waiting;
	int32	   *next;			/* of each that waits, the next one of its bin, counted from 1; 0: there is none */
	int32		bins[QUEUE_BINS];	/* their first ones */
	int32		waiting_count, room;
	int32		bin;			/* those before it are empty, and what belongs there is in the heap */
	Keyed	   *heap;			/* a binary heap */
	int32		count, heap_room;
} Queue;

static inline int32
bin_of(float4 key)
{
	return Max(0, Min(QUEUE_BINS - 1, (int32) ((LARGEST_KEY - key) * (QUEUE_BINS / (float4) (LARGEST_KEY - SMALLEST_KEY)))));
}

static inline void
add_to_heap(Queue *queue, Keyed item)
{
	int32		at;

	if (queue->count == queue->heap_room)
		queue->heap = larger_in_reach(queue->heap, (queue->heap_room = Max(1024, 2 * queue->heap_room)) * sizeof(Keyed));
	for (at = queue->count++; at > 0 && queue->heap[(at - 1) / 2].key < item.key; at = (at - 1) / 2)
		queue->heap[at] = queue->heap[(at - 1) / 2];
	queue->heap[at] = item;
}

static inline void
enqueue(Queue *queue, float4 key, int32 number)
{
	Keyed		item = {.key = key, .number = number};
	int32		bin = bin_of(key);

	if (bin < queue->bin)
	{
		add_to_heap(queue, item);
		return;
	}
	if (queue->waiting_count == queue->room)
	{
		queue->room = Max(4096, 2 * queue->room);
		queue->waiting = larger_in_reach(queue->waiting, queue->room * sizeof(Keyed));
		queue->next = larger_in_reach(queue->next, queue->room * sizeof(int32));
	}
	queue->waiting[queue->waiting_count] = item;
	queue->next[queue->waiting_count++] = queue->bins[bin];
	queue->bins[bin] = queue->waiting_count;
}

/* false: it is empty. */
static inline bool
dequeue(Queue *queue, int32 *number)
{
	for (; queue->count == 0 && queue->bin < QUEUE_BINS; queue->bin++)
		for (int32 i = queue->bins[queue->bin]; i > 0; i = queue->next[i - 1])
			add_to_heap(queue, queue->waiting[i - 1]);
	if (queue->count == 0)
		return false;

	Keyed	   *heap = queue->heap, last = heap[--queue->count];
	int32		at = 0;

	*number = heap[0].number;
	for (int32 child; (child = 2 * at + 1) < queue->count; at = child)
	{
		if (child + 1 < queue->count && heap[child + 1].key > heap[child].key)
			child++;
		if (last.key >= heap[child].key)
			break;
		heap[at] = heap[child];
	}
	heap[at] = last;
	return true;
}

/* The one whose turn it is, of those that are in the heap; then about the ones whose turns follow. -1: there is none. */
static inline int32
soon_in_queue(const Queue *queue, int32 turn)
{
	return turn < queue->count ? queue->heap[turn].number : -1;
}

static inline void
empty_queue(Queue *queue)
{
	memset(queue->bins, 0, sizeof(queue->bins));
	queue->waiting_count = queue->count = queue->bin = 0;
}

#endif
