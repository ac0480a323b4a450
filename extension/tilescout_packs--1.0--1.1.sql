\echo Use "ALTER EXTENSION tilescout_packs UPDATE" to load this file. \quit

-- Parameters as tilescout.search has them, without defaults.
CREATE FUNCTION native_search(like_tile uuid, embedding halfvec, positives uuid[], negatives uuid[], k int, within geometry, acquired tstzrange, collections text[],
    min_valid double precision, max_cloud double precision, one_per_place boolean, model text, exclude_self boolean, exclude_scene boolean, exclude_place boolean,
    near geometry, radius double precision, resolution numrange, max_distance double precision, after uuid)
RETURNS TABLE (rank int, tile_id uuid, distance double precision, collection text, scene_id bigint, scene_path text, acquired_at timestamptz,
    valid_fraction real, cloud_fraction real, lon double precision, lat double precision, footprint geometry)
LANGUAGE c STABLE COST 10000 ROWS 20 AS 'MODULE_PATHNAME', 'native_search';
COMMENT ON FUNCTION native_search IS 'What search_in_full answers: usual searches, by look, area and dates, without the executor, and all others by search_in_full.';

CREATE FUNCTION native_search_way() RETURNS text LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'native_search_way';
COMMENT ON FUNCTION native_search_way IS 'How native_search found the session''s last answer: cells, index, or in full; for tests.';
