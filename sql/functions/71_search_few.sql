CREATE OR REPLACE FUNCTION tilescout.few_cells()
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- Some 6,000 tiles: SQL compares them in 2 ms, the extension in a quarter of that, and looking at outlines of cells takes as long.
    SELECT 24
$$;
COMMENT ON FUNCTION tilescout.few_cells IS 'An area that touches no more cells than these is small: all their tiles are compared at once.';

CREATE OR REPLACE FUNCTION tilescout.cells_at(
    of_model int, area geometry, acquired tstzrange, hidden_runs int[], most int,
    OUT boxes bigint, OUT visited bigint, OUT cells bigint[], OUT collections int[], OUT dated boolean)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
BEGIN
    SELECT count(*), coalesce(sum(c.tiles), 0), array_agg(c.id), array_agg(c.collection_id), bool_and(c.dated)
        INTO boxes, visited, cells, collections, dated
        FROM (
            SELECT c.id, c.collection_id, c.tiles, acquired IS NULL OR NOT c.undated AND tstzrange(c.acquired_from, c.acquired_to, '[]') <@ acquired AS dated
            FROM tilescout.cell AS c
            WHERE c.model_id = of_model AND c.box && area AND (hidden_runs IS NULL OR c.run_id <> ALL (hidden_runs))
              AND (acquired IS NULL OR c.acquired_from IS NOT NULL AND tstzrange(c.acquired_from, c.acquired_to, '[]') && acquired)
            LIMIT most
        ) AS c;
END $$;
COMMENT ON FUNCTION tilescout.cells_at IS
    'Cells whose boxes meet that of an area and whose dates meet a range, at most so many, with the tiles in them. dated: no date outside the range is among them.';

CREATE OR REPLACE FUNCTION tilescout.search_few(
    query halfvec, area geometry, excluded_tiles uuid[], cells bigint[], cell_collections int[], visited bigint, k int,
    OUT tiles uuid[], OUT collections int[], OUT distances double precision[])
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
    SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_variable
DECLARE
    west CONSTANT double precision := ST_XMin(area);
    south CONSTANT double precision := ST_YMin(area);
    east CONSTANT double precision := ST_XMax(area);
    north CONSTANT double precision := ST_YMax(area);
    unsure CONSTANT boolean[] := array_fill(false, ARRAY[coalesce(cardinality(cells), 0)]);
    depth bigint := greatest(128, 3 * k);
BEGIN
    LOOP
        SELECT array_agg(h.tile_id), array_agg(h.collection_id), array_agg(h.distance)
            INTO tiles, collections, distances
            FROM (
                SELECT near.tile_id, near.collection_id, near.distance
                FROM (
                    SELECT n.tile_id, n.collection_id, n.distance
                    FROM tilescout.nearest_in_cells(cells, cell_collections, unsure, query, west, south, east, north, NULL, NULL, NULL, NULL, depth) AS n
                    ORDER BY n.distance, n.tile_id, n.collection_id
                    LIMIT depth
                ) AS near
                -- Looked up by its key, one after the other: a plan that began with the area's tiles would look at all of them.
                CROSS JOIN LATERAL (SELECT t.id, t.footprint FROM tilescout.tile AS t WHERE t.id = near.tile_id AND t.collection_id = near.collection_id OFFSET 0) AS t
                WHERE ST_Intersects(area, t.footprint) AND (excluded_tiles IS NULL OR t.id <> ALL (excluded_tiles))
                ORDER BY near.distance, near.tile_id, near.collection_id
                LIMIT k
            ) AS h;
        EXIT WHEN cardinality(tiles) >= k OR depth >= visited;
        depth := depth * 8;
    END LOOP;
END $$;
COMMENT ON FUNCTION tilescout.search_few IS
    'What tilescout.search_exact answers, for the cells of a small area (tilescout.cells_at) and single tiles left out: most searches, in the fewest steps.';
