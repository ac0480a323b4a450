CREATE OR REPLACE FUNCTION tilescout.run_lock_key(run_id int)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    SELECT (hashtext('tilescout.run')::bigint << 32) | run_id
$$;
COMMENT ON FUNCTION tilescout.run_lock_key IS 'Key of the session lock that the process working on a run holds.';

CREATE OR REPLACE FUNCTION tilescout.holds_lock(key bigint)
RETURNS boolean LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    SELECT EXISTS (
        SELECT FROM pg_locks AS held
        WHERE held.locktype = 'advisory' AND held.pid = pg_backend_pid() AND held.objsubid = 1 AND held.granted
          AND (held.classid::bigint << 32 | held.objid::bigint) = $1)
$$;
COMMENT ON FUNCTION tilescout.holds_lock IS 'Whether this session holds an advisory lock, alone or with others.';

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

CREATE OR REPLACE FUNCTION tilescout.files_read_since(run_id int)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    -- As the run left them, or as rolling it back left them: other bytes, or none, are a later run's finding. A cut-over reads only.
    WITH asking AS (SELECT r.* FROM tilescout.run AS r WHERE r.id = $1 AND r.kind <> 'reembed'
    ), mine AS (SELECT DISTINCT l.scene_id FROM tilescout.run_scene AS l WHERE l.run_id = $1
    ), replaced AS (
        SELECT x.path, x.scene_id FROM tilescout.retirement AS x JOIN tilescout.scene AS s ON s.id = x.scene_id
        WHERE x.retired_by = $1 AND x.path IS NOT NULL AND s.run_id <> $1
    ), touched AS (
        SELECT r.path FROM replaced AS r
        UNION SELECT s.path FROM tilescout.scene AS s WHERE s.run_id = $1
        UNION SELECT f.path FROM mine JOIN tilescout.scene_file AS f ON f.scene_id = mine.scene_id
    )
    SELECT f.path FROM asking
    JOIN tilescout.scene_file AS f ON f.collection_id = asking.collection_id
    JOIN touched ON touched.path = f.path
    LEFT JOIN tilescout.run AS missed ON missed.id = f.missing_run_id AND missed.id > $1 AND missed.state <> 'rolled_back'
    WHERE missed.id IS NOT NULL
       OR (f.scene_id NOT IN (SELECT mine.scene_id FROM mine)
           AND NOT EXISTS (SELECT FROM replaced AS r WHERE r.path = f.path AND r.scene_id = f.scene_id AND f.modified_ns = 0)
           -- It read them itself: bytes that another file had brought before.
           AND NOT EXISTS (SELECT FROM tilescout.job AS j WHERE j.run_id = $1 AND j.path = f.path AND j.state = 'known' AND j.size = f.size AND j.modified_ns = f.modified_ns))
$$;
COMMENT ON FUNCTION tilescout.files_read_since IS
    'Files that a run brought or replaced and that hold something else by now: publishing it would show both.';

CREATE OR REPLACE FUNCTION tilescout.publish_run(run_id int, counts jsonb DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run;
    was_locked boolean;
    lock_key bigint;
    read_since bigint;
    first_file text;
    hidden int[];
    rolled_back int[];
BEGIN
    SELECT r.* INTO of_run FROM tilescout.run AS r WHERE r.id = publish_run.run_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no run %', run_id USING ERRCODE = 'no_data_found';
    ELSIF of_run.state = 'published' THEN
        RAISE EXCEPTION 'run % is % already', run_id, of_run.state USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    was_locked := tilescout.holds_lock(tilescout.run_lock_key(of_run.id));
    lock_key := coalesce(tilescout.pipeline_lock_key(of_run.pipeline), tilescout.run_lock_key(of_run.id));
    IF of_run.state = 'running' THEN
        -- Only who works on it knows when it is through.
        IF NOT tilescout.holds_lock(lock_key) AND NOT was_locked THEN
            RAISE EXCEPTION 'run % is not complete: it is under way, or was killed', run_id
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'the command that began it continues it, and publishes it';
        END IF;
    ELSIF of_run.state IN ('ready', 'rolled_back') THEN
        IF NOT pg_try_advisory_xact_lock(lock_key) THEN
            RAISE EXCEPTION 'pipeline % is under way', coalesce(of_run.pipeline, 'of run ' || run_id)
                USING ERRCODE = 'object_in_use', HINT = 'wait for it: it may be working on this very run';
        END IF;
        SELECT count(*), min(f) INTO read_since, first_file FROM tilescout.files_read_since(of_run.id) AS f;
        IF read_since > 0 THEN
            RAISE EXCEPTION '% of the files of run % hold other bytes since, or are gone; the first: %', read_since, run_id, first_file
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'both would be visible: run the pipeline instead, or publish first what was rolled back after this run';
        END IF;
        IF of_run.state = 'ready' AND EXISTS (SELECT FROM tilescout.run_scene AS l WHERE l.run_id = of_run.id AND NOT l.complete) THEN
            RAISE EXCEPTION 'tiles of run % have been taken away since', run_id
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'run its pipeline again, which continues it';
        END IF;
        -- Rolling it back gave its files what they had held before.
        UPDATE tilescout.scene_file AS f SET scene_id = s.id
            FROM tilescout.retirement AS x, tilescout.scene AS s JOIN tilescout.run_scene AS l ON l.scene_id = s.id
            WHERE of_run.state = 'rolled_back' AND x.retired_by = of_run.id AND f.collection_id = of_run.collection_id AND f.path = x.path
              AND f.scene_id = x.scene_id AND l.run_id = of_run.id AND s.path = f.path AND s.collection_id = f.collection_id AND s.id <> x.scene_id;
    ELSE
        RAISE EXCEPTION 'run % is not complete: it is %', run_id, of_run.state
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'the command that began it continues it, and publishes it';
    END IF;
    -- Rows that this run met, stored by runs not published yet, become its own.
    SELECT coalesce(array_agg(r.id), '{}') INTO hidden FROM tilescout.run AS r
        WHERE r.state <> 'published' AND r.id <> of_run.id AND r.collection_id = of_run.collection_id;
    -- Also those that were visible when it met them, of a run that has been rolled back since.
    SELECT array_agg(r.id) INTO rolled_back FROM tilescout.run AS r WHERE r.id = ANY (hidden) AND r.state = 'rolled_back';
    IF rolled_back IS NOT NULL THEN
        INSERT INTO tilescout.run_claim (run_id, tile_id, collection_id)
            SELECT of_run.id, t.id, t.collection_id FROM tilescout.run_scene AS l JOIN tilescout.tile AS t ON t.scene_id = l.scene_id AND t.tiling_id = l.tiling_id
            WHERE l.run_id = of_run.id AND l.complete AND t.run_id = ANY (rolled_back) AND t.collection_id = of_run.collection_id
            ON CONFLICT DO NOTHING;
    END IF;
    UPDATE tilescout.scene AS s SET run_id = of_run.id
        FROM tilescout.run_scene AS l WHERE l.run_id = of_run.id AND l.scene_id = s.id AND s.run_id = ANY (hidden);
    -- Whose they were may be published after this one has been rolled back, and finds them then as this one found them.
    EXECUTE format('INSERT INTO tilescout.run_claim (run_id, tile_id, collection_id)
        SELECT held.run_id, c.tile_id, c.collection_id FROM tilescout.run_claim AS c
        CROSS JOIN LATERAL (
            SELECT t.run_id FROM tilescout.tile AS t WHERE t.id = c.tile_id AND t.collection_id = c.collection_id
            UNION SELECT e.run_id FROM tilescout.%I AS e WHERE e.tile_id = c.tile_id AND e.collection_id = c.collection_id) AS held
        WHERE c.run_id = $1 AND held.run_id = ANY ($2) ON CONFLICT DO NOTHING', tilescout.embedding_table(of_run.model_id)) USING of_run.id, hidden;
    UPDATE tilescout.tile AS t SET run_id = of_run.id
        FROM tilescout.run_claim AS c
        WHERE c.run_id = of_run.id AND t.id = c.tile_id AND t.collection_id = c.collection_id AND t.run_id = ANY (hidden);
    EXECUTE format('UPDATE tilescout.%I AS e SET run_id = $1 FROM tilescout.run_claim AS c
        WHERE c.run_id = $1 AND e.tile_id = c.tile_id AND e.collection_id = c.collection_id AND e.run_id = ANY ($2)',
        tilescout.embedding_table(of_run.model_id)) USING of_run.id, hidden;
    -- And what such a run had found replaced in a file that holds a scene of this one now, or that this one found replaced once more, or gone, is replaced by this one.
    INSERT INTO tilescout.retirement AS x (scene_id, retired_by, path)
        SELECT s.id, of_run.id, former.path FROM tilescout.retirement AS former
        JOIN tilescout.scene AS s ON s.id = former.scene_id AND s.collection_id = of_run.collection_id
        JOIN tilescout.scene_file AS f ON f.collection_id = s.collection_id AND f.path = former.path AND f.scene_id <> s.id
        WHERE former.retired_by = ANY (hidden) AND NOT EXISTS (SELECT FROM tilescout.scene_file AS other WHERE other.scene_id = s.id)
          AND (EXISTS (SELECT FROM tilescout.run_scene AS l WHERE l.run_id = of_run.id AND l.scene_id = f.scene_id)
               OR EXISTS (SELECT FROM tilescout.retirement AS mine WHERE mine.retired_by = of_run.id
                   AND (mine.path = former.path OR (mine.path IS NULL AND mine.scene_id = f.scene_id AND f.missing_run_id = of_run.id))))
        ON CONFLICT (scene_id, retired_by) DO NOTHING;
    DELETE FROM tilescout.run_claim AS c WHERE c.run_id = of_run.id;
    DELETE FROM tilescout.run_shard AS s WHERE s.run_id = of_run.id;
    PERFORM tilescout.summarise_run(of_run.id);
    -- One publication at a time, so that the order of numbers is the order of commits.
    PERFORM pg_advisory_xact_lock(hashtext('tilescout.publish_run'));
    UPDATE tilescout.run AS r SET state = 'published', published_at = now(), finished_at = coalesce(r.finished_at, now()), reason = NULL,
            publish_order = nextval('tilescout.run_publish_order'), counts = coalesce(publish_run.counts, r.counts)
        WHERE r.id = of_run.id;
    PERFORM pg_advisory_unlock(tilescout.run_lock_key(of_run.id)) WHERE was_locked;
END $$;
COMMENT ON FUNCTION tilescout.publish_run IS
    'Makes everything that a run stored visible at once, in the transaction of the caller: the one that works on it, or anybody''s where it is ready or rolled back.';

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
    -- Shards of an array that was interrupted are through all the same: its other tasks are tried again.
    DELETE FROM tilescout.run_shard AS s WHERE s.run_id = stop_run.run_id AND stop_run.state <> 'interrupted';
    PERFORM pg_advisory_unlock(tilescout.run_lock_key(stop_run.run_id)) WHERE tilescout.holds_lock(tilescout.run_lock_key(stop_run.run_id));
END $$;
COMMENT ON FUNCTION tilescout.stop_run IS 'Ends work on a run without publishing it: what it stored stays hidden and is taken up when it is continued.';

CREATE OR REPLACE FUNCTION tilescout.running_run(run_id int)
RETURNS tilescout.run LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run;
BEGIN
    -- As a foreign key's check locks it: publishing, which locks for update, waits for it and is waited for; another shard that joins is not.
    SELECT r.* INTO of_run FROM tilescout.run AS r WHERE r.id = running_run.run_id FOR KEY SHARE;
    IF NOT FOUND OR of_run.state <> 'running' THEN
        RAISE EXCEPTION 'run % is not running', run_id USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN of_run;
END $$;
COMMENT ON FUNCTION tilescout.running_run IS
    'A run that is still being filled, locked until the end of the transaction: it is published, or stopped, before what follows or after it. Raises for any other.';

CREATE OR REPLACE FUNCTION tilescout.record_failure(run_id int, path text, stage text, reason text)
RETURNS void LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    INSERT INTO tilescout.failure AS f (run_id, path, stage, reason) VALUES ($1, $2, $3, $4)
    ON CONFLICT (run_id, path, stage) DO UPDATE SET reason = excluded.reason, failed_at = now()
$$;
COMMENT ON FUNCTION tilescout.record_failure IS 'Notes that a run could not take a file, and why; the same again replaces the reason.';

CREATE OR REPLACE FUNCTION tilescout.collections_pruned_since(publish_order bigint)
RETURNS SETOF text LANGUAGE sql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT c.name FROM tilescout.collection AS c WHERE c.pruned_through > $1 ORDER BY c.name
$$;
COMMENT ON FUNCTION tilescout.collections_pruned_since IS 'Collections of which retention has deleted scenes that were visible after a publication.';

CREATE OR REPLACE FUNCTION tilescout.as_of_order()
RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    wanted text := nullif(current_setting('tilescout.as_of', true), '');
    found_order bigint;
    horizon bigint;
    lacking text;
    pruned text;
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
    SELECT string_agg(name, ', ') INTO pruned FROM tilescout.collections_pruned_since(found_order) AS name;
    IF pruned IS NOT NULL THEN
        RAISE WARNING 'scenes of % that were visible after run % have been deleted since: retention', pruned, wanted
            USING HINT = 'name the collections that are searched: collections => …';
    END IF;
    SELECT m.name INTO lacking FROM tilescout.model AS m WHERE m.serving AND NOT EXISTS (
        SELECT FROM tilescout.run AS r WHERE r.model_id = m.id AND r.state = 'published' AND r.publish_order <= found_order);
    IF FOUND THEN
        RAISE WARNING 'model %, which serves now, had no vectors yet when run % was published', lacking, wanted
            USING HINT = 'name a model of that time: model => …';
    END IF;
    RETURN found_order;
END $$;
COMMENT ON FUNCTION tilescout.as_of_order IS 'The publication that SET tilescout.as_of = <run> goes back to; NULL without it: the present.';

CREATE OR REPLACE FUNCTION tilescout.models_with_vectors()
RETURNS SETOF text LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT m.name FROM tilescout.model AS m, (SELECT tilescout.as_of_order() AS until OFFSET 0) AS as_of
    WHERE EXISTS (SELECT FROM tilescout.run AS r
                  WHERE r.model_id = m.id AND r.state = 'published' AND (as_of.until IS NULL OR r.publish_order <= as_of.until))
    ORDER BY m.serving DESC, m.id
$$;
COMMENT ON FUNCTION tilescout.models_with_vectors IS
    'Models that a published run has brought vectors of, the serving one first; with tilescout.as_of set to a run, by then.';

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
