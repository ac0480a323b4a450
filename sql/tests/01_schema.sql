-- Every table, view and function is explained; rights are least.
BEGIN;
SELECT plan(10);
-- With a table of vectors, which is made as a model comes.
SELECT tilescout.register_model('tap', repeat('f', 64), '{}', 3);

SELECT is_empty($$
    SELECT c.relname FROM pg_class AS c
    WHERE c.relnamespace = 'tilescout'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL
$$, 'every table and view has a comment');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc AS p WHERE p.pronamespace = 'tilescout'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL
$$, 'every function has a comment');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc AS p
    WHERE p.pronamespace = 'tilescout'::regnamespace AND p.prolang NOT IN (SELECT oid FROM pg_language WHERE lanname IN ('internal', 'c'))
      AND p.prokind = 'f' AND p.proname NOT LIKE 'chain_sha256%'
      -- Sums that the planner puts in place, which a path of their own forbids; what is asked for each row of an answer inherits its caller's.
      AND p.proname NOT IN ('embedding_table', 'few_cells', 'cells_looked_at', 'exact_microseconds', 'index_microseconds', 'index_depth', 'index_breadth', 'index_margin', 'lists_serve', 'middle_of', 'nearest_in_cells', 'search') AND NOT coalesce(p.proconfig::text LIKE '%search_path=%', false)
$$, 'every function fixes its search path');
SELECT volatility_is('tilescout', 'search', 'stable', 'search is stable');
SELECT volatility_is('tilescout', 'explain_search', 'stable', 'explain_search is stable');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc AS p
    WHERE p.pronamespace = 'tilescout'::regnamespace AND p.prosecdef AND has_function_privilege('public', p.oid, 'execute')
$$, 'what runs with its owner''s rights is not for everybody');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class AS c
    WHERE c.relnamespace = 'tilescout'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND (has_table_privilege('tilescout_read', c.oid, 'insert, update, delete, truncate, references, trigger')
        OR has_any_column_privilege('tilescout_read', c.oid, 'insert, update, references'))
$$, 'readers change nothing in tables and views');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class AS c
    WHERE CASE WHEN c.relnamespace = 'tilescout'::regnamespace AND c.relkind = 'S' THEN has_sequence_privilege('tilescout_read', c.oid, 'usage, update') END
$$, 'nor in sequences');
SELECT ok(has_table_privilege('tilescout_read', 'tilescout.tiles', 'select'), 'readers see tiles');
SELECT ok(NOT has_table_privilege('tilescout_ingest', 'tilescout.model', 'update'), 'ingest changes no model');

SELECT * FROM finish();
ROLLBACK;
