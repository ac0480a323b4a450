/* Functions of pgvector, PostGIS and the schema: found by name once a session, and again after any function of the database has changed. */
#include "tilescout_packs.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

static Outside known_outside;
static Costs known_costs;
static Oid	outside_of = InvalidOid,
			costs_of = InvalidOid;
static int32 costs_dimension;

static void
forget(Datum argument, int cache, uint32 hash)
{
	outside_of = costs_of = InvalidOid;
}

static void
forget_what_changes(void)
{
	static bool told = false;

	if (!told)
		CacheRegisterSyscacheCallback(PROCOID, forget, (Datum) 0);
	told = true;
}

static Oid
schema_of_type(Oid type)
{
	HeapTuple	row = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for type %u", type);

	Oid			schema = ((Form_pg_type) GETSTRUCT(row))->typnamespace;

	ReleaseSysCache(row);
	return schema;
}

static Oid
function(Oid schema, const char *name, int count, Oid first, Oid second, Oid third)
{
	Oid			types[3] = {first, second, third};

	return LookupFuncName(list_make2(makeString(get_namespace_name(schema)), makeString((char *) name)), count, types, false);
}

/* As long as the session lasts. */
static FmgrInfo
callable(Oid function)
{
	FmgrInfo	found;

	fmgr_info_cxt(function, &found, TopMemoryContext);
	return found;
}

/* pgvector's function behind <=>, wherever its schema is. */
Oid
distance_function(Oid vector_type)
{
	char	   *schema = get_namespace_name(schema_of_type(vector_type));
	Oid			operator = OpernameGetOprid(list_make2(makeString(schema), makeString("<=>")), vector_type, vector_type);

	if (!OidIsValid(operator))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("there is no operator <=> of %s", format_type_be(vector_type)));
	return get_opcode(operator);
}

static Oid
type_beside(Oid type, const char *name)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, PointerGetDatum(name), ObjectIdGetDatum(schema_of_type(type)));
}

const Outside *
outside(Oid schema, Oid geometry, Oid halfvec)
{
	if (outside_of == schema && known_outside.geometry_type == geometry && known_outside.vector_type == halfvec)
		return &known_outside;
	forget_what_changes();

	Oid			vectors = schema_of_type(halfvec), places = schema_of_type(geometry), single = type_beside(halfvec, "vector"), box = type_beside(geometry, "box3d");

	known_outside = (Outside) {
		.geometry_type = geometry, .vector_type = halfvec,
		.distance = distance_function(halfvec),
		.dims = function(vectors, "vector_dims", 1, halfvec, 0, 0),
		.to_single = function(vectors, "halfvec_to_vector", 3, halfvec, INT4OID, BOOLOID),
		.normalise = function(vectors, "l2_normalize", 1, single, 0, 0),
		.to_half = function(vectors, "vector_to_halfvec", 3, single, INT4OID, BOOLOID),
		.srid = function(places, "st_srid", 1, geometry, 0, 0),
		.valid = function(places, "st_isvalid", 1, geometry, 0, 0),
		.intersects = function(places, "st_intersects", 2, geometry, geometry, 0),
		.overlaps = function(places, "geometry_overlaps", 2, geometry, geometry, 0),
		.surface = function(places, "st_area", 1, geometry, 0, 0),
		.x = function(places, "st_x", 1, geometry, 0, 0),
		.y = function(places, "st_y", 1, geometry, 0, 0),
		.as_binary = callable(function(places, "st_asbinary", 1, geometry, 0, 0)),
		.box = callable(function(places, "box3d", 1, geometry, 0, 0)),
		.x_min = callable(function(places, "st_xmin", 1, box, 0, 0)),
		.y_min = callable(function(places, "st_ymin", 1, box, 0, 0)),
		.x_max = callable(function(places, "st_xmax", 1, box, 0, 0)),
		.y_max = callable(function(places, "st_ymax", 1, box, 0, 0)),
		.middle_of = function(schema, "middle_of", 1, geometry, 0, 0),
	};
	outside_of = schema;
	return &known_outside;
}

static double
number(int column)
{
	bool		null;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &null);

	return null ? 0 : DatumGetFloat8(value);
}

const Costs *
costs(Oid schema, int32 dimension)
{
	if (costs_of == schema && costs_dimension == dimension)
		return &known_costs;
	forget_what_changes();

	const char *s = quote_identifier(get_namespace_name(schema));
	/* The time is linear in what it is asked for. */
	char	   *question = psprintf("SELECT %s.few_cells()::float8, %s.cells_looked_at()::float8, %s.exact_microseconds($1, 0), %s.exact_microseconds($1, 1)", s, s, s, s);
	Oid			type = INT4OID;
	Datum		value = Int32GetDatum(dimension);

	SPI_connect();
	if (SPI_execute_with_args(question, 1, &type, &value, NULL, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "the costs of searches cannot be read");
	known_costs = (Costs) {.few_cells = number(1), .cells_looked_at = number(2), .exact_row = number(4) - number(3)};
	SPI_finish();
	costs_of = schema;
	costs_dimension = dimension;
	return &known_costs;
}
