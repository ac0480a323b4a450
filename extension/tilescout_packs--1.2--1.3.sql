\echo Use "ALTER EXTENSION tilescout_packs UPDATE" to load this file. \quit

CREATE FUNCTION native_placed(generation bigint, list int, codes bytea) RETURNS bytea
LANGUAGE c STABLE STRICT COST 10000 AS 'MODULE_PATHNAME', 'native_placed';
COMMENT ON FUNCTION native_placed IS 'A row of middles of tilescout.look, with the places of the rows of lists that these are the middles of.';

CREATE FUNCTION native_parts(cell_id bigint) RETURNS bytea LANGUAGE c STABLE STRICT COST 1000 AS 'MODULE_PATHNAME', 'native_parts';
COMMENT ON FUNCTION native_parts IS 'Where the rows of a cell''s codes lie, and their boxes: tilescout.cell.parts.';

CREATE FUNCTION native_search_read() RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'native_search_read';
COMMENT ON FUNCTION native_search_read IS 'How many vectors lay in the cells and lists that native_search looked into for the session''s last answer.';
COMMENT ON FUNCTION native_search_way IS 'How native_search found the session''s last answer: cells, lists, all cells, or in full.';
