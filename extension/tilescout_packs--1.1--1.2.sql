\echo Use "ALTER EXTENSION tilescout_packs UPDATE" to load this file. \quit

CREATE FUNCTION native_codes(cell_id bigint, per_pack int) RETURNS TABLE (part int, codes bytea)
LANGUAGE c STABLE STRICT COST 10000 ROWS 5 AS 'MODULE_PATHNAME', 'native_codes';
COMMENT ON FUNCTION native_codes IS 'The vectors of a cell''s packs in 4 bits a dimension: rows of tilescout.code. per_pack: tilescout.tiles_per_pack.';

CREATE FUNCTION native_plain_codes(plain boolean) RETURNS void LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'native_plain_codes';
COMMENT ON FUNCTION native_plain_codes IS 'Whether this session leaves out what only some processors can do; for tests.';

CREATE FUNCTION native_least_distances(codes bytea, query halfvec) RETURNS real[] LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'native_least_distances';
COMMENT ON FUNCTION native_least_distances IS 'Of each vector of a row of tilescout.code a cosine distance that it is not nearer than; NULL where the row is of another dimension or version.';

CREATE FUNCTION native_looks(model_id int, through_run int, dimension int, vectors bigint) RETURNS TABLE (list int, part int, codes bytea)
LANGUAGE c STABLE STRICT COST 1000000 ROWS 10000 AS 'MODULE_PATHNAME', 'native_looks';
COMMENT ON FUNCTION native_looks IS 'The vectors of a model''s runs in lists of such as look alike: rows of tilescout.look.';

COMMENT ON FUNCTION native_search_way IS 'How native_search found the session''s last answer: cells, lists, all cells, or in full; for tests.';
