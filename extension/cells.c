/* Exact searches of small areas, and how many rows a larger one is likely to hold: tilescout.cells_at, search_few and rough_rows. */
#include "search.h"

#include <math.h>

#include "utils/fmgroids.h"
#include "utils/memutils.h"

/* A sure majority of searches finds its k among so many. */
#define LEAST_DEPTH 128
/* An estimate by so many is a fifth wrong. */
#define ENOUGH_OF_SAMPLE 25

typedef struct
{
	AttrNumber	id, model, run, collection, tiles, stale, undated, from, to, box;
} CellColumns;

static CellColumns
columns_of(Relation cell, Oid geometry)
{
	return (CellColumns) {
		.id = column(cell, "id", INT8OID), .model = column(cell, "model_id", INT4OID), .run = column(cell, "run_id", INT4OID),
		.collection = column(cell, "collection_id", INT4OID), .tiles = column(cell, "tiles", INT4OID), .stale = column(cell, "stale", BOOLOID), .undated = column(cell, "undated", BOOLOID),
		.from = column(cell, "acquired_from", TIMESTAMPTZOID), .to = column(cell, "acquired_to", TIMESTAMPTZOID), .box = column(cell, "box", geometry)
	};
}

static bool
not_before(const Dates *dates, TimestampTz time)
{
	return dates->open_from || time > dates->from || (time == dates->from && dates->with_from);
}

static bool
not_after(const Dates *dates, TimestampTz time)
{
	return dates->open_to || time < dates->to || (time == dates->to && dates->with_to);
}

bool
date_passes(const Dates *dates, TimestampTz time)
{
	return not_before(dates, time) && not_after(dates, time);
}

/* Whether dates of the cell may pass; within: whether all do. */
static bool
cell_meets_dates(const Search *search, const Reading *cell, const CellColumns *columns, bool *within)
{
	bool		none, null;

	*within = true;
	if (!search->dates.given)
		return true;

	TimestampTz from = DatumGetTimestampTz(value_of(cell, columns->from, &none)), to = DatumGetTimestampTz(value_of(cell, columns->to, &null));

	*within = !none && !DatumGetBool(value_of(cell, columns->undated, &null)) && date_passes(&search->dates, from) && date_passes(&search->dates, to);
	return !none && not_before(&search->dates, to) && not_after(&search->dates, from);
}

static void
make_room(NearCells *near, int64 **ids, int32 **collections, bool **sures)
{
	if (near->cells.count < near->room)
		return;
	near->room = near->room == 0 ? 64 : 2 * near->room;
	near->cells.ids = *ids = *ids == NULL ? palloc(near->room * sizeof(int64)) : repalloc_huge(*ids, near->room * sizeof(int64));
	near->cells.collections = *collections = *collections == NULL ? palloc(near->room * sizeof(int32)) : repalloc_huge(*collections, near->room * sizeof(int32));
	near->cells.sures = *sures = *sures == NULL ? palloc(near->room * sizeof(bool)) : repalloc_huge(*sures, near->room * sizeof(bool));
}

/* Cells that may hold rows that pass, at most so many: whose boxes meet the area's, or, by_outline, the area itself, and whose dates may pass. */
NearCells
cells_near(const Search *search, int32 most, bool by_outline)
{
	Relation	cell = open_table(search->schema, "cell");
	Reading		reading = search->in_area ? read_by_index(cell, open_index(search->schema, "cell_box"), 1, 0) : read_whole(cell);
	CellColumns columns = columns_of(cell, search->outside->geometry_type);
	NearCells	near = {0};
	int64	   *ids = NULL;
	int32	   *collections = NULL;
	bool	   *sures = NULL;
	ScanKeyData meets;

	near.dated = true;
	ScanKeyEntryInitialize(&meets, 0, 1, RTOverlapStrategyNumber, search->outside->geometry_type, InvalidOid, search->outside->overlaps, search->area);
	for (bool found = search->in_area ? find_row(&reading, &meets, 1) : next_row(&reading); found; found = next_row(&reading))
	{
		bool		within, null;
		int32		tiles = int4_of(&reading, columns.tiles);

		if (int4_of(&reading, columns.model) != search->model.id || is_hidden(search, int4_of(&reading, columns.run))
			|| !cell_meets_dates(search, &reading, &columns, &within)
			|| (by_outline && !lies_in_area(search, value_of(&reading, columns.box, &null))))
			continue;
		if (near.cells.count == most)
		{
			near.more = true;
			break;
		}

		/* Then all of its tiles pass. Whether an area contains a cell is dearer to find out than it is to look up the tiles that turn out to be near. */
		bool		sure = within && !search->in_area && !DatumGetBool(value_of(&reading, columns.stale, &null));

		make_room(&near, &ids, &collections, &sures);
		ids[near.cells.count] = int8_of(&reading, columns.id);
		collections[near.cells.count] = int4_of(&reading, columns.collection);
		sures[near.cells.count++] = sure;
		near.tiles += tiles;
		near.passing += sure ? tiles : tiles / 2.0;
		near.dated &= within;
	}
	end_reading(&reading);
	return near;
}

/* One cell of the sample. */
typedef struct
{
	Box			box;
	double		tiles;
	bool		dated;
	TimestampTz from, to;
} Sampled;

/*
 * Some cells of a model, drawn at random (cell.sample). As statistics are, they are of the last ANALYZE: a session reads them again when that has counted the model's rows anew.
 */
typedef struct
{
	Oid			schema;
	int32		model;
	double		rows;
	int32		count;
	Sampled    *cells;
} Sample;

static const Sample *
sample_of(const Search *search, double rows, int32 looked_at)
{
	static Sample kept = {0};

	if (kept.schema == search->schema && kept.model == search->model.id && kept.rows == rows)
		return &kept;

	Reading		reading = read_by_index(open_table(search->schema, "cell"), open_index(search->schema, "cell_sample"), 2, 0);
	CellColumns columns = columns_of(reading.table, search->outside->geometry_type);
	ScanKeyData keys[2];
	Sample		sample = {.schema = search->schema, .model = search->model.id, .rows = rows};
	int32		room = 1024;

	sample.cells = MemoryContextAlloc(TopMemoryContext, room * sizeof(Sampled));
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(search->model.id));
	ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_INT2GE, Int16GetDatum(floor(log2(Max(1, floor(rows / 256 / looked_at))))));
	for (bool found = find_row(&reading, keys, 2); found && sample.count < room; found = next_row(&reading))
	{
		bool		none, null;
		Sampled    *cell = &sample.cells[sample.count++];

		cell->box = box_of(search->outside, value_of(&reading, columns.box, &null));
		cell->tiles = int4_of(&reading, columns.tiles);
		cell->from = DatumGetTimestampTz(value_of(&reading, columns.from, &none));
		cell->to = DatumGetTimestampTz(value_of(&reading, columns.to, &null));
		cell->dated = !none;
	}
	end_reading(&reading);
	if (kept.cells != NULL)
		pfree(kept.cells);
	kept = sample;
	return &kept;
}

/* The share of all tiles that lie in cells of the sample which the search may be about; met: how many cells these are. */
static double
share_of_sample(const Search *search, const Sample *sample, int32 *met)
{
	double		all = 0, near = 0;
	const Box  *box = &search->box;

	*met = 0;
	for (int32 i = 0; i < sample->count; i++)
	{
		const Sampled *cell = &sample->cells[i];

		all += cell->tiles;
		if (search->in_area && !(cell->box.west <= box->east && cell->box.east >= box->west && cell->box.south <= box->north && cell->box.north >= box->south))
			continue;
		if (search->dates.given && !(cell->dated && not_before(&search->dates, cell->to) && not_after(&search->dates, cell->from)))
			continue;
		near += cell->tiles;
		(*met)++;
	}
	return all > 0 ? near / all : 0;
}

/*
 * About how many rows are likely to pass: by boxes and dates of cells, times the share of its box that the area fills. Where too few cells of the sample tell, the cells near by
 * are counted.
 */
double
rough_rows(const Search *search, double total, int32 looked_at)
{
	int32		met;

	if (!search->in_area && !search->dates.given)
		return total;

	double		rows = total * share_of_sample(search, sample_of(search, total, looked_at), &met);

	if (search->in_area)
	{
		double		box = (search->box.east - search->box.west) * (search->box.north - search->box.south);

		if (met < ENOUGH_OF_SAMPLE)
		{
			NearCells	near = cells_near(search, looked_at, false);

			if (!near.more)
				rows = near.tiles;
		}
		rows *= DatumGetFloat8(OidFunctionCall1(search->outside->surface, search->area)) / Max(box, 1e-12);
	}
	return rows;
}

/* What of a tile says whether it passes, and what an answer shows of it. */
typedef struct
{
	Reading		tile, scene;
	AttrNumber	footprint, of_scene, valid, cloud, acquired;
} Lookup;

static Lookup
begin_lookup(const Search *search)
{
	Relation	tile = open_table(search->schema, "tile"), scene = open_table(search->schema, "scene");

	return (Lookup) {
		.tile = read_by_index(tile, open_primary_key(tile), 2, 0), .scene = read_by_index(scene, open_primary_key(scene), 1, 0),
		.footprint = column(tile, "footprint", search->outside->geometry_type), .of_scene = column(tile, "scene_id", INT8OID),
		.valid = column(tile, "valid_fraction", FLOAT4OID), .cloud = column(tile, "cloud_fraction", FLOAT4OID),
		.acquired = column(scene, "acquired_at", TIMESTAMPTZOID)
	};
}

static bool
scene_passes_dates(const Search *search, Lookup *lookup)
{
	ScanKeyData key;
	bool		null;

	if (!search->dates.given)
		return true;
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(int8_of(&lookup->tile, lookup->of_scene)));
	if (!find_row(&lookup->scene, &key, 1))
		return false;

	TimestampTz time = DatumGetTimestampTz(value_of(&lookup->scene, lookup->acquired, &null));

	return !null && date_passes(&search->dates, time);
}

/* Finds the row of a candidate. false: its tile is gone, left out, or elsewhere. */
static bool
passes(const Search *search, Lookup *lookup, const Candidate *candidate, int32 collection, bool sure)
{
	ScanKeyData key[2];
	bool		null;

	if (search->by_tile && memcmp(candidate->tile.data, search->excluded.data, UUID_LEN) == 0)
		return false;
	ScanKeyInit(&key[0], 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&candidate->tile));
	ScanKeyInit(&key[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(collection));
	return find_row(&lookup->tile, key, 2)
		&& (sure || ((!search->in_area || lies_in_area(search, value_of(&lookup->tile, lookup->footprint, &null))) && scene_passes_dates(search, lookup)));
}

/* The nearest of all tiles of the cells; of more and more candidates the footprints are looked up until k have passed. */
void
search_cells(const Search *search, const NearCells *near, Answer *answer)
{
	Lookup		lookup = begin_lookup(search);
	Question	question = {.in_box = search->in_area, .box = search->box, .query = search->query, .vector_type = search->outside->vector_type, .distance = search->distance};
	int64		looked_up = 0;

	for (int64 depth = Max(LEAST_DEPTH, 3 * search->k / 2 * near->tiles / Max(near->passing, 1));; depth *= 8)
	{
		Candidate  *nearest;
		int64		count = nearest_of_cells(search->schema, &question, &near->cells, depth, &nearest);

		/* Those before were looked up in the round before. */
		for (; looked_up < count && answer->count < search->k; looked_up++)
		{
			Candidate  *candidate = &nearest[looked_up];
			int32		collection = near->cells.collections[candidate->piece];
			bool		null;

			if (!passes(search, &lookup, candidate, collection, near->cells.sures[candidate->piece]))
				continue;

			Hit		   *hit = &answer->hits[answer->count++];

			hit->distance = candidate->distance;
			hit->tile = candidate->tile;
			hit->collection = collection;
			hit->scene = int8_of(&lookup.tile, lookup.of_scene);
			hit->valid = value_of(&lookup.tile, lookup.valid, &null);
			hit->cloud = value_of(&lookup.tile, lookup.cloud, &hit->cloud_unknown);
			hit->footprint = PointerGetDatum(PG_DETOAST_DATUM_COPY(value_of(&lookup.tile, lookup.footprint, &null)));
		}
		pfree(nearest);
		if (answer->count == search->k || count < depth)
			break;
	}
	end_reading(&lookup.tile);
	end_reading(&lookup.scene);
}
