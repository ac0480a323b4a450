-- Vectors that lie together are read together: cells become stretches of one scene, or of several small ones, and beside them
-- lie packs of vectors that fill a page each. Comparing a vector of a pack costs a third of what a row of its own costs.

DROP TABLE cell;
CREATE TABLE cell (
    id            bigint   PRIMARY KEY,
    model_id      int      NOT NULL REFERENCES model,
    run_id        int      NOT NULL REFERENCES run ON DELETE CASCADE,
    collection_id int      NOT NULL REFERENCES collection,
    scenes        bigint[] NOT NULL,
    tiles         int      NOT NULL CHECK (tiles > 0),
    stale         boolean  NOT NULL DEFAULT false,
    undated       boolean  NOT NULL,
    acquired_from timestamptz,
    acquired_to   timestamptz,
    gsd_from      real,
    gsd_to        real,
    sample        smallint NOT NULL,
    box           geometry(Polygon, 4326) NOT NULL
);
ALTER TABLE cell ALTER COLUMN box SET STATISTICS 0, ALTER COLUMN scenes SET STATISTICS 0;
CREATE INDEX cell_box ON cell USING gist (box);
CREATE INDEX cell_run ON cell (run_id);
CREATE INDEX cell_sample ON cell (model_id, sample);
CREATE INDEX cell_scenes ON cell USING gin (scenes);
COMMENT ON TABLE cell IS 'Some 256 tiles of a published run that lie together: of one scene, or of several small ones; how many, when, and the box that holds their footprints.';
COMMENT ON COLUMN cell.id IS 'The run''s number times 2^32, and a count.';
COMMENT ON COLUMN cell.scenes IS 'The scenes that its tiles are of.';
COMMENT ON COLUMN cell.tiles IS 'Tiles when the run was published.';
COMMENT ON COLUMN cell.stale IS 'Some of its tiles have been deleted since: counts are too high, and each answer is looked up.';
COMMENT ON COLUMN cell.undated IS 'Some of its tiles have no time of acquisition.';
COMMENT ON COLUMN cell.acquired_from IS 'Earliest time of acquisition; NULL where no tile has one.';
COMMENT ON COLUMN cell.gsd_from IS 'Least ground sample distance in metres; NULL where that of some tile is unknown.';
COMMENT ON COLUMN cell.sample IS 'How often 2 divides a hash of the id: cells with at least n are a random 2^n-th of all.';
COMMENT ON COLUMN cell.box IS 'Holds every footprint of the cell, degrees.';

CREATE TABLE pack (
    cell_id bigint NOT NULL REFERENCES cell ON DELETE CASCADE,
    part    int    NOT NULL,
    west    double precision NOT NULL,
    south   double precision NOT NULL,
    east    double precision NOT NULL,
    north   double precision NOT NULL,
    tiles   uuid[] NOT NULL,
    valid   real[] NOT NULL,
    cloud   real[],
    vectors halfvec[] NOT NULL,
    PRIMARY KEY (cell_id, part)
) WITH (toast_tuple_target = 8160);
-- In the row: what is fetched from TOAST costs several times as much.
ALTER TABLE pack ALTER COLUMN tiles SET STORAGE EXTERNAL, ALTER COLUMN valid SET STORAGE EXTERNAL, ALTER COLUMN cloud SET STORAGE EXTERNAL,
    ALTER COLUMN vectors SET STORAGE EXTERNAL, ALTER COLUMN tiles SET STATISTICS 0, ALTER COLUMN valid SET STATISTICS 0,
    ALTER COLUMN cloud SET STATISTICS 0, ALTER COLUMN vectors SET STATISTICS 0;
COMMENT ON TABLE pack IS 'The vectors of a cell, as many to a row as a page holds, in the order of their places.';
COMMENT ON COLUMN pack.tiles IS 'Tile ids; the arrays beside it are in the same order.';
COMMENT ON COLUMN pack.valid IS 'Shares of pixels that hold data.';
COMMENT ON COLUMN pack.cloud IS 'Shares of valid pixels that are cloud; NULL where no tile''s is known.';
COMMENT ON COLUMN pack.vectors IS 'Unit vectors, as in the model''s table.';

-- Their arguments change, or they go: the functions that follow every migration put the new ones in place.
DO $$
DECLARE
    former regprocedure;
BEGIN
    FOR former IN
        SELECT p.oid FROM pg_proc AS p WHERE p.pronamespace = 'tilescout'::regnamespace
            AND (p.proname IN ('search_exact', 'search_index', 'estimate_rows', 'rough_rows', 'count_rows', 'cell_sql', 'inside_sql', 'exact_limit',
                'make_model_search', 'run_search', 'index_depth', 'index_breadth', 'filter_sql', 'place_sql') OR p.proname ~ '^nearest_(exact|index)_[0-9]+$')
    LOOP
        EXECUTE format('DROP FUNCTION %s', former);
    END LOOP;
END $$;
