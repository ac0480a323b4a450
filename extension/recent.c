/*
 * Where in the server's memory rows were when this session last read them.
 *
 * Of a large table what a search reads is not in the processor's caches, and most of the time it waits for memory: for the server's table of pages, the entry of a page, the page, and the
 * row, each of which tells where the next one is. Whoever knows where a page was can ask for all of these at once, and before they are needed. What is remembered may be wrong by then:
 * the server says so (ReadRecentBuffer), and it is looked for as always.
 */
#include "tilescout_packs.h"

#include "access/heapam.h"
#include "access/xact.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* A power of two. Of so many pages 4 MB are remembered, as far as they have been read. */
#define REMEMBERED (1 << 18)
/* Where in a page the pointer to a row is. */
#define LINE_POINTER(offset) (SizeOfPageHeaderData + ((offset) - 1) * sizeof(ItemIdData))

typedef struct
{
	Oid			file;
	BlockNumber block;
	Buffer		buffer;
	uint16		start, size;	/* of the row that was read last, in its page */
} Recent;

static Recent *recents = NULL;

static Recent *
place_of_block(Oid file, BlockNumber block)
{
	if (recents == NULL)
		recents = MemoryContextAllocExtended(TopMemoryContext, REMEMBERED * sizeof(Recent), MCXT_ALLOC_ZERO);
	/* Blocks that follow one another never take each other's places. */
	return &recents[(block + file * 2654435761u) % REMEMBERED];
}

static const Recent *
recent_of(const Reading *reading, const ItemPointerData *place)
{
	Oid			file = reading->table->rd_node.relNode;
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(place);
	const Recent *recent = place_of_block(file, block);

	return recent->file == file && recent->block == block && BufferIsValid(recent->buffer) ? recent : NULL;
}

/* Remembers where the row at hand was found. */
void
remember_row(const Reading *reading)
{
	const BufferHeapTupleTableSlot *slot = (const BufferHeapTupleTableSlot *) reading->slot;

	if (!TTS_IS_BUFFERTUPLE(reading->slot) || slot->base.tuple == NULL || slot->buffer <= 0)
		return;

	const HeapTupleData *row = slot->base.tuple;
	Oid			file = reading->table->rd_node.relNode;
	BlockNumber block = ItemPointerGetBlockNumber(&row->t_self);

	*place_of_block(file, block) = (Recent) {
		.file = file, .block = block, .buffer = slot->buffer, .start = (const char *) row->t_data - (const char *) BufferGetPage(slot->buffer), .size = row->t_len
	};
}

/* Asks memory for what is remembered of a row, which row_soon will ask for. */
void
recall_soon(const Reading *reading, const ItemPointerData *place)
{
	__builtin_prefetch(place_of_block(reading->table->rd_node.relNode, ItemPointerGetBlockNumberNoCheck(place)));
}

/* Asks memory for what leads to a row that is about to be fetched. Returns where that row is likely to be, and how long; NULL: it is not known. */
const char *
row_soon(const Reading *reading, const ItemPointerData *place, Size *size)
{
	const Recent *recent = ItemPointerIsValid(place) ? recent_of(reading, place) : NULL;

	if (recent == NULL)
		return NULL;

	const char *page = BufferGetPage(recent->buffer);

	__builtin_prefetch(GetBufferDescriptor(recent->buffer - 1));
	__builtin_prefetch(page + LINE_POINTER(ItemPointerGetOffsetNumberNoCheck(place)));
	__builtin_prefetch(page);
	*size = recent->size;
	return page + recent->start;
}

/* And for the row, or for this share of it. */
void
fetch_soon(const Reading *reading, const ItemPointerData *place, float4 share)
{
	Size		size = 0;
	const char *row = row_soon(reading, place, &size);

	ask_memory(row, size * share);
}

/* Fetches a row from where its page was. false: it is not there, or not visible. *elsewhere: the page is not known to be there. */
bool
fetch_recent(Reading *reading, const ItemPointerData *place, bool *elsewhere)
{
	const Recent *recent;
	BufferHeapTupleTableSlot *slot = (BufferHeapTupleTableSlot *) reading->slot;
	Snapshot	snapshot = GetActiveSnapshot();

	*elsewhere = true;
	/* What a serializable transaction reads is noted where it is read as always. */
	if (!TTS_IS_BUFFERTUPLE(reading->slot) || IsolationIsSerializable() || (recent = recent_of(reading, place)) == NULL
		|| !ReadRecentBuffer(reading->table->rd_node, MAIN_FORKNUM, recent->block, recent->buffer))
		return false;
	*elsewhere = false;

	Buffer		buffer = recent->buffer;
	Page		page = BufferGetPage(buffer);
	OffsetNumber offset = ItemPointerGetOffsetNumber(place);
	HeapTupleData row = {.t_self = *place, .t_tableOid = RelationGetRelid(reading->table)};
	bool		visible = false;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (offset <= PageGetMaxOffsetNumber(page) && ItemIdIsNormal(PageGetItemId(page, offset)))
	{
		row.t_data = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, offset));
		row.t_len = ItemIdGetLength(PageGetItemId(page, offset));
		visible = HeapTupleSatisfiesVisibility(&row, snapshot, buffer);
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	if (!visible)
	{
		ReleaseBuffer(buffer);
		return false;
	}
	slot->base.tupdata = row;
	ExecStorePinnedBufferHeapTuple(&slot->base.tupdata, reading->slot, buffer);
	reading->slot->tts_tableOid = row.t_tableOid;
	return true;
}
