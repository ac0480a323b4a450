-- Text of the caller's never becomes SQL: each text argument of every function is given what would end a literal, an identifier or a
-- dollar-quoted body. It is refused, finds nothing, or is stored to the letter; and a table that it would drop is there afterwards.
BEGIN;
CREATE TABLE public.canary (n int);
CREATE EXTENSION postgres_fdw SCHEMA public;
CREATE EXTENSION dblink SCHEMA public;
CREATE FUNCTION pg_temp.hostile() RETURNS SETOF text LANGUAGE sql AS $f$
    SELECT unnest(ARRAY[$$x'; DROP TABLE public.canary; --$$, $$x"; DROP TABLE public.canary; --$$, $$x'); DROP TABLE public.canary; --$$,
        'x$sql$; DROP TABLE public.canary; --', E'x\\''; DROP TABLE public.canary; --', '%1$I', '%s%L', '%99$s'])
$f$;

-- Runs one statement with the text as its parameter, and says what harm it did, or NULL. Where it has to come through, any error is harm.
CREATE FUNCTION pg_temp.harm(statement text, given text, comes_through boolean) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    BEGIN
        EXECUTE statement USING given;
    EXCEPTION WHEN OTHERS THEN
        -- A syntax error says that the text was read as SQL; a function that does not exist was not tried; and format() complains of
        -- text that was taken for its pattern.
        IF comes_through OR SQLSTATE IN ('42601', '42883', '42725') OR SQLERRM ~ 'format\(\)' THEN RETURN given || ': ' || SQLERRM; END IF;
    END;
    RETURN CASE WHEN to_regclass('public.canary') IS NULL THEN given || ' was executed' END;
END $f$;

CREATE TEMP TABLE attack (number serial, statement text, comes_through boolean DEFAULT false);
CREATE FUNCTION pg_temp.attacks(that_come_through boolean) RETURNS SETOF text LANGUAGE plpgsql AS $f$
DECLARE
    one attack;
BEGIN
    FOR one IN SELECT * FROM attack WHERE comes_through = that_come_through ORDER BY number LOOP
        RETURN NEXT is((SELECT string_agg(pg_temp.harm(one.statement, h, one.comes_through), '; ') FROM pg_temp.hostile() AS h), NULL,
            'harmless:' || one.statement);
    END LOOP;
END $f$;

-- Texts that name nothing are refused before any statement is made of them, and the tables refuse such names. Without that, these are names,
-- too: of a model, a collection, a pipeline, a tiling, a scene and a shard.
ALTER TABLE tilescout.model DROP CONSTRAINT model_name_check;
ALTER TABLE tilescout.collection DROP CONSTRAINT collection_name_check;
ALTER TABLE tilescout.shard DROP CONSTRAINT shard_name_check;
CREATE FUNCTION pg_temp.name_all(given text) RETURNS void LANGUAGE plpgsql AS $f$
DECLARE
    sum text := encode(sha256(convert_to(given, 'UTF8')), 'hex');
    run int;
    scene bigint;
BEGIN
    PERFORM tilescout.register_model(given, sum, to_jsonb(given), 3);
    SELECT run_id INTO run FROM tilescout.begin_run('ingest', given, given, jsonb_build_object('o', given), given, 1, given);
    scene := tilescout.upsert_scene(run, sum, given, 1, 1, given, 10, 10, 3, ARRAY[given], 'Byte', NULL, given, given,
        '{0,1,0,0,0,1}', 10, '2024-06-01', given, ST_AsEWKB(ST_MakeEnvelope(0, 0, 9, 9, 4326)), to_jsonb(given));
    PERFORM tilescout.prepare_staging();
    DELETE FROM pg_temp.tile_staging;
    INSERT INTO pg_temp.tile_staging
        SELECT md5(given || n)::uuid, scene, n, 0, 256, 256, given, '{0,1,0,0,0,1}', 1, NULL,
               ST_MakeEnvelope(n, 0, n + 1, 1, 4326), format('[1,%s,0]', n * 0.1)::halfvec
        FROM generate_series(0, 5) AS n;
    PERFORM tilescout.merge_tiles(run, tilescout.tiling_id(given));
    PERFORM tilescout.publish_run(run);
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER postgres_fdw', given);
    INSERT INTO tilescout.shard (name, server) VALUES (given, given);
END $f$;
INSERT INTO attack (statement, comes_through) SELECT s, true FROM unnest(ARRAY[
    $$ SELECT pg_temp.name_all($1) $$,
    $$ SELECT tilescout.search(embedding => '[1,0,0]', model => $1) $$,
    $$ SELECT tilescout.search(embedding => '[1,0,0]', model => $1, collections => ARRAY[$1], acquired => '[2024-01-01,)', one_per_place => true) $$,
    $$ SELECT tilescout.search(like_tile => md5($1 || 0)::uuid, model => $1, collections => ARRAY[$1]) $$,
    $$ SELECT tilescout.explain_search(embedding => '[1,0,0]', model => $1, collections => ARRAY[$1]) $$,
    $$ SELECT tilescout.plan_index($1, true) $$,
    $$ SELECT tilescout.build_index($1, true) $$,
    $$ SELECT tilescout.search(embedding => '[1,0,0]', model => $1, collections => ARRAY[$1], within => tilescout.bbox(0, 0, 9, 9)) $$,
    $$ SELECT tilescout.explain_search(embedding => '[1,0,0]', model => $1, collections => ARRAY[$1]) $$,
    $$ SELECT tilescout.serve_model($1, true) $$,
    $$ SELECT tilescout.similar_pairs(0.5, collections => ARRAY[$1]) $$,
    $$ SELECT tilescout.changed('SRID=4326;POLYGON((0 0,1 0,1 1,0 0))'::geometry, collections => ARRAY[$1]) $$,
    $$ SELECT tilescout.coverage('SRID=4326;POLYGON((0 0,1 0,1 1,0 0))'::geometry, collections => ARRAY[$1]) $$,
    $$ SELECT tilescout.tiles_at(0.5, 0.5, ARRAY[$1]) $$,
    $$ SELECT tilescout.find_scenes($1, $1) $$,
    $$ SELECT tilescout.model_coverage($1), tilescout.reembed_files($1) $$,
    $$ SELECT tilescout.refresh_all_tiles() $$,
    $$ SELECT tilescout.content_hash(), $1 $$,
    $$ SELECT tilescout.prune($1, 1) $$]) AS s;
INSERT INTO attack (statement) VALUES
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
SELECT plan((SELECT count(*)::int FROM attack) + 4);
SET search_path = public, pg_temp;
SELECT tilescout.register_model('inj', repeat('d', 64), '{}', 3);

SELECT * FROM pg_temp.attacks(true);
SELECT is_empty($$
    SELECT h FROM pg_temp.hostile() AS h
    WHERE NOT EXISTS (SELECT FROM tilescout.model AS m WHERE m.name = h
            AND starts_with(obj_description(to_regclass('tilescout.' || tilescout.embedding_table(m.id)), 'pg_class'), 'Unit vectors of model ' || h || ','))
       OR NOT EXISTS (SELECT FROM tilescout.shard AS s WHERE s.name = h
            AND obj_description(to_regclass('tilescout.tiles_of_shard_' || s.id), 'pg_class') = 'tilescout.tiles of shard ' || h || '.')
$$, 'comments name models and shards to the letter');
SELECT * FROM pg_temp.attacks(false);
-- What the checks of harm() would catch.
SELECT isnt(pg_temp.harm($$ SELECT nonsense( $$, 'x', false), NULL, 'text read as SQL is noticed');
SELECT isnt(pg_temp.harm($$ SELECT format($1) $$, '%s', false), NULL, 'text read as a pattern is noticed');
SELECT set_config('tilescout.as_of', '', true);
SELECT ok(NOT EXISTS (SELECT FROM tilescout.tiling AS t WHERE t.canonical LIKE '%DROP%' AND t.canonical NOT IN (SELECT pg_temp.hostile())), 'what was stored is what was given');
SELECT * FROM finish();
ROLLBACK;
