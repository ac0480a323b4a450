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
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    of_model tilescout.model;
    target text;
    query halfvec;
    f tilescout.search_filter;
    given uuid[] := array_remove(like_tile || coalesce(positives, '{}'), NULL);
    answer record;
    expected record;
    exact_limit bigint;
    rough bigint;
    share double precision;
    depth bigint;
    breadth int;
    scan bigint;
    after_distance double precision;
    wanted int := k;
    passed int := 0;
    -- What tilescout.make_model_search writes out, and its statement without any condition but the area.
    usual boolean;
    unrestricted boolean;
    indexed boolean;
BEGIN
    IF k IS NULL OR k NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'k is %, but must be 1 to 10000', coalesce(k::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT (max_distance BETWEEN 0 AND 2) THEN
        RAISE EXCEPTION 'max_distance is %, but must be 0 to 2', max_distance USING ERRCODE = 'invalid_parameter_value', HINT = 'cosine distances are';
    END IF;
    of_model := tilescout.search_model(model, embedding);
    model_name := of_model.name;
    target := tilescout.embedding_table(of_model.id);
    query := tilescout.query_embedding(of_model, like_tile, embedding, positives, negatives);
    f := tilescout.resolve_filter(of_model, within, near, radius, acquired, collections, min_valid, max_cloud, resolution,
        CASE WHEN exclude_self THEN given || coalesce(negatives, '{}') END, CASE WHEN exclude_scene THEN given END, CASE WHEN exclude_place THEN like_tile END);
    IF after IS NOT NULL THEN
        SELECT e.embedding <=> query INTO after_distance FROM tilescout.embeddings_of(of_model, ARRAY[after]) AS e;
    END IF;

    usual := NOT one_per_place AND after IS NULL AND (f.reach, f.near, f.resolution, f.excluded_scenes, f.excluded_place) IS NULL;
    unrestricted := (f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles, f.hidden_runs, f.hidden_scenes) IS NULL;
    exact_limit := tilescout.exact_limit(of_model.dimension);
    -- A large area goes to the index before its cells are looked at one by one.
    IF of_model.hnsw_through_run IS NOT NULL AND NOT (one_per_place AND after IS NOT NULL) THEN
        SELECT greatest(c.reltuples, 0)::bigint INTO rows_total FROM pg_class AS c WHERE c.oid = format('tilescout.%I', target)::regclass;
        rough := tilescout.rough_rows(of_model.id, f, rows_total);
        rows_estimated := ceil(rough * tilescout.passing_share(target, f));
        share := rows_estimated::double precision / greatest(rows_total, 1);
        depth := tilescout.index_depth(k, one_per_place, share);
        breadth := tilescout.index_breadth(k, one_per_place, share);
        -- A row met by the index costs some seven times what comparing one costs. Where look and place do not go together, enough rows have
        -- passed after depth / share. Scenes hold much of one look, so that some searches take longer: half as much again is risked, or what
        -- costs a third of comparing all, where that is long.
        scan := depth / greatest(share, 1e-9);
        IF rough > exact_limit AND (scan * 7 < rough OR rough > 2 * exact_limit) THEN
            scan := least(2147483647, greatest(200, depth, rough / 24, CASE WHEN scan * 7 < rough THEN scan * 3 / 2 ELSE 0 END));
            IF usual AND NOT count_passing AND NOT EXISTS (SELECT FROM tilescout.cell AS c WHERE c.model_id = of_model.id AND c.run_id > of_model.hnsw_through_run) THEN
                EXECUTE format('SELECT * FROM tilescout.%I($1, $2, $3, $4, $5, $6, $7)', 'nearest_index_' || of_model.id)
                    INTO answer USING query, f, unrestricted, k, depth, breadth, scan;
                indexed := answer.through = of_model.hnsw_through_run;
            END IF;
            -- Also where another index has come since the model was read.
            IF indexed IS NOT TRUE THEN
                answer := tilescout.search_index(target, of_model.id, query, f, k, one_per_place, of_model.hnsw_through_run, depth, breadth, scan, after_distance, after, count_passing);
                rows_visited := answer.visited;
            END IF;
            IF answer.complete THEN
                exact := false;
                plan := format('index: about %s rows pass, and enough of them are among the tiles that look most alike', rows_estimated);
            ELSE
                plan := 'exact: about %s rows pass, and all are compared; too few of them are among the tiles that look most alike';
            END IF;
        END IF;
    END IF;
    IF exact IS NULL THEN
        SELECT * INTO expected FROM tilescout.estimate_rows(target, of_model.id, f);
        rows_estimated := expected.passing;
        rows_total := expected.total;
        plan := format(coalesce(plan, CASE
            WHEN of_model.hnsw_through_run IS NULL THEN 'exact: about %s rows pass, and all are compared; there is no index yet'
            WHEN one_per_place AND after IS NOT NULL THEN 'exact: about %s rows pass, and all are compared, since the places of earlier pages count'
            ELSE 'exact: about %s rows pass, and all are compared, which is faster than the index' END), rows_estimated);
        rows_visited := coalesce(rows_visited, 0) + expected.visited;
        LOOP
            IF one_per_place AND after IS NOT NULL THEN
                -- Earlier pages are found again, for a place that they showed is not shown again.
                wanted := least(wanted::bigint * 2, 2147483647);
                answer := tilescout.search_exact(target, query, f, expected.runs, expected.los, expected.his, expected.insides, wanted, true, NULL, NULL, NULL);
                passed := array_position(answer.tiles, after);
                EXIT WHEN coalesce(cardinality(answer.tiles), 0) < wanted OR cardinality(answer.tiles) - passed >= k;
            ELSIF usual AND expected.runs IS NOT NULL THEN
                EXECUTE format('SELECT * FROM tilescout.%I($1, $2, $3, $4, $5, $6, $7, $8)', 'nearest_exact_' || of_model.id)
                    INTO answer USING query, f, unrestricted, expected.runs, expected.los, expected.his, expected.insides, k;
                EXIT;
            ELSE
                answer := tilescout.search_exact(target, query, f, expected.runs, expected.los, expected.his, expected.insides, k, one_per_place, NULL, after_distance, after);
                EXIT;
            END IF;
        END LOOP;
        IF passed IS NULL THEN
            RAISE EXCEPTION 'tile % is not in this answer', after USING ERRCODE = 'invalid_parameter_value', HINT = 'after is the last tile of the page before';
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
        rows_passing := tilescout.count_rows(target, of_model.id, f);
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.run_search IS 'What tilescout.search and tilescout.explain_search share: the answer as arrays, best first, with the plan that found it.';
