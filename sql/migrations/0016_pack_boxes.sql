-- Each tile's box beside its vector: a search of a small area need not look up the footprints of the tiles round it, each in a page of its own.

-- Emptied, so that functions/25_cells.sql, which follows, lays every published run down anew: some 25 s for a million tiles, in which searches wait.
TRUNCATE cell, pack;
ALTER TABLE pack ADD COLUMN boxes real[] NOT NULL;
ALTER TABLE pack ALTER COLUMN boxes SET STORAGE EXTERNAL, ALTER COLUMN boxes SET STATISTICS 0;
COMMENT ON COLUMN pack.boxes IS 'Of each tile west, south, east and north of its footprint in degrees, rounded outwards.';

-- Their arguments change.
DROP FUNCTION IF EXISTS index_breadth(bigint, double precision, bigint), index_microseconds(int);
