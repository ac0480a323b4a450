/*
 * The rows of single vectors, found by where they were when they were coded: one page is read instead of a tree's and a pack's.
 *
 * A row never changes in what is read here, but goes when its tile is deleted, and moves when its table is written anew (VACUUM FULL, CLUSTER, a restored dump); its place may then
 * be another's. So each is known by a hash of its tile's id and collection, and whoever does not find it here finds it by its key.
 */
#include "packs.h"
#include "rows.h"

#include "common/hashfn.h"
#include "storage/bufmgr.h"

Locator
locate(const pg_uuid_t *tile, int32 collection, const ItemPointerData *row)
{
	Locator		locator = {.row = *row};
	uint64		hash = hash_bytes_extended(tile->data, UUID_LEN, collection);

	memcpy(locator.hash, &hash, sizeof(hash));
	return locator;
}

/* Whether that is the tile whose row it locates. */
bool
is_row_of(const Locator *locator, const pg_uuid_t *tile, int32 collection)
{
	Locator		found = locate(tile, collection, &locator->row);

	return memcmp(found.hash, locator->hash, sizeof(found.hash)) == 0;
}

/* The table of a model's vectors (tilescout.embedding_table). */
Relation
open_vectors(Oid schema, int32 model)
{
	char		name[NAMEDATALEN];

	snprintf(name, sizeof(name), "embedding_%d", model);
	return open_table(schema, name);
}

VectorRows
read_vectors(Oid schema, int32 model, Oid vector_type)
{
	Relation	table = open_vectors(schema, model);

	return (VectorRows) {
		.reading = read_by_place(table), .blocks = RelationGetNumberOfBlocks(table),
		.tile = column(table, "tile_id", UUIDOID), .collection = column(table, "collection_id", INT4OID), .valid = column(table, "valid_fraction", FLOAT4OID), .cloud = column(table, "cloud_fraction", FLOAT4OID),
		.vector = column(table, "embedding", vector_type)
	};
}

/* false: it is not there any more, or not visible. The row at hand is not fetched again; no index shares its slot, which after a vain read would hold less than it says. */
bool
fetch_vector(VectorRows *rows, const Locator *locator)
{
	const TupleTableSlot *slot = rows->reading.slot;

	if (!(!TTS_EMPTY(slot) && ItemPointerEquals((ItemPointer) &slot->tts_tid, (ItemPointer) &locator->row)) && !fetch_row(&rows->reading, rows->blocks, &locator->row))
		return false;
	prefetch_row(&rows->reading, 1);
	return is_row_of(locator, tile_of(rows), int4_of(&rows->reading, rows->collection));
}

const pg_uuid_t *
tile_of(const VectorRows *rows)
{
	return DatumGetUUIDP(value_of(&rows->reading, rows->tile));
}

/* How far the vector at hand is from a question's query. */
double
distance_of(const VectorRows *rows, Question *question)
{
	Datum		stored = value_of(&rows->reading, rows->vector);
	struct varlena *vector = PG_DETOAST_DATUM(stored);
	double		distance = DatumGetFloat8(FunctionCall2(&question->distance, PointerGetDatum(vector), question->query));

	if ((Pointer) vector != DatumGetPointer(stored))
		pfree(vector);
	return distance;
}

/* What packs.c's consider does, of the row at hand. */
bool
consider_row(const VectorRows *rows, Question *question, int32 piece, Candidate *candidate)
{
	bool		null;

	if (question->tiles.by_valid && !(DatumGetFloat4(value_of(&rows->reading, rows->valid)) >= question->tiles.least_valid))
		return false;
	if (question->tiles.by_cloud && (!(DatumGetFloat4(value_or_null(&rows->reading, rows->cloud, &null)) <= question->tiles.most_cloud) || null))
		return false;
	*candidate = (Candidate) {.distance = distance_of(rows, question), .tile = *tile_of(rows), .piece = piece, .row = rows->reading.slot->tts_tid};
	return follows(question, candidate);
}
