CREATE OR REPLACE FUNCTION tilescout.search_exact(
    target text, query halfvec, f tilescout.search_filter, k int, one_per_place boolean, after_run int,
    OUT tiles uuid[], OUT collections int[], OUT distances double precision[], OUT footprints geometry[])
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    -- The exact test of the area is dear, and most near tiles pass it: only the best by distance are tested, and more of them while that falls short.
    depth bigint := greatest(100, k::bigint * CASE WHEN one_per_place THEN 8 ELSE 2 END);
    fetched bigint;
    kept int[];
BEGIN
    LOOP
        -- Adding zero keeps the planner from the HNSW index, whose answer would not be exact.
        EXECUTE format($sql$
            WITH near AS MATERIALIZED (
                SELECT e.tile_id, e.collection_id, e.footprint, (e.embedding <=> $1) + 0 AS distance
                FROM tilescout.%I AS e
                WHERE %s AND e.run_id > $13
                ORDER BY distance, e.tile_id, e.collection_id
                LIMIT $12
            ), passing AS (
                SELECT * FROM near %s ORDER BY distance, tile_id, collection_id %s
            )
            SELECT array_agg(tile_id), array_agg(collection_id), array_agg(distance), array_agg(footprint), (SELECT count(*) FROM near)
            FROM passing$sql$,
                target, tilescout.filter_sql(f),
                CASE WHEN f.area IS NOT NULL THEN 'WHERE ST_Intersects(footprint, $2)' END,
                CASE WHEN NOT one_per_place THEN 'LIMIT $14' END)
            INTO tiles, collections, distances, footprints, fetched
            USING query, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
                f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes, depth, coalesce(after_run, 0), k;
        IF one_per_place AND tiles IS NOT NULL THEN
            kept := tilescout.first_of_each_place(footprints, k);
            SELECT array_agg(tiles[i] ORDER BY i), array_agg(collections[i] ORDER BY i), array_agg(distances[i] ORDER BY i), array_agg(footprints[i] ORDER BY i)
                INTO tiles, collections, distances, footprints FROM unnest(kept) AS i;
        END IF;
        EXIT WHEN fetched < depth OR cardinality(tiles) >= k;
        depth := depth * 8;
    END LOOP;
END $$;
COMMENT ON FUNCTION tilescout.search_exact IS 'The k nearest of all rows that pass, every one compared; after_run leaves out those that an index covers.';

CREATE OR REPLACE FUNCTION tilescout.search_index(
    target text, query halfvec, f tilescout.search_filter, k int, one_per_place boolean, through_run int,
    OUT tiles uuid[], OUT collections int[], OUT distances double precision[])
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
    -- Measured: recall .95 and more from 3 % passing on; the scan goes on until enough rows passed or max_scan_tuples were seen.
    SET hnsw.ef_search = 400 SET hnsw.iterative_scan = relaxed_order SET hnsw.max_scan_tuples = 20000
    -- Restored when the function ends; switched off below, while the ordered index scan is planned.
    SET enable_seqscan = on SET enable_bitmapscan = on SET enable_sort = on SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    -- Relaxed order may hand a few rows out late: twice as many are taken and sorted.
    wanted bigint := k::bigint * CASE WHEN one_per_place THEN 8 ELSE 2 END;
    tail record;
    footprints geometry[];
    kept int[];
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true);
    EXECUTE format($sql$
        WITH near AS MATERIALIZED (
            SELECT e.tile_id, e.collection_id, e.footprint, e.embedding <=> $1 AS distance
            FROM tilescout.%I AS e
            WHERE e.run_id <= %s AND %s %s
            ORDER BY e.embedding <=> $1
            LIMIT $12
        )
        SELECT array_agg(tile_id), array_agg(collection_id), array_agg(distance), array_agg(footprint) FROM near$sql$,
            target, through_run, tilescout.filter_sql(f), CASE WHEN f.area IS NOT NULL THEN 'AND ST_Intersects(e.footprint, $2)' END)
        INTO tiles, collections, distances, footprints
        USING query, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
            f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes, wanted;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'on', true), set_config('enable_sort', 'on', true);

    tail := tilescout.search_exact(target, query, f, wanted::int, false, through_run);
    SELECT array_agg(h.tile ORDER BY h.distance, h.tile, h.collection), array_agg(h.collection ORDER BY h.distance, h.tile, h.collection),
           array_agg(h.distance ORDER BY h.distance, h.tile, h.collection), array_agg(h.footprint ORDER BY h.distance, h.tile, h.collection)
        INTO tiles, collections, distances, footprints
        FROM unnest(tiles || tail.tiles, collections || tail.collections, distances || tail.distances, footprints || tail.footprints)
            AS h (tile, collection, distance, footprint);
    IF one_per_place AND tiles IS NOT NULL THEN
        kept := tilescout.first_of_each_place(footprints, k);
        SELECT array_agg(tiles[i] ORDER BY i), array_agg(collections[i] ORDER BY i), array_agg(distances[i] ORDER BY i)
            INTO tiles, collections, distances FROM unnest(kept) AS i;
    END IF;
    tiles := tiles[:k];
    collections := collections[:k];
    distances := distances[:k];
END $$;
COMMENT ON FUNCTION tilescout.search_index IS 'The k nearest by the HNSW index with iterative scans, rows after through_run compared exactly; may find fewer than k, and miss some.';

CREATE OR REPLACE FUNCTION tilescout.run_search(
    like_tile uuid DEFAULT NULL, embedding halfvec DEFAULT NULL, positives uuid[] DEFAULT NULL, negatives uuid[] DEFAULT NULL,
    k int DEFAULT 20, within geometry DEFAULT NULL, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL,
    min_valid double precision DEFAULT NULL, max_cloud double precision DEFAULT NULL, one_per_place boolean DEFAULT false,
    model text DEFAULT NULL, exclude_self boolean DEFAULT true, exclude_scene boolean DEFAULT false, exclude_place boolean DEFAULT false,
    count_passing boolean DEFAULT false,
    OUT tiles uuid[], OUT tile_collections int[], OUT distances double precision[],
    OUT plan text, OUT exact boolean, OUT rows_total bigint, OUT rows_estimated bigint, OUT rows_passing bigint, OUT model_name text)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    of_model tilescout.model;
    target text;
    query halfvec;
    f tilescout.search_filter;
    given uuid[] := array_remove(like_tile || coalesce(positives, '{}'), NULL);
    answer record;
    exact_limit bigint;
BEGIN
    IF k IS NULL OR k NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'k is %, but must be 1 to 10000', coalesce(k::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT (min_valid BETWEEN 0 AND 1) THEN
        RAISE EXCEPTION 'min_valid is %, but must be 0 to 1', min_valid USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT (max_cloud BETWEEN 0 AND 1) THEN
        RAISE EXCEPTION 'max_cloud is %, but must be 0 to 1', max_cloud USING ERRCODE = 'invalid_parameter_value';
    ELSIF isempty(acquired) THEN
        RAISE EXCEPTION 'acquired is an empty range' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    of_model := tilescout.search_model(model, embedding);
    model_name := of_model.name;
    target := tilescout.embedding_table(of_model.id);
    query := tilescout.query_embedding(of_model, like_tile, embedding, positives, negatives);

    f.area := tilescout.search_area(within);
    -- Open at both ends it restricts nothing, not even to tiles whose time is known.
    f.acquired := CASE WHEN NOT (lower_inf(acquired) AND upper_inf(acquired)) THEN acquired END;
    f.collection_ids := tilescout.collection_ids(collections);
    f.min_valid := min_valid;
    f.max_cloud := max_cloud;
    SELECT h.runs, h.scenes INTO f.hidden_runs, f.hidden_scenes FROM tilescout.hidden() AS h;
    IF exclude_self AND cardinality(given || coalesce(negatives, '{}')) > 0 THEN
        f.excluded_tiles := given || coalesce(negatives, '{}');
    END IF;
    IF exclude_scene AND cardinality(given) > 0 THEN
        SELECT array_agg(DISTINCT e.scene_id) INTO f.excluded_scenes FROM tilescout.embeddings_of(of_model, given) AS e;
    END IF;
    IF exclude_place AND like_tile IS NOT NULL THEN
        SELECT e.footprint INTO f.excluded_place FROM tilescout.embeddings_of(of_model, ARRAY[like_tile]) AS e;
    END IF;

    SELECT greatest(c.reltuples, 0)::bigint INTO rows_total FROM pg_class AS c WHERE c.oid = format('tilescout.%I', target)::regclass;
    rows_estimated := tilescout.estimate_rows(target, f);
    exact_limit := tilescout.exact_limit(of_model.dimension);
    plan := CASE
        WHEN of_model.hnsw_through_run IS NULL THEN 'exact: there is no index yet'
        WHEN rows_estimated <= exact_limit THEN format('exact: about %s rows pass, up to %s are compared one by one', rows_estimated, exact_limit)
        ELSE 'index' END;
    IF plan = 'index' THEN
        plan := format('index: about %s rows pass, HNSW with iterative scan', rows_estimated);
        answer := tilescout.search_index(target, query, f, k, one_per_place, of_model.hnsw_through_run);
        exact := false;
        IF coalesce(cardinality(answer.tiles), 0) < k THEN
            plan := format('exact: about %s rows pass, but the index found only %s', rows_estimated, coalesce(cardinality(answer.tiles), 0));
            exact := NULL;
        END IF;
    END IF;
    IF exact IS NULL THEN
        answer := tilescout.search_exact(target, query, f, k, one_per_place, NULL);
        exact := true;
    END IF;
    tiles := coalesce(answer.tiles, '{}');
    tile_collections := coalesce(answer.collections, '{}');
    distances := coalesce(answer.distances, '{}');
    IF count_passing THEN
        rows_passing := tilescout.count_rows(target, f);
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.run_search IS 'What tilescout.search and tilescout.explain_search share: the answer as arrays, best first, with the plan that found it.';

CREATE OR REPLACE FUNCTION tilescout.present(tiles uuid[], tile_collections int[], distances double precision[])
RETURNS TABLE (rank int, tile_id uuid, distance double precision, collection text, scene_id bigint, scene_path text, acquired_at timestamptz,
    valid_fraction real, cloud_fraction real, lon double precision, lat double precision, footprint geometry)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20 SET search_path FROM CURRENT AS $$
    SELECT hit.rank::int, t.id, hit.distance, c.name, s.id, s.path, s.acquired_at, t.valid_fraction, t.cloud_fraction,
           ST_X(centre), ST_Y(centre), t.footprint
    FROM unnest(tiles, tile_collections, distances) WITH ORDINALITY AS hit (tile_id, collection_id, distance, rank)
    JOIN tilescout.tile AS t ON t.id = hit.tile_id AND t.collection_id = hit.collection_id
    JOIN tilescout.scene AS s ON s.id = t.scene_id
    JOIN tilescout.collection AS c ON c.id = t.collection_id
    -- A centre inside the larger part, where the antimeridian parts a tile.
    CROSS JOIN LATERAL (SELECT ST_Centroid(part.geom) FROM ST_Dump(t.footprint) AS part ORDER BY ST_Area(part.geom) DESC LIMIT 1) AS middle (centre)
    ORDER BY hit.rank
$$;
COMMENT ON FUNCTION tilescout.present IS 'The answer of a search with what people want to know of each tile.';

CREATE OR REPLACE FUNCTION tilescout.search(
    like_tile uuid DEFAULT NULL, embedding halfvec DEFAULT NULL, positives uuid[] DEFAULT NULL, negatives uuid[] DEFAULT NULL,
    k int DEFAULT 20, within geometry DEFAULT NULL, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL,
    min_valid double precision DEFAULT NULL, max_cloud double precision DEFAULT NULL, one_per_place boolean DEFAULT false,
    model text DEFAULT NULL, exclude_self boolean DEFAULT true, exclude_scene boolean DEFAULT false, exclude_place boolean DEFAULT false)
RETURNS TABLE (rank int, tile_id uuid, distance double precision, collection text, scene_id bigint, scene_path text, acquired_at timestamptz,
    valid_fraction real, cloud_fraction real, lon double precision, lat double precision, footprint geometry)
LANGUAGE sql STABLE ROWS 20 SET search_path FROM CURRENT AS $$
    SELECT hit.* FROM tilescout.run_search($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) AS a,
        LATERAL tilescout.present(a.tiles, a.tile_collections, a.distances) AS hit
    ORDER BY hit.rank
$$;
COMMENT ON FUNCTION tilescout.search IS
    'Tiles that look like a tile (like_tile), like a vector (embedding), or like some tiles and unlike others (positives, negatives), nearest first. '
    'within: polygon or multipolygon in any coordinate system; acquired: times of acquisition; collections: their names; min_valid: least share of pixels with data; '
    'max_cloud: most cloud, tiles without cloud information do not pass; one_per_place: of tiles that overlap only the best; model: whose vectors, the serving one by default; '
    'exclude_self, exclude_scene, exclude_place: leave out the tiles asked with, their scenes, or the place of like_tile. If k rows pass, k rows come back. '
    'distance is the cosine distance, 0 to 2.';

CREATE OR REPLACE FUNCTION tilescout.explain_search(
    like_tile uuid DEFAULT NULL, embedding halfvec DEFAULT NULL, positives uuid[] DEFAULT NULL, negatives uuid[] DEFAULT NULL,
    k int DEFAULT 20, within geometry DEFAULT NULL, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL,
    min_valid double precision DEFAULT NULL, max_cloud double precision DEFAULT NULL, one_per_place boolean DEFAULT false,
    model text DEFAULT NULL, exclude_self boolean DEFAULT true, exclude_scene boolean DEFAULT false, exclude_place boolean DEFAULT false)
RETURNS TABLE (plan text, exact boolean, rows_passing bigint, rows_estimated bigint, rows_total bigint, rows_returned int, model text)
LANGUAGE sql STABLE ROWS 1 SET search_path FROM CURRENT AS $$
    SELECT a.plan, a.exact, a.rows_passing, a.rows_estimated, a.rows_total, cardinality(a.tiles), a.model_name
    FROM tilescout.run_search($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, count_passing => true) AS a
$$;
COMMENT ON FUNCTION tilescout.explain_search IS
    'Takes what tilescout.search takes, runs it, and says which plan it chose and why, whether the answer is exact, how many rows passed the filter (counted), were estimated to, and exist.';
