-- Text of the caller's never becomes SQL: each text argument of every function is given what would end a literal, an identifier or a
-- dollar-quoted body. It is refused, finds nothing, or is stored to the letter; and a table that it would drop is there afterwards.
BEGIN;
CREATE TABLE public.canary (n int);
CREATE FUNCTION pg_temp.hostile() RETURNS SETOF text LANGUAGE sql AS $f$
    SELECT unnest(ARRAY[$$x'; DROP TABLE public.canary; --$$, $$x"; DROP TABLE public.canary; --$$, $$x'); DROP TABLE public.canary; --$$,
        'x$sql$; DROP TABLE public.canary; --', E'x\\''; DROP TABLE public.canary; --', '%1$I', '%s%L'])
$f$;
-- Runs one statement with the text as its parameter; whatever it says, it must not have been executed.
CREATE FUNCTION pg_temp.survives(statement text, given text) RETURNS boolean LANGUAGE plpgsql AS $f$
BEGIN
    BEGIN
        EXECUTE statement USING given;
    EXCEPTION WHEN OTHERS THEN
        -- A syntax error says that the text was read as SQL; a function that does not exist was not tried.
        IF SQLSTATE IN ('42601', '42883', '42725') THEN RETURN false; END IF;
    END;
    RETURN to_regclass('public.canary') IS NOT NULL;
END $f$;
CREATE TEMP TABLE attack (statement text);
INSERT INTO attack VALUES
    ($$ SELECT tilescout.search(embedding => '[1,0,0]', model => $1) $$),
    ($$ SELECT tilescout.search(embedding => '[1,0,0]', collections => ARRAY[$1]) $$),
    ($$ SELECT tilescout.search(embedding => '[1,0,0]', within => tilescout.area_of('wkt', $1)) $$),
    ($$ SELECT tilescout.search(embedding => '[1,0,0]', within => tilescout.area_of('geojson', $1)) $$),
    ($$ SELECT tilescout.search(embedding => '[1,0,0]', within => tilescout.area_of($1, 'POINT(0 0)')) $$),
    ($$ SELECT tilescout.explain_search(embedding => '[1,0,0]', model => $1) $$),
    ($$ SELECT tilescout.explain_search(embedding => '[1,0,0]', collections => ARRAY[$1]) $$),
    ($$ SELECT tilescout.similar_pairs(0.1, collections => ARRAY[$1]) $$),
    ($$ SELECT tilescout.changed('SRID=4326;POINT(0 0)'::geometry, collections => ARRAY[$1]) $$),
    ($$ SELECT tilescout.coverage('SRID=4326;POLYGON((0 0,1 0,1 1,0 0))'::geometry, collections => ARRAY[$1]) $$),
    ($$ SELECT tilescout.tiles_at(0, 0, ARRAY[$1]) $$),
    ($$ SELECT tilescout.register_model($1, repeat('e', 64), '{}', 3) $$),
    ($$ SELECT tilescout.register_model('fine', $1, '{}', 3) $$),
    ($$ SELECT tilescout.register_model('fine', repeat('e', 64), to_jsonb($1), 3) $$),
    ($$ SELECT tilescout.begin_run($1, 'a', 'inj', '{}', 'here', 1, 'test') $$),
    ($$ SELECT tilescout.begin_run('ingest', $1, 'inj', '{}', 'here', 1, 'test') $$),
    ($$ SELECT tilescout.begin_run('ingest', 'a', $1, '{}', 'here', 1, 'test') $$),
    ($$ SELECT tilescout.begin_run('ingest', 'a', 'inj', jsonb_build_object('o', $1), $1, 1, $1) $$),
    ($$ SELECT tilescout.tiling_id($1) $$),
    ($$ SELECT tilescout.record_failure(1, $1, $1, $1) $$),
    ($$ SELECT tilescout.prune($1, 1) $$),
    ($$ SELECT tilescout.model_coverage($1) $$),
    ($$ SELECT tilescout.serve_model($1) $$),
    ($$ SELECT tilescout.build_index($1, true) $$),
    ($$ SELECT tilescout.plan_index($1, true) $$),
    ($$ SELECT tilescout.claim_index($1) $$),
    ($$ SELECT tilescout.collection_ids(ARRAY[$1]) $$),
    ($$ SELECT tilescout.find_scenes($1) $$),
    ($$ SELECT tilescout.find_scenes('/a.tif', $1) $$),
    ($$ SELECT tilescout.labelled_tiles(ARRAY[$1]) $$),
    ($$ SELECT tilescout.reembed_files($1) $$),
    ($$ SELECT tilescout.run_target($1, 'inj') $$),
    ($$ SELECT tilescout.run_target('a', $1) $$),
    ($$ SELECT tilescout.blame_worker($1, $1) $$),
    ($$ SELECT tilescout.claim_jobs(1, $1, 1, 1, false) $$),
    ($$ SELECT tilescout.renew_leases($1, 1) $$),
    ($$ SELECT tilescout.put_back($1) $$),
    ($$ SELECT tilescout.add_shard($1, 'nowhere') $$),
    ($$ SELECT tilescout.add_shard('fine', $1::name) $$),
    ($$ SELECT tilescout.remove_shard($1) $$),
    ($$ SELECT tilescout.search_shards(embedding => '[1,0,0]', model => $1) $$),
    ($$ SELECT tilescout.explain_search_shards(embedding => '[1,0,0]', collections => ARRAY[$1]) $$),
    ($$ SELECT set_config('tilescout.as_of', $1, true), tilescout.search(embedding => '[1,0,0]') $$);
SELECT plan((SELECT count(*)::int FROM attack) + 2);
SET search_path = public, pg_temp;
SELECT tilescout.register_model('inj', repeat('d', 64), '{}', 3);

SELECT ok(bool_and(pg_temp.survives(statement, h)), 'harmless:' || statement) FROM attack, pg_temp.hostile() AS h GROUP BY statement;
-- What the checks of survives() would catch.
SELECT ok(NOT pg_temp.survives($$ SELECT nonsense( $$, 'x'), 'text read as SQL is noticed');
SELECT set_config('tilescout.as_of', '', true);
SELECT ok(NOT EXISTS (SELECT FROM tilescout.tiling AS t WHERE t.canonical LIKE '%DROP%' AND t.canonical NOT IN (SELECT pg_temp.hostile())), 'what was stored is what was given');
SELECT * FROM finish();
ROLLBACK;
