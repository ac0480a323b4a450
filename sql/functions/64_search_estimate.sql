CREATE OR REPLACE FUNCTION tilescout.passing_share(target text, f tilescout.search_filter)
RETURNS double precision LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    rest tilescout.search_filter := f;
    plan json;
    table_rows double precision;
BEGIN
    IF f.acquired IS NULL AND f.min_valid IS NULL AND f.max_cloud IS NULL AND f.resolution IS NULL THEN
        RETURN 1;
    END IF;
    SELECT c.reltuples INTO table_rows FROM pg_class AS c WHERE c.oid = format('tilescout.%I', target)::regclass AND c.reltuples > 0;
    rest.area := NULL; rest.reach := NULL; rest.near := NULL; rest.collection_ids := NULL; rest.hidden_runs := NULL; rest.excluded_place := NULL;
    -- Volatile, since EXPLAIN counts as a utility command; it executes nothing.
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM tilescout.%I AS e WHERE %s', target, tilescout.filter_sql(rest))
        INTO plan USING NULL::halfvec, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
            f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes, NULL::bigint, NULL::int, f.reach, f.near, f.radius, f.resolution;
    RETURN coalesce(least(1, (plan->0->'Plan'->>'Plan Rows')::double precision / table_rows), 1);
END $$;
COMMENT ON FUNCTION tilescout.passing_share IS 'The share of rows that passes by date, valid pixels, cloud and size of pixel, as the planner''s statistics expect.';

-- Its arguments were fewer once.
DROP FUNCTION IF EXISTS tilescout.rough_rows(int, tilescout.search_filter);
CREATE OR REPLACE FUNCTION tilescout.rough_rows(of_model int, f tilescout.search_filter, total bigint)
RETURNS bigint LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    place geometry := coalesce(f.area, f.reach);
    near_by bigint;
BEGIN
    -- By boxes alone, which costs next to nothing; an area fills its box by its share of it.
    IF place IS NOT NULL THEN
        SELECT coalesce(sum(c.tiles), 0) INTO near_by FROM tilescout.cell AS c
            WHERE c.model_id = of_model AND c.box && place AND (f.collection_ids IS NULL OR c.collection_id = ANY (f.collection_ids));
        RETURN CASE WHEN f.area IS NULL THEN near_by ELSE near_by * ST_Area(f.area) / greatest(ST_Area(ST_Envelope(f.area)), 1e-12) END;
    ELSIF f.collection_ids IS NOT NULL THEN
        RETURN (SELECT coalesce(sum(c.tiles), 0) FROM tilescout.cell AS c WHERE c.model_id = of_model AND c.collection_id = ANY (f.collection_ids));
    END IF;
    RETURN total;
END $$;
COMMENT ON FUNCTION tilescout.rough_rows IS 'About how many rows lie where a filter wants them, without looking at outlines; total: how many there are.';

CREATE OR REPLACE FUNCTION tilescout.estimate_rows(
    target text, of_model int, f tilescout.search_filter,
    OUT passing bigint, OUT visited bigint, OUT total bigint, OUT runs int[], OUT los bigint[], OUT his bigint[], OUT insides boolean[])
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
    area geometry := f.area;
    place geometry := coalesce(f.area, f.reach);
    -- Preparing thousands of points to find the cells that lie wholly inside pays where there are many cells.
    look_inside boolean := f.area IS NOT NULL AND f.near IS NULL;
BEGIN
    SELECT greatest(c.reltuples, 0) INTO total FROM pg_class AS c WHERE c.oid = format('tilescout.%I', target)::regclass;
    IF place IS NOT NULL THEN
        IF ST_NPoints(area) > 500 THEN
            look_inside := look_inside AND (SELECT count(*) > 20 FROM tilescout.cell AS c WHERE c.model_id = of_model AND c.box && place);
        END IF;
        -- Where: counted, by cells. A cell on the boundary counts half. The cells serve the search afterwards.
        SELECT coalesce(ceil(sum(CASE WHEN c.inside THEN c.tiles ELSE c.tiles / 2.0 END)), 0), coalesce(sum(c.tiles), 0),
               coalesce(array_agg(c.run_id), '{}'), array_agg(c.lo), array_agg(c.hi), array_agg(c.inside)
            INTO passing, visited, runs, los, his, insides
            FROM (
                SELECT c.tiles, c.run_id, c.lo, c.hi, look_inside AND ST_Contains(area, c.box) AS inside FROM tilescout.cell AS c
                WHERE c.model_id = of_model AND c.box && place
                  AND (area IS NULL OR ST_Intersects(area, c.box)) AND (f.reach IS NULL OR c.box && f.reach)
                  AND (f.acquired IS NULL OR c.acquired_from IS NOT NULL AND tstzrange(c.acquired_from, c.acquired_to, '[]') && f.acquired)
                  AND (f.collection_ids IS NULL OR c.collection_id = ANY (f.collection_ids))
                  AND (f.hidden_runs IS NULL OR c.run_id <> ALL (f.hidden_runs)) OFFSET 0) AS c;
    ELSIF f.acquired IS NOT NULL OR f.collection_ids IS NOT NULL THEN
        SELECT coalesce(sum(c.tiles), 0), coalesce(sum(c.tiles), 0),
               coalesce(array_agg(c.run_id), '{}'), array_agg(c.lo), array_agg(c.hi), array_agg(true)
            INTO passing, visited, runs, los, his, insides
            FROM tilescout.cell AS c
            WHERE c.model_id = of_model
              AND (f.acquired IS NULL OR c.acquired_from IS NOT NULL AND tstzrange(c.acquired_from, c.acquired_to, '[]') && f.acquired)
              AND (f.collection_ids IS NULL OR c.collection_id = ANY (f.collection_ids))
              AND (f.hidden_runs IS NULL OR c.run_id <> ALL (f.hidden_runs));
    ELSE
        passing := total;
        visited := total;
    END IF;
    passing := ceil(passing * tilescout.passing_share(target, f));
END $$;
COMMENT ON FUNCTION tilescout.estimate_rows IS
    'About how many rows pass a filter, how many lie in the cells that have to be visited for them, how many there are, and these cells; runs is NULL where the filter is not about place, date or collection.';

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
