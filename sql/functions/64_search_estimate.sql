CREATE OR REPLACE FUNCTION tilescout.index_microseconds(dimension int, breadth double precision, met double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    -- Measured with 256 dimensions where all is in memory: 1.2 to 1.6 for each row of breadth, some thirty vectors being compared for it (3.8 in ten million rows); 2 to 3 for
    -- each row that is fetched and held against the filter.
    SELECT 150 + breadth * (0.3 + 0.004 * dimension) + met * 2.5
$$;
COMMENT ON FUNCTION tilescout.index_microseconds IS 'What one pass of the HNSW index takes, so broad (hnsw.ef_search), that hands out so many rows.';

CREATE OR REPLACE FUNCTION tilescout.index_margin()
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 3.0::double precision $$;
COMMENT ON FUNCTION tilescout.index_margin IS 'How many times as broad a pass of the index is made as it takes to meet k rows where look and place have nothing to do with each other: then it is rarely in vain.';

CREATE OR REPLACE FUNCTION tilescout.cells_looked_at()
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 300 $$;
COMMENT ON FUNCTION tilescout.cells_looked_at IS 'So many cells are looked at one by one for an estimate; of more, a random sample of about as many.';

CREATE OR REPLACE FUNCTION tilescout.passing_share(target text, f tilescout.search_filter)
RETURNS double precision LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    rest tilescout.search_filter;
    plan json;
    table_rows double precision;
BEGIN
    IF f.min_valid IS NULL AND f.max_cloud IS NULL AND f.resolution IS NULL THEN
        RETURN 1;
    END IF;
    SELECT c.reltuples INTO table_rows FROM pg_class AS c WHERE c.oid = format('tilescout.%I', target)::regclass AND c.reltuples > 0;
    rest.min_valid := f.min_valid; rest.max_cloud := f.max_cloud; rest.resolution := f.resolution;
    -- Volatile, since EXPLAIN counts as a utility command; it executes nothing.
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM tilescout.%I AS e WHERE %s', target, tilescout.filter_sql(rest))
        INTO plan USING NULL::halfvec, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
            f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes, NULL::bigint, NULL::int, f.reach, f.near, f.radius, f.resolution;
    RETURN coalesce(least(1, (plan->0->'Plan'->>'Plan Rows')::double precision / table_rows), 1);
END $$;
COMMENT ON FUNCTION tilescout.passing_share IS 'The share of rows that passes by valid pixels, cloud and size of pixel, as the planner''s statistics expect.';

CREATE OR REPLACE FUNCTION tilescout.rough_rows(of_model int, f tilescout.search_filter, total bigint)
RETURNS bigint LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    most CONSTANT int := tilescout.cells_looked_at();
    place geometry := coalesce(f.area, f.reach);
    boxes bigint;
    near_by bigint;
    share double precision;
    level CONSTANT smallint := floor(ln(greatest(1, total / 256 / most)) / ln(2));
BEGIN
    IF place IS NULL AND f.acquired IS NULL AND f.collection_ids IS NULL THEN
        RETURN total;
    END IF;
    IF place IS NOT NULL THEN
        SELECT count(*), coalesce(sum(c.tiles) FILTER (WHERE (f.collection_ids IS NULL OR c.collection_id = ANY (f.collection_ids))
                AND (f.acquired IS NULL OR tstzrange(c.acquired_from, c.acquired_to, '[]') && f.acquired AND c.acquired_from IS NOT NULL)), 0)
            INTO boxes, near_by
            FROM (SELECT * FROM tilescout.cell AS c WHERE c.model_id = of_model AND c.box && place LIMIT most + 1) AS c;
    END IF;
    IF place IS NULL OR boxes > most THEN
        SELECT sum(c.tiles) FILTER (WHERE (place IS NULL OR c.box && place) AND (f.collection_ids IS NULL OR c.collection_id = ANY (f.collection_ids))
                   AND (f.acquired IS NULL OR tstzrange(c.acquired_from, c.acquired_to, '[]') && f.acquired AND c.acquired_from IS NOT NULL))::double precision
               / sum(c.tiles)
            INTO share FROM tilescout.cell AS c
            WHERE c.model_id = of_model AND c.sample >= level;
        near_by := coalesce(share, 0) * total;
    END IF;
    -- An area fills its box by its share of it.
    RETURN CASE WHEN f.area IS NULL THEN near_by ELSE near_by * ST_Area(f.area) / greatest(ST_Area(ST_Envelope(f.area)), 1e-12) END;
END $$;
COMMENT ON FUNCTION tilescout.rough_rows IS 'About how many rows lie in the cells where a filter wants them, by boxes and dates, without looking at outlines; total: how many there are.';

CREATE OR REPLACE FUNCTION tilescout.cells_of(
    of_model int, f tilescout.search_filter, after_run int,
    OUT cells bigint[], OUT collections int[], OUT sures boolean[], OUT visited bigint, OUT passing bigint)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
    area geometry := f.area;
    -- A box always, so that the index on boxes serves every filter.
    place geometry := coalesce(f.area, f.reach, ST_MakeEnvelope(-180, -90, 180, 90, 4326));
    boxes bigint;
    -- Whether the outline is asked where a cell lies. Of a few cells the packs' boxes and single footprints say it sooner, and preparing
    -- thousands of points pays where there are many cells.
    look boolean := area IS NOT NULL;
BEGIN
    IF look THEN
        SELECT count(*) INTO boxes FROM (SELECT FROM tilescout.cell AS c WHERE c.model_id = of_model AND c.box && place LIMIT 41) AS c;
        look := boxes > CASE WHEN ST_NPoints(area) > 500 THEN 40 ELSE 4 END;
    END IF;
    SELECT coalesce(array_agg(c.id), '{}'), array_agg(c.collection_id), array_agg(c.sure), coalesce(sum(c.tiles), 0),
           coalesce(ceil(sum(CASE WHEN c.sure THEN c.tiles ELSE c.tiles / 2.0 END)), 0)
        INTO cells, collections, sures, visited, passing
        FROM (
            SELECT c.id, c.collection_id, c.tiles,
                   NOT c.stale AND f.near IS NULL AND (area IS NULL OR look AND ST_Contains(area, c.box))
                   AND (f.acquired IS NULL OR NOT c.undated AND tstzrange(c.acquired_from, c.acquired_to, '[]') <@ f.acquired)
                   AND (f.resolution IS NULL OR numrange(c.gsd_from::numeric, c.gsd_to::numeric, '[]') <@ f.resolution AND c.gsd_from IS NOT NULL)
                   AND (f.hidden_scenes IS NULL OR NOT c.scenes && f.hidden_scenes)
                   AND (f.excluded_scenes IS NULL OR NOT c.scenes && f.excluded_scenes)
                   AND (f.excluded_place IS NULL OR NOT c.box && f.excluded_place) AS sure
            FROM tilescout.cell AS c
            WHERE c.model_id = of_model
              AND c.box && place AND (NOT look OR ST_Intersects(area, c.box)) AND (f.reach IS NULL OR c.box && f.reach)
              AND (f.acquired IS NULL OR c.acquired_from IS NOT NULL AND tstzrange(c.acquired_from, c.acquired_to, '[]') && f.acquired)
              AND (f.resolution IS NULL OR c.gsd_from IS NULL OR numrange(c.gsd_from::numeric, c.gsd_to::numeric, '[]') && f.resolution)
              AND (f.collection_ids IS NULL OR c.collection_id = ANY (f.collection_ids))
              AND (f.hidden_runs IS NULL OR c.run_id <> ALL (f.hidden_runs))
              AND (f.hidden_scenes IS NULL OR NOT c.scenes <@ f.hidden_scenes)
              AND (f.excluded_scenes IS NULL OR NOT c.scenes <@ f.excluded_scenes)
              AND c.run_id > after_run OFFSET 0) AS c;
END $$;
COMMENT ON FUNCTION tilescout.cells_of IS
    'The cells that may hold rows that pass a filter, of runs after after_run. sures: every row of the cell passes, but for shares and single tiles; visited: rows in all of them; passing: about how many pass.';

CREATE OR REPLACE FUNCTION tilescout.count_rows(target text, of_model int, f tilescout.search_filter)
RETURNS bigint LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    passing bigint;
    c record;
BEGIN
    c := tilescout.cells_of(of_model, f, 0);
    EXECUTE format($sql$
        SELECT count(*) FROM unnest($18, $19, $20) AS piece (cell_id, collection_id, sure) JOIN tilescout.pack AS p ON p.cell_id = piece.cell_id
        CROSS JOIN LATERAL unnest(p.tiles) AS member (tile_id)
        JOIN tilescout.%I AS e ON e.tile_id = member.tile_id AND e.collection_id = piece.collection_id
        WHERE %s AND (piece.sure OR %s)$sql$, target, tilescout.filter_sql(f), tilescout.place_sql(f))
        INTO passing USING NULL::halfvec, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
            f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes, NULL::bigint, NULL::int, f.reach, f.near, f.radius, f.resolution,
            c.cells, c.collections, c.sures;
    RETURN passing;
END $$;
COMMENT ON FUNCTION tilescout.count_rows IS 'How many rows pass a filter, counted.';
