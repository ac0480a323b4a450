CREATE OR REPLACE FUNCTION tilescout.run_search(
    like_tile uuid DEFAULT NULL, embedding halfvec DEFAULT NULL, positives uuid[] DEFAULT NULL, negatives uuid[] DEFAULT NULL,
    k int DEFAULT 20, within geometry DEFAULT NULL, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL,
    min_valid double precision DEFAULT NULL, max_cloud double precision DEFAULT NULL, one_per_place boolean DEFAULT false,
    model text DEFAULT NULL, exclude_self boolean DEFAULT true, exclude_scene boolean DEFAULT false, exclude_place boolean DEFAULT false,
    near geometry DEFAULT NULL, radius double precision DEFAULT NULL, resolution numrange DEFAULT NULL,
    max_distance double precision DEFAULT NULL, after uuid DEFAULT NULL,
    count_passing boolean DEFAULT false,
    OUT tiles uuid[], OUT tile_collections int[], OUT distances double precision[],
    OUT plan text, OUT exact boolean, OUT rows_total bigint, OUT rows_estimated bigint, OUT rows_passing bigint, OUT rows_visited bigint, OUT model_name text)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
    world CONSTANT geometry := ST_MakeEnvelope(-180, -90, 180, 90, 4326);
    c record;
    of_model tilescout.model;
    query halfvec;
    area geometry;
    given uuid[];
    excluded uuid[];
    usual boolean;
    few boolean;
    f tilescout.search_filter;
    answer record;
    cells record;
    rough bigint;
    share double precision;
    depth bigint;
    exact_time double precision;
    least_breadth int;
    breadth double precision;
    budget double precision;
    needed double precision;
    after_distance double precision;
    wanted int := k;
    passed int := 0;
    by_lists boolean;
BEGIN
    IF k IS NULL OR k NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'k is %, but must be 1 to 10000', coalesce(k::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT (max_distance BETWEEN 0 AND 2) THEN
        RAISE EXCEPTION 'max_distance is %, but must be 0 to 2', max_distance USING ERRCODE = 'invalid_parameter_value', HINT = 'cosine distances are';
    END IF;

    -- What a search has to know first, in one statement; what is usual is settled here, and the rest asked in full.
    SELECT m.model AS of_model, m.others, (SELECT array_agg(r.id) FROM tilescout.run AS r WHERE r.state <> 'published') AS hidden_runs,
           EXISTS (SELECT FROM tilescout.retirement) OR nullif(current_setting('tilescout.as_of', true), '') IS NOT NULL AS more_hidden
        INTO c FROM (SELECT m AS model, count(*) OVER () > 1 AS others FROM tilescout.model AS m ORDER BY m.serving DESC, m.id LIMIT 1) AS m;
    of_model := c.of_model;
    IF model IS NOT NULL OR of_model.id IS NULL OR (embedding IS NOT NULL AND (c.others OR vector_dims(embedding) <> of_model.dimension)) THEN
        of_model := tilescout.search_model(model, embedding);
    END IF;
    model_name := of_model.name;
    by_lists := tilescout.lists_serve() AND of_model.looks_through_run IS NOT NULL;
    IF like_tile IS NULL AND positives IS NULL AND negatives IS NULL AND l2_norm(embedding) > 0 THEN
        query := l2_normalize(embedding::vector)::halfvec;
    ELSE
        negatives := array_remove(negatives, NULL);
        query := tilescout.query_embedding(of_model, like_tile, embedding, positives, negatives);
        given := array_remove(like_tile || coalesce(positives, '{}'), NULL);
        IF exclude_self THEN
            excluded := nullif(given || coalesce(negatives, '{}'), '{}');
        END IF;
    END IF;
    IF ST_SRID(within) = 4326 AND within @ world AND ST_GeometryType(within) = 'ST_Polygon' AND ST_CoordDim(within) = 2 AND ST_IsValid(within) THEN
        area := within;
    ELSIF within IS NOT NULL THEN
        area := tilescout.search_area(within);
    END IF;
    -- By look, area and dates.
    usual := (near, radius, collections, min_valid, max_cloud, resolution, after) IS NULL AND isempty(acquired) IS NOT TRUE AND NOT one_per_place
        AND NOT c.more_hidden AND (given IS NULL OR NOT (exclude_scene OR exclude_place));
    IF NOT usual OR count_passing THEN
        f := tilescout.resolve_filter(of_model, NULL, near, radius, acquired, collections, min_valid, max_cloud, resolution,
            excluded, CASE WHEN exclude_scene THEN given END, CASE WHEN exclude_place THEN like_tile END);
    ELSE
        f.acquired := CASE WHEN NOT (lower_inf(acquired) AND upper_inf(acquired)) THEN acquired END;
        f.excluded_tiles := excluded;
        f.hidden_runs := c.hidden_runs;
    END IF;
    f.area := area;
    IF after IS NOT NULL THEN
        after_distance := tilescout.distance_of_last(of_model, after, query);
    END IF;

    IF usual AND area IS NOT NULL THEN
        cells := tilescout.cells_at(of_model.id, area, f.acquired, c.hidden_runs, tilescout.cells_looked_at() + 1);
        rough := CASE WHEN cells.boxes <= tilescout.cells_looked_at() THEN cells.visited END;
        -- Of so few cells the boxes of packs, and the footprints of the nearest tiles, say soonest what lies inside.
        few := cells.boxes <= tilescout.few_cells() AND cells.dated IS NOT FALSE;
        IF few THEN
            answer := tilescout.search_few(query, area, excluded, cells.cells, cells.collections, cells.visited, k);
            exact := true;
            rows_visited := cells.visited;
            rows_estimated := cells.visited;
            plan := format('exact: the area is small, and all of the up to %s tiles in and around it are compared', rows_visited);
        END IF;
    END IF;
    IF exact IS NULL OR count_passing THEN
        rows_total := (SELECT t.reltuples FROM pg_class AS t WHERE t.oid = to_regclass('tilescout.' || tilescout.embedding_table(of_model.id)) AND t.reltuples > 0);
        IF rows_total IS NULL THEN
            rows_total := (SELECT coalesce(sum(x.tiles), 0) FROM tilescout.cell AS x WHERE x.model_id = of_model.id);
        END IF;
    END IF;
    IF exact IS NULL AND (by_lists OR of_model.hnsw_through_run IS NOT NULL) AND NOT (one_per_place AND after IS NOT NULL) THEN
        -- A large area goes to the index before its cells are looked at one by one.
        rough := CASE WHEN (area, f.reach, f.acquired, f.collection_ids) IS NULL THEN rows_total
            -- An area fills its box by its share of it.
            WHEN rough IS NOT NULL THEN rough * ST_Area(area) / greatest(ST_Area(ST_Envelope(area)), 1e-12)
            ELSE tilescout.rough_rows(of_model.id, f, rows_total) END;
        rows_estimated := CASE WHEN (min_valid, max_cloud, resolution) IS NULL THEN rough
            ELSE ceil(rough * tilescout.passing_share(tilescout.embedding_table(of_model.id), f)) END;
        share := least(1, rows_estimated::double precision / greatest(rows_total, 1));
        depth := tilescout.index_depth(k, one_per_place);
        exact_time := tilescout.exact_microseconds(of_model.dimension, rough);
        IF by_lists THEN
            -- Whether lists are worth it, and which, the extension sees.
            IF depth <= 10000 THEN
                answer := tilescout.search_looks(of_model.id, query, f, k, one_per_place, depth::int, share, exact_time, after_distance, after);
                rows_visited := answer.visited;
                exact := CASE WHEN answer.complete THEN false END;
                plan := CASE WHEN answer.complete THEN format('lists by look: about %s rows pass, and enough of them are in the lists of tiles that look alike which are nearest', rows_estimated)
                    WHEN answer.visited > 0 THEN 'exact: about %s rows pass, and all are compared; too few of them are among the tiles that look most alike' END;
            END IF;
        ELSE
            least_breadth := tilescout.index_breadth(rows_total);
            breadth := greatest(least_breadth, least(tilescout.index_margin() * depth / greatest(share, 1e-9), rows_total));
            budget := breadth;
            IF 1.2 * tilescout.index_microseconds(of_model.dimension, breadth, least(breadth, depth / greatest(share, 1e-9))) > exact_time THEN
                -- Too much. But look and place mostly do go together: where comparing all takes long enough, the nearest few tell.
                breadth := CASE WHEN exact_time > 2500 THEN least_breadth END;
                budget := 6 * depth;
            END IF;
            WHILE breadth IS NOT NULL LOOP
                answer := tilescout.ask_index(of_model, query, f, usual, k, one_per_place, depth, least(1000, breadth)::int, least(2147483647, budget)::bigint,
                    after_distance, after, count_passing);
                rows_visited := coalesce(rows_visited, 0) + coalesce(answer.visited, 0);
                IF answer.complete THEN
                    exact := false;
                    plan := format('index: about %s rows pass, and enough of them are among the tiles that look most alike', rows_estimated);
                    EXIT;
                END IF;
                plan := 'exact: about %s rows pass, and all are compared; too few of them are among the tiles that look most alike';
                -- As many passed as that; half as much again as would then suffice, or all that one pass can be, where that is worth it beside comparing all.
                EXIT WHEN budget >= 1000;
                needed := 1.5 * budget * depth / nullif(cardinality(answer.tiles), 0);
                breadth := CASE WHEN needed <= 1000 THEN greatest(least_breadth, needed) ELSE 1000 END;
                EXIT WHEN CASE WHEN needed <= 1000 THEN 1.5 ELSE 4 END * tilescout.index_microseconds(of_model.dimension, breadth, breadth) > exact_time;
                budget := breadth;
            END LOOP;
        END IF;
    END IF;
    IF exact IS NULL THEN
        cells := tilescout.cells_of(of_model.id, f, 0);
        rows_estimated := cells.passing;
        IF NOT (min_valid, max_cloud, resolution) IS NULL THEN
            rows_estimated := ceil(rows_estimated * tilescout.passing_share(tilescout.embedding_table(of_model.id), f));
        END IF;
        plan := format(coalesce(plan, CASE
            WHEN NOT by_lists AND of_model.hnsw_through_run IS NULL THEN 'exact: about %s rows pass, and all are compared; there is no index yet'
            WHEN one_per_place AND after IS NOT NULL THEN 'exact: about %s rows pass, and all are compared, since the places of earlier pages count'
            ELSE 'exact: about %s rows pass, and all are compared, which is faster than the index' END), rows_estimated);
        rows_visited := coalesce(rows_visited, 0) + cells.visited;
        IF one_per_place AND after IS NOT NULL THEN
            LOOP
                -- Earlier pages are found again, for a place that they showed is not shown again.
                wanted := least(wanted::bigint * 2, 2147483647);
                answer := tilescout.search_exact(query, f, cells.cells, cells.collections, cells.sures, cells.visited, cells.passing, wanted, true, NULL, NULL);
                -- By its distance, for it may have given way to a better one of its place that was published since.
                passed := (SELECT count(*) FROM unnest(answer.distances, answer.tiles) AS h (distance, tile) WHERE (h.distance, h.tile) <= (after_distance, after));
                EXIT WHEN coalesce(cardinality(answer.tiles), 0) < wanted OR cardinality(answer.tiles) - passed >= k;
            END LOOP;
        ELSE
            answer := tilescout.search_exact(query, f, cells.cells, cells.collections, cells.sures, cells.visited, cells.passing, k, one_per_place, after_distance, after);
        END IF;
        exact := true;
    END IF;
    tiles := coalesce(answer.tiles[passed + 1:passed + k], '{}');
    tile_collections := coalesce(answer.collections[passed + 1:passed + k], '{}');
    distances := coalesce(answer.distances[passed + 1:passed + k], '{}');
    IF max_distance IS NOT NULL THEN
        wanted := (SELECT count(*) FROM unnest(distances) AS d WHERE d <= max_distance);
        tiles := tiles[:wanted];
        tile_collections := tile_collections[:wanted];
        distances := distances[:wanted];
    END IF;
    IF count_passing THEN
        rows_passing := tilescout.count_rows(tilescout.embedding_table(of_model.id), of_model.id, f);
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.run_search IS 'What tilescout.search and tilescout.explain_search share: the answer as arrays, best first, with the plan that found it.';
