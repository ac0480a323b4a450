CREATE OR REPLACE FUNCTION tilescout.pipeline_lock_key(pipeline text)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    SELECT (hashtext('tilescout.pipeline')::bigint << 32) | (hashtext(pipeline)::bigint & 4294967295)
$$;
COMMENT ON FUNCTION tilescout.pipeline_lock_key IS 'Key of the session lock that a run of a pipeline holds; the shards of one run hold it together.';

CREATE OR REPLACE FUNCTION tilescout.array_lock_key(pipeline text, array_key text)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    SELECT (hashtext('tilescout.array')::bigint << 32) | (hashtext(pipeline || E'\n' || array_key)::bigint & 4294967295)
$$;
COMMENT ON FUNCTION tilescout.array_lock_key IS 'Key of the session lock that the shards of one array hold together.';

CREATE OR REPLACE FUNCTION tilescout.join_run(
    kind text, pipeline text, collection text, model text, options jsonb, host text, pid int, version text, array_key text DEFAULT NULL,
    OUT run_id int, OUT resumed boolean, OUT attempts int, OUT obstacle text)
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    in_collection int;
    with_model int;
    former tilescout.run;
    joined tilescout.run;
    goes_on boolean;
BEGIN
    -- One after the other: of two arrays that begin at once, the second finds the first.
    PERFORM pg_advisory_xact_lock(hashtext('tilescout.join_run'));
    IF join_run.array_key IS NOT NULL THEN
        SELECT r.* INTO former FROM tilescout.run AS r
            WHERE r.pipeline = join_run.pipeline AND r.array_key = join_run.array_key ORDER BY r.id DESC LIMIT 1;
        IF FOUND AND former.state NOT IN ('running', 'interrupted') THEN
            run_id := former.id;
            obstacle := 'over';
            RETURN;
        END IF;
        FOR former IN SELECT r.* FROM tilescout.run AS r
            WHERE r.pipeline = join_run.pipeline AND r.state = 'running' AND r.array_key <> join_run.array_key
        LOOP
            IF NOT pg_try_advisory_xact_lock(tilescout.array_lock_key(join_run.pipeline, former.array_key)) THEN
                run_id := former.id;
                obstacle := 'another array';
                RETURN;
            END IF;
        END LOOP;
        -- Until the session ends.
        PERFORM pg_advisory_lock_shared(tilescout.array_lock_key(join_run.pipeline, join_run.array_key));
    END IF;
    SELECT t.* INTO in_collection, with_model FROM tilescout.run_target(join_run.collection, join_run.model) AS t;
    SELECT r.* INTO former FROM tilescout.run AS r
        WHERE r.kind = join_run.kind AND r.collection_id = in_collection AND r.model_id = with_model AND md5(r.options::text) = md5(join_run.options::text)
          AND r.state IN ('running', 'interrupted', 'failed', 'ready') FOR NO KEY UPDATE;
    -- Another shard of the array continues nothing: it works on what the first has begun.
    goes_on := FOUND AND former.state = 'running' AND former.array_key = join_run.array_key;
    goes_on := coalesce(goes_on, false);
    INSERT INTO tilescout.run AS r (kind, collection_id, model_id, options, host, pid, version, pipeline, array_key)
        VALUES (join_run.kind, in_collection, with_model, join_run.options, join_run.host, join_run.pid, join_run.version, join_run.pipeline, join_run.array_key)
        ON CONFLICT (kind, collection_id, model_id, md5(options::text)) WHERE state IN ('running', 'interrupted', 'failed', 'ready')
        DO UPDATE SET state = 'running', attempts = r.attempts + CASE WHEN goes_on THEN 0 ELSE 1 END, host = excluded.host, pid = excluded.pid,
            version = excluded.version, finished_at = NULL, reason = NULL, array_key = excluded.array_key
        RETURNING r.* INTO joined;
    DELETE FROM tilescout.run_shard AS s WHERE s.run_id = joined.id AND s.array_key IS DISTINCT FROM join_run.array_key;
    run_id := joined.id;
    attempts := joined.attempts;
    resumed := former.id IS NOT NULL AND NOT goes_on;
END $$;
COMMENT ON FUNCTION tilescout.join_run IS
    'The open run of a pipeline, made or continued. The shards of one array (array_key) join it together, the pipeline''s lock keeps apart those that must not; obstacle: “over” where the array''s run, run_id, has ended, “another array” where one is under way.';

CREATE OR REPLACE FUNCTION tilescout.known_files(run_id int, tilings int[])
RETURNS TABLE (path text, size bigint, modified_ns bigint, complete boolean, missing boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    WITH asking AS (SELECT r.* FROM tilescout.run AS r WHERE r.id = $1
    ), mine AS (
        -- Runs whose work counts for this one.
        SELECT r.id, r.model_id FROM tilescout.run AS r, asking WHERE r.id = asking.id OR (r.state = 'published' AND r.collection_id = asking.collection_id)
    ), through AS (
        SELECT l.scene_id FROM tilescout.run_scene AS l JOIN mine ON mine.id = l.run_id JOIN asking ON asking.model_id = mine.model_id
        WHERE l.complete AND l.tiling_id = ANY ($2)
        GROUP BY l.scene_id HAVING count(DISTINCT l.tiling_id) = cardinality($2)
    ), retired AS (
        SELECT x.scene_id FROM tilescout.retirement AS x JOIN mine ON mine.id = x.retired_by
        WHERE NOT EXISTS (SELECT FROM mine AS back WHERE back.id = x.revived_by)
    )
    SELECT f.path, f.size, f.modified_ns,
           through.scene_id IS NOT NULL AND s.run_id IN (SELECT mine.id FROM mine) AND retired.scene_id IS NULL,
           -- What this run itself has found gone it finds anew when it is continued.
           f.missing_run_id IS NOT NULL AND f.missing_run_id IN (SELECT mine.id FROM mine WHERE mine.id <> $1)
    FROM asking
    JOIN tilescout.scene_file AS f ON f.collection_id = asking.collection_id
    JOIN tilescout.scene AS s ON s.id = f.scene_id
    LEFT JOIN through ON through.scene_id = s.id
    LEFT JOIN (SELECT DISTINCT scene_id FROM retired) AS retired ON retired.scene_id = s.id
$$;
COMMENT ON FUNCTION tilescout.known_files IS
    'Every file that the run''s collection knows, as last read: complete where nothing is left to do while size and time stay; missing where it was found gone.';

CREATE OR REPLACE FUNCTION tilescout.note_missing(run_id int, paths text[], retire boolean)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_collection int;
    retired bigint := 0;
BEGIN
    SELECT r.collection_id INTO STRICT of_collection FROM tilescout.run AS r WHERE r.id = note_missing.run_id;
    UPDATE tilescout.scene_file AS f SET missing_run_id = note_missing.run_id
        WHERE f.collection_id = of_collection AND f.path = ANY (paths);
    -- Continued after a stop, the run may find files back that it had missed.
    UPDATE tilescout.scene_file AS f SET missing_run_id = NULL
        WHERE f.collection_id = of_collection AND f.missing_run_id = note_missing.run_id AND NOT f.path = ANY (paths);
    DELETE FROM tilescout.retirement AS x WHERE x.retired_by = note_missing.run_id AND x.path IS NULL;
    IF retire THEN
        INSERT INTO tilescout.retirement (scene_id, retired_by)
            SELECT DISTINCT f.scene_id, note_missing.run_id FROM tilescout.scene_file AS f
            WHERE f.collection_id = of_collection AND f.missing_run_id = note_missing.run_id
              AND NOT EXISTS (SELECT FROM tilescout.scene_file AS other WHERE other.scene_id = f.scene_id AND other.missing_run_id IS NULL)
            ON CONFLICT (scene_id, retired_by) DO NOTHING;
        GET DIAGNOSTICS retired = ROW_COUNT;
    END IF;
    RETURN retired;
END $$;
COMMENT ON FUNCTION tilescout.note_missing IS
    'Notes files that are gone, all of the run''s at once, and, where wanted, retires scenes that no file holds any more. Returns how many scenes.';

CREATE OR REPLACE FUNCTION tilescout.shard_done(run_id int, array_key text, shard int, shards int)
RETURNS boolean LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    arrived bigint;
BEGIN
    -- One after the other: exactly one shard finds itself the last.
    PERFORM FROM tilescout.run AS r
        WHERE r.id = shard_done.run_id AND r.state = 'running' AND r.array_key = shard_done.array_key FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % is not under way for array %', run_id, array_key USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    INSERT INTO tilescout.run_shard AS s (run_id, array_key, shard, shards, done)
        VALUES (shard_done.run_id, shard_done.array_key, shard_done.shard, shard_done.shards, true)
        ON CONFLICT (run_id, array_key, shard) DO UPDATE SET done = true, shards = excluded.shards;
    SELECT count(*) INTO arrived FROM tilescout.run_shard AS s
        WHERE s.run_id = shard_done.run_id AND s.array_key = shard_done.array_key AND s.shards = shard_done.shards AND s.done;
    RETURN arrived = shards;
END $$;
COMMENT ON FUNCTION tilescout.shard_done IS 'A shard has been through its share; true for the one that finds all the others of its array through: it publishes.';

CREATE OR REPLACE FUNCTION tilescout.run_outcomes(run_id int)
RETURNS TABLE (ingested bigint, known bigint, failed bigint, dead bigint, open bigint)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    -- A file counts once, however many tile sizes: by the worst that became of it.
    SELECT count(*) FILTER (WHERE worst = 2), count(*) FILTER (WHERE worst = 1), count(*) FILTER (WHERE worst = 3), count(*) FILTER (WHERE worst = 4),
           count(*) FILTER (WHERE worst = 5)
    FROM (SELECT max(CASE j.state WHEN 'known' THEN 1 WHEN 'ingested' THEN 2 WHEN 'failed' THEN 3 WHEN 'dead' THEN 4 ELSE 5 END) AS worst
          FROM tilescout.job AS j WHERE j.run_id = $1 GROUP BY j.path) AS file
$$;
COMMENT ON FUNCTION tilescout.run_outcomes IS 'Files of a run''s queue by outcome; open: waiting or under way.';

CREATE OR REPLACE FUNCTION tilescout.run_tiles(run_id int)
RETURNS TABLE (seen bigint, stored bigint, already_there bigint, skipped jsonb)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    WITH reasons AS (
        SELECT s.key AS reason, sum(s.value::bigint) AS tiles FROM tilescout.run_scene AS l, jsonb_each_text(l.skipped) AS s
        WHERE l.run_id = $1 GROUP BY s.key
    )
    SELECT coalesce(sum(coalesce(l.layout, l.stored + l.already_there
               + (SELECT coalesce(sum(s.value::bigint), 0) FROM jsonb_each_text(l.skipped) AS s))), 0)::bigint,
           coalesce(sum(l.stored), 0)::bigint, coalesce(sum(l.already_there), 0)::bigint,
           coalesce((SELECT jsonb_object_agg(reason, tiles) FROM reasons), '{}')
    FROM tilescout.run_scene AS l WHERE l.run_id = $1
$$;
COMMENT ON FUNCTION tilescout.run_tiles IS
    'Tiles of a run''s ledger: seen by the layouts of its scenes; stored, already there, and left out by reason, as they were counted. The two come out equal.';

CREATE OR REPLACE FUNCTION tilescout.run_footprints(run_id int, most int)
RETURNS TABLE (path text, footprint text) LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT s.path, ST_AsGeoJSON(ST_SimplifyPreserveTopology(s.footprint, 0.01), 4)
    FROM tilescout.scene AS s WHERE s.run_id = $1 ORDER BY s.id LIMIT $2
$$;
COMMENT ON FUNCTION tilescout.run_footprints IS 'Outlines of the scenes that a run brought, coarsened for a map of the world.';

CREATE OR REPLACE FUNCTION tilescout.run_sample(run_id int, most int)
RETURNS TABLE (tile_id uuid, path text, x int, y int, width int, height int, tiling text, stretch text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    -- One of each scene before a second of any. The id is a hash: its order is as good as chance, and the same each time.
    SELECT t.id, s.path, t.x, t.y, t.width, t.height, tiling.canonical, s.stretch::text
    FROM (
        SELECT *, row_number() OVER (PARTITION BY scene_id ORDER BY id) AS turn FROM tilescout.tile WHERE run_id = $1
    ) AS t
    JOIN tilescout.scene AS s ON s.id = t.scene_id JOIN tilescout.tiling AS tiling ON tiling.id = t.tiling_id
    ORDER BY t.turn, t.id LIMIT $2
$$;
COMMENT ON FUNCTION tilescout.run_sample IS 'A few tiles that a run brought, with what reads them back from their scenes.';

CREATE OR REPLACE FUNCTION tilescout.reembed_files(collection text)
RETURNS TABLE (tiling text, path text, size bigint, modified_ns bigint, sha256 text) LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    -- Every way in which a visible scene was cut, through one of its files that is there.
    SELECT DISTINCT ON (tiling.canonical, s.id) tiling.canonical, f.path, f.size, f.modified_ns, s.sha256
    FROM tilescout.scene AS s
    JOIN tilescout.collection AS c ON c.id = s.collection_id AND c.name = $1
    JOIN tilescout.scene_file AS f ON f.scene_id = s.id
    JOIN tilescout.run_scene AS l ON l.scene_id = s.id AND l.complete
    JOIN tilescout.run AS r ON r.id = l.run_id AND r.state = 'published'
    JOIN tilescout.tiling AS tiling ON tiling.id = l.tiling_id
    CROSS JOIN tilescout.hidden() AS h
    WHERE NOT s.run_id = ANY (coalesce(h.runs, '{}')) AND NOT s.id = ANY (coalesce(h.scenes, '{}'))
    ORDER BY tiling.canonical, s.id, f.missing_run_id NULLS FIRST, f.path
$$;
COMMENT ON FUNCTION tilescout.reembed_files IS 'What a model cut-over has to read: every visible scene of a collection, once for each way it was cut.';
