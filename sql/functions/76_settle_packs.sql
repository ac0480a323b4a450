CREATE OR REPLACE FUNCTION tilescout.set_body(target regproc, body text)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    present CONSTANT text := (SELECT p.prosrc FROM pg_proc AS p WHERE p.oid = target);
BEGIN
    IF present <> body THEN
        EXECUTE replace(pg_get_functiondef(target), present, body);
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.set_body IS 'Gives a function another body, and leaves everything else of it as it is.';

CREATE OR REPLACE FUNCTION tilescout.settle_packs(by_extension boolean DEFAULT true)
RETURNS text LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT SET client_min_messages = warning AS $settle$
DECLARE
    known record;
    native boolean;
BEGIN
    SELECT e.extversion, a.default_version INTO known
        FROM pg_available_extensions AS a LEFT JOIN pg_extension AS e ON e.extname = a.name WHERE a.name = 'tilescout_packs';
    BEGIN
        IF NOT by_extension THEN
            DROP EXTENSION IF EXISTS tilescout_packs;
        ELSIF known.extversion IS NULL AND known.default_version IS NOT NULL THEN
            CREATE EXTENSION tilescout_packs SCHEMA tilescout;
        ELSIF known.extversion <> known.default_version THEN
            ALTER EXTENSION tilescout_packs UPDATE;
        END IF;
    EXCEPTION WHEN insufficient_privilege OR undefined_file THEN
        NULL;
    END;
    native := to_regproc('tilescout.native_nearest_by_look') IS NOT NULL;
    PERFORM tilescout.set_body('tilescout.lists_serve', CASE WHEN native THEN 'SELECT true' ELSE 'SELECT false' END);
    -- The extension keeps what it finds in memory, so it is not asked for millions.
    PERFORM tilescout.set_body('tilescout.nearest_in_cells', CASE WHEN native
        THEN 'SELECT * FROM tilescout.native_nearest_in_cells($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) WHERE $13 <= 1000000
            UNION ALL SELECT * FROM tilescout.plain_nearest_in_cells($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) WHERE $13 > 1000000'
        ELSE 'SELECT * FROM tilescout.plain_nearest_in_cells($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)' END);
    -- The planner puts SQL in the place of its call, which takes a sixth of a small search.
    PERFORM tilescout.make_search(CASE WHEN native THEN 'native_search' ELSE 'search_in_full' END,
        native AND (SELECT u.rolsuper FROM pg_roles AS u WHERE u.rolname = current_user));
    PERFORM tilescout.set_body('tilescout.explain_search', CASE WHEN native THEN $body$
        WITH native AS MATERIALIZED (
            SELECT count(*)::int AS returned FROM tilescout.native_search($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
        ), told AS MATERIALIZED (
            SELECT n.returned, tilescout.native_search_way() AS way, tilescout.native_search_read() AS visited FROM native AS n
        )
        SELECT CASE t.way
                WHEN 'lists' THEN format('lists by look: of the lists of tiles that look alike, those that are most like the query are looked into, %s tiles', t.visited)
                WHEN 'lists of regions' THEN format('lists by look: of the regions that the area meets, those lists of tiles that look alike which are most like the query are looked into, %s tiles', t.visited)
                WHEN 'all cells' THEN format('exact: all of the up to %s tiles in and around the area are compared, by their codes', t.visited)
                ELSE e.plan END,
            CASE t.way WHEN 'in full' THEN e.exact ELSE t.way NOT LIKE 'lists%' END, e.rows_passing, e.rows_estimated,
            CASE t.way WHEN 'in full' THEN e.rows_visited ELSE t.visited END, e.rows_total, t.returned, e.model
        FROM told AS t
        CROSS JOIN tilescout.explain_search_in_full($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) AS e
        $body$ ELSE 'SELECT * FROM tilescout.explain_search_in_full($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)' END);
    -- Measured with 256 dimensions for each row that passes: 0.35 in SQL, two thirds of it the executor's, whatever the dimension; 0.05 by the extension's codes, which mostly wait for memory.
    PERFORM tilescout.set_body('tilescout.exact_microseconds', CASE WHEN native
        THEN 'SELECT 150 + rows * (0.02 + 0.00012 * dimension)' ELSE 'SELECT 600 + rows * (0.2 + 0.0006 * dimension)' END);
    PERFORM tilescout.set_body('tilescout.code_run', CASE WHEN native
        THEN 'INSERT INTO tilescout.code (cell_id, part, codes)
            SELECT c.id, x.part, x.codes FROM tilescout.cell AS c JOIN tilescout.model AS m ON m.id = c.model_id
            CROSS JOIN LATERAL tilescout.native_codes(c.id, tilescout.tiles_per_pack(m.dimension)) AS x
            WHERE c.run_id = $1 AND NOT EXISTS (SELECT FROM tilescout.code AS o WHERE o.cell_id = c.id);
        UPDATE tilescout.cell AS c SET parts = tilescout.native_parts(c.id) WHERE c.run_id = $1 AND c.parts IS NULL'
        ELSE 'SELECT' END);
    PERFORM tilescout.set_body('tilescout.sort_by_look', CASE WHEN native THEN $body$
        DECLARE
            made bigint;
            laid_down text;
            regions CONSTANT int := -2147483648;
        BEGIN
            LOOP
                made := extract(epoch FROM clock_timestamp()) * 1e6;
                laid_down := tilescout.cells_laid_down(of_model, through);
                INSERT INTO tilescout.look (generation, list, part, codes)
                    SELECT made, x.list, x.part, x.codes FROM tilescout.model AS m
                    CROSS JOIN LATERAL tilescout.native_looks(m.id, through, m.dimension,
                        (SELECT coalesce(sum(c.tiles), 0) FROM tilescout.cell AS c WHERE c.model_id = of_model AND c.run_id <= through)) AS x
                    WHERE m.id = of_model;
                -- Middles tell where lists lie, and groups and regions where their middles lie now.
                UPDATE tilescout.look AS l SET codes = tilescout.native_placed(made, l.list, l.codes) WHERE l.generation = made AND l.list < -1 AND l.list > regions;
                UPDATE tilescout.look AS l SET codes = tilescout.native_placed(made, l.list, l.codes) WHERE l.generation = made AND l.list IN (-1, regions);
                -- A run may have been laid down anew meanwhile (tilescout.forget_looks, which waits here for us, or we for it).
                PERFORM FROM tilescout.model AS m WHERE m.id = of_model FOR NO KEY UPDATE;
                EXIT WHEN tilescout.cells_laid_down(of_model, through) IS NOT DISTINCT FROM laid_down;
                DELETE FROM tilescout.look AS l WHERE l.generation = made;
            END LOOP;
            UPDATE tilescout.model AS m SET looks_generation = made, looks_through_run = through WHERE m.id = of_model;
            DELETE FROM tilescout.look AS l WHERE NOT EXISTS (SELECT FROM tilescout.model AS m WHERE m.looks_generation = l.generation);
        END $body$ ELSE 'BEGIN END' END);
    IF native THEN
        PERFORM tilescout.settle_looks(m.id) FROM tilescout.model AS m;
    END IF;
    RETURN CASE WHEN native THEN 'by the extension tilescout_packs' ELSE 'in SQL' END;
END $settle$;
COMMENT ON FUNCTION tilescout.settle_packs IS
    'Takes the extension tilescout_packs into use where the server has it and the caller may create it, and else leaves searches to SQL. by_extension => false drops it. Returns the way that is taken. Every migration runs it; run it after the server got the extension, or lost it.';

DO $$
BEGIN
    PERFORM tilescout.settle_packs();
END $$;
