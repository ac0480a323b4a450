/* native_nearest_by_look: what the SQL searches ask of lists (tilescout.search_looks). */
#include "packs.h"
#include "search.h"

#include "funcapi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

/* Arguments, in their order. */
enum { MODEL_ID, QUERY, PLACE, DATES, COLLECTION_IDS, HIDDEN_RUNS, LEAST_VALID, SHARE = LEAST_VALID + TILE_FILTER_ARGUMENTS, MICROSECONDS, DEPTH };

PG_FUNCTION_INFO_V1(native_nearest_by_look);

/* The numbers of an array argument; NULL: it is NULL. */
static int32 *
numbers(FunctionCallInfo fcinfo, int argument, int32 *count)
{
	ArrayType  *array = PG_ARGISNULL(argument) ? NULL : PG_GETARG_ARRAYTYPE_P(argument);

	*count = array == NULL ? 0 : ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (array != NULL && ARR_HASNULL(array))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("collections and runs must not be NULL"));
	return array == NULL ? NULL : (int32 *) ARR_DATA_PTR(array);
}

/* false: nothing can be near. */
static bool
read_question(FunctionCallInfo fcinfo, Search *search)
{
	if (PG_ARGISNULL(MODEL_ID) || PG_ARGISNULL(QUERY) || PG_ARGISNULL(SHARE) || PG_ARGISNULL(MICROSECONDS) || PG_ARGISNULL(DEPTH) || PG_GETARG_INT32(DEPTH) <= 0
		|| !find_model(search->schema, PG_GETARG_INT32(MODEL_ID), &search->model) || !search->model.sorted)
		return false;
	search->k = PG_GETARG_INT32(DEPTH);
	search->query = PointerGetDatum(PG_GETARG_VARLENA_P(QUERY));
	if (dimension_of(search->query) != search->model.dimension || !can_be_near(search))
		return false;
	search->collections = numbers(fcinfo, COLLECTION_IDS, &search->collection_count);
	search->hidden = numbers(fcinfo, HIDDEN_RUNS, &search->hidden_count);
	search->tiles = tile_filter(fcinfo, LEAST_VALID);
	search->in_area = !PG_ARGISNULL(PLACE);
	if (search->in_area)
	{
		search->area = PointerGetDatum(PG_GETARG_VARLENA_P(PLACE));
		search->box = box_of(search->outside, search->area);
		take_area(search);
	}
	return PG_ARGISNULL(DATES) || read_dates(PG_GETARG_RANGE_P(DATES), &search->dates);
}

Datum
native_nearest_by_look(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	Search		search = {.schema = schema, .outside = outside(schema, get_fn_expr_argtype(fcinfo->flinfo, PLACE), get_fn_expr_argtype(fcinfo->flinfo, QUERY))};
	Answer		answer = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (!read_question(fcinfo, &search))
		return (Datum) 0;
	answer.hits = palloc(search.k * sizeof(Hit));
	if (!ask_lists_within(&search, PG_GETARG_FLOAT8(SHARE), PG_GETARG_FLOAT8(MICROSECONDS), &answer))
		answer.count = 0;
	note_read(answer.read);
	for (int32 i = 0; i < answer.count; i++)
	{
		Datum		values[3] = {UUIDPGetDatum(&answer.hits[i].tile), Int32GetDatum(answer.hits[i].collection), Float8GetDatum(answer.hits[i].distance)};
		bool		nulls[3] = {false, false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
