-- Ranking the vectors of packs is where an exact search spends its time. SQL does it everywhere; the extension tilescout_packs (extension/) does the same
-- several times as fast, where the server has it, and leaves out tiles that lie beside the area, for which SQL would have to unnest four more columns.
-- tilescout.nearest_in_cells is whichever there is: tilescout.settle_packs gives it its body.

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

CREATE OR REPLACE FUNCTION tilescout.nearest_in_cells(
    cells bigint[], collections int[], sures boolean[], query halfvec,
    west double precision, south double precision, east double precision, north double precision,
    least_valid real, most_cloud real, after_distance double precision, after_tile uuid, depth bigint)
RETURNS TABLE (tile_id uuid, collection_id int, distance double precision, sure boolean)
-- Inlined into the statements that call it.
LANGUAGE sql STABLE ROWS 60 AS 'SELECT * FROM tilescout.plain_nearest_in_cells($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)';
COMMENT ON FUNCTION tilescout.nearest_in_cells IS
    'The depth nearest vectors of some cells; of a cell that is not sure at least those of tiles whose boxes meet a box (NULL: all), and none of packs whose boxes do not; of all only tiles with so much valid and so little cloud (NULL: any), and, on a later page, what follows a tile at a distance.';

CREATE OR REPLACE FUNCTION tilescout.exact_microseconds(dimension int, rows double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS 'SELECT 600 + rows * (0.2 + 0.0006 * dimension)';
COMMENT ON FUNCTION tilescout.exact_microseconds IS 'What comparing all vectors takes where so many rows pass: listing the cells, a statement over them, and each row.';
