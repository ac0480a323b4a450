-- Run before every migration, each time: safe to repeat.
CREATE SCHEMA IF NOT EXISTS tilescout;
-- Named, because a user called tilescout would get them in his own schema, ours. Where they are already, they stay.
CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public;
CREATE EXTENSION IF NOT EXISTS vector SCHEMA public;

CREATE TABLE IF NOT EXISTS tilescout.schema_migration (
    version    int         PRIMARY KEY CHECK (version > 0),
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text        NOT NULL
);
COMMENT ON TABLE tilescout.schema_migration IS 'Migrations applied to this database; one that this tilescout does not know means the database is newer.';
COMMENT ON COLUMN tilescout.schema_migration.checksum IS 'SHA-256 of the file as it was applied: migrations are never edited afterwards.';
