-- Lists of vectors that look alike, where the extension tilescout_packs is there to make and to read them (extension/sorting.c, looks.c).
CREATE TABLE look (
    generation bigint NOT NULL,
    list       int    NOT NULL,
    part       int    NOT NULL,
    codes      bytea  NOT NULL,
    PRIMARY KEY (generation, list, part)
) WITH (toast_tuple_target = 8160);
-- In the row, and aligned.
ALTER TABLE look ALTER COLUMN codes SET STORAGE PLAIN, ALTER COLUMN codes SET STATISTICS 0;
COMMENT ON TABLE look IS 'The vectors of a model in 4 bits a dimension, some 256 to a list of such as look alike: where searches of large areas look first.';
COMMENT ON COLUMN look.generation IS 'model.looks_generation of the model that they are of.';
COMMENT ON COLUMN look.list IS '-1: the middles of all lists, in their order.';
COMMENT ON COLUMN look.codes IS 'Codes, scales, errors and boxes of as many vectors as a page holds (extension/codes.h), and of each its cell, place and dates (extension/looks.h).';

ALTER TABLE model ADD COLUMN looks_generation bigint, ADD COLUMN looks_through_run int;
COMMENT ON COLUMN model.looks_generation IS 'Of its lists in tilescout.look; NULL: there are none.';
COMMENT ON COLUMN model.looks_through_run IS 'The lists hold all runs up to this one.';
