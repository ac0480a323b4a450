CREATE OR REPLACE FUNCTION tilescout.sort_by_look(of_model int, through int)
-- Nothing, unless tilescout.settle_packs gives it the body that the extension tilescout_packs needs: searches in SQL read no lists.
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS 'BEGIN END';
COMMENT ON FUNCTION tilescout.sort_by_look IS 'Sorts the vectors of a model''s runs up to this one into lists of such as look alike, and puts these in the former ones'' place. Searches go on meanwhile.';

CREATE OR REPLACE FUNCTION tilescout.coded_in(of_model int)
RETURNS oid[] LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT array_agg(pg_relation_filenode(to_regclass('tilescout.' || t.name)) ORDER BY t.name) || (SELECT replace(e.extversion, '.', '')::oid FROM pg_extension AS e WHERE e.extname = 'tilescout_packs')
    FROM unnest(ARRAY[tilescout.embedding_table($1), 'code', 'look']) AS t (name)
$$;
COMMENT ON FUNCTION tilescout.coded_in IS 'The files of the tables whose rows a model''s codes and lists find by their places: other ones once a table has been written anew (VACUUM FULL, CLUSTER, a restored dump); and the version of the extension that writes these rows.';

CREATE OR REPLACE FUNCTION tilescout.settle_codes(of_model int)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    known CONSTANT tilescout.model := (SELECT m FROM tilescout.model AS m WHERE m.id = of_model);
BEGIN
    IF known.coded_in IS DISTINCT FROM tilescout.coded_in(of_model) THEN
        DELETE FROM tilescout.code AS o USING tilescout.cell AS c WHERE c.id = o.cell_id AND c.model_id = of_model;
        DELETE FROM tilescout.look AS l WHERE l.generation = known.looks_generation;
        UPDATE tilescout.cell AS c SET parts = NULL WHERE c.model_id = of_model AND c.parts IS NOT NULL;
        UPDATE tilescout.model AS m SET looks_generation = NULL, looks_through_run = NULL, coded_in = tilescout.coded_in(of_model) WHERE m.id = of_model;
    END IF;
    PERFORM tilescout.code_run(r.id) FROM tilescout.run AS r WHERE r.model_id = of_model;
END $$;
COMMENT ON FUNCTION tilescout.settle_codes IS 'Codes what of a model is not coded; all of it anew, and its lists with the next tilescout.settle_looks, where rows no longer lie where codes say. Until then they are found by their keys, which takes longer.';

CREATE OR REPLACE FUNCTION tilescout.settle_looks(of_model int)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    through CONSTANT int := (SELECT coalesce(m.looks_through_run, m.hnsw_through_run) FROM tilescout.model AS m WHERE m.id = of_model);
BEGIN
    PERFORM tilescout.settle_codes(of_model);
    IF through IS NOT NULL AND EXISTS (SELECT FROM tilescout.model AS m WHERE m.id = of_model AND m.looks_generation IS NULL) THEN
        PERFORM tilescout.sort_by_look(of_model, through);
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.settle_looks IS 'Codes what is to be coded; and makes lists by look anew where that took them away, and those of a model that has an HNSW index only.';

CREATE OR REPLACE FUNCTION tilescout.cells_laid_down(of_model int, through int)
RETURNS text LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    SELECT md5(string_agg(c.id || ' ' || c.xmin, ',' ORDER BY c.id)) FROM tilescout.cell AS c WHERE c.model_id = $1 AND c.run_id <= $2
$$;
COMMENT ON FUNCTION tilescout.cells_laid_down IS 'Changes whenever cells of a model''s runs up to this one are laid down, or laid down anew.';

CREATE OR REPLACE FUNCTION tilescout.forget_looks(of_run int)
RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    known tilescout.model;
BEGIN
    -- Lists that are being made are put in place before this, and go with it, or after it, and see what is there by then (tilescout.sort_by_look).
    SELECT m.* INTO known FROM tilescout.model AS m JOIN tilescout.run AS r ON r.model_id = m.id WHERE r.id = of_run FOR NO KEY UPDATE OF m;
    IF known.looks_through_run >= of_run THEN
        DELETE FROM tilescout.look AS l WHERE l.generation = known.looks_generation;
        UPDATE tilescout.model AS m SET looks_generation = NULL, looks_through_run = NULL WHERE m.id = known.id;
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.forget_looks IS 'Drops the lists that hold a run whose cells are laid down anew, for they name vectors by their places in these. The next build of the index makes others.';
