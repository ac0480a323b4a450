\echo Use "ALTER EXTENSION tilescout_packs UPDATE" to load this file. \quit

-- It told plain from not plain; there are three ways.
DROP FUNCTION native_plain_codes(boolean);

CREATE FUNCTION native_codes_way(most int) RETURNS void LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'native_codes_way';
COMMENT ON FUNCTION native_codes_way IS 'Which of the processor''s ways this session may take at most: 0 what every processor can do, 1 AVX2, 2 AVX-512 VNNI; for tests.';
