CREATE OR REPLACE FUNCTION tilescout.discard_scene(run_id int, scene_id bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run;
    discarded bigint;
BEGIN
    SELECT r.* INTO of_run FROM tilescout.run AS r WHERE r.id = discard_scene.run_id FOR UPDATE;
    IF NOT FOUND OR of_run.state <> 'running' THEN
        RAISE EXCEPTION 'run % is not running', run_id USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- What other runs brought of the scene stays: another way of cutting it, or another model.
    EXECUTE format('DELETE FROM tilescout.%I AS e WHERE e.run_id = $1 AND e.scene_id = $2', tilescout.embedding_table(of_run.model_id))
        USING of_run.id, discard_scene.scene_id;
    DELETE FROM tilescout.run_claim AS c USING tilescout.tile AS t
        WHERE c.run_id = of_run.id AND t.id = c.tile_id AND t.collection_id = c.collection_id AND t.scene_id = discard_scene.scene_id;
    DELETE FROM tilescout.tile AS t WHERE t.run_id = of_run.id AND t.scene_id = discard_scene.scene_id;
    GET DIAGNOSTICS discarded = ROW_COUNT;
    DELETE FROM tilescout.run_scene AS l WHERE l.run_id = of_run.id AND l.scene_id = discard_scene.scene_id;
    -- The file's new bytes are no good: the scene that it held before stays visible.
    UPDATE tilescout.scene AS former SET retired_run_id = NULL
        FROM tilescout.scene AS s
        WHERE s.id = discard_scene.scene_id AND former.retired_run_id = of_run.id AND former.path = s.path AND former.id <> s.id;
    DELETE FROM tilescout.scene AS s
        WHERE s.id = discard_scene.scene_id AND s.run_id = of_run.id
          AND NOT EXISTS (SELECT FROM tilescout.tile AS t WHERE t.scene_id = s.id);
    RETURN discarded;
END $$;
COMMENT ON FUNCTION tilescout.discard_scene IS
    'Takes back what a running run stored of a scene that failed half-way. Returns the number of tiles taken back.';
