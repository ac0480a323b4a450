/* Exact searches: the cells that may hold what passes, and the nearest of their tiles (tilescout.cells_at, cells_of, search_few, search_exact). */
#include "packs.h"
#include "search.h"

#include "utils/fmgroids.h"
#include "utils/memutils.h"

CellColumns
cell_columns(Relation cell, Oid geometry)
{
	return (CellColumns) {
		.id = column(cell, "id", INT8OID), .model = column(cell, "model_id", INT4OID), .run = column(cell, "run_id", INT4OID),
		.collection = column(cell, "collection_id", INT4OID), .tiles = column(cell, "tiles", INT4OID), .undated = column(cell, "undated", BOOLOID),
		.from = column(cell, "acquired_from", TIMESTAMPTZOID), .to = column(cell, "acquired_to", TIMESTAMPTZOID), .box = column(cell, "box", geometry),
		.parts = column(cell, "parts", BYTEAOID)
	};
}

bool
not_before(const Dates *dates, TimestampTz time)
{
	return dates->open_from || time > dates->from || (time == dates->from && dates->with_from);
}

bool
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

	TimestampTz from = DatumGetTimestampTz(value_or_null(cell, columns->from, &none)), to = DatumGetTimestampTz(value_or_null(cell, columns->to, &null));

	*within = !none && !DatumGetBool(value_of(cell, columns->undated)) && date_passes(&search->dates, from) && date_passes(&search->dates, to);
	return !none && not_before(&search->dates, to) && not_after(&search->dates, from);
}

static void
make_room(Cells *cells, int32 room)
{
	cells->ids = larger(cells->ids, room * sizeof(int64));
	cells->collections = larger(cells->collections, room * sizeof(int32));
	cells->sures = larger(cells->sures, room * sizeof(bool));
	cells->parts = larger(cells->parts, room * sizeof(struct varlena *));
}

/* Whether the box of a cell meets the area's; lie: how all of its tiles lie to the area. */
static bool
cell_meets_area(const Search *search, const Reading *cell, const CellColumns *columns, Lie *lie)
{
	*lie = INSIDE;
	if (!search->in_area)
		return true;

	Box			box = box_of(search->outside, value_of(cell, columns->box));

	*lie = lie_of(search->outline, &box);
	return boxes_meet(box, search->box);
}

/* Reads cells by their runs where only those of later ones count, which are few; by their boxes where there is an area; or all. */
static Reading
read_cells(const Search *search, Relation cell, ScanKey key)
{
	if (search->after_run > 0)
	{
		ScanKeyInit(key, 1, BTGreaterStrategyNumber, F_INT4GT, Int32GetDatum(search->after_run));
		return read_by_index(cell, open_index(search->schema, "cell_run"), 1, 0);
	}
	if (!search->in_area)
		return read_whole(cell);
	ScanKeyEntryInitialize(key, 0, 1, RTOverlapStrategyNumber, search->outside->geometry_type, InvalidOid, search->outside->overlaps, search->area);
	return read_by_index(cell, open_index(search->schema, "cell_box"), 1, 0);
}

/* The cell at hand, if it may hold rows that pass: its box meets the area, and its dates may pass. */
static void
take_cell_near(const Search *search, NearCells *near)
{
	const Reading *cell = &near->reading;
	const CellColumns *columns = &near->columns;
	Cells	   *cells = &near->cells;
	int32		tiles = int4_of(cell, columns->tiles), run = int4_of(cell, columns->run);
	bool		within, null;
	Lie			lie;

	if (int4_of(cell, columns->model) != search->model.id || run <= search->after_run || is_hidden(search, run)
		|| !is_in_collections(search, int4_of(cell, columns->collection)) || !cell_meets_dates(search, cell, columns, &within)
		|| !cell_meets_area(search, cell, columns, &lie))
		return;
	near->around += tiles;
	if (lie == BESIDE)
		return;

	Datum		parts = value_or_null(cell, columns->parts, &null);

	if (cells->count == near->room)
		make_room(cells, near->room = Max(64, near->room * 2));
	cells->parts[cells->count] = null ? NULL : PG_DETOAST_DATUM_COPY(parts);
	cells->ids[cells->count] = int8_of(cell, columns->id);
	cells->collections[cells->count] = int4_of(cell, columns->collection);
	cells->sures[cells->count++] = lie == INSIDE;
	near->tiles += tiles;
	near->sure += within && lie == INSIDE ? tiles : 0;
	near->undated |= !within;
}

/* Finds cells that may hold rows that pass, on from where it was: more than so many, or all. */
const NearCells *
cells_near(const Search *search, int32 most)
{
	NearCells  *near = search->near;

	if (near->reading.table == NULL)
	{
		near->reading = read_cells(search, open_table(search->schema, "cell"), &near->key);
		near->columns = cell_columns(near->reading.table, search->outside->geometry_type);
		near->at_hand = near->reading.by_index != NULL ? find_row(&near->reading, &near->key, 1) : next_row(&near->reading);
	}
	for (; near->at_hand && near->cells.count <= most; near->at_hand = next_row(&near->reading))
		take_cell_near(search, near);
	near->more = near->cells.count > most;
	return near;
}

void
end_near(NearCells *near)
{
	if (near->reading.table != NULL)
		end_reading(&near->reading);
}

/* How many of the nearest it takes, somewhat more than likely, until as many pass as are wanted: of cells that are not sure, every second. */
static double
depth_of(const Search *search, const NearCells *near)
{
	double		passing = near->sure + (near->tiles - near->sure) / 2;

	return 1.5 * search->k * near->tiles / Max(passing, 1);
}

/* The nearest of all tiles of the cells; footprints are looked up until k have passed. */
void
search_cells(const Search *search, const NearCells *near, Answer *answer)
{
	Lookup		lookup = begin_lookup(search);
	Question	question = {.in_box = search->in_area, .box = search->box, .area = search->outline, .tiles = search->tiles, .query = search->query, .vector_type = search->outside->vector_type, .distance = search->distance};
	Ranking    *ranking = begin_ranking(search->schema, &question, &near->cells, &lookup.vectors, depth_of(search, near));
	Candidate	candidate;

	while (answer->count < search->k && next_nearest(ranking, &candidate))
		if (find_hit(search, &lookup, &candidate, near->cells.collections[candidate.piece], near->cells.sures[candidate.piece], &answer->hits[answer->count]))
			answer->count++;
	answer->read = near->tiles;
	end_ranking(ranking);
	end_lookup(&lookup);
}

/* The nearest of all cells that may hold rows that pass. */
void
compare_all(const Search *search, Answer *answer)
{
	const NearCells *near = cells_near(search, PG_INT32_MAX);

	answer->count = 0;
	if (near->cells.count > 0)
		search_cells(search, near, answer);
}
