CREATE OR REPLACE FUNCTION tilescout.middle_of(footprint geometry)
RETURNS geometry LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
BEGIN
    -- Inside the larger part, where the antimeridian parts a tile.
    IF ST_NumGeometries(footprint) > 1 THEN
        RETURN (SELECT ST_Centroid(part.geom) FROM ST_Dump(footprint) AS part ORDER BY ST_Area(part.geom) DESC LIMIT 1);
    END IF;
    RETURN ST_Centroid(footprint);
END $$;
COMMENT ON FUNCTION tilescout.middle_of IS 'The centroid of a footprint, or of its larger part where the antimeridian parts it.';

CREATE OR REPLACE FUNCTION tilescout.present(tiles uuid[], tile_collections int[], distances double precision[])
RETURNS TABLE (rank int, tile_id uuid, distance double precision, collection text, scene_id bigint, scene_path text, acquired_at timestamptz,
    valid_fraction real, cloud_fraction real, lon double precision, lat double precision, footprint geometry)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20 SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    -- In PL/pgSQL, which keeps the plan for the session: planning takes longer than the query.
    RETURN QUERY SELECT hit.rank::int, t.id, hit.distance, c.name, s.id, s.path, s.acquired_at, t.valid_fraction, t.cloud_fraction,
               ST_X(tilescout.middle_of(t.footprint)), ST_Y(tilescout.middle_of(t.footprint)), t.footprint
        FROM unnest(present.tiles, present.tile_collections, present.distances) WITH ORDINALITY AS hit (tile_id, collection_id, distance, rank)
        JOIN tilescout.tile AS t ON t.id = hit.tile_id AND t.collection_id = hit.collection_id
        JOIN tilescout.scene AS s ON s.id = t.scene_id
        JOIN tilescout.collection AS c ON c.id = t.collection_id
        ORDER BY hit.rank;
END $$;
COMMENT ON FUNCTION tilescout.present IS 'The answer of a search with what people want to know of each tile.';

CREATE OR REPLACE FUNCTION tilescout.search_in_full(
    like_tile uuid, embedding halfvec, positives uuid[], negatives uuid[],
    k int, within geometry, acquired tstzrange, collections text[],
    min_valid double precision, max_cloud double precision, one_per_place boolean,
    model text, exclude_self boolean, exclude_scene boolean, exclude_place boolean,
    near geometry, radius double precision, resolution numrange,
    max_distance double precision, after uuid)
RETURNS TABLE (rank int, tile_id uuid, distance double precision, collection text, scene_id bigint, scene_path text, acquired_at timestamptz,
    valid_fraction real, cloud_fraction real, lon double precision, lat double precision, footprint geometry)
LANGUAGE plpgsql STABLE ROWS 20 SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    a record;
BEGIN
    a := tilescout.run_search($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20);
    RETURN QUERY SELECT * FROM tilescout.present(a.tiles, a.tile_collections, a.distances);
END $$;
COMMENT ON FUNCTION tilescout.search_in_full IS 'What tilescout.search answers, in SQL.';

CREATE OR REPLACE FUNCTION tilescout.make_search(called text, directly boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $make$
BEGIN
    EXECUTE $declared$
CREATE OR REPLACE FUNCTION tilescout.search(
    like_tile uuid DEFAULT NULL, embedding halfvec DEFAULT NULL, positives uuid[] DEFAULT NULL, negatives uuid[] DEFAULT NULL,
    k int DEFAULT 20, within geometry DEFAULT NULL, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL,
    min_valid double precision DEFAULT NULL, max_cloud double precision DEFAULT NULL, one_per_place boolean DEFAULT false,
    model text DEFAULT NULL, exclude_self boolean DEFAULT true, exclude_scene boolean DEFAULT false, exclude_place boolean DEFAULT false,
    near geometry DEFAULT NULL, radius double precision DEFAULT NULL, resolution numrange DEFAULT NULL,
    max_distance double precision DEFAULT NULL, after uuid DEFAULT NULL)
RETURNS TABLE (rank int, tile_id uuid, distance double precision, collection text, scene_id bigint, scene_path text, acquired_at timestamptz,
    valid_fraction real, cloud_fraction real, lon double precision, lat double precision, footprint geometry)
STABLE COST 10000 ROWS 20
$declared$ || CASE WHEN directly THEN format('LANGUAGE c AS ''$libdir/tilescout_packs'', %L', called)
        ELSE format('LANGUAGE sql AS ''SELECT * FROM tilescout.%I($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)''', called) END;
END $make$;
COMMENT ON FUNCTION tilescout.make_search IS 'Makes tilescout.search: SQL that calls this function, or, directly, itself this function of the extension, which only a superuser may have.';

SELECT tilescout.make_search('search_in_full');
COMMENT ON FUNCTION tilescout.search IS
    'Tiles that look like a tile (like_tile), like a vector (embedding), or like some tiles and unlike others (positives, negatives), nearest first. '
    'within: polygon or multipolygon in any coordinate system; acquired: times of acquisition; collections: their names; min_valid: least share of pixels with data; '
    'max_cloud: most cloud, tiles without cloud information do not pass; one_per_place: of tiles that overlap only the best; model: whose vectors, the serving one by default; '
    'exclude_self, exclude_scene, exclude_place: leave out the tiles asked with, their scenes, or the place of like_tile; '
    'near and radius: within so many metres of a point or line; resolution: ground sample distances in metres, as in [0.5,1); '
    'max_distance: no tile further off in look; after: the last tile of the page before. If k rows pass, k rows come back. '
    'distance is the cosine distance, 0 to 2.';

CREATE OR REPLACE FUNCTION tilescout.explain_search_in_full(
    like_tile uuid, embedding halfvec, positives uuid[], negatives uuid[], k int, within geometry, acquired tstzrange, collections text[],
    min_valid double precision, max_cloud double precision, one_per_place boolean, model text, exclude_self boolean, exclude_scene boolean, exclude_place boolean,
    near geometry, radius double precision, resolution numrange, max_distance double precision, after uuid)
RETURNS TABLE (plan text, exact boolean, rows_passing bigint, rows_estimated bigint, rows_visited bigint, rows_total bigint, rows_returned int, model text)
LANGUAGE sql STABLE ROWS 1 SET search_path FROM CURRENT AS $$
    SELECT a.plan, a.exact, a.rows_passing, a.rows_estimated, a.rows_visited, a.rows_total, cardinality(a.tiles), a.model_name
    FROM tilescout.run_search($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, count_passing => true) AS a
$$;
COMMENT ON FUNCTION tilescout.explain_search_in_full IS 'How SQL answers what tilescout.search is asked.';

CREATE OR REPLACE FUNCTION tilescout.explain_search(
    like_tile uuid DEFAULT NULL, embedding halfvec DEFAULT NULL, positives uuid[] DEFAULT NULL, negatives uuid[] DEFAULT NULL,
    k int DEFAULT 20, within geometry DEFAULT NULL, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL,
    min_valid double precision DEFAULT NULL, max_cloud double precision DEFAULT NULL, one_per_place boolean DEFAULT false,
    model text DEFAULT NULL, exclude_self boolean DEFAULT true, exclude_scene boolean DEFAULT false, exclude_place boolean DEFAULT false,
    near geometry DEFAULT NULL, radius double precision DEFAULT NULL, resolution numrange DEFAULT NULL,
    max_distance double precision DEFAULT NULL, after uuid DEFAULT NULL)
RETURNS TABLE (plan text, exact boolean, rows_passing bigint, rows_estimated bigint, rows_visited bigint, rows_total bigint, rows_returned int, model text)
-- tilescout.settle_packs gives it another body where the server has the extension, which plans for itself.
LANGUAGE sql STABLE ROWS 1 SET search_path FROM CURRENT AS
    'SELECT * FROM tilescout.explain_search_in_full($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)';
COMMENT ON FUNCTION tilescout.explain_search IS
    'Takes what tilescout.search takes, runs it, and says which plan it chose and why, whether the answer is exact, how many rows passed the filter (counted), were estimated to, were visited, and exist.';
