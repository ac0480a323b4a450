CREATE OR REPLACE FUNCTION tilescout.enqueue(
    run_id int, tiling_id int, paths text[], sizes bigint[], modified_ns bigint[], sha256 text[] DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    queued bigint;
BEGIN
    INSERT INTO tilescout.job AS j (run_id, tiling_id, path, size, modified_ns, sha256)
        SELECT enqueue.run_id, enqueue.tiling_id, f.path, f.size, f.modified_ns, f.sha256
        FROM unnest(paths, sizes, enqueue.modified_ns, coalesce(enqueue.sha256, array_fill(NULL::text, ARRAY[cardinality(paths)])))
            AS f (path, size, modified_ns, sha256)
        ORDER BY f.path
        -- Asked for again: what is waiting or under way stays; what ended and is still asked for is tried again.
        ON CONFLICT (run_id, path, tiling_id) DO UPDATE
            SET size = excluded.size, modified_ns = excluded.modified_ns, sha256 = excluded.sha256, state = 'waiting', suspect = false,
                crashes = 0, losses = 0, not_before = '-infinity', worker = NULL, leased_until = NULL, started_at = NULL, finished_at = NULL,
                stage = NULL, reason = NULL
            WHERE j.state NOT IN ('waiting', 'leased');
    GET DIAGNOSTICS queued = ROW_COUNT;
    RETURN queued;
END $$;
COMMENT ON FUNCTION tilescout.enqueue IS 'Puts files into a run''s queue, each once. Returns how many were put there now.';

CREATE OR REPLACE FUNCTION tilescout.claim_jobs(run_id int, worker text, most int, lease_seconds int, alone boolean)
RETURNS TABLE (job_id bigint, tiling_id int, path text, size bigint, modified_ns bigint, sha256 text, suspect boolean)
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        WITH next AS (
            SELECT j.id FROM tilescout.job AS j
            WHERE j.run_id = claim_jobs.run_id AND j.state = 'waiting' AND NOT j.suspect AND j.not_before <= now()
            ORDER BY j.id LIMIT most FOR UPDATE SKIP LOCKED)
        UPDATE tilescout.job AS j SET state = 'leased', worker = claim_jobs.worker, leased_at = now(),
                leased_until = now() + make_interval(secs => lease_seconds), started_at = NULL, attempts = j.attempts + 1
            FROM next WHERE j.id = next.id
            RETURNING j.id, j.tiling_id, j.path, j.size, j.modified_ns, j.sha256, false;
    IF FOUND OR NOT alone THEN
        RETURN;
    END IF;
    RETURN QUERY
        WITH next AS (
            SELECT j.id FROM tilescout.job AS j
            WHERE j.run_id = claim_jobs.run_id AND j.state = 'waiting' AND j.suspect AND j.not_before <= now()
            ORDER BY j.id LIMIT 1 FOR UPDATE SKIP LOCKED)
        UPDATE tilescout.job AS j SET state = 'leased', worker = claim_jobs.worker, leased_at = now(),
                leased_until = now() + make_interval(secs => lease_seconds), started_at = NULL, attempts = j.attempts + 1
            FROM next WHERE j.id = next.id
            RETURNING j.id, j.tiling_id, j.path, j.size, j.modified_ns, j.sha256, true;
END $$;
COMMENT ON FUNCTION tilescout.claim_jobs IS
    'Leases up to most jobs to a worker; two workers never get one job (SKIP LOCKED). A suspect is given only to a worker that has nothing else open (alone), by itself.';

CREATE OR REPLACE FUNCTION tilescout.start_job(job_id bigint, worker text)
RETURNS boolean LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    WITH started AS (
        UPDATE tilescout.job AS j SET started_at = now() WHERE j.id = $1 AND j.worker = $2 AND j.state = 'leased' RETURNING 1)
    SELECT EXISTS (SELECT FROM started)
$$;
COMMENT ON FUNCTION tilescout.start_job IS 'Notes that a worker opens the file now; false where the lease has gone to another.';

CREATE OR REPLACE FUNCTION tilescout.renew_leases(worker text, lease_seconds int)
RETURNS bigint LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    WITH renewed AS (
        UPDATE tilescout.job AS j SET leased_until = now() + make_interval(secs => $2)
        WHERE j.worker = $1 AND j.state = 'leased' RETURNING 1)
    SELECT count(*) FROM renewed
$$;
COMMENT ON FUNCTION tilescout.renew_leases IS 'A worker''s heartbeat.';

CREATE OR REPLACE FUNCTION tilescout.end_job(job_id bigint, worker text, state text, stage text DEFAULT NULL, reason text DEFAULT NULL)
RETURNS boolean LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    IF end_job.state NOT IN ('ingested', 'known', 'failed') THEN
        RAISE EXCEPTION 'a job ends as ingested, known or failed, not %', end_job.state USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE tilescout.job AS j SET state = end_job.state, stage = end_job.stage, reason = end_job.reason, finished_at = now(),
            worker = NULL, leased_until = NULL
        WHERE j.id = end_job.job_id AND j.worker = end_job.worker AND j.state = 'leased';
    RETURN FOUND;
END $$;
COMMENT ON FUNCTION tilescout.end_job IS 'Ends a job; false, and nothing happens, where the lease has gone to another worker.';

CREATE OR REPLACE FUNCTION tilescout.put_back(worker text, job_id bigint DEFAULT NULL, later_seconds int DEFAULT 0)
RETURNS bigint LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    WITH back AS (
        UPDATE tilescout.job AS j SET state = 'waiting', worker = NULL, leased_until = NULL, started_at = NULL,
            not_before = now() + make_interval(secs => $3)
        WHERE j.worker = $1 AND j.state = 'leased' AND ($2 IS NULL OR j.id = $2) RETURNING 1)
    SELECT count(*) FROM back
$$;
COMMENT ON FUNCTION tilescout.put_back IS 'A worker gives back a job, or all that it holds: it stops, or another job of the same bytes is under way.';

CREATE OR REPLACE FUNCTION tilescout.blame_worker(worker text, reason text, crashes_allowed int DEFAULT 2)
RETURNS TABLE (path text, dead boolean) LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    -- What it had open is suspect and will be done alone; so the second death has one cause. What it had not opened goes back.
    RETURN QUERY
        UPDATE tilescout.job AS j SET
            crashes = j.crashes + 1, suspect = true, worker = NULL, leased_until = NULL, started_at = NULL,
            state = CASE WHEN j.crashes + 1 >= crashes_allowed THEN 'dead' ELSE 'waiting' END,
            finished_at = CASE WHEN j.crashes + 1 >= crashes_allowed THEN now() END,
            stage = 'worker',
            reason = CASE WHEN j.crashes + 1 >= crashes_allowed
                THEN format('it ended its worker %s times, the last time so: %s', j.crashes + 1, blame_worker.reason) ELSE blame_worker.reason END
        WHERE j.worker = blame_worker.worker AND j.state = 'leased' AND j.started_at IS NOT NULL
        RETURNING j.path, j.state = 'dead';
    PERFORM tilescout.put_back(blame_worker.worker);
END $$;
COMMENT ON FUNCTION tilescout.blame_worker IS
    'A worker died: what it had open becomes suspect, or after crashes_allowed deaths is set aside with the reason; its other jobs wait again.';

CREATE OR REPLACE FUNCTION tilescout.take_over_lost(losses_allowed int DEFAULT 5)
RETURNS TABLE (path text, dead boolean) LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    -- A lease that ran out while the server itself was down says nothing of the scene.
    RETURN QUERY
        WITH lost AS (
            SELECT j.id, j.started_at IS NOT NULL AND j.leased_at > pg_postmaster_start_time() AS counts FROM tilescout.job AS j
            WHERE j.state = 'leased' AND j.leased_until < now() FOR UPDATE SKIP LOCKED
        )
        UPDATE tilescout.job AS j SET
            losses = j.losses + lost.counts::int, suspect = j.suspect OR lost.counts, worker = NULL, leased_until = NULL, started_at = NULL,
            state = CASE WHEN j.losses + lost.counts::int >= losses_allowed THEN 'dead' ELSE 'waiting' END,
            finished_at = CASE WHEN j.losses + lost.counts::int >= losses_allowed THEN now() END,
            stage = CASE WHEN lost.counts THEN 'worker' ELSE j.stage END,
            reason = CASE WHEN j.losses + lost.counts::int >= losses_allowed
                THEN format('%s workers went silent while they had it open', j.losses + lost.counts::int) ELSE j.reason END
        FROM lost WHERE j.id = lost.id
        RETURNING j.path, j.state = 'dead';
END $$;
COMMENT ON FUNCTION tilescout.take_over_lost IS
    'Puts jobs of workers that went silent back into the queue; what was open five such times is set aside.';

CREATE OR REPLACE VIEW tilescout.queue AS
SELECT j.run_id, r.pipeline, c.name AS collection, count(*) FILTER (WHERE j.state = 'waiting') AS waiting,
       count(*) FILTER (WHERE j.state = 'leased') AS leased, count(*) FILTER (WHERE j.state = 'ingested') AS ingested,
       count(*) FILTER (WHERE j.state = 'known') AS known, count(*) FILTER (WHERE j.state = 'failed') AS failed,
       count(*) FILTER (WHERE j.state = 'dead') AS dead
FROM tilescout.job AS j JOIN tilescout.run AS r ON r.id = j.run_id JOIN tilescout.collection AS c ON c.id = r.collection_id
GROUP BY j.run_id, r.pipeline, c.name;
COMMENT ON VIEW tilescout.queue IS 'Jobs of each run by state.';

CREATE OR REPLACE VIEW tilescout.dead_letters AS
SELECT j.run_id, r.pipeline, j.path, j.crashes, j.losses, j.attempts, j.reason, j.finished_at
FROM tilescout.job AS j JOIN tilescout.run AS r ON r.id = j.run_id WHERE j.state = 'dead';
COMMENT ON VIEW tilescout.dead_letters IS 'Scenes set aside because they ended their workers, with the reason.';

CREATE OR REPLACE FUNCTION tilescout.drop_jobs_except(run_id int, keep text[])
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    dropped bigint;
BEGIN
    DELETE FROM tilescout.job AS j
        WHERE j.run_id = drop_jobs_except.run_id AND j.state IN ('waiting', 'failed', 'dead')
          AND NOT EXISTS (SELECT FROM unnest(keep) AS k (path) WHERE k.path = j.path);
    GET DIAGNOSTICS dropped = ROW_COUNT;
    DELETE FROM tilescout.failure AS f WHERE f.run_id = drop_jobs_except.run_id;
    RETURN dropped;
END $$;
COMMENT ON FUNCTION tilescout.drop_jobs_except IS 'A run is continued: what failed or waited before and is not asked for any more is forgotten.';
