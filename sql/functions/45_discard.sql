CREATE OR REPLACE FUNCTION tilescout.discard_scene(run_id int, scene_id bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run;
    discarded bigint;
BEGIN
    of_run := tilescout.running_run(run_id);
    -- Another open run that met these tiles, and would not store them again, has not been through the scene any more.
    UPDATE tilescout.run_scene AS l SET complete = false, updated_at = now() FROM tilescout.run AS r
        WHERE r.id = l.run_id AND r.id <> of_run.id AND r.state IN ('running', 'interrupted', 'failed', 'ready') AND l.scene_id = discard_scene.scene_id AND l.complete
          AND EXISTS (SELECT FROM tilescout.tile AS t WHERE t.scene_id = l.scene_id AND t.tiling_id = l.tiling_id AND t.run_id = of_run.id);
    -- What other runs brought of the scene stays: another way of cutting it, or another model.
    EXECUTE format('DELETE FROM tilescout.%I AS e WHERE e.run_id = $1 AND e.scene_id = $2', tilescout.embedding_table(of_run.model_id))
        USING of_run.id, discard_scene.scene_id;
    DELETE FROM tilescout.run_claim AS c USING tilescout.tile AS t
        WHERE c.run_id = of_run.id AND t.id = c.tile_id AND t.collection_id = c.collection_id AND t.scene_id = discard_scene.scene_id;
    DELETE FROM tilescout.tile AS t WHERE t.run_id = of_run.id AND t.scene_id = discard_scene.scene_id;
    GET DIAGNOSTICS discarded = ROW_COUNT;
    DELETE FROM tilescout.run_scene AS l WHERE l.run_id = of_run.id AND l.scene_id = discard_scene.scene_id;
    -- The file's new bytes are no good: the scene that it held before stays visible, and the file is read again next time.
    UPDATE tilescout.retirement AS x SET revived_by = NULL WHERE x.scene_id = discard_scene.scene_id AND x.revived_by = of_run.id;
    UPDATE tilescout.scene_file AS f SET scene_id = x.scene_id, modified_ns = 0
        FROM tilescout.retirement AS x
        WHERE x.retired_by = of_run.id AND f.collection_id = of_run.collection_id AND f.path = x.path AND f.scene_id = discard_scene.scene_id;
    DELETE FROM tilescout.retirement AS x USING tilescout.scene_file AS f
        WHERE x.retired_by = of_run.id AND f.collection_id = of_run.collection_id AND f.path = x.path AND f.scene_id = x.scene_id;
    DELETE FROM tilescout.scene AS s
        WHERE s.id = discard_scene.scene_id AND s.run_id = of_run.id
          AND NOT EXISTS (SELECT FROM tilescout.tile AS t WHERE t.scene_id = s.id);
    RETURN discarded;
END $$;
COMMENT ON FUNCTION tilescout.discard_scene IS
    'Takes back what a running run stored of a scene that failed half-way. Returns the number of tiles taken back.';

CREATE OR REPLACE FUNCTION tilescout.discard_failed(run_id int)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    half record;
    discarded bigint := 0;
BEGIN
    -- What a worker that died over a scene had stored of it, or one tile size of a scene whose other size failed. Bytes that
    -- another file brought as well are good, where it brought them in the same size. And what an attempt that was cut short had
    -- begun and this one did not go through: the file is gone, cannot be read any more, or was not asked for again.
    FOR half IN
        SELECT s.id FROM tilescout.job AS j
        JOIN tilescout.run AS r ON r.id = j.run_id
        JOIN tilescout.scene_file AS f ON f.collection_id = r.collection_id AND f.path = j.path
        JOIN tilescout.scene AS s ON s.id = f.scene_id
        WHERE j.run_id = discard_failed.run_id AND j.state IN ('failed', 'dead')
          AND NOT EXISTS (
              SELECT FROM tilescout.scene_file AS other JOIN tilescout.job AS good ON good.run_id = j.run_id AND good.path = other.path
              WHERE other.scene_id = s.id AND other.path <> j.path AND good.tiling_id = j.tiling_id AND good.state IN ('ingested', 'known'))
        UNION SELECT l.scene_id FROM tilescout.run_scene AS l WHERE l.run_id = discard_failed.run_id AND NOT l.complete
        UNION SELECT s.id FROM tilescout.scene AS s WHERE s.run_id = discard_failed.run_id
          AND NOT EXISTS (SELECT FROM tilescout.run_scene AS l WHERE l.run_id = s.run_id AND l.scene_id = s.id)
    LOOP
        discarded := discarded + tilescout.discard_scene(discard_failed.run_id, half.id);
    END LOOP;
    RETURN discarded;
END $$;
COMMENT ON FUNCTION tilescout.discard_failed IS
    'Before a run is published: takes back what it stored of scenes that did not come through. Returns the number of tiles.';

CREATE OR REPLACE FUNCTION tilescout.discard_run(run_id int, OUT scenes bigint, OUT tiles bigint, OUT jobs bigint)
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run;
BEGIN
    SELECT r.* INTO of_run FROM tilescout.run AS r WHERE r.id = discard_run.run_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no run %', run_id USING ERRCODE = 'no_data_found';
    ELSIF of_run.state NOT IN ('running', 'interrupted', 'failed', 'ready') THEN
        RAISE EXCEPTION 'run % is %', run_id, of_run.state
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'only what was never published is discarded; tilescout rollback hides a published run';
    ELSIF NOT pg_try_advisory_xact_lock(tilescout.run_lock_key(of_run.id))
        OR NOT coalesce(pg_try_advisory_xact_lock(tilescout.pipeline_lock_key(of_run.pipeline)), true) THEN
        RAISE EXCEPTION 'run % is being worked on', run_id USING ERRCODE = 'object_in_use', HINT = 'stop it first';
    END IF;
    SELECT count(*) INTO jobs FROM tilescout.job AS j WHERE j.run_id = of_run.id;

    -- What another run has met here stays, and is that run's from now on: it would not store it again.
    UPDATE tilescout.tile AS t SET run_id = c.run_id
        FROM (SELECT c.tile_id, c.collection_id, min(c.run_id) AS run_id FROM tilescout.run_claim AS c WHERE c.run_id <> of_run.id GROUP BY 1, 2) AS c
        WHERE t.id = c.tile_id AND t.collection_id = c.collection_id AND t.run_id = of_run.id;
    EXECUTE format('UPDATE tilescout.%I AS e SET run_id = c.run_id
        FROM (SELECT c.tile_id, c.collection_id, min(c.run_id) AS run_id FROM tilescout.run_claim AS c JOIN tilescout.run AS r ON r.id = c.run_id
              WHERE c.run_id <> $1 AND r.model_id = $2 GROUP BY 1, 2) AS c
        WHERE e.tile_id = c.tile_id AND e.collection_id = c.collection_id AND e.run_id = $1',
        tilescout.embedding_table(of_run.model_id)) USING of_run.id, of_run.model_id;
    UPDATE tilescout.scene AS s SET run_id = l.run_id
        FROM (SELECT l.scene_id, min(l.run_id) AS run_id FROM tilescout.run_scene AS l WHERE l.run_id <> of_run.id GROUP BY l.scene_id) AS l
        WHERE s.id = l.scene_id AND s.run_id = of_run.id;

    -- What it found replaced: another open run's finding where that has met the file's new scene, or another's already; else the file holds again what it held
    -- before, and its time fits nothing: the next run reads it.
    INSERT INTO tilescout.retirement (scene_id, retired_by, path)
        SELECT x.scene_id, other.id, x.path FROM tilescout.retirement AS x
        JOIN tilescout.scene_file AS f ON f.collection_id = of_run.collection_id AND f.path = x.path AND f.scene_id <> x.scene_id
        JOIN tilescout.scene AS s ON s.id = f.scene_id
        JOIN tilescout.run AS other ON other.id = s.run_id AND other.id <> of_run.id AND other.state IN ('running', 'interrupted', 'failed', 'ready')
        WHERE x.retired_by = of_run.id
        ON CONFLICT (scene_id, retired_by) DO NOTHING;
    UPDATE tilescout.scene_file AS f SET scene_id = x.scene_id, modified_ns = 0, missing_run_id = NULL
        FROM tilescout.retirement AS x JOIN tilescout.scene AS before ON before.id = x.scene_id AND before.run_id <> of_run.id
        WHERE x.retired_by = of_run.id AND f.collection_id = of_run.collection_id AND f.path = x.path AND NOT EXISTS (
            SELECT FROM tilescout.retirement AS theirs JOIN tilescout.run AS other ON other.id = theirs.retired_by
            WHERE theirs.scene_id = x.scene_id AND theirs.path = x.path AND other.id <> of_run.id AND other.state <> 'rolled_back');
    UPDATE tilescout.retirement AS x SET revived_by = NULL WHERE x.revived_by = of_run.id;

    EXECUTE format('DELETE FROM tilescout.%I AS e WHERE e.run_id = $1', tilescout.embedding_table(of_run.model_id)) USING of_run.id;
    DELETE FROM tilescout.tile AS t USING (SELECT DISTINCT l.scene_id FROM tilescout.run_scene AS l WHERE l.run_id = of_run.id) AS mine
        WHERE t.scene_id = mine.scene_id AND t.run_id = of_run.id;
    GET DIAGNOSTICS tiles = ROW_COUNT;
    DELETE FROM tilescout.scene AS s WHERE s.run_id = of_run.id;
    GET DIAGNOSTICS scenes = ROW_COUNT;
    -- Its queue, ledger, failures and retirements go with it.
    DELETE FROM tilescout.run AS r WHERE r.id = of_run.id;
END $$;
COMMENT ON FUNCTION tilescout.discard_run IS
    'Deletes a run that was never published, with all that it alone has stored: one that nothing will continue keeps the index from growing. Returns what went.';
