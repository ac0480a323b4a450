-- Codes and lists say where each vector's own row lies (extension/rows.c). Those that do not are made anew, where the extension is there to do it, as the functions are put in place.
TRUNCATE code, look;
-- Room in the page for the row that tells of its codes, so that no index is touched.
ALTER TABLE cell SET (fillfactor = 50), ADD COLUMN parts bytea;
ALTER TABLE cell ALTER COLUMN parts SET STATISTICS 0;
COMMENT ON COLUMN cell.parts IS 'Where the rows of its codes lie, and the box that holds each (extension/codes.h); NULL: there are none, or they are found by their keys.';
ALTER TABLE model ADD COLUMN coded_in oid[];
COMMENT ON COLUMN model.coded_in IS 'tilescout.coded_in when its codes were written: where it is another by now, rows are no longer where codes and lists say.';
UPDATE model SET looks_generation = NULL, looks_through_run = NULL;
COMMENT ON COLUMN code.codes IS 'Codes, scales, errors, boxes and locators of as many vectors as a page holds (extension/codes.h).';
COMMENT ON COLUMN look.codes IS 'Codes, scales, errors and boxes of as many vectors as a page holds (extension/codes.h), and of each its cell, place, dates and locator (extension/looks.h).';
