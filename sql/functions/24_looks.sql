CREATE OR REPLACE FUNCTION tilescout.sort_by_look(of_model int, through int)
-- Nothing, unless tilescout.settle_packs gives it the body that the extension tilescout_packs needs: searches in SQL read no lists.
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS 'BEGIN END';
COMMENT ON FUNCTION tilescout.sort_by_look IS 'Sorts the vectors of a model''s runs up to this one into lists of such as look alike, and puts these in the former ones'' place. Searches go on meanwhile.';

CREATE OR REPLACE FUNCTION tilescout.settle_looks(of_model int)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    known CONSTANT tilescout.model := (SELECT m FROM tilescout.model AS m WHERE m.id = of_model);
BEGIN
    IF known.hnsw_through_run IS NOT NULL AND known.hnsw_through_run IS DISTINCT FROM known.looks_through_run THEN
        PERFORM tilescout.sort_by_look(of_model, known.hnsw_through_run);
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.settle_looks IS 'Makes lists by look of the runs that the model''s index holds, where those that there are hold others.';

CREATE OR REPLACE FUNCTION tilescout.forget_looks(of_run int)
RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DELETE FROM tilescout.look AS l USING tilescout.run AS r, tilescout.model AS m
        WHERE r.id = of_run AND m.id = r.model_id AND m.looks_through_run >= r.id AND l.generation = m.looks_generation;
    UPDATE tilescout.model AS m SET looks_generation = NULL, looks_through_run = NULL FROM tilescout.run AS r
        WHERE r.id = of_run AND m.id = r.model_id AND m.looks_through_run >= r.id;
$$;
COMMENT ON FUNCTION tilescout.forget_looks IS 'Drops the lists that hold a run whose cells are laid down anew, for they name vectors by their places in these. The next build of the index makes others.';
