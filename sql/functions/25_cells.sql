CREATE OR REPLACE FUNCTION tilescout.summarise_run(run_id int)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    -- Fewer rows a cell make a boundary finer but the list of cells longer; chosen, not yet tuned.
    tiles_per_cell CONSTANT int := 256;
    of_run tilescout.run;
    cells bigint;
BEGIN
    SELECT r.* INTO STRICT of_run FROM tilescout.run AS r WHERE r.id = summarise_run.run_id;
    DELETE FROM tilescout.cell AS c WHERE c.run_id = of_run.id;
    EXECUTE format($sql$
        INSERT INTO tilescout.cell (model_id, run_id, collection_id, lo, hi, tiles, acquired_from, acquired_to, box)
        SELECT $1, $2, $3, min(place), max(place), sum(tiles), min(acquired_from), max(acquired_to), ST_SetSRID(ST_Envelope(ST_Expand(ST_Extent(box)::geometry, 1e-9)), 4326)
        FROM (
            -- Rows of one place code stay together: a stretch starts where the running count passes a multiple.
            SELECT place, count(*) AS tiles, min(acquired_at) AS acquired_from, max(acquired_at) AS acquired_to, ST_Extent(footprint)::geometry AS box,
                   (sum(count(*)) OVER (ORDER BY place) - 1)::bigint / %2$s AS stretch
            FROM tilescout.%1$I WHERE run_id = $2 GROUP BY place
        ) AS places
        GROUP BY stretch$sql$, tilescout.embedding_table(of_run.model_id), tiles_per_cell)
        USING of_run.model_id, of_run.id, of_run.collection_id;
    GET DIAGNOSTICS cells = ROW_COUNT;
    RETURN cells;
END $$;
COMMENT ON FUNCTION tilescout.summarise_run IS 'Sums a run''s vectors up in cells, anew; publishing does it. Returns the number of cells.';

-- Deleting tiles takes their vectors along, and deleting scenes their tiles: once a statement, where foreign keys would cost every inserted row.
CREATE OR REPLACE FUNCTION tilescout.drop_vectors_of_tiles()
RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    m record;
BEGIN
    FOR m IN SELECT id FROM tilescout.model LOOP
        EXECUTE format('DELETE FROM tilescout.%I AS e USING gone WHERE e.tile_id = gone.id AND e.collection_id = gone.collection_id',
            tilescout.embedding_table(m.id));
    END LOOP;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tilescout.drop_vectors_of_tiles IS 'Trigger: the vectors of deleted tiles go with them.';

CREATE OR REPLACE FUNCTION tilescout.drop_tiles_of_scenes()
RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM tilescout.tile AS t USING gone WHERE t.scene_id = gone.id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tilescout.drop_tiles_of_scenes IS 'Trigger: the tiles of deleted scenes go with them.';

CREATE OR REPLACE TRIGGER tile_gone AFTER DELETE ON tilescout.tile
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION tilescout.drop_vectors_of_tiles();
CREATE OR REPLACE TRIGGER scene_gone AFTER DELETE ON tilescout.scene
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION tilescout.drop_tiles_of_scenes();

-- Runs published before there were cells.
DO $$
BEGIN
    PERFORM tilescout.summarise_run(r.id) FROM tilescout.run AS r
        WHERE r.state IN ('published', 'rolled_back') AND NOT EXISTS (SELECT FROM tilescout.cell AS c WHERE c.run_id = r.id);
END $$;
