\echo Use "ALTER EXTENSION tilescout_packs UPDATE" to load this file. \quit

CREATE FUNCTION native_least_by_sketches(middles bytea, list int, sketches bytea, query halfvec) RETURNS real[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'native_least_by_sketches';
COMMENT ON FUNCTION native_least_by_sketches IS 'Of each vector of a list''s row of tilescout.look a cosine distance that it is hardly ever nearer than; middles: the row that holds the list''s. NULL where a row is of another dimension or version, or of other lists.';
