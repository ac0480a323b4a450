-- Collections, scenes, tiles, models, runs and their ledger.
--
-- Visibility: every row says which run brought it; a run that is not published is hidden from search and from the views.
-- Embeddings lie in one table per model (tilescout.register_model), with the columns that searches filter by beside them.

CREATE TABLE collection (
    id         int         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text        NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE collection IS 'A named set of scenes that are ingested and searched together.';
COMMENT ON COLUMN collection.name IS 'What people type: letters, digits, dot, dash, underscore.';

CREATE TABLE model (
    id               int         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text        NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'),
    weights_sha256   text        NOT NULL CHECK (weights_sha256 ~ '^[0-9a-f]{64}$'),
    preprocessing    jsonb       NOT NULL,
    dimension        int         NOT NULL CHECK (dimension BETWEEN 1 AND 4000),
    serving          boolean     NOT NULL DEFAULT false,
    hnsw_through_run int,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX model_identity ON model (weights_sha256, md5(preprocessing::text));
CREATE UNIQUE INDEX model_serving ON model (serving) WHERE serving;
COMMENT ON TABLE model IS 'An encoder: weights and preprocessing. Vectors of two models are never compared.';
COMMENT ON COLUMN model.weights_sha256 IS 'SHA-256 of the weights file, lower-case hexadecimal.';
COMMENT ON COLUMN model.preprocessing IS 'Input side, scaling, interpolation: part of the embedding''s identity.';
COMMENT ON COLUMN model.dimension IS 'Components of a vector; 4000 is the most that an HNSW index takes of a halfvec.';
COMMENT ON COLUMN model.serving IS 'The model that searches use when none is named; one at most.';
COMMENT ON COLUMN model.hnsw_through_run IS 'The HNSW index holds the rows of runs up to this one; later rows are compared exactly. NULL: no index.';

CREATE TABLE tiling (
    id        int  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    canonical text NOT NULL UNIQUE CHECK (canonical <> '')
);
COMMENT ON TABLE tiling IS 'One way of cutting scenes: tile size, overlap, edges, grid, bands, stretch, masks.';
COMMENT ON COLUMN tiling.canonical IS 'All options in their canonical text.';

CREATE TABLE run (
    id            int         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text        NOT NULL CHECK (kind IN ('ingest', 'reembed')),
    collection_id int         NOT NULL REFERENCES collection,
    model_id      int         NOT NULL REFERENCES model,
    options       jsonb       NOT NULL,
    state         text        NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'interrupted', 'failed', 'published', 'rolled_back')),
    attempts      int         NOT NULL DEFAULT 1 CHECK (attempts > 0),
    host          text        NOT NULL,
    pid           int         NOT NULL,
    version       text        NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    published_at  timestamptz,
    counts        jsonb       NOT NULL DEFAULT '{}',
    reason        text,
    CHECK ((state = 'published') = (published_at IS NOT NULL) OR state = 'rolled_back')
);
CREATE UNIQUE INDEX run_open ON run (kind, collection_id, model_id, md5(options::text)) WHERE state IN ('running', 'interrupted', 'failed');
CREATE INDEX run_hidden ON run (id) WHERE state <> 'published';
COMMENT ON TABLE run IS 'One ingest from start to publishing. An interrupted one is continued under the same id by the next with equal options.';
COMMENT ON COLUMN run.options IS 'What was asked for; equal options of one collection and model are the same run until it is published.';
COMMENT ON COLUMN run.attempts IS 'Processes that have worked on it.';
COMMENT ON COLUMN run.counts IS 'The run''s own account: scenes and tiles by outcome.';
COMMENT ON COLUMN run.reason IS 'Why it failed or was interrupted.';

CREATE TABLE scene (
    id                     bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection_id          int              NOT NULL REFERENCES collection,
    sha256                 text             NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    path                   text             NOT NULL CHECK (path <> ''),
    size                   bigint           NOT NULL CHECK (size >= 0),
    driver                 text             NOT NULL,
    width                  int              NOT NULL CHECK (width > 0),
    height                 int              NOT NULL CHECK (height > 0),
    band_count             int              NOT NULL CHECK (band_count > 0),
    band_descriptions      text[]           NOT NULL,
    data_type              text             NOT NULL,
    nodata                 double precision,
    crs_name               text             NOT NULL,
    crs_wkt                text             NOT NULL,
    geotransform           double precision[] NOT NULL CHECK (array_length(geotransform, 1) = 6),
    ground_sample_distance double precision CHECK (ground_sample_distance > 0),
    acquired_at            timestamptz,
    acquired_source        text,
    footprint              geometry(Geometry, 4326) NOT NULL,
    stretch                jsonb            NOT NULL DEFAULT '{}',
    run_id                 int              NOT NULL REFERENCES run,
    retired_run_id         int              REFERENCES run,
    created_at             timestamptz      NOT NULL DEFAULT now(),
    UNIQUE (collection_id, sha256),
    CHECK ((acquired_at IS NULL) = (acquired_source IS NULL))
);
CREATE INDEX scene_footprint ON scene USING gist (footprint);
CREATE INDEX scene_path ON scene (path);
CREATE INDEX scene_retired ON scene (retired_run_id) WHERE retired_run_id IS NOT NULL;
CREATE INDEX scene_run ON scene (run_id);
COMMENT ON TABLE scene IS 'A raster, known by its bytes: the same bytes under two paths are one scene of a collection.';
COMMENT ON COLUMN scene.sha256 IS 'SHA-256 of the file''s bytes, lower-case hexadecimal.';
COMMENT ON COLUMN scene.path IS 'Where it was first read; tilescout.scene_file has every path.';
COMMENT ON COLUMN scene.geotransform IS 'GDAL''s six coefficients, pixel to CRS.';
COMMENT ON COLUMN scene.ground_sample_distance IS 'Metres per pixel at the scene''s centre; NULL where unknown.';
COMMENT ON COLUMN scene.acquired_source IS 'What told the time of acquisition: a tag, a STAC item, the file name.';
COMMENT ON COLUMN scene.footprint IS 'Outline in WGS84, split at the antimeridian.';
COMMENT ON COLUMN scene.stretch IS 'The stretch as applied, with the bounds found per band.';
COMMENT ON COLUMN scene.retired_run_id IS 'The run that found other bytes under all of this scene''s paths; once published, the scene is hidden.';

CREATE TABLE scene_file (
    collection_id int         NOT NULL REFERENCES collection,
    path          text        NOT NULL CHECK (path <> ''),
    size          bigint      NOT NULL CHECK (size >= 0),
    modified_ns   bigint      NOT NULL,
    scene_id      bigint      NOT NULL REFERENCES scene ON DELETE CASCADE,
    PRIMARY KEY (collection_id, path)
);
CREATE INDEX scene_file_scene ON scene_file (scene_id);
COMMENT ON TABLE scene_file IS 'Files and the scene that each held when last read: an unchanged size and time spare the reading.';
COMMENT ON COLUMN scene_file.modified_ns IS 'Modification time in nanoseconds of the Unix epoch.';

CREATE TABLE tile (
    id             uuid     NOT NULL,
    collection_id  int      NOT NULL REFERENCES collection,
    scene_id       bigint   NOT NULL REFERENCES scene ON DELETE CASCADE,
    tiling_id      int      NOT NULL REFERENCES tiling,
    run_id         int      NOT NULL REFERENCES run,
    x              int      NOT NULL,
    y              int      NOT NULL,
    width          int      NOT NULL CHECK (width > 0),
    height         int      NOT NULL CHECK (height > 0),
    crs            text     NOT NULL,
    geotransform   double precision[] NOT NULL CHECK (array_length(geotransform, 1) = 6),
    valid_fraction real     NOT NULL CHECK (valid_fraction BETWEEN 0 AND 1),
    cloud_fraction real     CHECK (cloud_fraction BETWEEN 0 AND 1),
    footprint      geometry(Geometry, 4326) NOT NULL,
    PRIMARY KEY (id, collection_id)
);
CREATE INDEX tile_scene ON tile (scene_id);
CREATE INDEX tile_footprint ON tile USING gist (footprint);
COMMENT ON TABLE tile IS 'A window of a scene. The id is 128 bits of SHA-256 over scene bytes, window, grid, bands and stretch.';
COMMENT ON COLUMN tile.x IS 'First column of the window, in pixels of the scene or of the common grid.';
COMMENT ON COLUMN tile.y IS 'First row of the window.';
COMMENT ON COLUMN tile.crs IS 'The tile''s coordinate system, as AUTHORITY:CODE or WKT.';
COMMENT ON COLUMN tile.geotransform IS 'GDAL''s six coefficients of the window, pixel to CRS.';
COMMENT ON COLUMN tile.valid_fraction IS 'Share of pixels that hold data.';
COMMENT ON COLUMN tile.cloud_fraction IS 'Share of valid pixels that are cloud; NULL where no band tells.';
COMMENT ON COLUMN tile.footprint IS 'Outline in WGS84, densified, split at the antimeridian, valid.';

CREATE TABLE run_scene (
    run_id        int    NOT NULL REFERENCES run ON DELETE CASCADE,
    scene_id      bigint NOT NULL REFERENCES scene ON DELETE CASCADE,
    tiling_id     int    NOT NULL REFERENCES tiling,
    complete      boolean NOT NULL DEFAULT false,
    stored        bigint NOT NULL DEFAULT 0 CHECK (stored >= 0),
    already_there bigint NOT NULL DEFAULT 0 CHECK (already_there >= 0),
    skipped       jsonb  NOT NULL DEFAULT '{}',
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, scene_id, tiling_id)
);
CREATE INDEX run_scene_scene ON run_scene (scene_id, tiling_id);
COMMENT ON TABLE run_scene IS 'The ledger: what each run did with each scene, kept in the same transactions as the tiles.';
COMMENT ON COLUMN run_scene.complete IS 'Every tile of the scene was stored or counted as skipped.';
COMMENT ON COLUMN run_scene.skipped IS 'Tiles left out, by reason.';

CREATE TABLE run_claim (
    run_id        int  NOT NULL REFERENCES run ON DELETE CASCADE,
    tile_id       uuid NOT NULL,
    collection_id int  NOT NULL,
    PRIMARY KEY (run_id, tile_id, collection_id)
);
COMMENT ON TABLE run_claim IS 'Tiles that a run found already stored by a run not yet published: publishing either makes them visible.';

CREATE TABLE failure (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id        int         NOT NULL REFERENCES run ON DELETE CASCADE,
    path          text        NOT NULL,
    stage         text        NOT NULL CHECK (stage <> ''),
    reason        text        NOT NULL CHECK (reason <> ''),
    failed_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (run_id, path, stage)
);
COMMENT ON TABLE failure IS 'Scenes that a run could not ingest, and why.';
COMMENT ON COLUMN failure.stage IS 'Where it failed: discover, open, cut, embed, store.';

CREATE TYPE search_filter AS (
    area            geometry,
    acquired        tstzrange,
    collection_ids  int[],
    min_valid       double precision,
    max_cloud       double precision,
    excluded_tiles  uuid[],
    excluded_scenes bigint[],
    excluded_place  geometry,
    hidden_runs     int[],
    hidden_scenes   bigint[]
);
COMMENT ON TYPE search_filter IS 'What a tile must satisfy to be an answer, resolved and validated; NULL members do not restrict.';

-- Roles belong to the whole cluster: another database of it may have made them, at this very moment too.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['tilescout_read', 'tilescout_ingest', 'tilescout_admin'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the role % does not exist and this user may not create it', wanted
                    USING ERRCODE = 'insufficient_privilege',
                          HINT = format('ask an administrator to run: CREATE ROLE %I NOLOGIN', wanted);
        END;
    END LOOP;
END $$;
