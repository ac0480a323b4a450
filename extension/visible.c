/* What searches see: the model, and which runs and scenes are no answers. */
#include "search.h"

#include "utils/builtins.h"
#include "utils/fmgroids.h"

static bool
is_published(const Reading *run, AttrNumber state)
{
	return text_is(run, state, "published", strlen("published"));
}

/* The model of this id; 0: the only one. false: there is none, or there are several. */
bool
find_model(Oid schema, int32 id, Model *model)
{
	Reading		reading = read_whole(open_table(schema, "model"));
	int			found = 0;

	while (found < 2 && next_row(&reading))
	{
		bool		null;
		int32		own = int4_of(&reading, column(reading.table, "id", INT4OID));

		if (id != 0 && own != id)
			continue;
		found++;
		model->id = own;
		model->dimension = int4_of(&reading, column(reading.table, "dimension", INT4OID));
		model->through_run = DatumGetInt32(value_or_null(&reading, column(reading.table, "looks_through_run", INT4OID), &null));
		model->sorted = !null;
		model->generation = DatumGetInt64(value_or_null(&reading, column(reading.table, "looks_generation", INT8OID), &null));
	}
	end_reading(&reading);
	return found == 1;
}

bool
anything_retired(Oid schema)
{
	Reading		reading = read_whole(open_table(schema, "retirement"));
	bool		found = next_row(&reading);

	end_reading(&reading);
	return found;
}

/* By the partial index of runs that are not published: they are few. */
void
find_hidden_runs(Search *search)
{
	Reading		reading = read_by_index(open_table(search->schema, "run"), open_index(search->schema, "run_hidden"), 0, 0);
	AttrNumber	id = column(reading.table, "id", INT4OID);
	int32		room = 8;

	search->hidden = palloc(room * sizeof(int32));
	search->hidden_count = 0;
	for (bool found = find_row(&reading, NULL, 0); found; found = next_row(&reading))
	{
		if (search->hidden_count == room)
			search->hidden = repalloc(search->hidden, (room *= 2) * sizeof(int32));
		search->hidden[search->hidden_count++] = int4_of(&reading, id);
	}
	end_reading(&reading);
}

bool
is_hidden(const Search *search, int32 run)
{
	for (int32 i = 0; i < search->hidden_count; i++)
		if (search->hidden[i] == run)
			return true;
	return false;
}

bool
is_in_collections(const Search *search, int32 collection)
{
	if (search->collections == NULL)
		return true;
	for (int32 i = 0; i < search->collection_count; i++)
		if (search->collections[i] == collection)
			return true;
	return false;
}

/* Whether a published run of the model is younger than its lists. */
bool
runs_outside_lists(const Search *search)
{
	Relation	run = open_table(search->schema, "run");
	Reading		reading = read_by_index(run, open_primary_key(run), 1, 0);
	AttrNumber	model = column(run, "model_id", INT4OID), state = column(run, "state", TEXTOID);
	ScanKeyData younger;
	bool		outside = false;

	ScanKeyInit(&younger, 1, BTGreaterStrategyNumber, F_INT4GT, Int32GetDatum(search->model.through_run));
	for (bool found = find_row(&reading, &younger, 1); found && !outside; found = next_row(&reading))
		outside = int4_of(&reading, model) == search->model.id && is_published(&reading, state);
	end_reading(&reading);
	return outside;
}
