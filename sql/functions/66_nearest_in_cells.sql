-- Ranking the vectors of packs is where an exact search spends its time. SQL does it everywhere; the extension tilescout_packs (extension/) does the same
-- several times as fast, where the server has it, and leaves out tiles that lie beside the area, for which SQL would have to unnest four more columns.
-- tilescout.nearest_in_cells is whichever there is: tilescout.settle_packs decides.

CREATE OR REPLACE FUNCTION tilescout.plain_nearest_in_cells(
    cells bigint[], collections int[], sures boolean[], query halfvec,
    west double precision, south double precision, east double precision, north double precision,
    least_valid real, most_cloud real, after_distance double precision, after_tile uuid, depth bigint)
RETURNS TABLE (tile_id uuid, collection_id int, distance double precision, sure boolean)
LANGUAGE plpgsql STABLE ROWS 60 SET search_path FROM CURRENT
    SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    IF least_valid IS NULL AND most_cloud IS NULL AND after_tile IS NULL THEN
        -- Most searches, and a statement starts the sooner the less it says.
        RETURN QUERY
            SELECT r.tile_id, r.collection_id, r.distance, r.sure
            FROM (
                SELECT piece.collection_id, piece.sure, unnest(p.tiles) AS tile_id, unnest(p.vectors) <=> query AS distance
                FROM unnest(cells, collections, sures) AS piece (cell_id, collection_id, sure) JOIN tilescout.pack AS p ON p.cell_id = piece.cell_id
                    AND (piece.sure OR plain_nearest_in_cells.west IS NULL OR p.west <= plain_nearest_in_cells.east AND p.east >= plain_nearest_in_cells.west
                        AND p.south <= plain_nearest_in_cells.north AND p.north >= plain_nearest_in_cells.south)
            ) AS r
            ORDER BY r.distance, r.tile_id, r.collection_id
            LIMIT depth;
    ELSE
        RETURN QUERY
            SELECT r.tile_id, r.collection_id, r.distance, r.sure
            FROM (
                SELECT piece.collection_id, piece.sure, unnest(p.tiles) AS tile_id, unnest(p.vectors) <=> query AS distance,
                       unnest(CASE WHEN least_valid IS NOT NULL THEN p.valid END) AS valid, unnest(CASE WHEN most_cloud IS NOT NULL THEN p.cloud END) AS cloud
                FROM unnest(cells, collections, sures) AS piece (cell_id, collection_id, sure) JOIN tilescout.pack AS p ON p.cell_id = piece.cell_id
                    AND (piece.sure OR plain_nearest_in_cells.west IS NULL OR p.west <= plain_nearest_in_cells.east AND p.east >= plain_nearest_in_cells.west
                        AND p.south <= plain_nearest_in_cells.north AND p.north >= plain_nearest_in_cells.south)
            ) AS r
            WHERE (after_tile IS NULL OR (r.distance, r.tile_id) > (after_distance, after_tile))
              AND (least_valid IS NULL OR r.valid >= least_valid) AND (most_cloud IS NULL OR r.cloud <= most_cloud)
            ORDER BY r.distance, r.tile_id, r.collection_id
            LIMIT depth;
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.plain_nearest_in_cells IS 'What tilescout.nearest_in_cells answers, in SQL.';

CREATE OR REPLACE FUNCTION tilescout.settle_packs(by_extension boolean DEFAULT true)
RETURNS text LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT SET client_min_messages = warning AS $settle$
DECLARE
    known CONSTANT text := obj_description(to_regprocedure('tilescout.exact_microseconds(int)'), 'pg_proc');
    way text;
BEGIN
    IF NOT by_extension THEN
        DROP EXTENSION IF EXISTS tilescout_packs;
    ELSIF EXISTS (SELECT FROM pg_available_extensions AS a WHERE a.name = 'tilescout_packs' AND a.installed_version IS NULL) THEN
        BEGIN
            CREATE EXTENSION tilescout_packs SCHEMA tilescout;
        EXCEPTION WHEN insufficient_privilege OR undefined_file THEN
            NULL;
        END;
    END IF;
    way := CASE WHEN to_regproc('tilescout.native_nearest_in_cells') IS NULL THEN 'in SQL' ELSE 'by the extension tilescout_packs' END;
    IF known = format('What comparing one vector of a pack takes, %s.', way) THEN
        RETURN way;
    END IF;
    -- Inlined into the statements that call it. The extension keeps what it finds in memory, so it is not asked for millions.
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION tilescout.nearest_in_cells(
            cells bigint[], collections int[], sures boolean[], query halfvec,
            west double precision, south double precision, east double precision, north double precision,
            least_valid real, most_cloud real, after_distance double precision, after_tile uuid, depth bigint)
        RETURNS TABLE (tile_id uuid, collection_id int, distance double precision, sure boolean)
        LANGUAGE sql STABLE ROWS 60 AS %L$sql$,
        CASE WHEN way = 'in SQL' THEN 'SELECT * FROM tilescout.plain_nearest_in_cells($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)'
        ELSE 'SELECT * FROM tilescout.native_nearest_in_cells($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) WHERE $13 <= 1000000
            UNION ALL SELECT * FROM tilescout.plain_nearest_in_cells($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) WHERE $13 > 1000000' END);
    COMMENT ON FUNCTION tilescout.nearest_in_cells IS
        'The depth nearest vectors of some cells; of a cell that is not sure at least those of tiles whose boxes meet a box (NULL: all), and none of packs whose boxes do not; of all only tiles with so much valid and so little cloud (NULL: any), and, on a later page, what follows a tile at a distance.';
    -- Measured with 256 dimensions for each row that passes: 0.35 in SQL, two thirds of it the executor's, whatever the dimension; 0.13 by the extension, which mostly waits for memory.
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION tilescout.exact_microseconds(dimension int)
        RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS 'SELECT %s + %s * dimension'$sql$,
        CASE WHEN way = 'in SQL' THEN 0.2 ELSE 0.05 END, CASE WHEN way = 'in SQL' THEN 0.0006 ELSE 0.0003 END);
    EXECUTE format('COMMENT ON FUNCTION tilescout.exact_microseconds IS %L', format('What comparing one vector of a pack takes, %s.', way));
    RETURN way;
END $settle$;
COMMENT ON FUNCTION tilescout.settle_packs IS
    'Takes the extension tilescout_packs into use where the server has it and the caller may create it, and else leaves ranking to SQL. by_extension => false drops it. Returns the way that is taken. Every migration runs it; run it after the server got the extension, or lost it.';

DO $$
BEGIN
    -- Settled anew, whatever an earlier version had settled.
    DROP FUNCTION IF EXISTS tilescout.exact_microseconds(int);
    PERFORM tilescout.settle_packs();
END $$;
