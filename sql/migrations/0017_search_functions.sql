-- Its arguments change.
DROP FUNCTION IF EXISTS exact_microseconds(int);
