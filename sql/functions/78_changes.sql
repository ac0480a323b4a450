CREATE OR REPLACE FUNCTION tilescout.similar_pairs(
    max_distance double precision DEFAULT 0.02, within geometry DEFAULT NULL, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL,
    model text DEFAULT NULL, same_place boolean DEFAULT false, max_pairs int DEFAULT 1000)
RETURNS TABLE (tile_a uuid, tile_b uuid, distance double precision, collection_a text, collection_b text, footprint_a geometry, footprint_b geometry)
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    -- Every pair is compared: so many rows are some seconds.
    most CONSTANT bigint := 5000;
    of_model tilescout.model := tilescout.search_model(model, NULL);
    f tilescout.search_filter := tilescout.resolve_filter(of_model, within, NULL, NULL, acquired, collections, NULL, NULL, NULL, NULL, NULL, NULL);
    target text := tilescout.embedding_table(of_model.id);
    passing bigint;
BEGIN
    IF NOT (max_distance BETWEEN 0 AND 2) THEN
        RAISE EXCEPTION 'max_distance is %, but must be 0 to 2', max_distance USING ERRCODE = 'invalid_parameter_value', HINT = 'cosine distances are';
    ELSIF max_pairs IS NULL OR max_pairs NOT BETWEEN 1 AND 1000000 THEN
        RAISE EXCEPTION 'max_pairs is %, but must be 1 to 1000000', coalesce(max_pairs::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    passing := tilescout.count_rows(target, of_model.id, f);
    IF passing > most THEN
        RAISE EXCEPTION '% tiles pass, and each pair of them would be compared: % is the most', passing, most
            USING ERRCODE = 'program_limit_exceeded', HINT = 'narrow it with within, acquired or collections';
    END IF;
    RETURN QUERY EXECUTE format($sql$
        WITH passing AS MATERIALIZED (
            SELECT e.tile_id, e.collection_id, e.footprint, e.embedding FROM tilescout.%I AS e WHERE %s AND %s
        ), pair AS (
            SELECT a.tile_id AS tile_a, b.tile_id AS tile_b, a.embedding <=> b.embedding AS distance, a.collection_id AS ca, b.collection_id AS cb,
                   a.footprint AS fa, b.footprint AS fb
            FROM passing AS a JOIN passing AS b ON (a.tile_id, a.collection_id) < (b.tile_id, b.collection_id)
            WHERE a.embedding <#> b.embedding <= $18 - 0.999 AND a.embedding <=> b.embedding <= $18
              AND ($19 OR NOT tilescout.same_place(a.footprint, b.footprint))
            ORDER BY distance, tile_a, tile_b LIMIT $12
        )
        SELECT p.tile_a, p.tile_b, p.distance, a.name, b.name, p.fa, p.fb
        FROM pair AS p JOIN tilescout.collection AS a ON a.id = p.ca JOIN tilescout.collection AS b ON b.id = p.cb
        ORDER BY p.distance, p.tile_a, p.tile_b$sql$, target, tilescout.filter_sql(f), tilescout.place_sql(f))
        USING NULL::halfvec, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles, f.excluded_scenes, f.excluded_place,
            f.hidden_runs, f.hidden_scenes, max_pairs, NULL::int, f.reach, f.near, f.radius, f.resolution, max_distance, same_place;
END $$;
COMMENT ON FUNCTION tilescout.similar_pairs IS
    'Near-duplicates: pairs of tiles no further apart in look than max_distance (cosine), nearest first; same_place: pairs that overlap too. Up to 5000 tiles may pass the filter.';

CREATE OR REPLACE FUNCTION tilescout.changed(
    place geometry, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL, model text DEFAULT NULL,
    min_valid double precision DEFAULT NULL, max_cloud double precision DEFAULT NULL, k int DEFAULT 100)
RETURNS TABLE (rank int, distance double precision, tile_id uuid, acquired_at timestamptz, before_tile_id uuid, before_acquired_at timestamptz,
    collection text, footprint geometry)
LANGUAGE plpgsql STABLE ROWS 100 SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    of_model tilescout.model := tilescout.search_model(model, NULL);
    target text := tilescout.embedding_table(of_model.id);
    f tilescout.search_filter;
    c record;
BEGIN
    IF place IS NULL THEN
        RAISE EXCEPTION 'place is missing' USING ERRCODE = 'invalid_parameter_value', HINT = 'give a point or an area';
    ELSIF k IS NULL OR k NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'k is %, but must be 1 to 10000', coalesce(k::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF ST_Dimension(place) = 2 THEN
        f := tilescout.resolve_filter(of_model, place, NULL, NULL, acquired, collections, min_valid, max_cloud, NULL, NULL, NULL, NULL);
    ELSE
        f := tilescout.resolve_filter(of_model, NULL, place, 0, acquired, collections, min_valid, max_cloud, NULL, NULL, NULL, NULL);
    END IF;
    c := tilescout.cells_of(of_model.id, f, 0);
    -- Each tile beside the latest earlier one of its place: same ground, and pixels of much the same size.
    RETURN QUERY EXECUTE format($sql$
        WITH passing AS MATERIALIZED (
            SELECT e.tile_id, e.collection_id, e.acquired_at, e.ground_sample_distance, e.footprint, e.embedding
            FROM unnest($18, $19) AS piece (cell_id, collection_id) JOIN tilescout.pack AS p ON p.cell_id = piece.cell_id
            CROSS JOIN LATERAL unnest(p.tiles) AS member (tile_id)
            JOIN tilescout.%I AS e ON e.tile_id = member.tile_id AND e.collection_id = piece.collection_id
            WHERE e.acquired_at IS NOT NULL AND %s AND %s
        ), change AS (
            SELECT e.embedding <=> before.embedding AS distance, e.tile_id, e.acquired_at, before.tile_id AS before_tile_id,
                   before.acquired_at AS before_acquired_at, e.collection_id, e.footprint
            FROM passing AS e CROSS JOIN LATERAL (
                SELECT b.* FROM passing AS b
                WHERE b.acquired_at < e.acquired_at AND b.footprint && e.footprint AND tilescout.same_place(b.footprint, e.footprint)
                  AND coalesce(b.ground_sample_distance BETWEEN e.ground_sample_distance / 1.5 AND e.ground_sample_distance * 1.5, true)
                ORDER BY b.acquired_at DESC, ST_Area(ST_Intersection(b.footprint, e.footprint)) DESC, b.tile_id LIMIT 1) AS before
        )
        SELECT (row_number() OVER (ORDER BY c.distance DESC, c.acquired_at, c.tile_id))::int, c.distance, c.tile_id, c.acquired_at, c.before_tile_id,
               c.before_acquired_at, n.name, c.footprint
        FROM change AS c JOIN tilescout.collection AS n ON n.id = c.collection_id
        ORDER BY 1 LIMIT $12$sql$,
            target, tilescout.filter_sql(f), tilescout.place_sql(f))
        USING NULL::halfvec, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles, f.excluded_scenes, f.excluded_place,
            f.hidden_runs, f.hidden_scenes, k, NULL::int, f.reach, f.near, f.radius, f.resolution, c.cells, c.collections;
END $$;
COMMENT ON FUNCTION tilescout.changed IS
    'What changed at a place, a point or an area: each dated tile beside the latest earlier one of the same ground, those whose look changed most first.';

CREATE OR REPLACE FUNCTION tilescout.surface(area geometry)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    -- In an equal-area projection: geography joins corners by great circles, which wide areas' sides are not.
    SELECT ST_Area(ST_Transform(ST_Segmentize($1, 1), 6933))
$$;
COMMENT ON FUNCTION tilescout.surface IS 'Square metres of polygons in WGS84 degrees, whose sides are straight in degrees (EASE-Grid 2.0, EPSG:6933).';

CREATE OR REPLACE FUNCTION tilescout.coverage(area geometry, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL)
RETURNS TABLE (collection text, share double precision, tiles bigint, scenes bigint, acquired_from timestamptz, acquired_to timestamptz)
LANGUAGE plpgsql STABLE ROWS 10 SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    wanted geometry := tilescout.search_area(area);
    ids int[] := tilescout.collection_ids(collections);
BEGIN
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'area is missing' USING ERRCODE = 'invalid_parameter_value', HINT = 'give a polygon or multipolygon';
    ELSIF isempty(acquired) THEN
        RAISE EXCEPTION 'acquired is an empty range' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
        WITH inside AS (
            SELECT t.collection, t.scene_id, t.acquired_at, t.footprint FROM tilescout.tiles AS t
            WHERE t.footprint && wanted AND ST_Intersects(t.footprint, wanted)
              AND (acquired IS NULL OR (lower_inf(acquired) AND upper_inf(acquired)) OR t.acquired_at <@ acquired)
        )
        SELECT c.name, coalesce(least(1, tilescout.surface(ST_Intersection(ST_Union(i.footprint), wanted)) / nullif(tilescout.surface(wanted), 0)), 0),
               count(i.scene_id), count(DISTINCT i.scene_id), min(i.acquired_at), max(i.acquired_at)
        FROM tilescout.collection AS c LEFT JOIN inside AS i ON i.collection = c.name
        WHERE ids IS NULL OR c.id = ANY (ids)
        GROUP BY c.name ORDER BY c.name;
END $$;
COMMENT ON FUNCTION tilescout.coverage IS
    'How much of an area the published tiles of each collection cover, as a share of its surface, with their number, scenes and dates; collections without any are listed with 0.';
