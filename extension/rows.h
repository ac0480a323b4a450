/* The rows of single vectors, in the table of their model. */
#ifndef TILESCOUT_ROWS_H
#define TILESCOUT_ROWS_H

#include "codes.h"
#include "tilescout_packs.h"

typedef struct
{
	Reading		reading;
	BlockNumber blocks;
	AttrNumber	tile, collection, valid, cloud, vector;
} VectorRows;

extern Locator locate(const pg_uuid_t *tile, int32 collection, const ItemPointerData *row);
extern bool is_row_of(const Locator *locator, const pg_uuid_t *tile, int32 collection);
extern Relation open_vectors(Oid schema, int32 model);
extern VectorRows read_vectors(Oid schema, int32 model, Oid vector_type);
extern bool fetch_vector(VectorRows *rows, const Locator *locator);
extern const pg_uuid_t *tile_of(const VectorRows *rows);
extern double distance_of(const VectorRows *rows, Question *question);
extern bool consider_row(const VectorRows *rows, Question *question, int32 piece, Candidate *candidate);

#endif
