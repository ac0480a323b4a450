-- Beside packs lie the same vectors in 4 bits a dimension, where the extension tilescout_packs is there to write and to read them (extension/codes.c).
CREATE TABLE code (
    cell_id bigint NOT NULL REFERENCES cell ON DELETE CASCADE,
    part    int    NOT NULL,
    codes   bytea  NOT NULL,
    PRIMARY KEY (cell_id, part)
) WITH (toast_tuple_target = 8160);
-- In the row, and aligned.
ALTER TABLE code ALTER COLUMN codes SET STORAGE PLAIN, ALTER COLUMN codes SET STATISTICS 0;
COMMENT ON TABLE code IS 'The vectors of a cell, in the order of its packs, rounded to 4 bits a dimension: which of them may be near. What has none is compared itself.';
COMMENT ON COLUMN code.codes IS 'Codes, scales, errors and boxes of as many vectors as a page holds (extension/codes.h).';
