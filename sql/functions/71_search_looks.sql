CREATE OR REPLACE FUNCTION tilescout.search_looks(
    of_model int, query halfvec, f tilescout.search_filter, k int, one_per_place boolean, wanted int, share double precision, microseconds double precision,
    after_distance double precision, after_tile uuid,
    OUT tiles uuid[], OUT collections int[], OUT distances double precision[], OUT complete boolean, OUT visited bigint)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
    -- In the order of distance, as it comes from the lists.
    SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_variable
DECLARE
    deepest CONSTANT int := 10000;
    -- What is asked of scenes and places the extension does not know, and most tiles pass.
    depth int := least(deepest, CASE WHEN (f.near, f.resolution, f.hidden_scenes, f.excluded_scenes, f.excluded_place) IS NULL THEN wanted ELSE 2 * wanted END
        + coalesce(cardinality(f.excluded_tiles), 0));
    footprints geometry[];
    met int;
BEGIN
    visited := 0;
    LOOP
        WITH near AS MATERIALIZED (
            SELECT n.* FROM tilescout.native_nearest_by_look(of_model, query, coalesce(f.area, f.reach), f.acquired, f.collection_ids, f.hidden_runs,
                f.min_valid::real, f.max_cloud::real, after_distance, after_tile, share, microseconds, depth) AS n
        )
        SELECT array_agg(h.tile_id), array_agg(h.collection_id), array_agg(h.distance), array_agg(h.footprint), (SELECT count(*) FROM near)
            INTO tiles, collections, distances, footprints, met
            FROM (
                SELECT near.tile_id, near.collection_id, near.distance, t.footprint
                FROM near
                CROSS JOIN LATERAL (SELECT t.footprint, t.scene_id FROM tilescout.tile AS t
                    WHERE t.id = near.tile_id AND t.collection_id = near.collection_id OFFSET 0) AS t
                WHERE (f.near IS NULL OR t.footprint && f.reach AND ST_DWithin(t.footprint::geography, f.near, f.radius))
                  AND (f.hidden_scenes IS NULL OR t.scene_id <> ALL (f.hidden_scenes)) AND (f.excluded_scenes IS NULL OR t.scene_id <> ALL (f.excluded_scenes))
                  AND (f.resolution IS NULL OR EXISTS (SELECT FROM tilescout.scene AS s WHERE s.id = t.scene_id AND s.ground_sample_distance::real::numeric <@ f.resolution))
                  AND (f.excluded_tiles IS NULL OR near.tile_id <> ALL (f.excluded_tiles))
                  AND (f.excluded_place IS NULL OR NOT tilescout.same_place(t.footprint, f.excluded_place))
                ORDER BY near.distance, near.tile_id, near.collection_id
                LIMIT wanted
            ) AS h;
        visited := visited + tilescout.native_search_read();
        complete := coalesce(cardinality(tiles), 0) >= wanted;
        IF one_per_place AND complete THEN
            SELECT * INTO tiles, collections, distances, footprints FROM tilescout.best_of_each_place(tiles, collections, distances, footprints, k);
            complete := cardinality(tiles) >= k;
            wanted := 4 * wanted;
        END IF;
        EXIT WHEN complete OR met < depth OR depth = deepest;
        depth := least(deepest, 4 * depth);
    END LOOP;
    tiles := tiles[:k];
    collections := collections[:k];
    distances := distances[:k];
END $$;
COMMENT ON FUNCTION tilescout.search_looks IS
    'The k nearest by lists by look, which the extension tilescout_packs reads; wanted of them pass before places are told apart, share is likely to, and it takes no longer than so many microseconds. complete: so many passed; else there may be more, and nearer.';
