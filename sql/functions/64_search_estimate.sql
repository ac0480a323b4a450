CREATE OR REPLACE FUNCTION tilescout.estimate_rows(
    target text, of_model int, f tilescout.search_filter, OUT passing bigint, OUT visited bigint, OUT total bigint)
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    rest tilescout.search_filter := f;
    inside bigint;
    plan json;
    table_rows double precision;
BEGIN
    -- Where: counted, by cells. A cell on the boundary counts half.
    EXECUTE format($sql$
        SELECT coalesce(sum(c.tiles) FILTER (WHERE inside), 0), coalesce(sum(c.tiles), 0)
        FROM (SELECT c.tiles, %s AS inside FROM tilescout.cell AS c WHERE c.model_id = $18 AND %s) AS c$sql$,
            tilescout.inside_sql(f), tilescout.cell_sql(f))
        INTO inside, visited USING NULL::halfvec, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
            f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes, NULL::bigint, NULL::int, f.reach, f.near, f.radius, f.resolution, of_model;
    passing := ceil((inside + visited) / 2.0);
    SELECT greatest(c.reltuples, 0) INTO table_rows FROM pg_class AS c WHERE c.oid = format('tilescout.%I', target)::regclass;
    total := table_rows;
    -- All else: the share that the planner's statistics expect. Volatile, since EXPLAIN counts as a utility command; it executes nothing.
    IF (f.acquired, f.min_valid, f.max_cloud, f.resolution) IS DISTINCT FROM (NULL::tstzrange, NULL::float8, NULL::float8, NULL::numrange) AND table_rows > 0 THEN
        rest.area := NULL; rest.reach := NULL; rest.near := NULL; rest.collection_ids := NULL; rest.hidden_runs := NULL; rest.excluded_place := NULL;
        EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM tilescout.%I AS e WHERE %s', target, tilescout.filter_sql(rest))
            INTO plan USING NULL::halfvec, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
                f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes, NULL::bigint, NULL::int, f.reach, f.near, f.radius, f.resolution;
        passing := ceil(passing * least(1, (plan->0->'Plan'->>'Plan Rows')::double precision / table_rows));
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.estimate_rows IS
    'About how many rows pass a filter, how many lie in the cells that have to be visited for them, and how many there are.';

CREATE OR REPLACE FUNCTION tilescout.count_rows(target text, of_model int, f tilescout.search_filter)
RETURNS bigint LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    passing bigint;
BEGIN
    EXECUTE format($sql$
        WITH piece AS MATERIALIZED (SELECT c.run_id, c.lo, c.hi, %s AS inside FROM tilescout.cell AS c WHERE c.model_id = $18 AND %s)
        SELECT count(*) FROM piece CROSS JOIN LATERAL (
            SELECT FROM tilescout.%I AS e
            WHERE e.run_id = piece.run_id AND e.place BETWEEN piece.lo AND piece.hi AND %s AND (piece.inside OR %s)) AS e$sql$,
            tilescout.inside_sql(f), tilescout.cell_sql(f), target, tilescout.filter_sql(f), tilescout.place_sql(f))
        INTO passing USING NULL::halfvec, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
            f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes, NULL::bigint, NULL::int, f.reach, f.near, f.radius, f.resolution, of_model;
    RETURN passing;
END $$;
COMMENT ON FUNCTION tilescout.count_rows IS 'How many rows pass a filter, counted.';
