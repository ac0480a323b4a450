CREATE OR REPLACE FUNCTION tilescout.tiles_per_pack(dimension int)
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    -- A row of 8,160 bytes stays in its page: 224 are the row's own and the arrays', and each tile adds a vector of halves, an id, two shares, a box.
    SELECT greatest(1, (8160 - 224) / (8 + 2 * dimension + 40))
$$;
COMMENT ON FUNCTION tilescout.tiles_per_pack IS 'How many vectors a row of tilescout.pack holds, so that it fills a page and does not leave it.';

CREATE OR REPLACE FUNCTION tilescout.code_run(run_id int)
-- Nothing, unless tilescout.settle_packs gives it the body that the extension tilescout_packs needs: searches in SQL read no codes.
RETURNS void LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS 'SELECT';
COMMENT ON FUNCTION tilescout.code_run IS 'Codes those cells of a run that have no codes yet.';

CREATE OR REPLACE FUNCTION tilescout.summarise_run(run_id int)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT
    -- Statistics do not know a run that has just been loaded, and the planner, which then expects a row or two, would join its tiles with its cells
    -- by nested loops: minutes for a million.
    SET enable_nestloop = off
AS $$
#variable_conflict use_column
DECLARE
    -- Fewer tiles a cell make a boundary finer but the list of cells longer.
    tiles_per_cell CONSTANT int := 256;
    of_run tilescout.run;
    dimension int;
    gone bigint;
    cells bigint;
BEGIN
    SELECT r.* INTO STRICT of_run FROM tilescout.run AS r WHERE r.id = summarise_run.run_id;
    SELECT m.dimension INTO STRICT dimension FROM tilescout.model AS m WHERE m.id = of_run.model_id;
    DELETE FROM tilescout.cell AS c WHERE c.run_id = of_run.id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    EXECUTE format($sql$
        WITH scene_size AS (
            SELECT scene_id, count(*) AS tiles, min(place) AS place FROM tilescout.%1$I WHERE run_id = $2 GROUP BY scene_id
        ), home AS (
            -- A scene that fills half a cell has cells of its own, all of one date; smaller ones that lie together share one.
            SELECT scene_id, tiles, tiles * 2 >= $4 AS alone,
                   CASE WHEN tiles * 2 < $4 THEN (sum(CASE WHEN tiles * 2 < $4 THEN tiles END) OVER (ORDER BY place, scene_id) - 1)::bigint / $4 ELSE -1 END AS shared
            FROM scene_size
        ), placed AS MATERIALIZED (
            -- Without NULLs, so that cells and their tiles find each other by hashing.
            SELECT e.*, CASE WHEN home.alone THEN e.scene_id ELSE -1 END AS own, home.shared,
                   CASE WHEN home.alone THEN (row_number() OVER (PARTITION BY e.scene_id ORDER BY e.place, e.tile_id) - 1) * ((home.tiles + $4 - 1) / $4) / home.tiles ELSE 0 END AS stretch
            FROM tilescout.%1$I AS e JOIN home USING (scene_id) WHERE e.run_id = $2
        ), new_cell AS MATERIALIZED (
            SELECT ($2::bigint << 32) + row_number() OVER () AS id, own, shared, stretch, array_agg(DISTINCT scene_id) AS scenes, count(*) AS tiles,
                   bool_or(acquired_at IS NULL) AS undated, min(acquired_at) AS acquired_from, max(acquired_at) AS acquired_to,
                   CASE WHEN bool_and(ground_sample_distance IS NOT NULL) THEN min(ground_sample_distance) END AS gsd_from,
                   CASE WHEN bool_and(ground_sample_distance IS NOT NULL) THEN max(ground_sample_distance) END AS gsd_to,
                   ST_SetSRID(ST_Envelope(ST_Expand(ST_Extent(footprint)::geometry, 1e-9)), 4326) AS box
            FROM placed GROUP BY own, shared, stretch
        ), entered AS (
            INSERT INTO tilescout.cell (id, model_id, run_id, collection_id, scenes, tiles, undated, acquired_from, acquired_to, gsd_from, gsd_to, sample, box)
                SELECT id, $1, $2, $3, scenes, tiles, undated, acquired_from, acquired_to, gsd_from, gsd_to,
                       -- Trailing zeros of a hash: its lowest set bit's place.
                       CASE WHEN h = 0 THEN 31 ELSE round(log(2, (h & -h)::numeric)) END, box
                FROM (SELECT *, hashint8(id)::bigint & 2147483647 AS h FROM new_cell) AS hashed
        ), packed AS (
            SELECT c.id, p.*, (row_number() OVER (PARTITION BY c.id ORDER BY p.place, p.tile_id) - 1) / $5 AS part
            FROM placed AS p JOIN new_cell AS c ON c.own = p.own AND c.shared = p.shared AND c.stretch = p.stretch
        ), filled AS (
            INSERT INTO tilescout.pack (cell_id, part, west, south, east, north, tiles, valid, cloud, vectors, boxes)
                SELECT id, part, min(ST_XMin(footprint)), min(ST_YMin(footprint)), max(ST_XMax(footprint)), max(ST_YMax(footprint)),
                       array_agg(tile_id ORDER BY place, tile_id), array_agg(valid_fraction ORDER BY place, tile_id),
                       CASE WHEN bool_or(cloud_fraction IS NOT NULL) THEN array_agg(cloud_fraction ORDER BY place, tile_id) END,
                       array_agg(embedding ORDER BY place, tile_id),
                       -- Rounding to real moves no edge by so much.
                       array_agg(ARRAY[ST_XMin(footprint) - 2e-5, ST_YMin(footprint) - 2e-5, ST_XMax(footprint) + 2e-5, ST_YMax(footprint) + 2e-5]::real[] ORDER BY place, tile_id)
                FROM packed GROUP BY id, part ORDER BY id, part
        )
        SELECT count(*) FROM new_cell$sql$, tilescout.embedding_table(of_run.model_id))
        INTO cells USING of_run.model_id, of_run.id, of_run.collection_id, tiles_per_cell, tilescout.tiles_per_pack(dimension);
    -- Lists, and such as are being made, hold no run that is published for the first time, which does not wait for them; and of a quiet night there is nothing that they could hold.
    IF gone > 0 OR cells > 0 AND EXISTS (SELECT FROM tilescout.model AS m WHERE m.id = of_run.model_id AND m.looks_through_run >= of_run.id) THEN
        PERFORM tilescout.forget_looks(of_run.id);
    END IF;
    PERFORM tilescout.code_run(of_run.id);
    RETURN cells;
END $$;
COMMENT ON FUNCTION tilescout.summarise_run IS 'Lays a run''s vectors down in cells and packs, anew; publishing does it. Returns the number of cells.';

-- Deleting tiles takes their vectors along, and deleting scenes their tiles: once a statement, where foreign keys would cost every inserted row.
CREATE OR REPLACE FUNCTION tilescout.drop_vectors_of_tiles()
RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    m record;
    of_scenes bigint[] := (SELECT array_agg(DISTINCT g.scene_id) FROM gone AS g);
BEGIN
    FOR m IN SELECT id FROM tilescout.model LOOP
        EXECUTE format('DELETE FROM tilescout.%I AS e USING gone WHERE e.tile_id = gone.id AND e.collection_id = gone.collection_id',
            tilescout.embedding_table(m.id));
    END LOOP;
    IF of_scenes IS NOT NULL THEN
        -- Cells of nothing else go too; of others, answers are looked up from now on.
        DELETE FROM tilescout.cell AS c WHERE c.scenes && of_scenes AND c.scenes <@ of_scenes
            AND NOT EXISTS (SELECT FROM tilescout.pack AS p CROSS JOIN LATERAL unnest(p.tiles) AS x (id)
                JOIN tilescout.tile AS t ON t.id = x.id AND t.collection_id = c.collection_id WHERE p.cell_id = c.id);
        UPDATE tilescout.cell AS c SET stale = true WHERE c.scenes && of_scenes AND NOT c.stale;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tilescout.drop_vectors_of_tiles IS 'Trigger: the vectors of deleted tiles go with them, and their cells or the cells'' promise that nothing is gone.';

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

-- Runs published before there were packs, or whose packs a migration has emptied.
DO $$
BEGIN
    PERFORM tilescout.summarise_run(r.id) FROM tilescout.run AS r
        WHERE r.state IN ('published', 'rolled_back') AND NOT EXISTS (SELECT FROM tilescout.cell AS c WHERE c.run_id = r.id);
END $$;
