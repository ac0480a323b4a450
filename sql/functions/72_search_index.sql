-- Its arguments were fewer once.
DROP FUNCTION IF EXISTS tilescout.search_index(text, int, halfvec, tilescout.search_filter, int, boolean, int, bigint, double precision, uuid, boolean);
CREATE OR REPLACE FUNCTION tilescout.index_depth(k int, one_per_place boolean, share double precision)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    -- The best k of six times as many rows are nearly always the true ones, also for a look that is rare there (docs/search.md); of twice as
    -- many where most rows pass.
    SELECT CASE WHEN one_per_place THEN greatest(60, k::bigint * 8) WHEN share > 0.3 THEN greatest(20, k::bigint * 2) ELSE greatest(60, k::bigint * 6) END
$$;
COMMENT ON FUNCTION tilescout.index_depth IS 'How many rows have to pass before a scan of the index ends; share: of all rows that pass.';

CREATE OR REPLACE FUNCTION tilescout.index_breadth(k int, one_per_place boolean, share double precision)
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT least(1000, greatest(CASE WHEN share > 0.3 THEN 60 ELSE 200 END, tilescout.index_depth(k, one_per_place, share)))::int
$$;
COMMENT ON FUNCTION tilescout.index_breadth IS 'hnsw.ef_search of a scan of the index.';

CREATE OR REPLACE FUNCTION tilescout.search_index(
    target text, of_model int, query halfvec, f tilescout.search_filter, k int, one_per_place boolean, through_run int, wanted bigint, breadth int, budget bigint,
    after_distance double precision, after_tile uuid, explain boolean,
    OUT tiles uuid[], OUT collections int[], OUT distances double precision[], OUT complete boolean, OUT visited bigint)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
    SET hnsw.iterative_scan = relaxed_order
    -- Restored when the function ends; set below, while the ordered index scan is planned.
    SET hnsw.ef_search = 40 SET hnsw.max_scan_tuples = 20000
    SET enable_seqscan = on SET enable_bitmapscan = on SET enable_sort = on SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    statement text;
    tail record;
    cells record;
    footprints geometry[];
    kept int[];
    plan json;
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true),
        set_config('hnsw.ef_search', breadth::text, true),
        set_config('hnsw.max_scan_tuples', least(2147483647, greatest(200, wanted, budget))::text, true);
    statement := format($sql$
            SELECT e.tile_id, e.collection_id, e.footprint, e.embedding <=> $1 AS distance
            FROM tilescout.%I AS e
            WHERE e.run_id <= %s AND %s AND %s %s
            ORDER BY e.embedding <=> $1
            LIMIT $12$sql$,
            target, through_run, tilescout.filter_sql(f), tilescout.place_sql(f),
            CASE WHEN after_distance IS NOT NULL THEN 'AND (e.embedding <=> $1, e.tile_id) > ($13, $18)' END);
    EXECUTE format('WITH near AS MATERIALIZED (%s) SELECT array_agg(tile_id), array_agg(collection_id), array_agg(distance), array_agg(footprint) FROM near', statement)
        INTO tiles, collections, distances, footprints
        USING query, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles, f.excluded_scenes, f.excluded_place,
            f.hidden_runs, f.hidden_scenes, wanted, after_distance, f.reach, f.near, f.radius, f.resolution, after_tile;
    IF explain THEN
        EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || statement
            INTO plan
            USING query, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles, f.excluded_scenes, f.excluded_place,
                f.hidden_runs, f.hidden_scenes, wanted, after_distance, f.reach, f.near, f.radius, f.resolution, after_tile;
        plan := plan->0->'Plan'->'Plans'->0;
        visited := coalesce((plan->>'Rows Removed by Filter')::numeric, 0) + (plan->>'Actual Rows')::numeric;
    END IF;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'on', true), set_config('enable_sort', 'on', true);
    complete := coalesce(cardinality(tiles), 0) >= wanted;

    IF complete AND EXISTS (SELECT FROM tilescout.cell AS c WHERE c.model_id = of_model AND c.run_id > through_run) THEN
        SELECT * INTO cells FROM tilescout.estimate_rows(target, of_model, f);
        tail := tilescout.search_exact(target, query, f, cells.runs, cells.los, cells.his, cells.insides, wanted::int, false, through_run, after_distance, after_tile);
        tiles := tiles || tail.tiles; collections := collections || tail.collections;
        distances := distances || tail.distances; footprints := footprints || tail.footprints;
    END IF;
    SELECT array_agg(h.tile ORDER BY h.distance, h.tile, h.collection), array_agg(h.collection ORDER BY h.distance, h.tile, h.collection),
           array_agg(h.distance ORDER BY h.distance, h.tile, h.collection), array_agg(h.footprint ORDER BY h.distance, h.tile, h.collection)
        INTO tiles, collections, distances, footprints
        FROM unnest(tiles, collections, distances, footprints) AS h (tile, collection, distance, footprint);
    IF one_per_place AND tiles IS NOT NULL THEN
        kept := tilescout.first_of_each_place(footprints, k);
        SELECT array_agg(tiles[i] ORDER BY i), array_agg(collections[i] ORDER BY i), array_agg(distances[i] ORDER BY i)
            INTO tiles, collections, distances FROM unnest(kept) AS i;
        complete := complete AND cardinality(tiles) >= k;
    END IF;
    tiles := tiles[:k];
    collections := collections[:k];
    distances := distances[:k];
END $$;
COMMENT ON FUNCTION tilescout.search_index IS
    'The k nearest by the HNSW index with iterative scans, rows after through_run compared exactly. complete: enough rows passed before the budget of scanned rows was spent; else there may be more, and nearer.';
