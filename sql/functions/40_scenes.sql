CREATE OR REPLACE FUNCTION tilescout.tiling_id(canonical text)
RETURNS int LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    known int;
BEGIN
    SELECT t.id INTO known FROM tilescout.tiling AS t WHERE t.canonical = tiling_id.canonical;
    IF NOT FOUND THEN
        INSERT INTO tilescout.tiling (canonical) VALUES (tiling_id.canonical) ON CONFLICT (canonical) DO NOTHING;
        SELECT t.id INTO STRICT known FROM tilescout.tiling AS t WHERE t.canonical = tiling_id.canonical;
    END IF;
    RETURN known;
END $$;
COMMENT ON FUNCTION tilescout.tiling_id IS 'The id of a way of cutting, given as its canonical text; made known when new.';

CREATE OR REPLACE FUNCTION tilescout.scene_status(run_id int, tiling_id int, path text, size bigint, modified_ns bigint, sha256 text)
RETURNS TABLE (scene_id bigint, complete boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    -- By its bytes where they are known, else by path, size and time as last read. Complete: this run, or a published one of
    -- the same model and tiling, has been through the scene, and no later run found the file replaced.
    SELECT s.id,
           EXISTS (SELECT FROM tilescout.run_scene AS l JOIN tilescout.run AS r ON r.id = l.run_id
                   WHERE l.scene_id = s.id AND l.tiling_id = $2 AND l.complete
                     AND r.model_id = asking.model_id AND (r.id = asking.id OR r.state = 'published'))
           AND NOT EXISTS (SELECT FROM tilescout.retirement AS x JOIN tilescout.run AS gone ON gone.id = x.retired_by
                   LEFT JOIN tilescout.run AS back ON back.id = x.revived_by AND (back.id = asking.id OR back.state = 'published')
                   WHERE x.scene_id = s.id AND (gone.id = asking.id OR gone.state = 'published') AND back.id IS NULL)
           AND EXISTS (SELECT FROM tilescout.run AS r WHERE r.id = s.run_id AND (r.id = asking.id OR r.state = 'published'))
    FROM tilescout.run AS asking
    JOIN tilescout.scene AS s ON s.collection_id = asking.collection_id
    WHERE asking.id = $1
      AND CASE WHEN $6 IS NOT NULL THEN s.sha256 = $6
               ELSE s.id = (SELECT f.scene_id FROM tilescout.scene_file AS f
                            WHERE f.collection_id = asking.collection_id AND f.path = $3 AND f.size = $4 AND f.modified_ns = $5
                              -- Come back, it is noted.
                              AND f.missing_run_id IS NULL) END
$$;
COMMENT ON FUNCTION tilescout.scene_status IS
    'The scene that a file holds, and whether nothing is left to do for it. Without sha256 it is told by path, size and time: no byte is read. No row: unknown.';

CREATE OR REPLACE FUNCTION tilescout.note_scene_file(run_id int, scene_id bigint, path text, size bigint, modified_ns bigint)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    before bigint;
    of_collection int;
BEGIN
    of_collection := (tilescout.running_run(run_id)).collection_id;
    SELECT f.scene_id INTO before FROM tilescout.scene_file AS f
        WHERE f.collection_id = of_collection AND f.path = note_scene_file.path FOR UPDATE;
    INSERT INTO tilescout.scene_file AS f (collection_id, path, size, modified_ns, scene_id)
        VALUES (of_collection, note_scene_file.path, note_scene_file.size, note_scene_file.modified_ns, note_scene_file.scene_id)
        ON CONFLICT (collection_id, path) DO UPDATE
            SET size = excluded.size, modified_ns = excluded.modified_ns, scene_id = excluded.scene_id, missing_run_id = NULL
            WHERE (f.size, f.modified_ns, f.scene_id, f.missing_run_id)
                IS DISTINCT FROM (excluded.size, excluded.modified_ns, excluded.scene_id, NULL::int);
    -- The file holds other bytes than before: its former scene goes, unless another file still holds it.
    IF before <> note_scene_file.scene_id THEN
        INSERT INTO tilescout.retirement AS x (scene_id, retired_by, path)
            SELECT before, note_scene_file.run_id, note_scene_file.path
            WHERE NOT EXISTS (SELECT FROM tilescout.scene_file AS f WHERE f.scene_id = before)
            ON CONFLICT (scene_id, retired_by) DO UPDATE SET revived_by = NULL, path = excluded.path;
    END IF;
    -- Bytes that had gone are back: visible again with this run, not before.
    DELETE FROM tilescout.retirement AS x WHERE x.scene_id = note_scene_file.scene_id AND x.retired_by = note_scene_file.run_id;
    UPDATE tilescout.retirement AS x SET revived_by = note_scene_file.run_id
        WHERE x.scene_id = note_scene_file.scene_id
          AND NOT EXISTS (SELECT FROM tilescout.run AS back WHERE back.id = x.revived_by AND back.state = 'published');
END $$;
COMMENT ON FUNCTION tilescout.note_scene_file IS
    'Remembers which scene a file holds. A scene that no file holds any more is retired, and hidden once the run is published.';

CREATE OR REPLACE FUNCTION tilescout.upsert_scene(
    run_id int, sha256 text, path text, size bigint, modified_ns bigint, driver text, width int, height int,
    band_count int, band_descriptions text[], data_type text, nodata double precision, crs_name text, crs_wkt text,
    geotransform double precision[], ground_sample_distance double precision, acquired_at timestamptz, acquired_source text,
    footprint bytea, stretch jsonb)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_collection int;
    known bigint;
BEGIN
    of_collection := (tilescout.running_run(run_id)).collection_id;
    INSERT INTO tilescout.scene (collection_id, sha256, path, size, driver, width, height, band_count, band_descriptions, data_type,
            nodata, crs_name, crs_wkt, geotransform, ground_sample_distance, acquired_at, acquired_source, footprint, stretch, run_id)
        VALUES (of_collection, $2, $3, $4, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
            ST_GeomFromEWKB($19), $20, $1)
        ON CONFLICT (collection_id, sha256) DO NOTHING
        RETURNING id INTO known;
    IF known IS NULL THEN
        SELECT s.id INTO STRICT known FROM tilescout.scene AS s WHERE s.collection_id = of_collection AND s.sha256 = upsert_scene.sha256;
    END IF;
    PERFORM tilescout.note_scene_file(upsert_scene.run_id, known, upsert_scene.path, upsert_scene.size, upsert_scene.modified_ns);
    RETURN known;
END $$;
COMMENT ON FUNCTION tilescout.upsert_scene IS 'Stores a scene, or finds the one of the same bytes in the run''s collection, and notes its file. Returns its id.';

CREATE OR REPLACE FUNCTION tilescout.finish_scene(run_id int, scene_id bigint, tiling_id int, skipped jsonb, tiles uuid[] DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run := tilescout.running_run(run_id);
    present bigint;
    lacking bigint;
BEGIN
    IF tiles IS NOT NULL THEN
        EXECUTE format('SELECT count(*) FROM tilescout.%I AS e WHERE e.tile_id = ANY ($1) AND e.collection_id = $2',
            tilescout.embedding_table(of_run.model_id)) INTO present USING tiles, of_run.collection_id;
        lacking := (SELECT count(DISTINCT t) FROM unnest(tiles) AS t) - present - (SELECT coalesce(sum(s.value::bigint), 0) FROM jsonb_each_text(finish_scene.skipped) AS s);
        IF lacking > 0 THEN
            RAISE EXCEPTION '% of its tiles were taken away while it was cut: its scene was forgotten, or a run discarded that had stored them', lacking
                USING ERRCODE = 'serialization_failure', HINT = 'the next run goes through it again';
        END IF;
    END IF;
    -- What is there and was not stored by this run was there already, whether it was met by look-up or by a merge.
    INSERT INTO tilescout.run_scene AS l (run_id, scene_id, tiling_id, complete, skipped, layout, already_there)
        VALUES (of_run.id, finish_scene.scene_id, finish_scene.tiling_id, true, finish_scene.skipped, cardinality(tiles), coalesce(present, 0))
        ON CONFLICT (run_id, scene_id, tiling_id) DO UPDATE
            SET complete = true, skipped = excluded.skipped, layout = excluded.layout, updated_at = now(),
                already_there = CASE WHEN excluded.layout IS NULL THEN l.already_there ELSE greatest(excluded.already_there - l.stored, 0) END;
END $$;
COMMENT ON FUNCTION tilescout.finish_scene IS
    'Marks a scene as gone through by a run, with the tiles that were left out by reason. tiles: all of the layout, which are counted against what is stored; raises 40001 where some are neither.';

CREATE OR REPLACE FUNCTION tilescout.find_scenes(what text, collection text DEFAULT NULL)
RETURNS SETOF tilescout.scene LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    -- By number, by path of any of its files, or by at least eight leading digits of the SHA-256.
    SELECT s.* FROM tilescout.scene AS s JOIN tilescout.collection AS c ON c.id = s.collection_id
    WHERE ($2 IS NULL OR c.name = $2)
      AND (s.id::text = $1
           OR s.id IN (SELECT f.scene_id FROM tilescout.scene_file AS f WHERE f.path = $1)
           OR s.path = $1
           OR ($1 ~ '^[0-9a-f]{8,64}$' AND starts_with(s.sha256, $1)))
    ORDER BY s.id
$$;
COMMENT ON FUNCTION tilescout.find_scenes IS 'Scenes by number, by path, or by eight or more leading digits of their SHA-256.';

CREATE OR REPLACE FUNCTION tilescout.forget_scene(scene_id bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    tiles bigint;
BEGIN
    PERFORM FROM tilescout.scene AS s WHERE s.id = forget_scene.scene_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no scene %', scene_id USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM tilescout.tile AS t WHERE t.scene_id = forget_scene.scene_id;
    GET DIAGNOSTICS tiles = ROW_COUNT;
    DELETE FROM tilescout.scene AS s WHERE s.id = forget_scene.scene_id;
    RETURN tiles;
END $$;
COMMENT ON FUNCTION tilescout.forget_scene IS 'Removes a scene with its tiles and vectors, of every model, at once. Returns the number of tiles.';
