/* The arguments of the usual search, and what of them is asked of single tiles. */
#include "search.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

/* Whether nothing is asked for but what is known of each vector. */
bool
is_usual(FunctionCallInfo fcinfo)
{
	static const int unusual[] = {POSITIVES, NEGATIVES, MODEL, NEAR, RADIUS, RESOLUTION};
	static const int flags[] = {ONE_PER_PLACE, EXCLUDE_SCENE, EXCLUDE_PLACE};

	for (int i = 0; i < lengthof(unusual); i++)
		if (!PG_ARGISNULL(unusual[i]))
			return false;
	for (int i = 0; i < lengthof(flags); i++)
		if (PG_ARGISNULL(flags[i]) || PG_GETARG_BOOL(flags[i]))
			return false;

	const char *as_of = GetConfigOption("tilescout.as_of", true, false);

	return PG_ARGISNULL(LIKE_TILE) != PG_ARGISNULL(EMBEDDING) && !PG_ARGISNULL(EXCLUDE_SELF) && (as_of == NULL || as_of[0] == '\0')
		&& !PG_ARGISNULL(K) && PG_GETARG_INT32(K) >= 1 && PG_GETARG_INT32(K) <= 10000
		&& (PG_ARGISNULL(MAX_DISTANCE) || (PG_GETARG_FLOAT8(MAX_DISTANCE) >= 0 && PG_GETARG_FLOAT8(MAX_DISTANCE) <= 2));
}

static Datum
unit_length(const Outside *outside, Datum vector)
{
	return OidFunctionCall1(outside->normalise, vector);
}

/* Finds out how the query is compared. false: it has no direction, and so is at no distance even from itself. */
bool
can_be_near(Search *search)
{
	fmgr_info(search->outside->distance, &search->distance);
	return DatumGetFloat8(FunctionCall2(&search->distance, search->query, search->query)) < 0.5;
}

/* What is looked for, as tilescout.query_embedding makes it. false: it cannot be. */
static bool
find_query(FunctionCallInfo fcinfo, Search *search)
{
	const Outside *outside = search->outside;
	Datum		vector;

	if (PG_ARGISNULL(LIKE_TILE))
		vector = PointerGetDatum(PG_GETARG_VARLENA_P(EMBEDDING));
	else
	{
		search->by_tile = PG_GETARG_BOOL(EXCLUDE_SELF);
		search->excluded = *PG_GETARG_UUID_P(LIKE_TILE);
		if (!find_vector(search, PG_GETARG_UUID_P(LIKE_TILE), &vector))
			return false;
	}
	if (DatumGetInt32(OidFunctionCall1(outside->dims, vector)) != search->model.dimension)
		return false;
	vector = unit_length(outside, OidFunctionCall3(outside->to_single, vector, Int32GetDatum(-1), BoolGetDatum(false)));
	/* That of a tile is the mean of one, made a unit once more. */
	if (!PG_ARGISNULL(LIKE_TILE))
		vector = unit_length(outside, vector);
	search->query = OidFunctionCall3(outside->to_half, vector, Int32GetDatum(-1), BoolGetDatum(false));
	return can_be_near(search);
}

/* false: it takes tilescout.search_area to make it an area, or to say why it is none. */
static bool
find_area(FunctionCallInfo fcinfo, Search *search)
{
	const Outside *outside = search->outside;

	if (PG_ARGISNULL(WITHIN))
		return true;
	search->in_area = true;
	search->area = PointerGetDatum(PG_GETARG_VARLENA_P(WITHIN));
	take_area(search);
	if (!is_polygon(search->outline) || DatumGetInt32(OidFunctionCall1(outside->srid, search->area)) != 4326)
		return false;
	search->box = box_round(search->outline);
	return search->box.west >= -180 && search->box.south >= -90 && search->box.east <= 180 && search->box.north <= 90 && area_is_valid(search);
}

/* false: the range is empty. */
bool
read_dates(RangeType *range, Dates *dates)
{
	RangeBound	from, to;
	bool		empty;

	range_deserialize(lookup_type_cache(RangeTypeGetOid(range), TYPECACHE_RANGE_INFO), range, &from, &to, &empty);
	*dates = (Dates) {
		.given = !(from.infinite && to.infinite), .open_from = from.infinite, .open_to = to.infinite, .with_from = from.inclusive, .with_to = to.inclusive,
		.from = from.infinite ? 0 : DatumGetTimestampTz(from.val), .to = to.infinite ? 0 : DatumGetTimestampTz(to.val)
	};
	return !empty;
}

/* Collections by their names. false: there are none of these. */
static bool
find_collections(FunctionCallInfo fcinfo, Search *search)
{
	Datum	   *names;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(COLLECTIONS))
		return true;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(COLLECTIONS), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);

	int32	   *ids = palloc(Max(1, count) * sizeof(int32));
	bool	   *found = palloc0(Max(1, count) * sizeof(bool));
	Reading		reading = read_whole(open_table(search->schema, "collection"));
	AttrNumber	id = column(reading.table, "id", INT4OID), name = column(reading.table, "name", TEXTOID);

	search->collections = ids;
	while (next_row(&reading))
		for (int i = 0; i < count; i++)
		{
			const text *wanted = nulls[i] || found[i] ? NULL : DatumGetTextPP(names[i]);

			if (wanted != NULL && text_is(&reading, name, VARDATA_ANY(wanted), VARSIZE_ANY_EXHDR(wanted)))
			{
				found[i] = true;
				ids[search->collection_count++] = int4_of(&reading, id);
			}
		}
	end_reading(&reading);
	return count > 0 && search->collection_count == count;
}

/* A share of pixels, rounded as they are kept. false: it is none. */
static bool
find_share(FunctionCallInfo fcinfo, int argument, bool *given, float4 *share)
{
	*given = !PG_ARGISNULL(argument);
	if (!*given)
		return true;

	double		value = PG_GETARG_FLOAT8(argument);

	*share = (float4) value;
	return value >= 0 && value <= 1;
}

/* The tile that ends the page before. false: it is not there. */
static bool
find_page(FunctionCallInfo fcinfo, Search *search)
{
	TileFilter *tiles = &search->tiles;
	Datum		vector;

	tiles->after = !PG_ARGISNULL(AFTER);
	if (!tiles->after)
		return true;
	tiles->after_tile = *PG_GETARG_UUID_P(AFTER);
	if (!find_vector(search, &tiles->after_tile, &vector))
		return false;
	tiles->after_distance = DatumGetFloat8(FunctionCall2(&search->distance, vector, search->query));
	return true;
}

/* All that is asked for. false: it is left to SQL. */
bool
read_arguments(FunctionCallInfo fcinfo, Search *search)
{
	search->k = PG_GETARG_INT32(K);
	return find_query(fcinfo, search) && find_area(fcinfo, search) && (PG_ARGISNULL(ACQUIRED) || read_dates(PG_GETARG_RANGE_P(ACQUIRED), &search->dates))
		&& find_collections(fcinfo, search) && find_share(fcinfo, MIN_VALID, &search->tiles.by_valid, &search->tiles.least_valid)
		&& find_share(fcinfo, MAX_CLOUD, &search->tiles.by_cloud, &search->tiles.most_cloud) && find_page(fcinfo, search);
}

bool
is_left_out(const Search *search, const pg_uuid_t *tile)
{
	return search->by_tile && memcmp(tile->data, search->excluded.data, UUID_LEN) == 0;
}
