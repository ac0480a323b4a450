-- Lists of the vectors of each region, beside those of all. They are made anew, where the extension is there to do it, as the functions are put in place.
TRUNCATE look;
UPDATE model SET looks_generation = NULL;
COMMENT ON COLUMN look.list IS
    '-1: the middles of the groups; -2, -3 and so on: the middles of the lists of the first group, of the second and so on, then those of the first region and so on; from 0 on the lists; -2147483648: the regions.';
-- The extension knows what its lists cost.
DROP FUNCTION IF EXISTS looks_read(double precision), looks_microseconds(double precision);
