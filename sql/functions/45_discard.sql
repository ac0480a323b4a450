CREATE OR REPLACE FUNCTION tilescout.discard_scene(run_id int, scene_id bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run;
    discarded bigint;
BEGIN
    of_run := tilescout.running_run(run_id);
    -- What other runs brought of the scene stays: another way of cutting it, or another model.
    EXECUTE format('DELETE FROM tilescout.%I AS e WHERE e.run_id = $1 AND e.scene_id = $2', tilescout.embedding_table(of_run.model_id))
        USING of_run.id, discard_scene.scene_id;
    DELETE FROM tilescout.run_claim AS c USING tilescout.tile AS t
        WHERE c.run_id = of_run.id AND t.id = c.tile_id AND t.collection_id = c.collection_id AND t.scene_id = discard_scene.scene_id;
    DELETE FROM tilescout.tile AS t WHERE t.run_id = of_run.id AND t.scene_id = discard_scene.scene_id;
    GET DIAGNOSTICS discarded = ROW_COUNT;
    DELETE FROM tilescout.run_scene AS l WHERE l.run_id = of_run.id AND l.scene_id = discard_scene.scene_id;
    -- The file's new bytes are no good: the scene that it held before stays visible, and the file is read again next time.
    UPDATE tilescout.retirement AS x SET revived_by = NULL WHERE x.scene_id = discard_scene.scene_id AND x.revived_by = of_run.id;
    UPDATE tilescout.scene_file AS f SET scene_id = x.scene_id, modified_ns = 0
        FROM tilescout.retirement AS x
        WHERE x.retired_by = of_run.id AND f.collection_id = of_run.collection_id AND f.path = x.path AND f.scene_id = discard_scene.scene_id;
    DELETE FROM tilescout.retirement AS x USING tilescout.scene_file AS f
        WHERE x.retired_by = of_run.id AND f.collection_id = of_run.collection_id AND f.path = x.path AND f.scene_id = x.scene_id;
    DELETE FROM tilescout.scene AS s
        WHERE s.id = discard_scene.scene_id AND s.run_id = of_run.id
          AND NOT EXISTS (SELECT FROM tilescout.tile AS t WHERE t.scene_id = s.id);
    RETURN discarded;
END $$;
COMMENT ON FUNCTION tilescout.discard_scene IS
    'Takes back what a running run stored of a scene that failed half-way. Returns the number of tiles taken back.';

CREATE OR REPLACE FUNCTION tilescout.discard_failed(run_id int)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    half record;
    discarded bigint := 0;
BEGIN
    -- What a worker that died over a scene had stored of it, or one tile size of a scene whose other size failed. Bytes that
    -- another file brought as well are good, where it brought them in the same size.
    FOR half IN
        SELECT DISTINCT s.id FROM tilescout.job AS j
        JOIN tilescout.run AS r ON r.id = j.run_id
        JOIN tilescout.scene_file AS f ON f.collection_id = r.collection_id AND f.path = j.path
        JOIN tilescout.scene AS s ON s.id = f.scene_id
        WHERE j.run_id = discard_failed.run_id AND j.state IN ('failed', 'dead')
          AND NOT EXISTS (
              SELECT FROM tilescout.scene_file AS other JOIN tilescout.job AS good ON good.run_id = j.run_id AND good.path = other.path
              WHERE other.scene_id = s.id AND other.path <> j.path AND good.tiling_id = j.tiling_id AND good.state IN ('ingested', 'known'))
    LOOP
        discarded := discarded + tilescout.discard_scene(discard_failed.run_id, half.id);
    END LOOP;
    RETURN discarded;
END $$;
COMMENT ON FUNCTION tilescout.discard_failed IS
    'Before a run is published: takes back what it stored of scenes that did not come through. Returns the number of tiles.';
