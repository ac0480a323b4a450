/* What an answer shows of each tile. */
#include "search.h"

#include "funcapi.h"
#include "utils/fmgroids.h"

/* As tilescout.middle_of: of a footprint in parts, the larger one's. GEOS takes longer for ten of them than an exact search of a small area does. */
static Point
middle_of(const Outside *outside, Datum footprint)
{
	Point		middle;

	if (find_centroid(outline_of(outside, footprint), &middle))
		return middle;

	Datum		point = OidFunctionCall1(outside->middle_of, footprint);

	return (Point) {DatumGetFloat8(OidFunctionCall1(outside->x, point)), DatumGetFloat8(OidFunctionCall1(outside->y, point))};
}

/* The rows of the answer, with what people want to know of each tile: tilescout.present. */
void
present(const Search *search, const Answer *answer, double max_distance, ReturnSetInfo *result)
{
	const Outside *outside = search->outside;
	Relation	scenes = open_table(search->schema, "scene"), collections = open_table(search->schema, "collection");
	Reading		scene = read_by_index(scenes, open_primary_key(scenes), 1, 0), collection = read_by_index(collections, open_primary_key(collections), 1, 0);
	AttrNumber	path = column(scenes, "path", TEXTOID), acquired = column(scenes, "acquired_at", TIMESTAMPTZOID), name = column(collections, "name", TEXTOID);

	/* Most are of one collection, and some of one scene. */
	int32		collection_at_hand = 0;
	int64		scene_at_hand = 0;

	for (int32 i = 0; i < answer->count && answer->hits[i].distance <= max_distance; i++)
	{
		const Hit  *hit = &answer->hits[i];
		ScanKeyData of_collection;
		Point		middle = middle_of(outside, hit->footprint);
		bool		nulls[12] = {false};

		ScanKeyInit(&of_collection, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(hit->collection));
		if (hit->scene != scene_at_hand)
			scene_at_hand = find_number(&scene, hit->scene) ? hit->scene : 0;
		if (hit->collection != collection_at_hand)
			collection_at_hand = find_row(&collection, &of_collection, 1) ? hit->collection : 0;
		if (scene_at_hand == 0 || collection_at_hand == 0)
			continue;

		Datum		values[12] = {
			Int32GetDatum(i + 1), UUIDPGetDatum(&hit->tile), Float8GetDatum(hit->distance), value_of(&collection, name), Int64GetDatum(hit->scene),
			value_of(&scene, path), value_or_null(&scene, acquired, &nulls[6]), hit->valid, hit->cloud,
			Float8GetDatum(middle.x), Float8GetDatum(middle.y), hit->footprint
		};

		nulls[8] = hit->cloud_unknown;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	end_reading(&scene);
	end_reading(&collection);
}
