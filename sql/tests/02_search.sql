-- The whole way in SQL alone, as roles with least rights: ingest fills, readers search, nobody reaches further.
BEGIN;
SELECT plan(16);
SET search_path = public, pg_temp;

SET LOCAL ROLE tilescout_ingest;
SELECT is((SELECT name FROM tilescout.register_model('tap', repeat('f', 64), '{"side": 224}', 3)), 'tap', 'ingest registers a model');
SELECT run_id AS run FROM tilescout.begin_run('ingest', 'tap', 'tap', '{}', 'here', 1, 'test') \gset
SELECT tilescout.tiling_id('256') AS tiling \gset
SELECT tilescout.upsert_scene(:run, repeat('e', 64), '/tap.tif', 1, 1, 'GTiff', 10, 10, 3, '{}', 'Byte', NULL, 'EPSG:4326', 'WKT',
    '{0,1,0,0,0,1}', 10, '2024-06-01', 'tag', ST_AsEWKB(ST_MakeEnvelope(0, 0, 9, 9, 4326)), '{}') AS scene \gset
SELECT tilescout.prepare_staging();
INSERT INTO pg_temp.tile_staging
    SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, :scene, n, 0, 256, 256, 'EPSG:4326', '{0,1,0,0,0,1}', 1 - n * 0.1, NULL,
           ST_MakeEnvelope(n, 0, n + 1, 1, 4326), format('[1,%s,0]', n * 0.1)::halfvec
    FROM generate_series(0, 5) AS n;
SELECT is((SELECT inserted FROM tilescout.merge_tiles(:run, :tiling)), 6::bigint, 'six tiles go in');
SELECT is((SELECT already_there FROM tilescout.merge_tiles(:run, :tiling)), 6::bigint, 'and are there the second time');
SELECT is((SELECT count(*) FROM tilescout.search(embedding => '[1,0,0]')), 0::bigint, 'hidden before publishing');
SELECT tilescout.publish_run(:run);

SET LOCAL ROLE tilescout_read;
SELECT results_eq($$ SELECT right(tile_id::text, 1) FROM tilescout.search(embedding => '[1,0,0]', k => 3) $$, ARRAY['0', '1', '2'], 'nearest first');
SELECT results_eq($$ SELECT right(tile_id::text, 1) FROM tilescout.search(like_tile => '00000000-0000-0000-0000-000000000003', k => 2) $$, ARRAY['4', '2'], 'a tile does not find itself');
SELECT results_eq($$ SELECT right(tile_id::text, 1) FROM tilescout.search(embedding => '[1,0,0]', within => tilescout.bbox(2.5, 0.2, 4.5, 0.4)) $$, ARRAY['2', '3', '4'], 'within a box');
SELECT results_eq($$ SELECT right(tile_id::text, 1) FROM tilescout.search(embedding => '[1,0,0]', acquired => '[2024-05-01,2024-10-01)', collections => ARRAY['tap'], min_valid => 0.85) $$, ARRAY['0', '1'], 'by date, collection and valid fraction');
SELECT is((SELECT (exact, rows_passing, rows_returned) FROM tilescout.explain_search(embedding => '[1,0,0]', k => 2)), (true, 6::bigint, 2), 'the plan says exact, and how many passed');
SELECT throws_like($$ SELECT tilescout.search(embedding => '[1,0]') $$, '%2 dimensions%', 'a wrong dimension is refused');
SELECT throws_like($$ SELECT tilescout.search(embedding => '[0,0,0]') $$, '%zero%', 'a zero vector is refused');
SELECT throws_like($$ SELECT tilescout.search(embedding => '[NaN,0,0]') $$, '%NaN%', 'NaN is refused');
SELECT throws_like($$ SELECT tilescout.search(embedding => '[1,0,0]', within => ST_MakeEnvelope(0, 0, 1, 1)) $$, '%no coordinate system%', 'an area without SRID is refused');
SELECT throws_ok($$ DELETE FROM tilescout.tile $$, '42501', NULL, 'a reader deletes nothing');
SELECT throws_ok($$ SELECT tilescout.register_model('x', repeat('d', 64), '{}', 3) $$, '42501', NULL, 'a reader registers nothing');
SELECT is(length(tilescout.content_hash()), 64, 'a reader may hash the content');

SELECT * FROM finish();
ROLLBACK;
