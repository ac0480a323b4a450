CREATE OR REPLACE FUNCTION tilescout.rollback_run(run_id int, through boolean DEFAULT false)
RETURNS int[] LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_run tilescout.run;
    later int[];
    horizon bigint;
    served text;
    cut record;
    vectors bigint;
    one int;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tilescout.publish_run'));
    SELECT r.* INTO of_run FROM tilescout.run AS r WHERE r.id = rollback_run.run_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no run %', run_id USING ERRCODE = 'no_data_found';
    ELSIF of_run.state <> 'published' THEN
        RAISE EXCEPTION 'run % is % and not published', run_id, of_run.state USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- A cut-over brought vectors, and replaced nothing.
    IF of_run.kind = 'reembed' THEN
        SELECT m.name INTO served FROM tilescout.model AS m WHERE m.id = of_run.model_id AND m.serving;
        IF FOUND THEN
            RAISE EXCEPTION 'run % made vectors of model %, which serves: searches would find nothing', run_id, served
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'switch back first: tilescout reembed --model FORMER';
        END IF;
    ELSE
        SELECT c.pruned_through INTO horizon FROM tilescout.collection AS c WHERE c.id = of_run.collection_id;
        IF of_run.publish_order <= horizon THEN
            RAISE EXCEPTION 'what run % replaced has been deleted since: retention', run_id USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        -- A later run may have replaced what this one brought: the newest goes first.
        SELECT array_agg(r.id ORDER BY r.publish_order DESC) INTO later FROM tilescout.run AS r
            WHERE r.collection_id = of_run.collection_id AND r.state = 'published' AND r.publish_order > of_run.publish_order AND r.kind <> 'reembed';
        IF later IS NOT NULL AND NOT through THEN
            RAISE EXCEPTION 'run % of the same collection was published after run %', later[1], run_id
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'roll that back first, or all of them with --through';
        END IF;
    END IF;
    later := coalesce(later, '{}') || of_run.id;
    FOREACH one IN ARRAY later LOOP
        -- The files hold again what they held before, and their times fit nothing: the next run reads them.
        UPDATE tilescout.scene_file AS f SET scene_id = x.scene_id, modified_ns = 0
            FROM tilescout.retirement AS x JOIN tilescout.scene AS s ON s.id = x.scene_id
            JOIN tilescout.run AS r ON r.id = s.run_id AND r.state = 'published' AND r.id <> one
            WHERE x.retired_by = one AND x.path IS NOT NULL AND f.collection_id = of_run.collection_id AND f.path = x.path;
        -- Vectors that a cut-over made of its tiles lie under the cut-over's number, and would stay visible. They are made again when needed.
        FOR cut IN SELECT r.id, r.model_id FROM tilescout.run AS r
            WHERE r.collection_id = of_run.collection_id AND r.kind = 'reembed' AND r.id <> one ORDER BY r.id
        LOOP
            EXECUTE format('DELETE FROM tilescout.%I AS e USING tilescout.run_scene AS l, tilescout.tile AS t
                WHERE l.run_id = $1 AND t.scene_id = l.scene_id AND t.tiling_id = l.tiling_id AND t.run_id = $1
                  AND e.tile_id = t.id AND e.collection_id = t.collection_id AND e.run_id = $2',
                tilescout.embedding_table(cut.model_id)) USING one, cut.id;
            GET DIAGNOSTICS vectors = ROW_COUNT;
            IF vectors > 0 AND EXISTS (SELECT FROM tilescout.cell AS c WHERE c.run_id = cut.id) THEN
                -- Its packs hold them too.
                PERFORM tilescout.summarise_run(cut.id);
            END IF;
            -- Nor does one that is under way make more of them.
            DELETE FROM tilescout.job AS j USING tilescout.run_scene AS mine, tilescout.scene AS s
                WHERE mine.run_id = one AND s.id = mine.scene_id AND j.run_id = cut.id AND j.path = s.path AND j.state = 'waiting';
            IF EXISTS (SELECT FROM tilescout.job AS j JOIN tilescout.scene AS s ON s.path = j.path JOIN tilescout.run_scene AS mine ON mine.scene_id = s.id AND mine.run_id = one
                    WHERE j.run_id = cut.id AND j.state = 'leased') THEN
                RAISE EXCEPTION 'run % makes vectors of scenes of run % just now', cut.id, one USING ERRCODE = 'object_in_use', HINT = 'stop tilescout reembed first, and go on with it afterwards';
            END IF;
            DELETE FROM tilescout.run_scene AS l USING tilescout.run_scene AS mine
                WHERE mine.run_id = one AND l.run_id = cut.id AND l.scene_id = mine.scene_id AND l.tiling_id = mine.tiling_id;
        END LOOP;
        UPDATE tilescout.run AS r SET state = 'rolled_back', publish_order = NULL WHERE r.id = one;
    END LOOP;
    RETURN later;
END $$;
COMMENT ON FUNCTION tilescout.rollback_run IS
    'Hides again what a run brought, and shows what it replaced, at once; through: the later runs of the collection as well, model cut-overs excepted. Returns the runs, newest first.';

CREATE OR REPLACE FUNCTION tilescout.prune(collection text, keep_runs int)
RETURNS TABLE (scenes bigint, tiles bigint, jobs bigint) LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    of_collection int;
    horizon bigint;
    old record;
BEGIN
    IF keep_runs IS NULL OR keep_runs < 1 THEN
        RAISE EXCEPTION 'keep_runs is %, but must be at least 1', coalesce(keep_runs::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Two prunes wait for each other; what is loaded into the collection meanwhile, whose foreign keys ask for less, does not.
    SELECT c.id INTO STRICT of_collection FROM tilescout.collection AS c WHERE c.name = prune.collection FOR NO KEY UPDATE;
    SELECT r.publish_order INTO horizon FROM tilescout.run AS r
        WHERE r.collection_id = of_collection AND r.state = 'published' ORDER BY r.publish_order DESC OFFSET keep_runs LIMIT 1;
    scenes := 0; tiles := 0; jobs := 0;
    IF horizon IS NOT NULL THEN
        FOR old IN
            SELECT DISTINCT x.scene_id AS id FROM tilescout.retirement AS x JOIN tilescout.run AS gone ON gone.id = x.retired_by
            LEFT JOIN tilescout.run AS back ON back.id = x.revived_by
            WHERE gone.collection_id = of_collection AND gone.state = 'published' AND gone.publish_order <= horizon AND back.id IS NULL
        LOOP
            tiles := tiles + tilescout.forget_scene(old.id);
            scenes := scenes + 1;
        END LOOP;
        UPDATE tilescout.collection AS c SET pruned_through = greatest(c.pruned_through, horizon) WHERE c.id = of_collection;
        DELETE FROM tilescout.job AS j USING tilescout.run AS r
            WHERE r.id = j.run_id AND r.collection_id = of_collection AND r.state = 'published' AND r.publish_order <= horizon;
        GET DIAGNOSTICS jobs = ROW_COUNT;
    END IF;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION tilescout.prune IS
    'Deletes what was replaced before the last keep_runs publications of a collection: neither rollback nor as_of goes back further afterwards.';

CREATE OR REPLACE FUNCTION tilescout.model_coverage(model text)
RETURNS TABLE (tiles bigint, missing bigint) LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    known int;
    h record;
BEGIN
    SELECT m.id INTO known FROM tilescout.model AS m WHERE m.name = model_coverage.model;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no model %', model USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT coalesce(runs, '{}') AS runs, coalesce(scenes, '{}') AS scenes INTO h FROM tilescout.hidden();
    RETURN QUERY EXECUTE format('SELECT count(*), count(*) FILTER (WHERE e.tile_id IS NULL)
        FROM tilescout.tile AS t LEFT JOIN tilescout.%I AS e
            ON e.tile_id = t.id AND e.collection_id = t.collection_id AND NOT e.run_id = ANY ($1)
        WHERE NOT t.run_id = ANY ($1) AND NOT t.scene_id = ANY ($2)', tilescout.embedding_table(known)) USING h.runs, h.scenes;
END $$;
COMMENT ON FUNCTION tilescout.model_coverage IS 'Visible tiles, and how many of them a model has no visible vector of.';

CREATE OR REPLACE FUNCTION tilescout.serve_model(model text, partly boolean DEFAULT false)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    before text;
    lacking bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tilescout.register_model'));
    SELECT c.missing INTO lacking FROM tilescout.model_coverage(serve_model.model) AS c;
    IF lacking > 0 AND NOT partly THEN
        RAISE EXCEPTION '% visible tiles have no vector of model %', lacking, model
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'fill its table first: tilescout reembed --model ' || model;
    END IF;
    SELECT m.name INTO before FROM tilescout.model AS m WHERE m.serving;
    UPDATE tilescout.model AS m SET serving = false WHERE m.serving AND m.name <> serve_model.model;
    UPDATE tilescout.model AS m SET serving = true WHERE m.name = serve_model.model AND NOT m.serving;
    RETURN before;
END $$;
COMMENT ON FUNCTION tilescout.serve_model IS
    'Makes a model the one that searches use when none is named; refuses one that lacks vectors of visible tiles, unless partly. Returns the model that served before.';
