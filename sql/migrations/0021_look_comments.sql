-- What the lists have become since 0019_looks.sql.

COMMENT ON TABLE look IS 'The vectors of a model in 4 bits a dimension, some 64 to a list of such as look alike, and the lists in groups: where searches of large areas look first.';
COMMENT ON COLUMN look.list IS '-1: the middles of the groups; -2, -3 and so on: the middles of the lists of the first group, of the second and so on; from 0 on the lists.';
