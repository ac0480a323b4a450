/* native_nearest_in_cells: what the SQL searches ask of the extension. */
#include "packs.h"

#include "funcapi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;

/* Arguments, in their order. */
enum { CELLS, COLLECTIONS, SURES, QUERY, WEST, SOUTH, EAST, NORTH, LEAST_VALID, DEPTH = LEAST_VALID + TILE_FILTER_ARGUMENTS };

PG_FUNCTION_INFO_V1(native_nearest_in_cells);

static Question
question_of(FunctionCallInfo fcinfo)
{
	Question	question = {.vector_type = get_fn_expr_argtype(fcinfo->flinfo, QUERY)};

	/* Detoasted once, not at each comparison. */
	question.query = PointerGetDatum(PG_GETARG_VARLENA_P(QUERY));
	fmgr_info(distance_function(question.vector_type), &question.distance);
	question.in_box = !PG_ARGISNULL(WEST);
	if (question.in_box)
		question.box = (Box) {PG_GETARG_FLOAT8(WEST), PG_GETARG_FLOAT8(SOUTH), PG_GETARG_FLOAT8(EAST), PG_GETARG_FLOAT8(NORTH)};
	question.tiles = tile_filter(fcinfo, LEAST_VALID);
	return question;
}

/* An array argument without NULLs, of as many elements as there are cells. */
static void *
per_cell(FunctionCallInfo fcinfo, int argument, int count)
{
	ArrayType  *array = PG_ARGISNULL(argument) ? NULL : PG_GETARG_ARRAYTYPE_P(argument);

	if (array == NULL || ARR_HASNULL(array) || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != count)
		ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("cells, collections and sures must be as long as one another, without NULL"));
	return ARR_DATA_PTR(array);
}

Datum
native_nearest_in_cells(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(CELLS) || PG_ARGISNULL(QUERY) || PG_ARGISNULL(DEPTH) || PG_GETARG_INT64(DEPTH) <= 0)
		return (Datum) 0;

	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(CELLS);
	int			pieces = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (pieces == 0)
		return (Datum) 0;

	Cells		cells = {
		.ids = per_cell(fcinfo, CELLS, pieces), .collections = per_cell(fcinfo, COLLECTIONS, pieces), .sures = per_cell(fcinfo, SURES, pieces), .count = pieces
	};
	Question	question = question_of(fcinfo);
	int64		depth = PG_GETARG_INT64(DEPTH);
	Ranking    *ranking = begin_ranking(get_func_namespace(fcinfo->flinfo->fn_oid), &question, &cells, NULL, depth);
	Candidate	candidate;

	for (int64 i = 0; i < depth && next_nearest(ranking, &candidate); i++)
	{
		int32		piece = candidate.piece;
		Datum		values[4] = {UUIDPGetDatum(&candidate.tile), Int32GetDatum(cells.collections[piece]), Float8GetDatum(candidate.distance), BoolGetDatum(cells.sures[piece])};
		bool		nulls[4] = {false, false, false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	end_ranking(ranking);
	return (Datum) 0;
}
