-- Rows find their way by place: a Z-order code beside each vector, and runs summed up in cells once they are published.
-- What slowed the merging of rows goes: foreign keys checked row by row, and the GiST and btree indexes that cells replace.

CREATE FUNCTION tilescout.place_of(footprint geometry)
RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
DECLARE
    x bigint := floor((least(greatest((ST_XMin(footprint) + ST_XMax(footprint)) / 2, -180), 180) + 180) / 360 * 1048575);
    y bigint := floor((least(greatest((ST_YMin(footprint) + ST_YMax(footprint)) / 2, -90), 90) + 90) / 180 * 1048575);
BEGIN
    -- Spreads the bits of both, one to the even and one to the odd ones (Morton, 1966).
    x := (x | (x << 16)) & 281470681808895;      y := (y | (y << 16)) & 281470681808895;
    x := (x | (x << 8)) & 71777214294589695;     y := (y | (y << 8)) & 71777214294589695;
    x := (x | (x << 4)) & 1085102592571150095;   y := (y | (y << 4)) & 1085102592571150095;
    x := (x | (x << 2)) & 3689348814741910323;   y := (y | (y << 2)) & 3689348814741910323;
    x := (x | (x << 1)) & 6148914691236517205;   y := (y | (y << 1)) & 6148914691236517205;
    RETURN x | (y << 1);
END $$;
COMMENT ON FUNCTION tilescout.place_of IS 'Z-order code of a footprint''s middle, 20 bits a coordinate: near places mostly have near codes.';

CREATE TABLE cell (
    model_id      int      NOT NULL REFERENCES model,
    run_id        int      NOT NULL REFERENCES run ON DELETE CASCADE,
    collection_id int      NOT NULL REFERENCES collection,
    lo            bigint   NOT NULL,
    hi            bigint   NOT NULL CHECK (hi >= lo),
    tiles         int      NOT NULL CHECK (tiles > 0),
    acquired_from timestamptz,
    acquired_to   timestamptz,
    box           geometry(Polygon, 4326) NOT NULL,
    PRIMARY KEY (run_id, lo)
);
ALTER TABLE cell ALTER COLUMN box SET STATISTICS 0;
CREATE INDEX cell_box ON cell USING gist (box);
COMMENT ON TABLE cell IS 'A published run''s vectors by stretches of place codes: how many, when, and the box that holds all of their footprints.';
COMMENT ON COLUMN cell.lo IS 'First place code (tilescout.place_of) of the stretch.';
COMMENT ON COLUMN cell.hi IS 'Last place code of the stretch.';
COMMENT ON COLUMN cell.tiles IS 'Vectors when the run was published; forgetting scenes makes them fewer.';
COMMENT ON COLUMN cell.acquired_from IS 'Earliest time of acquisition; NULL where no tile has one.';
COMMENT ON COLUMN cell.box IS 'Holds every footprint of the stretch, degrees.';

ALTER TABLE tile DROP CONSTRAINT tile_collection_id_fkey, DROP CONSTRAINT tile_scene_id_fkey,
    DROP CONSTRAINT tile_tiling_id_fkey, DROP CONSTRAINT tile_run_id_fkey;

DO $$
DECLARE
    target text;
    m tilescout.model;
BEGIN
    FOR m IN SELECT * FROM tilescout.model LOOP
        target := 'embedding_' || m.id;
        EXECUTE format('ALTER TABLE tilescout.%I ADD COLUMN place bigint', target);
        EXECUTE format('UPDATE tilescout.%I SET place = tilescout.place_of(footprint),
            embedding = CASE WHEN abs(l2_norm(embedding) - 1) > 0.0005 THEN l2_normalize(embedding) ELSE embedding END', target);
        EXECUTE format('ALTER TABLE tilescout.%1$I ALTER COLUMN place SET NOT NULL, DROP CONSTRAINT %2$I', target,
            (SELECT conname FROM pg_constraint WHERE conrelid = format('tilescout.%I', target)::regclass AND contype = 'f'));
        EXECUTE format('DROP INDEX tilescout.%I, tilescout.%I, tilescout.%I', target || '_footprint', target || '_run', target || '_acquired');
        EXECUTE format('CREATE INDEX %I ON tilescout.%I (run_id, place)', target || '_place', target);
        EXECUTE format('ALTER TABLE tilescout.%I ALTER COLUMN footprint SET STATISTICS 0, ALTER COLUMN embedding SET STATISTICS 0', target);
        EXECUTE format('COMMENT ON COLUMN tilescout.%I.place IS %L', target, 'tilescout.place_of(footprint).');
    END LOOP;
END $$;

ALTER TYPE search_filter ADD ATTRIBUTE reach geometry;
ALTER TYPE search_filter ADD ATTRIBUTE near geography;
ALTER TYPE search_filter ADD ATTRIBUTE radius double precision;
ALTER TYPE search_filter ADD ATTRIBUTE resolution numrange;

-- Their arguments change: the functions that follow every migration put the new ones in place.
DO $$
DECLARE
    former regprocedure;
BEGIN
    FOR former IN
        SELECT p.oid FROM pg_proc AS p WHERE p.pronamespace = 'tilescout'::regnamespace
            AND p.proname IN ('search', 'explain_search', 'run_search', 'search_exact', 'search_index', 'filter_sql', 'estimate_rows', 'count_rows')
    LOOP
        EXECUTE format('DROP FUNCTION %s', former);
    END LOOP;
END $$;
