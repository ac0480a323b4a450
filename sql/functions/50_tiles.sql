CREATE OR REPLACE FUNCTION tilescout.prepare_staging()
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
BEGIN
    IF to_regclass('pg_temp.tile_staging') IS NULL THEN
        CREATE TEMP TABLE tile_staging (
            tile_id        uuid,
            scene_id       bigint,
            x              int,
            y              int,
            width          int,
            height         int,
            crs            text,
            geotransform   double precision[],
            valid_fraction real,
            cloud_fraction real,
            footprint      geometry,
            embedding      halfvec
        ) ON COMMIT DELETE ROWS;
        -- As in the tables that rows go to: vectors stay in the row.
        ALTER TABLE pg_temp.tile_staging SET (toast_tuple_target = 8160);
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.prepare_staging IS 'Makes the session''s staging table, pg_temp.tile_staging, where COPY puts a batch for tilescout.merge_tiles.';

CREATE OR REPLACE FUNCTION tilescout.merge_tiles(run_id int, tiling_id int, OUT inserted bigint, OUT already_there bigint)
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run;
    of_model tilescout.model;
    target text;
    wrong record;
    staged bigint;
    hidden int[];
BEGIN
    -- Locked, so that nothing enters a run while it is published, or after.
    of_run := tilescout.running_run(run_id);
    SELECT m.* INTO of_model FROM tilescout.model AS m WHERE m.id = of_run.model_id;
    target := tilescout.embedding_table(of_model.id);

    SELECT count(*) INTO staged FROM pg_temp.tile_staging;
    SELECT s.tile_id, vector_dims(s.embedding) AS dimension INTO wrong
        FROM pg_temp.tile_staging AS s
        WHERE vector_dims(s.embedding) <> of_model.dimension OR l2_norm(s.embedding) = 0 LIMIT 1;
    IF FOUND THEN
        IF wrong.dimension <> of_model.dimension THEN
            RAISE EXCEPTION 'the vector of tile % has % dimensions, those of model % have %', wrong.tile_id, wrong.dimension, of_model.name, of_model.dimension
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        RAISE EXCEPTION 'the vector of tile % is zero: it has no direction to compare', wrong.tile_id USING ERRCODE = 'invalid_parameter_value';
    END IF;

    -- Locked, so that nobody forgets a scene while its tiles go in.
    PERFORM FROM tilescout.scene AS s WHERE s.id IN (SELECT scene_id FROM pg_temp.tile_staging) ORDER BY s.id FOR KEY SHARE;
    SELECT s.scene_id INTO wrong FROM (SELECT DISTINCT scene_id FROM pg_temp.tile_staging) AS s
        LEFT JOIN tilescout.scene AS scene ON scene.id = s.scene_id AND scene.collection_id = of_run.collection_id
        WHERE scene.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'scene % is not in the collection of run %', wrong.scene_id, run_id
            USING ERRCODE = 'invalid_parameter_value', HINT = 'it may have been forgotten meanwhile';
    END IF;

    -- Rows come sorted by id, so that concurrent merges meet each other's keys in one order and never deadlock.
    INSERT INTO tilescout.tile AS t (id, collection_id, scene_id, tiling_id, run_id, x, y, width, height, crs, geotransform,
            valid_fraction, cloud_fraction, footprint)
        SELECT s.tile_id, of_run.collection_id, s.scene_id, merge_tiles.tiling_id, of_run.id, s.x, s.y, s.width, s.height, s.crs, s.geotransform,
               s.valid_fraction, s.cloud_fraction, s.footprint
        FROM pg_temp.tile_staging AS s
        ON CONFLICT (id, collection_id) DO NOTHING;

    EXECUTE format($sql$
        WITH entered AS (
            INSERT INTO tilescout.%1$I (tile_id, collection_id, scene_id, run_id, acquired_at, valid_fraction, cloud_fraction,
                    ground_sample_distance, footprint, embedding, place)
                SELECT s.tile_id, $2, s.scene_id, $1, scene.acquired_at, s.valid_fraction, s.cloud_fraction,
                       scene.ground_sample_distance, s.footprint,
                       CASE WHEN abs(l2_norm(s.embedding) - 1) > 0.0005 THEN l2_normalize(s.embedding) ELSE s.embedding END,
                       tilescout.place_of(s.footprint)
                FROM pg_temp.tile_staging AS s JOIN tilescout.scene AS scene ON scene.id = s.scene_id
                ON CONFLICT (tile_id, collection_id) DO NOTHING
                RETURNING scene_id
        ), per_scene AS (
            SELECT scene_id, count(*) AS entered FROM entered GROUP BY scene_id
        ), ledger AS (
            INSERT INTO tilescout.run_scene AS l (run_id, scene_id, tiling_id, stored, already_there)
                SELECT $1, s.scene_id, $3, coalesce(min(p.entered), 0), count(*) - coalesce(min(p.entered), 0)
                FROM pg_temp.tile_staging AS s LEFT JOIN per_scene AS p USING (scene_id)
                GROUP BY s.scene_id ORDER BY s.scene_id
                ON CONFLICT (run_id, scene_id, tiling_id) DO UPDATE
                    SET stored = l.stored + excluded.stored, already_there = l.already_there + excluded.already_there, updated_at = now()
        )
        SELECT coalesce(sum(entered), 0)::bigint FROM per_scene$sql$, target)
        INTO inserted USING of_run.id, of_run.collection_id, merge_tiles.tiling_id;
    already_there := staged - inserted;

    IF already_there > 0 THEN
        SELECT array_agg(r.id) INTO hidden FROM tilescout.run AS r WHERE r.state <> 'published' AND r.id <> of_run.id;
        EXECUTE format($sql$
            INSERT INTO tilescout.run_claim (run_id, tile_id, collection_id)
                SELECT $1, e.tile_id, e.collection_id FROM tilescout.%1$I AS e JOIN pg_temp.tile_staging AS s ON s.tile_id = e.tile_id
                WHERE e.collection_id = $2 AND e.run_id = ANY ($3)
                ON CONFLICT DO NOTHING$sql$, target)
            USING of_run.id, of_run.collection_id, hidden;
    END IF;
    -- A tile row may be older than its vector: another model's run, not published yet, brought it.
    INSERT INTO tilescout.run_claim (run_id, tile_id, collection_id)
        SELECT of_run.id, t.id, t.collection_id
        FROM tilescout.tile AS t JOIN pg_temp.tile_staging AS s ON s.tile_id = t.id
        JOIN tilescout.run AS r ON r.id = t.run_id
        WHERE t.collection_id = of_run.collection_id AND r.id <> of_run.id AND r.state <> 'published'
        ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION tilescout.merge_tiles IS
    'Moves the session''s staged batch into tiles and vectors, with the ledger: new rows in, known ones left as they are. Returns how many were new.';

CREATE OR REPLACE FUNCTION tilescout.existing_tiles(run_id int, tiles uuid[])
RETURNS SETOF uuid LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run;
    hidden int[];
BEGIN
    SELECT r.* INTO STRICT of_run FROM tilescout.run AS r WHERE r.id = existing_tiles.run_id;
    SELECT array_agg(r.id) INTO hidden FROM tilescout.run AS r WHERE r.state <> 'published' AND r.id <> of_run.id;
    IF hidden IS NOT NULL THEN
        EXECUTE format('INSERT INTO tilescout.run_claim (run_id, tile_id, collection_id)
            SELECT $1, e.tile_id, e.collection_id FROM tilescout.%I AS e
            WHERE e.tile_id = ANY ($2) AND e.collection_id = $3 AND e.run_id = ANY ($4) ORDER BY e.tile_id ON CONFLICT DO NOTHING',
            tilescout.embedding_table(of_run.model_id)) USING of_run.id, existing_tiles.tiles, of_run.collection_id, hidden;
    END IF;
    RETURN QUERY EXECUTE format('SELECT e.tile_id FROM tilescout.%I AS e WHERE e.tile_id = ANY ($1) AND e.collection_id = $2',
        tilescout.embedding_table(of_run.model_id)) USING existing_tiles.tiles, of_run.collection_id;
END $$;
COMMENT ON FUNCTION tilescout.existing_tiles IS
    'Those of the tiles that the run''s model has embedded in its collection: they need no encoding. Counts them as met by the run, so that publishing shows them.';
