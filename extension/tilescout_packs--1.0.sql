\echo Use "CREATE EXTENSION tilescout_packs SCHEMA tilescout" to load this file. \quit

-- In the schema that holds the table pack, which it reads with the caller's rights.
CREATE FUNCTION native_nearest_in_cells(cells bigint[], collections int[], sures boolean[], query halfvec,
    west double precision, south double precision, east double precision, north double precision,
    least_valid real, most_cloud real, after_distance double precision, after_tile uuid, depth bigint)
RETURNS TABLE (tile_id uuid, collection_id int, distance double precision, sure boolean)
LANGUAGE c STABLE PARALLEL SAFE COST 10000 ROWS 60 AS 'MODULE_PATHNAME', 'native_nearest_in_cells';
COMMENT ON FUNCTION native_nearest_in_cells IS 'What nearest_in_cells answers, by reading packs without the executor; of a cell that is not sure only tiles whose boxes meet the box.';
