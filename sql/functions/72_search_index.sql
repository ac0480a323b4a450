CREATE OR REPLACE FUNCTION tilescout.index_depth(k int, one_per_place boolean)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- One pass of the index comes in order, so the first k that pass are the nearest; places take several tiles each.
    SELECT CASE WHEN one_per_place THEN greatest(60, k::bigint * 8) ELSE k END
$$;
COMMENT ON FUNCTION tilescout.index_depth IS 'How many rows have to pass before a scan of the index ends.';

CREATE OR REPLACE FUNCTION tilescout.index_breadth(total bigint)
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- A narrow scan now and then ends in the wrong part of the graph, the oftener the larger that is. Of 150 to 300 searches 100 of a hundred thousand rows have a recall of .998, 60
    -- of .997 and 40 of .987 to .998; 200 of a million .998, 100 of .992 to .998, with nothing right in two answers of 300; of ten million, one search in a few dozen that read 400 to
    -- 820 found nothing right, and 1000, the most there is, did (docs/search.md).
    SELECT CASE WHEN total > 3000000 THEN 1000 ELSE 100 * greatest(1, total / 100000.0) ^ 0.3 END::int
$$;
COMMENT ON FUNCTION tilescout.index_breadth IS 'Least hnsw.ef_search that finds the nearest of so many rows nearly always.';

CREATE OR REPLACE FUNCTION tilescout.search_index(
    target text, of_model int, query halfvec, f tilescout.search_filter, k int, one_per_place boolean, through_run int, wanted bigint, breadth int, budget bigint,
    after_distance double precision, after_tile uuid, explain boolean,
    OUT tiles uuid[], OUT collections int[], OUT distances double precision[], OUT complete boolean, OUT visited bigint)
-- Volatile, since EXPLAIN counts as a utility command.
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT
    SET hnsw.iterative_scan = relaxed_order
    -- Restored when the function ends; set below, while the ordered index scan is planned.
    SET hnsw.ef_search = 40 SET hnsw.max_scan_tuples = 2000000000 SET hnsw.scan_mem_multiplier = 8
    SET enable_seqscan = on SET enable_bitmapscan = on SET enable_sort = on SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    statement text;
    tail record;
    -- Up to here everything is known.
    known_to double precision;
    cells record;
    footprints geometry[];
    plan json;
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true),
        set_config('hnsw.ef_search', breadth::text, true);
    statement := format($sql$
            SELECT e.tile_id, e.collection_id, e.footprint, e.distance
            FROM (SELECT e.*, e.embedding <=> $1 AS distance FROM tilescout.%I AS e WHERE e.run_id <= %s ORDER BY e.embedding <=> $1 LIMIT %s) AS e
            WHERE %s AND %s %s
            LIMIT $12$sql$,
            target, through_run, greatest(wanted, budget), tilescout.filter_sql(f), tilescout.place_sql(f),
            CASE WHEN after_distance IS NOT NULL THEN 'AND (e.distance, e.tile_id) > ($13, $18)' END);
    EXECUTE format('WITH near AS MATERIALIZED (%s) SELECT array_agg(tile_id), array_agg(collection_id), array_agg(distance), array_agg(footprint) FROM near', statement)
        INTO tiles, collections, distances, footprints
        USING query, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles, f.excluded_scenes, f.excluded_place,
            f.hidden_runs, f.hidden_scenes, wanted, after_distance, f.reach, f.near, f.radius, f.resolution, after_tile;
    IF explain THEN
        EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || statement
            INTO plan
            USING query, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles, f.excluded_scenes, f.excluded_place,
                f.hidden_runs, f.hidden_scenes, wanted, after_distance, f.reach, f.near, f.radius, f.resolution, after_tile;
        -- What the inner limit handed out: the node below the filter's.
        plan := plan->0->'Plan'->'Plans'->0;
        visited := coalesce((plan->>'Rows Removed by Filter')::numeric, 0) + (plan->>'Actual Rows')::numeric;
    END IF;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'on', true), set_config('enable_sort', 'on', true);
    complete := coalesce(cardinality(tiles), 0) >= wanted;

    IF complete THEN
        known_to := (SELECT max(d) FROM unnest(distances) AS d);
        cells := tilescout.cells_of(of_model, f, through_run);
        IF cells.visited > 0 THEN
            -- What is one place is decided below, of both: a tile that its own part would leave out stays where the one that is better goes itself.
            tail := tilescout.search_exact(query, f, cells.cells, cells.collections, cells.sures, cells.visited, cells.passing, least(wanted, 2147483647)::int, false, after_distance, after_tile);
            IF cardinality(tail.tiles) >= wanted THEN
                known_to := least(known_to, tail.distances[wanted]);
            END IF;
            tiles := tiles || tail.tiles; collections := collections || tail.collections;
            distances := distances || tail.distances;
            footprints := footprints || (SELECT array_agg(t.footprint ORDER BY n) FROM unnest(tail.tiles, tail.collections) WITH ORDINALITY AS h (tile, collection, n)
                JOIN tilescout.tile AS t ON t.id = h.tile AND t.collection_id = h.collection);
        END IF;
    END IF;
    SELECT array_agg(h.tile ORDER BY h.distance, h.tile, h.collection), array_agg(h.collection ORDER BY h.distance, h.tile, h.collection),
           array_agg(h.distance ORDER BY h.distance, h.tile, h.collection), array_agg(h.footprint ORDER BY h.distance, h.tile, h.collection)
        INTO tiles, collections, distances, footprints
        FROM unnest(tiles, collections, distances, footprints) AS h (tile, collection, distance, footprint)
        WHERE NOT one_per_place OR h.distance <= known_to;
    IF one_per_place AND tiles IS NOT NULL THEN
        SELECT * INTO tiles, collections, distances, footprints FROM tilescout.best_of_each_place(tiles, collections, distances, footprints, k);
        complete := complete AND cardinality(tiles) >= k;
    END IF;
    tiles := tiles[:k];
    collections := collections[:k];
    distances := distances[:k];
END $$;
COMMENT ON FUNCTION tilescout.search_index IS
    'The k nearest by the HNSW index with iterative scans, rows after through_run compared exactly. complete: enough rows passed before the budget of scanned rows was spent; else there may be more, and nearer.';

CREATE OR REPLACE FUNCTION tilescout.ask_index(
    of_model tilescout.model, query halfvec, f tilescout.search_filter, usual boolean, k int, one_per_place boolean, depth bigint, breadth int,
    scan bigint, after_distance double precision, after_tile uuid, explain boolean,
    OUT tiles uuid[], OUT collections int[], OUT distances double precision[], OUT complete boolean, OUT visited bigint)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    through int;
BEGIN
    -- What tilescout.make_model_search has written out, where the index holds every row.
    IF usual AND NOT explain AND NOT EXISTS (SELECT FROM tilescout.run AS r WHERE r.id > of_model.hnsw_through_run AND r.model_id = of_model.id AND r.state = 'published') THEN
        EXECUTE 'SELECT * FROM tilescout.nearest_index_' || of_model.id || '($1, $2, $3, $4, $5, $6)' INTO tiles, collections, distances, complete, through
            USING query, f, (f.acquired, f.excluded_tiles, f.hidden_runs) IS NULL, depth, breadth, scan;
    END IF;
    -- Also where another index has come since the model was read.
    IF through IS DISTINCT FROM of_model.hnsw_through_run THEN
        SELECT * INTO tiles, collections, distances, complete, visited FROM tilescout.search_index(tilescout.embedding_table(of_model.id), of_model.id, query, f, k,
            one_per_place, of_model.hnsw_through_run, depth, breadth, scan, after_distance, after_tile, explain);
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.ask_index IS 'What the index answers, by the model''s written-out search where that suffices, else by tilescout.search_index.';
