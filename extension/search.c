/*
 * The usual search without the executor: by a vector or a tile, in an area, of a range of dates, of some collections, with so many valid and cloudy pixels, page by page.
 *
 * What takes time in small searches is not the comparing but the setting up of statements and of PL/pgSQL: 0.3 of 0.45 ms, and 0.07 here (docs/search.md). Everything else,
 * invalid arguments too, is left to tilescout.search_in_full, which answers every search, and the same to what is answered here.
 */
#include "search.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Of an area in whose part of regions so many tiles are likely to lie, cells are not looked for, to see whether they are few: four times as many as few cells hold. */
#define MANY_TILES 25000
/* Bytes that a session keeps for searches to work in, and as many within reach. */
#define KEPT_MEMORY (512 * 1024)

static const char *last_way = NULL;
static double last_read = -1;

PG_FUNCTION_INFO_V1(native_search);
PG_FUNCTION_INFO_V1(native_search_way);
PG_FUNCTION_INFO_V1(native_search_read);

void
note_read(double read)
{
	last_read = read;
}

/* false: it is left to SQL. */
static bool
answer_usual(FunctionCallInfo fcinfo, ReturnSetInfo *result)
{
	Answer		answer = {0};
	NearCells	near = {0};
	Search		search = {.schema = get_func_namespace(fcinfo->flinfo->fn_oid), .near = &near};

	search.outside = outside(search.schema, get_fn_expr_argtype(fcinfo->flinfo, WITHIN), get_fn_expr_argtype(fcinfo->flinfo, EMBEDDING));
	if (!find_model(search.schema, 0, &search.model) || anything_retired(search.schema))
		return false;
	find_hidden_runs(&search);
	if (!read_arguments(fcinfo, &search))
		return false;

	const Costs *known = costs(search.schema, search.model.dimension);
	RegionsMet	met = meet_regions(&search);

	answer.hits = palloc(search.k * sizeof(Hit));
	if (search.in_area && met.inside_tiles + met.partly_tiles < MANY_TILES && !cells_near(&search, known->few_cells)->more && !near.undated)
	{
		last_way = "cells";
		search_cells(&search, &near, &answer);
	}
	else if ((last_way = ask_lists_roughly(&search, &met, known, &answer)) == NULL)
	{
		last_way = "all cells";
		compare_all(&search, &answer);
	}
	end_near(&near);
	note_read(answer.read);
	present(&search, &answer, PG_ARGISNULL(MAX_DISTANCE) ? 2 : PG_GETARG_FLOAT8(MAX_DISTANCE), result);
	return true;
}

static void
answer_in_full(FunctionCallInfo fcinfo, ReturnSetInfo *result)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[ARGUMENTS];
	Datum		values[ARGUMENTS];
	char		nulls[ARGUMENTS];
	bool		same = plan != NULL;

	for (int i = 0; i < ARGUMENTS; i++)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, i);

		same &= types[i] == type;
		types[i] = type;
		values[i] = fcinfo->args[i].value;
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	SPI_connect();
	if (!same)
	{
		if (plan != NULL)
			SPI_freeplan(plan);
		plan = NULL;

		const char *schema = quote_identifier(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)));
		SPIPlanPtr	prepared = SPI_prepare(psprintf("SELECT * FROM %s.search_in_full($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
													schema), ARGUMENTS, types);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "search_in_full cannot be prepared: %s", SPI_result_code_string(SPI_result));
		plan = prepared;
	}
	if (SPI_execute_plan(plan, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "search_in_full failed: %s", SPI_result_code_string(SPI_result));
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	last_way = "in full";
}

MemoryContext within_reach = NULL;

/*
 * A search works in a place of its own, and has another within reach. The session keeps the first block of each: to give that back to the system and be given it anew each time takes a
 * tenth of a search. Of an array an AllocSet makes a block of its own, which does not stay.
 */
static bool
answer_at_work(FunctionCallInfo fcinfo, ReturnSetInfo *result)
{
	static MemoryContext place = NULL, arrays = NULL;
	MemoryContext outer = CurrentMemoryContext;
	volatile bool answered;

	/* A function of the schema's that a search calls may have been made to search. */
	if (within_reach != NULL)
		return answer_usual(fcinfo, result);
	if (place == NULL)
		place = AllocSetContextCreate(TopMemoryContext, "tilescout search", KEPT_MEMORY, ALLOCSET_DEFAULT_INITSIZE, ALLOCSET_DEFAULT_MAXSIZE);
	if (arrays == NULL)
		arrays = GenerationContextCreate(TopMemoryContext, "tilescout arrays", KEPT_MEMORY, KEPT_MEMORY, ALLOCSET_DEFAULT_MAXSIZE);
	within_reach = arrays;
	PG_TRY();
	{
		MemoryContextSwitchTo(place);
		answered = answer_usual(fcinfo, result);
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(outer);
		MemoryContextReset(place);
		MemoryContextReset(arrays);
		within_reach = NULL;
	}
	PG_END_TRY();
	return answered;
}

Datum
native_search(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	if (!is_usual(fcinfo) || !answer_at_work(fcinfo, result))
		answer_in_full(fcinfo, result);
	return (Datum) 0;
}

/* How the session's last search was answered. */
Datum
native_search_way(PG_FUNCTION_ARGS)
{
	if (last_way == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(last_way));
}

/* Vectors in the cells and lists that were looked into for the session's last answer. */
Datum
native_search_read(PG_FUNCTION_ARGS)
{
	if (last_read < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) last_read);
}
