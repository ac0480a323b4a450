/*
 * The usual search without the executor: by a vector or a tile, in an area, of a range of dates.
 *
 * What takes time in small searches is not the comparing but the setting up of statements and of PL/pgSQL: 0.3 of 0.45 ms, and 0.07 here (docs/search.md). Everything else,
 * invalid arguments too, is left to tilescout.search_in_full, which answers every search, and the same to what is answered here.
 */
#include "search.h"

#include <math.h>

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* hnsw.ef_search at most. */
#define BROADEST 1000
/* Of the least breadth of SQL, whose answers nothing checks. */
#define CHECKED 0.6

static const char *last_way = NULL;

PG_FUNCTION_INFO_V1(native_search);
PG_FUNCTION_INFO_V1(native_search_way);

static double
index_time(const Costs *costs, double breadth, double met)
{
	return costs->index_start + breadth * costs->index_breadth + Min(breadth, met) * costs->index_met;
}

/* All tiles of the cells, whose outlines are looked at where there are so many that it pays (tilescout.cells_of). */
static void
compare_all(const Search *search, Answer *answer)
{
	bool		by_outline = false;

	if (search->in_area)
	{
		int32		few = DatumGetInt32(OidFunctionCall1(search->outside->points, search->area)) > 500 ? 40 : 4;

		by_outline = cells_near(search, few, false).more;
	}

	NearCells	near = cells_near(search, PG_INT32_MAX, by_outline);

	answer->count = 0;
	if (near.cells.count > 0)
		search_cells(search, &near, answer);
}

/* What runs hold that are younger than the index, compared exactly; hits is NULL where there are none. */
static Answer
answer_outside_index(const Search *search)
{
	Answer		outside = {0};
	Search		younger = *search;

	if (!runs_outside_index(search))
		return outside;
	younger.after_run = search->model.through_run;
	outside.hits = palloc(search->k * sizeof(Hit));
	compare_all(&younger, &outside);
	return outside;
}

/* One pass of the index, and what is nearer outside it. false: too few passed. */
static bool
ask_once(const Search *search, int32 breadth, int32 read, const Answer *outside, Answer *answer)
{
	if (!search_index(search, breadth, read, answer))
		return false;
	if (outside->count > 0)
	{
		Hit		   *all = palloc((answer->count + outside->count) * sizeof(Hit));

		memcpy(all, answer->hits, answer->count * sizeof(Hit));
		memcpy(all + answer->count, outside->hits, outside->count * sizeof(Hit));
		qsort(all, answer->count + outside->count, sizeof(Hit), compare_hits);
		memcpy(answer->hits, all, answer->count * sizeof(Hit));
		pfree(all);
	}
	return true;
}

/* Whether a complete answer of the index may stand; where that is doubtful, the broadest pass decides, unless it is beyond doubt that the index itself lacks what is near. */
static bool
found_its_way(const Search *search, double breadth, double rows, int32 looked_at, const Answer *outside, Answer *answer)
{
	if (!looks_lost(search, answer, rows, looked_at, 0.5))
		return true;
	return (breadth >= BROADEST || ask_once(search, BROADEST, BROADEST, outside, answer)) && !looks_lost(search, answer, rows, looked_at, 10);
}

/* Whether the index gave the answer, asked as tilescout.run_search asks it: where a pass is likely to do, or to tell how look and place go together. */
static bool
ask_index(const Search *search, const Costs *costs, double rough, double rows, Answer *answer)
{
	double		exact_time = costs->exact_start + rough * costs->exact_row, met = search->k / Max(Min(1, ceil(rough) / rows), 1e-9);
	double		least = costs->least_breadth < BROADEST ? CHECKED * costs->least_breadth : BROADEST;
	double		breadth = Max(least, costs->index_margin * met), read = breadth;

	if (1.2 * index_time(costs, breadth, met) > exact_time)
	{
		if (exact_time <= 2500)
			return false;
		breadth = least;
		read = 6 * search->k;
	}

	Answer		outside = answer_outside_index(search);

	for (;;)
	{
		if (ask_once(search, Min(BROADEST, breadth), Min(BROADEST, read), &outside, answer))
			return found_its_way(search, breadth, rows, costs->cells_looked_at, &outside, answer);
		if (read >= BROADEST)
			return false;

		/* As many passed; half as much again as would then suffice, or all that one pass can be, where that is worth it beside comparing all. */
		double		needed = answer->count == 0 ? INFINITY : 1.5 * read * search->k / answer->count;

		breadth = needed <= BROADEST ? Max(least, needed) : BROADEST;
		if ((needed <= BROADEST ? 1.5 : 4) * index_time(costs, breadth, breadth) > exact_time)
			return false;
		read = breadth;
	}
}

/* false: it is left to SQL. */
static bool
answer_usual(FunctionCallInfo fcinfo, ReturnSetInfo *result)
{
	Answer		answer = {0};
	Search		search = {.schema = get_func_namespace(fcinfo->flinfo->fn_oid)};

	search.outside = outside(search.schema, get_fn_expr_argtype(fcinfo->flinfo, WITHIN), get_fn_expr_argtype(fcinfo->flinfo, EMBEDDING));
	if (!only_model(search.schema, &search.model) || anything_retired(search.schema))
		return false;
	find_hidden_runs(&search);
	if (!read_arguments(fcinfo, &search))
		return false;

	double		rows = rows_of_model(&search);
	const Costs *known = costs(search.schema, search.model.dimension, rows);
	NearCells	near = {.more = true};

	answer.hits = palloc(search.k * sizeof(Hit));
	if (search.in_area)
		near = cells_near(&search, known->few_cells, false);
	if (!near.more && near.dated)
	{
		last_way = "cells";
		search_cells(&search, &near, &answer);
	}
	else if (search.model.indexed && rows > 0 && ask_index(&search, known, rough_rows(&search, rows, known->cells_looked_at), rows, &answer))
		last_way = "index";
	else
	{
		last_way = "all cells";
		compare_all(&search, &answer);
	}
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

Datum
native_search(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	if (!is_usual(fcinfo) || !answer_usual(fcinfo, result))
		answer_in_full(fcinfo, result);
	return (Datum) 0;
}

/* For tests: how the session's last search was answered. */
Datum
native_search_way(PG_FUNCTION_ARGS)
{
	if (last_way == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(last_way));
}
