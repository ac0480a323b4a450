-- The usual searches of the index, with a function for each model: a statement written out is planned once a session, where one put together anew
-- is planned at every call, which takes longer than a small search does. tilescout.search_index does the rest.

CREATE OR REPLACE FUNCTION tilescout.make_model_search(model_id int, through_run int)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $make$
DECLARE
    target text := tilescout.embedding_table(model_id);
    -- Each condition costs its setting up, even where it is not asked: so there is a statement without any.
    -- The inner limit is the budget. pgvector's own, hnsw.max_scan_tuples, counts every vector that it compares; once that is spent it hands out what
    -- it had passed over, which is no longer what is nearest.
    nearest CONSTANT text := $sql$
                SELECT array_agg(near.tile_id ORDER BY near.distance, near.tile_id, near.collection_id),
                       array_agg(near.collection_id ORDER BY near.distance, near.tile_id, near.collection_id),
                       array_agg(near.distance ORDER BY near.distance, near.tile_id, near.collection_id)
                    INTO tiles, collections, distances
                    FROM (
                        SELECT e.tile_id, e.collection_id, e.distance
                        FROM (SELECT e.*, e.embedding <=> query AS distance FROM tilescout.%s AS e WHERE e.run_id <= %s ORDER BY e.embedding <=> query LIMIT budget) AS e
                        WHERE true%s LIMIT wanted
                    ) AS near;$sql$;
    inside CONSTANT text := ' AND e.footprint && area AND ST_Intersects(area, e.footprint)';
    rest CONSTANT text := ' AND (f.acquired IS NULL OR e.acquired_at <@ f.acquired) AND (f.excluded_tiles IS NULL OR e.tile_id <> ALL (f.excluded_tiles))'
        ' AND (f.hidden_runs IS NULL OR e.run_id <> ALL (f.hidden_runs))';
    through CONSTANT text := coalesce(through_run, 0);
BEGIN
    -- Loads pgvector: before that, only a superuser may name its settings in a function.
    PERFORM '[1]'::halfvec;
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION tilescout.%1$I(query halfvec, f tilescout.search_filter, unrestricted boolean, wanted bigint, ef int, budget bigint,
            OUT tiles uuid[], OUT collections int[], OUT distances double precision[], OUT complete boolean, OUT through int)
        LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
            SET hnsw.iterative_scan = relaxed_order SET hnsw.ef_search = 40 SET hnsw.max_scan_tuples = 2000000000 SET hnsw.scan_mem_multiplier = 8
            SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET plan_cache_mode = force_generic_plan
        AS $body$
        #variable_conflict use_variable
        DECLARE
            area geometry := f.area;
        BEGIN
            through := %2$s;
            PERFORM set_config('hnsw.ef_search', ef::text, true);
            IF unrestricted AND area IS NULL THEN %3$s
            ELSIF unrestricted THEN %4$s
            ELSIF area IS NULL THEN %5$s
            ELSE %6$s
            END IF;
            complete := cardinality(tiles) >= wanted;
        END $body$$sql$, 'nearest_index_' || model_id, through, format(nearest, target, through, ''), format(nearest, target, through, inside),
        format(nearest, target, through, rest), format(nearest, target, through, inside || rest));
    EXECUTE format('COMMENT ON FUNCTION tilescout.%I IS %L', 'nearest_index_' || model_id,
        'What tilescout.search_index answers, for filters by area, dates and tiles; through: the run up to which it looks. Made by tilescout.make_model_search.');
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
