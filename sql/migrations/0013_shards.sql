-- Shards: other databases with this schema that tilescout.search_shards asks, and what goes to them and comes back.

CREATE TABLE shard (
    id       int         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text        NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    server   name        NOT NULL UNIQUE,
    added_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE shard IS 'Databases that hold a part of the archive each; tilescout.add_shard fills it.';
COMMENT ON COLUMN shard.server IS 'A foreign server. Where it is stands there, who we are there in its user mappings: no password is kept here.';

-- Goes to a shard as one literal, and is read there by the same type: nothing else of a question enters a statement.
CREATE TYPE shard_question AS (
    files           text,
    model           text,
    weights_sha256  text,
    preprocessing   jsonb,
    dimension       int,
    tiles           uuid[],
    embedding       halfvec,
    k               int,
    within          geometry,
    acquired        tstzrange,
    collections     text[],
    min_valid       double precision,
    max_cloud       double precision,
    near            geometry,
    radius          double precision,
    resolution      numrange,
    max_distance    double precision,
    excluded_tiles  uuid[],
    scenes_of       uuid[],
    excluded_place  geometry,
    after_distance  double precision,
    after_tile      uuid
);
COMMENT ON TYPE shard_question IS 'What a shard is asked. files: digest of the asking schema; tiles: to be looked up; scenes_of: tiles whose scenes are left out; after_*: only what follows comes.';

CREATE TYPE shard_sight AS (
    has_model   boolean,
    collections text[],
    tiles       uuid[],
    footprints  geometry[],
    embeddings  halfvec[],
    bare_tiles  uuid[]
);
COMMENT ON TYPE shard_sight IS 'What a shard knows of a question: its collections, and of the tiles asked for those that it shows; bare_tiles have no vector of the model.';

CREATE TYPE shard_hit AS (
    tile_id        uuid,
    distance       double precision,
    collection     text,
    scene_id       bigint,
    scene_path     text,
    acquired_at    timestamptz,
    valid_fraction real,
    cloud_fraction real,
    lon            double precision,
    lat            double precision,
    footprint      geometry
);
COMMENT ON TYPE shard_hit IS 'A row of tilescout.search, without its rank.';
