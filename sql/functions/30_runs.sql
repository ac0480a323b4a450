CREATE OR REPLACE FUNCTION tilescout.run_lock_key(run_id int)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    SELECT (hashtext('tilescout.run')::bigint << 32) | run_id
$$;
COMMENT ON FUNCTION tilescout.run_lock_key IS 'Key of the session lock that the process working on a run holds.';

CREATE OR REPLACE FUNCTION tilescout.run_target(collection text, model text, OUT collection_id int, OUT model_id int)
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO tilescout.collection (name) VALUES (run_target.collection) ON CONFLICT (name) DO NOTHING;
    SELECT c.id INTO STRICT collection_id FROM tilescout.collection AS c WHERE c.name = run_target.collection;
    SELECT m.id INTO model_id FROM tilescout.model AS m WHERE m.name = run_target.model;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no model %', run_target.model USING ERRCODE = 'invalid_parameter_value';
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.run_target IS 'What a run works on: the collection, made where there is none, and the model, which must be registered.';

CREATE OR REPLACE FUNCTION tilescout.begin_run(
    kind text, collection text, model text, options jsonb, host text, pid int, version text,
    OUT run_id int, OUT resumed boolean, OUT attempts int)
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    in_collection int;
    with_model int;
    started tilescout.run;
BEGIN
    SELECT t.* INTO in_collection, with_model FROM tilescout.run_target(begin_run.collection, begin_run.model) AS t;
    INSERT INTO tilescout.run AS r (kind, collection_id, model_id, options, host, pid, version)
        VALUES (begin_run.kind, in_collection, with_model, begin_run.options, begin_run.host, begin_run.pid, begin_run.version)
        ON CONFLICT (kind, collection_id, model_id, md5(options::text)) WHERE state IN ('running', 'interrupted', 'failed', 'ready')
        DO UPDATE SET attempts = r.attempts
        RETURNING r.* INTO started;
    IF NOT pg_try_advisory_lock(tilescout.run_lock_key(started.id)) THEN
        RAISE EXCEPTION 'run % with the same options is being worked on by process % on %', started.id, started.pid, started.host
            USING ERRCODE = 'object_in_use', HINT = 'wait for it, or stop it';
    END IF;
    -- Locked only now: the run may have been published in between.
    SELECT r.* INTO started FROM tilescout.run AS r WHERE r.id = started.id FOR UPDATE;
    IF started.state NOT IN ('running', 'interrupted', 'failed', 'ready') THEN
        PERFORM pg_advisory_unlock(tilescout.run_lock_key(started.id));
        RAISE EXCEPTION 'run % was finished a moment ago', started.id USING ERRCODE = 'serialization_failure', HINT = 'start again';
    END IF;
    -- xmax tells an insert from an update only within one statement; a fresh run has had no other attempt and no ledger.
    resumed := started.started_at < transaction_timestamp();
    UPDATE tilescout.run AS r SET state = 'running', finished_at = NULL, reason = NULL,
            host = begin_run.host, pid = begin_run.pid, version = begin_run.version,
            attempts = started.attempts + CASE WHEN resumed THEN 1 ELSE 0 END
        WHERE r.id = started.id RETURNING r.id, r.attempts INTO run_id, attempts;
END $$;
COMMENT ON FUNCTION tilescout.begin_run IS
    'Starts a run, or continues the unpublished one of equal kind, collection, model and options. Takes a session lock: two processes never work on one run.';

CREATE OR REPLACE FUNCTION tilescout.publish_run(run_id int, counts jsonb DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run;
    hidden int[];
BEGIN
    SELECT r.* INTO of_run FROM tilescout.run AS r WHERE r.id = publish_run.run_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no run %', run_id USING ERRCODE = 'invalid_parameter_value';
    ELSIF of_run.state = 'published' THEN
        RAISE EXCEPTION 'run % is % already', run_id, of_run.state USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- Rows that this run met, stored by runs not published yet, become its own.
    SELECT coalesce(array_agg(r.id), '{}') INTO hidden FROM tilescout.run AS r WHERE r.state <> 'published' AND r.id <> of_run.id;
    UPDATE tilescout.scene AS s SET run_id = of_run.id
        FROM tilescout.run_scene AS l WHERE l.run_id = of_run.id AND l.scene_id = s.id AND s.run_id = ANY (hidden);
    UPDATE tilescout.tile AS t SET run_id = of_run.id
        FROM tilescout.run_claim AS c
        WHERE c.run_id = of_run.id AND t.id = c.tile_id AND t.collection_id = c.collection_id AND t.run_id = ANY (hidden);
    EXECUTE format('UPDATE tilescout.%I AS e SET run_id = $1 FROM tilescout.run_claim AS c
        WHERE c.run_id = $1 AND e.tile_id = c.tile_id AND e.collection_id = c.collection_id AND e.run_id = ANY ($2)',
        tilescout.embedding_table(of_run.model_id)) USING of_run.id, hidden;
    DELETE FROM tilescout.run_claim AS c WHERE c.run_id = of_run.id;
    PERFORM tilescout.summarise_run(of_run.id);
    -- One publication at a time, so that the order of numbers is the order of commits.
    PERFORM pg_advisory_xact_lock(hashtext('tilescout.publish_run'));
    UPDATE tilescout.run AS r SET state = 'published', published_at = now(), finished_at = coalesce(r.finished_at, now()), reason = NULL,
            publish_order = nextval('tilescout.run_publish_order'), counts = coalesce(publish_run.counts, r.counts)
        WHERE r.id = of_run.id;
    PERFORM pg_advisory_unlock(tilescout.run_lock_key(of_run.id))
        FROM pg_locks AS held
        WHERE held.locktype = 'advisory' AND held.pid = pg_backend_pid() AND held.objsubid = 1
          AND (held.classid::bigint << 32 | held.objid::bigint) = tilescout.run_lock_key(of_run.id);
END $$;
COMMENT ON FUNCTION tilescout.publish_run IS 'Makes everything that a run stored visible at once, in the transaction of the caller.';

CREATE OR REPLACE FUNCTION tilescout.stop_run(run_id int, state text, reason text, counts jsonb DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    IF stop_run.state NOT IN ('interrupted', 'failed', 'ready') THEN
        RAISE EXCEPTION 'a run stops as interrupted, failed or ready, not %', stop_run.state USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE tilescout.run AS r SET state = stop_run.state, reason = stop_run.reason, finished_at = now(),
            counts = coalesce(stop_run.counts, r.counts)
        WHERE r.id = stop_run.run_id AND r.state IN ('running', 'interrupted', 'failed', 'ready');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no open run %', run_id USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_unlock(tilescout.run_lock_key(stop_run.run_id))
        FROM pg_locks AS held
        WHERE held.locktype = 'advisory' AND held.pid = pg_backend_pid() AND held.objsubid = 1
          AND (held.classid::bigint << 32 | held.objid::bigint) = tilescout.run_lock_key(stop_run.run_id);
END $$;
COMMENT ON FUNCTION tilescout.stop_run IS 'Ends work on a run without publishing it: what it stored stays hidden and is taken up when it is continued.';

CREATE OR REPLACE FUNCTION tilescout.record_failure(run_id int, path text, stage text, reason text)
RETURNS void LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    INSERT INTO tilescout.failure AS f (run_id, path, stage, reason) VALUES ($1, $2, $3, $4)
    ON CONFLICT (run_id, path, stage) DO UPDATE SET reason = excluded.reason, failed_at = now()
$$;
COMMENT ON FUNCTION tilescout.record_failure IS 'Notes that a run could not take a file, and why; the same again replaces the reason.';

CREATE OR REPLACE FUNCTION tilescout.as_of_order()
RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    wanted text := nullif(current_setting('tilescout.as_of', true), '');
    found_order bigint;
    horizon bigint;
BEGIN
    IF wanted IS NULL THEN
        RETURN NULL;
    END IF;
    IF wanted !~ '^[0-9]{1,9}$' THEN
        RAISE EXCEPTION 'tilescout.as_of is “%”, but must be the number of a run', wanted USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT r.publish_order, c.pruned_through INTO found_order, horizon
        FROM tilescout.run AS r JOIN tilescout.collection AS c ON c.id = r.collection_id WHERE r.id = wanted::int AND r.state = 'published';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no published run %', wanted USING ERRCODE = 'invalid_parameter_value', HINT = 'tilescout runs lists them';
    ELSIF found_order < horizon THEN
        RAISE EXCEPTION 'what was visible after run % has been deleted since: retention', wanted USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN found_order;
END $$;
COMMENT ON FUNCTION tilescout.as_of_order IS 'The publication that SET tilescout.as_of = <run> goes back to; NULL without it: the present.';

CREATE OR REPLACE FUNCTION tilescout.hidden(OUT runs int[], OUT scenes bigint[])
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    as_of bigint := tilescout.as_of_order();
BEGIN
    IF as_of IS NULL THEN
        runs := (SELECT array_agg(r.id) FROM tilescout.run AS r WHERE r.state <> 'published');
    ELSE
        runs := (SELECT array_agg(r.id) FROM tilescout.run AS r WHERE r.state <> 'published' OR r.publish_order > as_of);
    END IF;
    IF NOT EXISTS (SELECT FROM tilescout.retirement) THEN
        RETURN;
    END IF;
    scenes := (SELECT array_agg(DISTINCT x.scene_id)
        FROM tilescout.retirement AS x
        JOIN tilescout.run AS gone ON gone.id = x.retired_by AND gone.state = 'published' AND (as_of IS NULL OR gone.publish_order <= as_of)
        LEFT JOIN tilescout.run AS back ON back.id = x.revived_by AND back.state = 'published' AND (as_of IS NULL OR back.publish_order <= as_of)
        WHERE back.id IS NULL);
END $$;
COMMENT ON FUNCTION tilescout.hidden IS
    'Runs not published and scenes retired by published ones: their rows are no answers. NULL where there are none. With tilescout.as_of set to a run, as it was when that was published.';
