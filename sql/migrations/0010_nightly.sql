-- Nightly runs: a queue of scenes, retirement that can be undone, an order of publishing that searches can go back in.

ALTER TABLE run DROP CONSTRAINT run_state_check;
ALTER TABLE run ADD CONSTRAINT run_state_check
    CHECK (state IN ('running', 'interrupted', 'failed', 'ready', 'published', 'rolled_back'));
ALTER TABLE run ADD COLUMN pipeline text CHECK (pipeline <> '');
ALTER TABLE run ADD COLUMN publish_order bigint UNIQUE;
COMMENT ON COLUMN run.state IS 'running, interrupted or failed: will be continued; ready: complete, waits for tilescout publish; published: visible; rolled_back: hidden again.';
COMMENT ON COLUMN run.pipeline IS 'Name of the pipeline that it is a run of; NULL for a plain ingest.';
COMMENT ON COLUMN run.publish_order IS 'Its place among all publications. Clocks go back at times; this does not.';
CREATE SEQUENCE run_publish_order OWNED BY run.publish_order;
UPDATE run SET publish_order = nextval('tilescout.run_publish_order')
    FROM (SELECT id FROM run WHERE state = 'published' ORDER BY published_at, id) AS earlier WHERE earlier.id = run.id;
DROP INDEX run_open;
CREATE UNIQUE INDEX run_open ON run (kind, collection_id, model_id, md5(options::text)) WHERE state IN ('running', 'interrupted', 'failed', 'ready');

ALTER TABLE collection ADD COLUMN pruned_through bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN collection.pruned_through IS 'What runs up to this publish_order replaced has been deleted: searches cannot go back to before it.';

-- One scene can go and come back many times: each time is a row, so that any published state can be looked at again.
CREATE TABLE retirement (
    scene_id   bigint NOT NULL REFERENCES scene ON DELETE CASCADE,
    retired_by int    NOT NULL REFERENCES run ON DELETE CASCADE,
    revived_by int    REFERENCES run,
    path       text,
    PRIMARY KEY (scene_id, retired_by)
);
CREATE INDEX retirement_run ON retirement (retired_by);
CREATE INDEX retirement_revived ON retirement (revived_by) WHERE revived_by IS NOT NULL;
COMMENT ON TABLE retirement IS 'Scenes that a run found replaced or gone: hidden once it is published, until a published run finds their bytes again.';
COMMENT ON COLUMN retirement.path IS 'The file that held the scene and now holds other bytes; NULL where the file is gone.';
INSERT INTO retirement (scene_id, retired_by) SELECT id, retired_run_id FROM scene WHERE retired_run_id IS NOT NULL;

-- The views of the earlier schema name the column; the functions that follow every migration put the new ones in place.
DO $$
BEGIN
    IF to_regclass('tilescout.tiles') IS NOT NULL THEN
        CREATE OR REPLACE VIEW tilescout.scenes AS
        SELECT s.id, c.name AS collection, s.path, s.sha256, s.acquired_at, s.acquired_source, s.driver, s.width, s.height, s.band_count, s.data_type,
               s.crs_name, s.ground_sample_distance, 0::bigint AS tiles, s.run_id, s.created_at, s.footprint
        FROM tilescout.scene AS s JOIN tilescout.collection AS c ON c.id = s.collection_id;
        CREATE OR REPLACE VIEW tilescout.tiles AS
        SELECT t.id, c.name AS collection, t.scene_id, s.path AS scene_path, s.acquired_at, t.x, t.y, t.width, t.height, t.crs, t.geotransform,
               t.valid_fraction, t.cloud_fraction, s.ground_sample_distance, tiling.canonical AS tiling, t.run_id, t.footprint
        FROM tilescout.tile AS t JOIN tilescout.scene AS s ON s.id = t.scene_id JOIN tilescout.collection AS c ON c.id = t.collection_id
        JOIN tilescout.tiling AS tiling ON tiling.id = t.tiling_id;
    END IF;
END $$;
ALTER TABLE scene DROP COLUMN retired_run_id;

ALTER TABLE scene_file ADD COLUMN missing_run_id int REFERENCES run ON DELETE SET NULL;
COMMENT ON COLUMN scene_file.missing_run_id IS 'The run that found the file gone; cleared when it is seen again.';

CREATE TABLE job (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id        int         NOT NULL REFERENCES run ON DELETE CASCADE,
    tiling_id     int         NOT NULL REFERENCES tiling,
    path          text        NOT NULL CHECK (path <> ''),
    size          bigint      NOT NULL,
    modified_ns   bigint      NOT NULL,
    sha256        text,
    state         text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'leased', 'ingested', 'known', 'failed', 'dead')),
    suspect       boolean     NOT NULL DEFAULT false,
    crashes       int         NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    losses        int         NOT NULL DEFAULT 0 CHECK (losses >= 0),
    attempts      int         NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    not_before    timestamptz NOT NULL DEFAULT '-infinity',
    worker        text,
    leased_at     timestamptz,
    leased_until  timestamptz,
    started_at    timestamptz,
    finished_at   timestamptz,
    stage         text,
    reason        text,
    UNIQUE (run_id, path, tiling_id),
    CHECK ((state = 'leased') = (worker IS NOT NULL AND leased_until IS NOT NULL AND finished_at IS NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX job_waiting ON job (run_id, suspect, id) WHERE state = 'waiting';
CREATE INDEX job_leased ON job (leased_until) WHERE state = 'leased';
COMMENT ON TABLE job IS 'The queue: a file to go through with one way of cutting. Workers lease jobs and renew the lease; one that is not renewed is taken over.';
COMMENT ON COLUMN job.sha256 IS 'Bytes that the file must hold (a reembed reads what was ingested); NULL: any.';
COMMENT ON COLUMN job.suspect IS 'A worker died while it had this open: it is done alone, so that the next death has one cause.';
COMMENT ON COLUMN job.crashes IS 'Workers that died of a signal, or of a limit, with this open.';
COMMENT ON COLUMN job.losses IS 'Leases that were not renewed: the machine, the network, or a kill.';
COMMENT ON COLUMN job.not_before IS 'Another job of the same bytes is under way: looked at again later.';

CREATE TABLE worker_report (
    run_id      int         NOT NULL REFERENCES run ON DELETE CASCADE,
    worker      text        NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz NOT NULL,
    counts      jsonb       NOT NULL,
    PRIMARY KEY (run_id, worker)
);
COMMENT ON TABLE worker_report IS 'What each worker did for a run: tiles encoded, seconds busy by stage.';

CREATE TABLE run_shard (
    run_id  int     NOT NULL REFERENCES run ON DELETE CASCADE,
    shard   int     NOT NULL CHECK (shard >= 0),
    shards  int     NOT NULL CHECK (shards > shard),
    done    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, shard)
);
COMMENT ON TABLE run_shard IS 'Which of the array''s processes have been through their share; the last one publishes.';
