-- The usual searches, with one pair of functions for each model: a statement written out is planned once a session, where one put together anew
-- is planned at every call, which takes longer than a small search does. tilescout.search_exact and tilescout.search_index do the rest.

CREATE OR REPLACE FUNCTION tilescout.make_model_search(model_id int, through_run int)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $make$
DECLARE
    target text := tilescout.embedding_table(model_id);
    rest CONSTANT text := $sql$(unrestricted OR (
        (f.acquired IS NULL OR e.acquired_at <@ f.acquired) AND (f.collection_ids IS NULL OR e.collection_id = ANY (f.collection_ids))
        AND (f.min_valid IS NULL OR e.valid_fraction >= f.min_valid::real) AND (f.max_cloud IS NULL OR e.cloud_fraction <= f.max_cloud::real)
        AND (f.excluded_tiles IS NULL OR e.tile_id <> ALL (f.excluded_tiles))
        AND (f.hidden_runs IS NULL OR e.run_id <> ALL (f.hidden_runs)) AND (f.hidden_scenes IS NULL OR e.scene_id <> ALL (f.hidden_scenes))))$sql$;
BEGIN
    -- Loads pgvector: before that, only a superuser may name its settings in a function.
    PERFORM '[1]'::halfvec;
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION tilescout.%1$I(query halfvec, f tilescout.search_filter, unrestricted boolean,
            runs int[], los bigint[], his bigint[], insides boolean[], k int,
            OUT tiles uuid[], OUT collections int[], OUT distances double precision[])
        LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
            SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
        AS $body$
        #variable_conflict use_variable
        DECLARE
            area geometry := f.area;
            depth bigint := greatest(40, 2 * k);
            fetched bigint;
            furthest double precision;
        BEGIN
            LOOP
                WITH near AS MATERIALIZED (
                    SELECT e.tile_id, e.collection_id, e.footprint, e.embedding, e.inside, (e.embedding <#> query) + 0 AS product
                    FROM unnest(runs, los, his, insides) AS piece (run_id, lo, hi, inside) CROSS JOIN LATERAL (
                        SELECT e.tile_id, e.collection_id, e.footprint, e.embedding, piece.inside FROM tilescout.%2$I AS e
                        WHERE e.run_id = piece.run_id AND e.place BETWEEN piece.lo AND piece.hi
                          AND (piece.inside OR e.footprint && area) AND %3$s OFFSET 0) AS e
                    ORDER BY product, e.tile_id, e.collection_id
                    LIMIT depth
                ), best AS (
                    SELECT e.tile_id, e.collection_id, e.embedding <=> query AS distance FROM near AS e
                    WHERE e.inside OR ST_Intersects(e.footprint, area) ORDER BY 3, 1, 2 LIMIT k
                )
                SELECT array_agg(b.tile_id), array_agg(b.collection_id), array_agg(b.distance), (SELECT count(*) FROM near), (SELECT max(product) FROM near)
                    INTO tiles, collections, distances, fetched, furthest FROM best AS b;
                -- As in tilescout.search_exact: only the best by look are tested exactly, and more of them while that falls short.
                EXIT WHEN fetched < depth OR (cardinality(tiles) >= k AND distances[k] <= 1 + furthest - 0.001);
                depth := depth * 8;
            END LOOP;
        END $body$$sql$, 'nearest_exact_' || model_id, target, rest);
    EXECUTE format('COMMENT ON FUNCTION tilescout.%I IS %L', 'nearest_exact_' || model_id,
        'What tilescout.search_exact answers in the cells given, for filters by area, dates, collections, fractions and tiles; made by tilescout.make_model_search.');
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION tilescout.%1$I(query halfvec, f tilescout.search_filter, unrestricted boolean, k int, wanted bigint, ef int, budget bigint,
            OUT tiles uuid[], OUT collections int[], OUT distances double precision[], OUT complete boolean, OUT through int)
        LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
            SET hnsw.iterative_scan = relaxed_order SET hnsw.ef_search = 40 SET hnsw.max_scan_tuples = 20000
            SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET plan_cache_mode = force_generic_plan
        AS $body$
        #variable_conflict use_variable
        DECLARE
            area geometry := f.area;
            found bigint;
        BEGIN
            through := %4$s;
            PERFORM set_config('hnsw.ef_search', ef::text, true), set_config('hnsw.max_scan_tuples', budget::text, true);
            IF area IS NULL THEN
                WITH near AS MATERIALIZED (
                    SELECT e.tile_id, e.collection_id, e.embedding <=> query AS distance FROM tilescout.%2$I AS e
                    WHERE e.run_id <= %4$s AND %3$s ORDER BY e.embedding <=> query LIMIT wanted
                ), best AS (SELECT * FROM near ORDER BY near.distance, near.tile_id, near.collection_id LIMIT k)
                SELECT array_agg(b.tile_id), array_agg(b.collection_id), array_agg(b.distance), (SELECT count(*) FROM near)
                    INTO tiles, collections, distances, found FROM best AS b;
            ELSE
                WITH near AS MATERIALIZED (
                    SELECT e.tile_id, e.collection_id, e.embedding <=> query AS distance FROM tilescout.%2$I AS e
                    WHERE e.run_id <= %4$s AND e.footprint && area AND ST_Intersects(e.footprint, area) AND %3$s
                    ORDER BY e.embedding <=> query LIMIT wanted
                ), best AS (SELECT * FROM near ORDER BY near.distance, near.tile_id, near.collection_id LIMIT k)
                SELECT array_agg(b.tile_id), array_agg(b.collection_id), array_agg(b.distance), (SELECT count(*) FROM near)
                    INTO tiles, collections, distances, found FROM best AS b;
            END IF;
            complete := found >= wanted;
        END $body$$sql$, 'nearest_index_' || model_id, target, rest, coalesce(through_run, 0));
    EXECUTE format('COMMENT ON FUNCTION tilescout.%I IS %L', 'nearest_index_' || model_id,
        'What tilescout.search_index answers, for filters by area, dates, collections, fractions and tiles; through: the run up to which it looks. Made by tilescout.make_model_search.');
END $make$;
COMMENT ON FUNCTION tilescout.make_model_search IS 'Writes out the usual searches for a model''s table and index; a trigger calls it whenever either changes.';

CREATE OR REPLACE FUNCTION tilescout.model_search_changed()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tilescout.make_model_search(NEW.id, NEW.hnsw_through_run);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tilescout.model_search_changed IS 'Trigger: the usual searches are written out anew for a new model or another index, whose condition they name.';
CREATE OR REPLACE TRIGGER model_search AFTER INSERT OR UPDATE OF hnsw_through_run ON tilescout.model
    FOR EACH ROW EXECUTE FUNCTION tilescout.model_search_changed();

DO $$
BEGIN
    PERFORM tilescout.make_model_search(m.id, m.hnsw_through_run) FROM tilescout.model AS m;
END $$;
