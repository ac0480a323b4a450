/* What a random sample of cells tells: about how many rows pass, before any are read (tilescout.rough_rows). */
#include "search.h"

#include <math.h>

#include "utils/fmgroids.h"

/* An estimate by so many cells is a fifth wrong. */
#define ENOUGH_OF_SAMPLE 25
#define TILES_OF_CELL 256
/* Of so many rows it is clear that they are not all compared, and looking at their cells one by one takes a third of a search. */
#define ENOUGH_BY_REGIONS 20000

/* One cell of the sample. */
typedef struct
{
	Box			box;
	int32		collection;
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
	CellColumns columns = cell_columns(reading.table, search->outside->geometry_type);
	ScanKeyData keys[2];
	Sample		sample = {.schema = search->schema, .model = search->model.id, .rows = rows};
	int32		room = 1024;

	sample.cells = palloc(room * sizeof(Sampled));
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(search->model.id));
	ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_INT2GE, Int16GetDatum(floor(log2(Max(1, floor(rows / TILES_OF_CELL / looked_at))))));
	for (bool found = find_row(&reading, keys, 2); found && sample.count < room; found = next_row(&reading))
	{
		bool		none, null;
		Sampled    *cell = &sample.cells[sample.count++];

		cell->box = box_of(search->outside, value_of(&reading, columns.box));
		cell->collection = int4_of(&reading, columns.collection);
		cell->tiles = int4_of(&reading, columns.tiles);
		cell->from = DatumGetTimestampTz(value_or_null(&reading, columns.from, &none));
		cell->to = DatumGetTimestampTz(value_or_null(&reading, columns.to, &null));
		cell->dated = !none;
	}
	end_reading(&reading);

	sample.cells = keep(sample.cells, sample.count * sizeof(Sampled), kept.cells);
	kept = sample;
	return &kept;
}

/* The share of all tiles that lie in cells of the sample which the search may be about; met: how many cells these are. */
static double
share_of_sample(const Search *search, const Sample *sample, int32 *met)
{
	double		all = 0, near = 0;

	*met = 0;
	for (int32 i = 0; i < sample->count; i++)
	{
		const Sampled *cell = &sample->cells[i];

		all += cell->tiles;
		if (!is_in_collections(search, cell->collection))
			continue;
		if (search->in_area && !boxes_meet(cell->box, search->box))
			continue;
		if (search->dates.given && !(cell->dated && not_before(&search->dates, cell->to) && not_after(&search->dates, cell->from)))
			continue;
		near += cell->tiles;
		(*met)++;
	}
	return all > 0 ? near / all : 0;
}

/* About how many rows lie in an area of this surface: what it has beside the regions that lie in it, it has of those that it comes into. */
static double
rows_of_regions(const RegionsMet *met, double surface)
{
	return met->inside_tiles + (met->partly > 0 ? met->partly_tiles * Max(0, Min(1, (surface - met->inside) / met->partly)) : 0);
}

/*
 * About how many rows are likely to pass: by boxes, dates and collections of cells, times the share of its box that the area fills. Where too few cells of the sample tell, regions do, if
 * the area holds much, and else the cells near by.
 */
double
rough_rows(const Search *search, double total, int32 looked_at, const RegionsMet *regions)
{
	int32		met;

	if (restricts_nothing(search))
		return total;

	const Sample *sample = sample_of(search, total, looked_at);
	double		rows = total * share_of_sample(search, sample, &met);

	if (!search->in_area)
		return rows;

	double		surface = surface_of_area(search), by_regions = rows_of_regions(regions, surface);

	if (met < ENOUGH_OF_SAMPLE && by_regions > ENOUGH_BY_REGIONS)
	{
		Search		anywhere = *search;

		anywhere.in_area = false;
		return by_regions * share_of_sample(&anywhere, sample, &met);
	}

	double		box = (search->box.east - search->box.west) * (search->box.north - search->box.south);
	double		filled = surface / Max(box, 1e-12);

	rows *= filled;
	if (met < ENOUGH_OF_SAMPLE)
	{
		const NearCells *near = cells_near(search, looked_at);

		if (!near->more)
			rows = Min(near->tiles, Max(near->sure, near->around * filled));
	}
	return rows;
}
