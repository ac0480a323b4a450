\echo Use "ALTER EXTENSION tilescout_packs UPDATE" to load this file. \quit

CREATE FUNCTION native_nearest_by_look(model_id int, query halfvec, place geometry, acquired tstzrange, collection_ids int[], hidden_runs int[],
    least_valid real, most_cloud real, after_distance double precision, after_tile uuid, share double precision, microseconds double precision, depth int)
RETURNS TABLE (tile_id uuid, collection_id int, distance double precision)
LANGUAGE c STABLE COST 10000 ROWS 60 AS 'MODULE_PATHNAME', 'native_nearest_by_look';
COMMENT ON FUNCTION native_nearest_by_look IS 'The nearest of a model''s tiles that pass, by its lists of such as look alike, nearest first, and all of runs that these do not hold; none where depth of them would take longer. share: of the vectors, that is likely to pass.';
