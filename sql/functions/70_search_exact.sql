CREATE OR REPLACE FUNCTION tilescout.search_exact(
    query halfvec, f tilescout.search_filter, cells bigint[], cell_collections int[], sures boolean[], visited bigint, passing bigint,
    k int, one_per_place boolean, after_distance double precision, after_tile uuid,
    OUT tiles uuid[], OUT collections int[], OUT distances double precision[], OUT footprints geometry[])
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
    -- In the order of distance, as it comes from the packs, until enough have passed.
    SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_variable
DECLARE
    area geometry := f.area;
    place geometry := coalesce(f.area, f.reach);
    unplaced CONSTANT boolean := place IS NULL;
    west CONSTANT double precision := ST_XMin(place);
    south CONSTANT double precision := ST_YMin(place);
    east CONSTANT double precision := ST_XMax(place);
    north CONSTANT double precision := ST_YMax(place);
    least_valid CONSTANT real := f.min_valid;
    most_cloud CONSTANT real := f.max_cloud;
    excluded CONSTANT boolean := f.excluded_tiles IS NOT NULL OR f.excluded_place IS NOT NULL;
    simple CONSTANT boolean := NOT one_per_place AND after_tile IS NULL AND f.reach IS NULL AND f.hidden_scenes IS NULL AND f.excluded_scenes IS NULL
        AND f.excluded_place IS NULL AND f.excluded_tiles IS NULL AND f.acquired IS NULL AND f.resolution IS NULL AND f.min_valid IS NULL AND f.max_cloud IS NULL;
    -- So many pass before places are told apart.
    wanted bigint := CASE WHEN one_per_place THEN k::bigint * 8 ELSE k END;
    -- Where a tile lies exactly is dear to find out, so only the nearest by look are asked, and more of them while too few pass.
    depth bigint := greatest(40, 2 * wanted, wanted * 3 * visited / greatest(passing, 1) / 2);
    passed bigint;
BEGIN
    LOOP
        IF simple THEN
            -- The same with an area alone: most searches, and a statement starts the sooner the less it says.
            SELECT array_agg(h.tile_id), array_agg(h.collection_id), array_agg(h.distance)
                INTO tiles, collections, distances
                FROM (
                    SELECT near.tile_id, near.collection_id, near.distance
                    FROM (
                        SELECT n.tile_id, n.collection_id, n.distance, n.sure
                        FROM tilescout.nearest_in_cells(cells, cell_collections, sures, query, west, south, east, north, NULL, NULL, NULL, NULL, depth) AS n
                        ORDER BY n.distance, n.tile_id, n.collection_id
                        LIMIT depth
                    ) AS near
                    -- Looked up by its key, one after the other: a plan that began with the area's tiles would look at all of them.
                    LEFT JOIN LATERAL (SELECT t.id, t.footprint FROM tilescout.tile AS t
                        WHERE NOT near.sure AND t.id = near.tile_id AND t.collection_id = near.collection_id OFFSET 0) AS t ON true
                    WHERE near.sure OR t.id IS NOT NULL AND (unplaced OR ST_Intersects(area, t.footprint))
                    ORDER BY near.distance, near.tile_id, near.collection_id
                    LIMIT wanted
                ) AS h;
        ELSE
            SELECT array_agg(h.tile_id), array_agg(h.collection_id), array_agg(h.distance), array_agg(h.footprint)
                INTO tiles, collections, distances, footprints
                FROM (
                    SELECT near.tile_id, near.collection_id, near.distance, CASE WHEN one_per_place THEN t.footprint END AS footprint
                    FROM (
                        SELECT n.tile_id, n.collection_id, n.distance, n.sure
                        FROM tilescout.nearest_in_cells(cells, cell_collections, sures, query, west, south, east, north, least_valid, most_cloud,
                            after_distance, after_tile, depth) AS n
                        ORDER BY n.distance, n.tile_id, n.collection_id
                        LIMIT depth
                    ) AS near
                    CROSS JOIN LATERAL (SELECT t.id, t.footprint, t.scene_id FROM tilescout.tile AS t
                        WHERE t.id = near.tile_id AND t.collection_id = near.collection_id OFFSET 0) AS t
                    WHERE (near.sure OR (area IS NULL OR ST_Intersects(area, t.footprint)) AND (f.near IS NULL OR t.footprint && f.reach AND ST_DWithin(t.footprint::geography, f.near, f.radius))
                            AND (f.hidden_scenes IS NULL OR t.scene_id <> ALL (f.hidden_scenes)) AND (f.excluded_scenes IS NULL OR t.scene_id <> ALL (f.excluded_scenes))
                            AND (f.acquired IS NULL OR EXISTS (SELECT FROM tilescout.scene AS s WHERE s.id = t.scene_id AND s.acquired_at <@ f.acquired))
                            AND (f.resolution IS NULL OR EXISTS (SELECT FROM tilescout.scene AS s WHERE s.id = t.scene_id AND s.ground_sample_distance::real::numeric <@ f.resolution)))
                      AND (NOT excluded OR (f.excluded_tiles IS NULL OR t.id <> ALL (f.excluded_tiles))
                            AND (f.excluded_place IS NULL OR NOT tilescout.same_place(t.footprint, f.excluded_place)))
                    ORDER BY near.distance, near.tile_id, near.collection_id
                    LIMIT wanted
                ) AS h;
        END IF;
        passed := coalesce(cardinality(tiles), 0);
        IF one_per_place AND passed > 0 THEN
            SELECT * INTO tiles, collections, distances, footprints FROM tilescout.best_of_each_place(tiles, collections, distances, footprints, k);
        END IF;
        -- Enough, or nothing is left: all were fetched, and not so many passed as were wanted.
        EXIT WHEN cardinality(tiles) >= k OR (passed < wanted AND depth >= visited);
        IF passed = wanted THEN
            wanted := wanted * 8;
        END IF;
        depth := greatest(depth * 8, wanted * 2);
    END LOOP;
END $$;
COMMENT ON FUNCTION tilescout.search_exact IS
    'The k nearest of all rows that pass, every vector of the cells compared; cells to passing as of tilescout.cells_of; after_distance and after_tile leave out earlier pages.';
