-- The index of a model's vectors: lists by look where the server has the extension tilescout_packs (24_looks.sql), and HNSW where it has not.
--
-- HNSW: CREATE INDEX … WHERE run_id <= N, with N in model.hnsw_through_run. Searches ask for run_id <= N in the same
-- words, and the planner takes any valid index whose condition follows from theirs: so a search that read an older, smaller N is answered right by the
-- next index as well, and the former one may go at any time.
--
-- CREATE and DROP INDEX CONCURRENTLY run in no function: the client (TileStore.buildIndexes) runs the statements that are decided here.
-- What there is, is read from the catalogs: a build that was killed leaves an index that is not valid; one whose client was killed, an index
-- that reaches further than the model says. settle_index takes the latter into use, stale_indexes names the former.

CREATE OR REPLACE FUNCTION tilescout.lists_serve()
-- Another body from tilescout.settle_packs, where the server has the extension.
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT false';
COMMENT ON FUNCTION tilescout.lists_serve IS 'Whether lists by look are what models are indexed by; else HNSW is.';

CREATE OR REPLACE FUNCTION tilescout.indexed_through(of_model tilescout.model)
RETURNS int LANGUAGE sql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT CASE WHEN tilescout.lists_serve() THEN of_model.looks_through_run ELSE of_model.hnsw_through_run END
$$;
COMMENT ON FUNCTION tilescout.indexed_through IS 'The run up to which the kind of index that models get here holds vectors; NULL: there is none yet.';

CREATE OR REPLACE FUNCTION tilescout.index_lock_key(of_model int)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    SELECT (hashtext('tilescout.build_index')::bigint << 32) | of_model
$$;
COMMENT ON FUNCTION tilescout.index_lock_key IS 'Key of the advisory lock that whoever builds a model''s index holds.';

CREATE OR REPLACE FUNCTION tilescout.index_builder(of_model int)
RETURNS int LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
    SELECT held.pid FROM pg_locks AS held
    WHERE held.locktype = 'advisory' AND held.objsubid = 1 AND held.granted
      AND held.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
      AND (held.classid::bigint << 32 | held.objid::bigint) = tilescout.index_lock_key(of_model)
    LIMIT 1
$$;
COMMENT ON FUNCTION tilescout.index_builder IS 'The server''s process that builds the model''s index now; NULL: none.';

CREATE OR REPLACE FUNCTION tilescout.model_indexes(of_model int)
RETURNS TABLE (index_name text, through_run int, valid boolean) LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT c.relname::text, substring(pg_get_expr(i.indpred, i.indrelid) FROM '^\(run_id <= ([0-9]+)\)$')::int, i.indisvalid
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
    WHERE i.indrelid = to_regclass('tilescout.' || tilescout.embedding_table(of_model))
      AND a.amname = 'hnsw' AND starts_with(c.relname::text, tilescout.embedding_table(of_model) || '_hnsw_')
$$;
COMMENT ON FUNCTION tilescout.model_indexes IS 'HNSW indexes of a model''s table, with the run that their condition reaches to. Not valid: a build that is under way or was killed, or half dropped.';

CREATE OR REPLACE FUNCTION tilescout.serving_index(of_model int)
RETURNS text LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT CASE WHEN tilescout.lists_serve() AND m.looks_through_run IS NOT NULL THEN 'lists'
        ELSE (SELECT x.index_name FROM tilescout.model_indexes(m.id) AS x WHERE x.valid AND x.through_run = m.hnsw_through_run ORDER BY x.index_name LIMIT 1) END
    FROM tilescout.model AS m WHERE m.id = of_model
$$;
COMMENT ON FUNCTION tilescout.serving_index IS 'The index that searches of the model use, lists for those by look; NULL: none.';

CREATE OR REPLACE FUNCTION tilescout.stale_indexes(of_model int)
RETURNS TABLE (index_name text, statement text) LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT x.index_name, format('DROP INDEX CONCURRENTLY IF EXISTS tilescout.%I', x.index_name)
    FROM tilescout.model_indexes(of_model) AS x WHERE x.index_name IS DISTINCT FROM tilescout.serving_index(of_model)
$$;
COMMENT ON FUNCTION tilescout.stale_indexes IS
    'HNSW indexes that no search needs: former ones, what killed builds left, and all once there are lists by look. Each with the statement that drops it without making anybody wait. Only for who holds the lock of index_lock_key: else one may be under way.';

CREATE OR REPLACE FUNCTION tilescout.settle_index(of_model int)
RETURNS text LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    reach int;
BEGIN
    IF tilescout.serving_index(of_model) IS DISTINCT FROM 'lists' THEN
        SELECT max(x.through_run) INTO reach FROM tilescout.model_indexes(of_model) AS x WHERE x.valid;
    END IF;
    -- A trigger writes the usual searches anew: tilescout.make_model_search.
    UPDATE tilescout.model AS m SET hnsw_through_run = reach WHERE m.id = of_model AND m.hnsw_through_run IS DISTINCT FROM reach;
    RETURN tilescout.serving_index(of_model);
END $$;
COMMENT ON FUNCTION tilescout.settle_index IS
    'Switches searches to lists by look, to the valid HNSW index that reaches furthest, or to none, and returns its name: after a build, and for what a killed client had built. Takes the model''s row only, for a moment.';

CREATE OR REPLACE FUNCTION tilescout.analyze_model(of_model int)
RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT
    -- Longer than deadlock_timeout, after which autovacuum makes way.
    SET lock_timeout = '3s'
AS $$
BEGIN
    EXECUTE format('ANALYZE tilescout.%I', tilescout.embedding_table(of_model));
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;
COMMENT ON FUNCTION tilescout.analyze_model IS 'The planner''s statistics of a model''s table. false: another vacuum or index build holds it, and they stay as they are.';

CREATE OR REPLACE FUNCTION tilescout.claim_index(model text, OUT model_id int, OUT owner text, OUT owned boolean, OUT claimed boolean, OUT builder int)
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
BEGIN
    SELECT m.id INTO model_id FROM tilescout.model AS m WHERE m.name = claim_index.model;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no model %', model USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT pg_get_userbyid(c.relowner), pg_has_role(current_user, c.relowner, 'USAGE') INTO STRICT owner, owned
        FROM pg_class AS c WHERE c.oid = format('tilescout.%I', tilescout.embedding_table(model_id))::regclass;
    claimed := owned AND pg_try_advisory_lock(tilescout.index_lock_key(model_id));
    IF owned AND NOT claimed THEN
        builder := tilescout.index_builder(model_id);
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.claim_index IS
    'For who is about to build without a transaction: whether the session''s role has the rights of the table''s owner, as it must, and then the session''s lock, or who holds it.';

CREATE OR REPLACE FUNCTION tilescout.release_index(of_model int)
RETURNS boolean LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    SELECT pg_advisory_unlock(tilescout.index_lock_key(of_model))
$$;
COMMENT ON FUNCTION tilescout.release_index IS 'Gives back what tilescout.claim_index claimed.';

CREATE OR REPLACE FUNCTION tilescout.plan_index(model text, force boolean DEFAULT false, in_transaction boolean DEFAULT false)
RETURNS TABLE (action text, index_name text, rows_indexed bigint, rows_outside bigint, statement text, in_parallel boolean)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    known tilescout.model;
    target text;
    present text;
    reach int;
    wanted text;
    through int;
    inside bigint;
    outside bigint;
    worthwhile bigint;
    tolerated bigint;
BEGIN
    SELECT m.* INTO known FROM tilescout.model AS m WHERE m.name = plan_index.model;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no model %', model USING ERRCODE = 'invalid_parameter_value';
    END IF;
    target := tilescout.embedding_table(known.id);
    reach := tilescout.indexed_through(known);
    present := CASE WHEN reach IS NOT NULL THEN tilescout.serving_index(known.id) END;
    -- The index holds runs that are over. A run that may still grow stays outside, so that loading never waits for the index.
    SELECT coalesce(min(r.id) - 1, (SELECT max(id) FROM tilescout.run)) INTO through
        FROM tilescout.run AS r WHERE r.model_id = known.id AND r.state IN ('running', 'interrupted', 'failed', 'ready');
    EXECUTE format('SELECT count(*) FILTER (WHERE run_id <= $1), count(*) FILTER (WHERE run_id > $1),
                           count(*) FILTER (WHERE run_id <= $2) FROM tilescout.%I', target)
        USING CASE WHEN present IS NULL THEN 0 ELSE reach END, through INTO inside, outside, rows_indexed;
    worthwhile := tilescout.index_worthwhile(known.dimension);
    -- Outside the index every row is compared. Lists are made of all rows in seconds, HNSW in many minutes.
    tolerated := CASE WHEN tilescout.lists_serve() THEN greatest(worthwhile / 8, inside / 200) ELSE greatest(worthwhile / 2, inside / 10) END;
    IF NOT force AND (inside + outside <= worthwhile OR (present IS NOT NULL AND outside <= tolerated)) THEN
        action := CASE WHEN present IS NULL THEN 'not needed: comparing every vector is as fast' ELSE 'kept' END;
    ELSIF rows_indexed = 0 THEN
        action := CASE WHEN present IS NULL THEN 'nothing to index' ELSE 'kept' END;
    ELSIF present IS NOT NULL AND through <= reach THEN
        action := 'kept';
    ELSE
        action := 'built';
        rows_outside := inside + outside - rows_indexed;
    END IF;
    IF action = 'built' AND tilescout.lists_serve() THEN
        index_name := 'lists';
        statement := format('SELECT tilescout.sort_by_look(%s, %s)', known.id, through);
        in_parallel := true;
    ELSIF action = 'built' THEN
        -- Indexes are told by their conditions; a name may be taken by one that could not be dropped yet.
        SELECT target || '_hnsw_' || through || CASE WHEN n > 1 THEN '_' || n ELSE '' END INTO wanted FROM generate_series(1, 1000) AS n
            WHERE to_regclass('tilescout.' || target || '_hnsw_' || through || CASE WHEN n > 1 THEN '_' || n ELSE '' END) IS NULL ORDER BY n LIMIT 1;
        index_name := wanted;
        -- The caller's search_path may not lead to pgvector.
        statement := format('CREATE INDEX %s %I ON tilescout.%I USING hnsw (embedding %I.halfvec_cosine_ops) WITH (m = 16, ef_construction = 64) WHERE run_id <= %s',
            CASE WHEN NOT in_transaction THEN 'CONCURRENTLY' END, wanted, target,
            (SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'vector'), through);
        -- pgvector before 0.8.4 can overflow in a parallel build.
        in_parallel := (SELECT string_to_array(e.extversion, '.')::int[] >= ARRAY[0, 8, 4] FROM pg_extension AS e WHERE e.extname = 'vector');
    ELSE
        index_name := present;
        rows_indexed := inside;
        rows_outside := outside;
    END IF;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION tilescout.plan_index IS
    'Whether a model''s index is to be built (force: also where it would not pay), with the statement that does it (in_transaction: one that may run in a transaction, and lets loading wait); without one, action says why. Changes nothing.';

CREATE OR REPLACE FUNCTION tilescout.drop_stale_indexes(of_model int)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT
    -- Whoever comes meanwhile waits behind us. Shorter than deadlock_timeout: a reader that wants to write, and so waits for us, is not the one that fails.
    SET lock_timeout = '500ms'
AS $$
DECLARE
    stale record;
BEGIN
    FOR stale IN SELECT x.index_name FROM tilescout.stale_indexes(of_model) AS x LOOP
        EXECUTE format('DROP INDEX tilescout.%I', stale.index_name);
    END LOOP;
EXCEPTION WHEN lock_not_available THEN
    RAISE NOTICE 'index % is in use, and will be dropped by the next build', stale.index_name;
END $$;
COMMENT ON FUNCTION tilescout.drop_stale_indexes IS 'Drops them inside a transaction, or leaves them to the next build where a search is under way.';

CREATE OR REPLACE FUNCTION tilescout.build_index(model text, force boolean DEFAULT false)
RETURNS TABLE (action text, index_name text, rows_indexed bigint, rows_outside bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_model int;
    plan record;
    builder int;
BEGIN
    SELECT m.id INTO of_model FROM tilescout.model AS m WHERE m.name = build_index.model;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no model %', model USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT pg_try_advisory_xact_lock(tilescout.index_lock_key(of_model)) THEN
        builder := tilescout.index_builder(of_model);
        SELECT p.* INTO plan FROM tilescout.plan_index(build_index.model, false, true) AS p;
        SELECT plan.rows_indexed, plan.rows_outside INTO rows_indexed, rows_outside;
        action := format('left to process %s, which is building it', builder);
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM tilescout.analyze_model(of_model);
    PERFORM tilescout.settle_looks(of_model);
    PERFORM tilescout.settle_index(of_model);
    SELECT p.* INTO plan FROM tilescout.plan_index(build_index.model, build_index.force, true) AS p;
    IF plan.statement IS NOT NULL THEN
        IF NOT plan.in_parallel THEN
            PERFORM set_config('max_parallel_maintenance_workers', '0', true);
        END IF;
        EXECUTE plan.statement;
        PERFORM tilescout.settle_index(of_model);
    END IF;
    -- Last, for until the transaction ends readers wait as well.
    PERFORM tilescout.drop_stale_indexes(of_model);
    SELECT plan.action, plan.index_name, plan.rows_indexed, plan.rows_outside INTO action, index_name, rows_indexed, rows_outside;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION tilescout.build_index IS
    'Statistics, and the index over all finished runs where there are rows enough for it to help, in the caller''s transaction: searches go on, but while HNSW is built loading into the model''s table waits until it commits. tilescout''s own commands build without that where they connect as the table''s owner.';

CREATE OR REPLACE FUNCTION tilescout.index_progress(of_process int, OUT phase text, OUT rows_done bigint, OUT waits_for int)
LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    SELECT p.phase, p.tuples_done, nullif(p.current_locker_pid, 0)::int FROM pg_stat_progress_create_index AS p WHERE p.pid = of_process
$$;
COMMENT ON FUNCTION tilescout.index_progress IS 'How far the index build of a server''s process is: pg_stat_progress_create_index. waits_for: the process whose transaction has to end first.';
