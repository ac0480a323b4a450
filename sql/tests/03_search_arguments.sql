-- Every argument of the search, and every way to give it wrongly. Twelve tiles of 1° along the equator: 0 to 5 seen in 2023 with
-- pixels of 10 m in collection a, 6 to 11 the same places in 2024 with pixels of 1 m in collection b; tile 11 is across the antimeridian instead.
BEGIN;
SELECT plan(60);
SET search_path = public, pg_temp;

SELECT tilescout.register_model('tap', repeat('f', 64), '{}', 3);
SELECT run_id AS run_a FROM tilescout.begin_run('ingest', 'a', 'tap', '{}', 'here', 1, 'test') \gset
SELECT run_id AS run_b FROM tilescout.begin_run('ingest', 'b', 'tap', '{}', 'here', 1, 'test') \gset
SELECT tilescout.tiling_id('256') AS tiling \gset
SELECT tilescout.upsert_scene(:run_a, repeat('a', 64), '/a.tif', 1, 1, 'GTiff', 10, 10, 3, '{}', 'Byte', NULL, 'EPSG:4326', 'WKT', '{0,1,0,0,0,1}', 10,
    '2023-06-01Z', 'tag', ST_AsEWKB(ST_MakeEnvelope(0, 0, 9, 9, 4326)), '{}') AS scene_a \gset
SELECT tilescout.upsert_scene(:run_b, repeat('b', 64), '/b.tif', 1, 1, 'GTiff', 10, 10, 3, '{}', 'Byte', NULL, 'EPSG:4326', 'WKT', '{0,1,0,0,0,1}', 1,
    '2024-06-01Z', 'tag', ST_AsEWKB(ST_MakeEnvelope(0, 0, 9, 9, 4326)), '{}') AS scene_b \gset
CREATE FUNCTION pg_temp.id(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(n::text, 32, '0')::uuid $$;
CREATE FUNCTION pg_temp.number(tile uuid) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT right(tile::text, 4)::int $$;
SELECT tilescout.prepare_staging();
INSERT INTO pg_temp.tile_staging
    SELECT pg_temp.id(n), :scene_a, n, 0, 256, 256, 'EPSG:4326', '{0,1,0,0,0,1}', 1, n * 0.1, ST_MakeEnvelope(n, 0, n + 1, 1, 4326), format('[1,%s,0]', n * 0.1)::halfvec
    FROM generate_series(0, 5) AS n;
SELECT tilescout.merge_tiles(:run_a, :tiling);
TRUNCATE pg_temp.tile_staging;
INSERT INTO pg_temp.tile_staging
    SELECT pg_temp.id(n), :scene_b, n, 0, 256, 256, 'EPSG:4326', '{0,1,0,0,0,1}', 1, NULL,
        CASE WHEN n = 11 THEN ST_Collect(ST_MakeEnvelope(179.5, 0, 180, 1, 4326), ST_MakeEnvelope(-180, 0, -179.5, 1, 4326)) ELSE ST_MakeEnvelope(n - 6, 0, n - 5, 1, 4326) END,
        format('[1,%s,0]', n * 0.1)::halfvec
    FROM generate_series(6, 11) AS n;
SELECT tilescout.merge_tiles(:run_b, :tiling);
SELECT tilescout.publish_run(:run_a);
SELECT tilescout.publish_run(:run_b);

SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', within => 'SRID=4326;POLYGON((0.5 -1,4.5 -1,4.5 2,0.5 2,0.5 -1),(0.9 -0.5,3.9 -0.5,3.9 1.5,0.9 1.5,0.9 -0.5))'::geometry, collections => '{a}') $$,
    ARRAY[0, 3, 4], 'tiles 1 and 2 lie in the hole');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', within => 'SRID=4326;MULTIPOLYGON(((0.2 0.2,0.8 0.2,0.8 0.8,0.2 0.2)),((5.2 0.2,5.8 0.2,5.8 0.8,5.2 0.2)))'::geometry, collections => '{a}') $$, ARRAY[0, 5], 'two parts of a multipolygon');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', within => tilescout.bbox(179, -1, -179, 2)) $$, ARRAY[11], 'across the antimeridian');
SELECT results_eq(format($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', within => %L::geometry) $$, area), ARRAY[11], area || ' lies across the antimeridian') FROM (VALUES
    ('SRID=32660;POLYGON((800000 10000,900000 10000,900000 90000,800000 90000,800000 10000))'), ('SRID=3857;POLYGON((19950000 10000,20100000 10000,20100000 90000,19950000 90000,19950000 10000))')) AS across (area);
SELECT is(ST_Contains(tilescout.search_area(area), ST_SetSRID(ST_MakePoint(lon, lat), 4326)), inside, format('%s %s in %s', lon, lat, area)) FROM (VALUES
    ('SRID=3031;POLYGON((-2e6 -2e6,2e6 -2e6,2e6 2e6,-2e6 2e6,-2e6 -2e6))', 10, -89.9, true), ('SRID=3031;POLYGON((-2e6 -2e6,2e6 -2e6,2e6 2e6,-2e6 2e6,-2e6 -2e6))', -179, -75, true),
    ('SRID=3031;POLYGON((-2e6 -2e6,2e6 -2e6,2e6 2e6,-2e6 2e6,-2e6 -2e6))', 100, -60, false),
    ('SRID=3413;POLYGON((-3e6 -3e6,3e6 -3e6,3e6 3e6,-3e6 3e6,-3e6 -3e6),(-1e6 -1e6,1e6 -1e6,1e6 1e6,-1e6 1e6,-1e6 -1e6))', 10, 89.9, false),
    ('SRID=3413;POLYGON((-3e6 -3e6,3e6 -3e6,3e6 3e6,-3e6 3e6,-3e6 -3e6),(-1e6 -1e6,1e6 -1e6,1e6 1e6,-1e6 1e6,-1e6 -1e6))', 179, 70, true),
    ('SRID=32660;MULTIPOLYGON(((8e5 1e5,9e5 1e5,9e5 2e5,8e5 2e5,8e5 1e5),(86e4 14e4,88e4 14e4,88e4 16e4,86e4 16e4,86e4 14e4)),((5e5 1e5,6e5 1e5,6e5 2e5,5e5 1e5)))', -179.6, 1.35, false),
    ('SRID=32660;MULTIPOLYGON(((8e5 1e5,9e5 1e5,9e5 2e5,8e5 2e5,8e5 1e5),(86e4 14e4,88e4 14e4,88e4 16e4,86e4 16e4,86e4 14e4)),((5e5 1e5,6e5 1e5,6e5 2e5,5e5 1e5)))', -179.45, 1.35, true)
) AS polar (area, lon, lat, inside);
SELECT results_eq($$ SELECT ST_AsText(tilescout.bbox(180, -1, -179, 2)), ST_AsText(tilescout.bbox(170, -1, -180, 2)) $$,
    $$ VALUES ('POLYGON((-180 -1,-180 2,-179 2,-179 -1,-180 -1))', 'POLYGON((170 -1,170 2,180 2,180 -1,170 -1))') $$, 'a box that ends at the antimeridian has one part');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', near => 'SRID=4326;POINT(2.5 0.5)'::geometry, radius => 1000, collections => '{a}') $$, ARRAY[2], 'near a point');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', near => 'SRID=4326;POINT(2.5 -0.5)'::geometry, radius => 56000, collections => '{a}') $$, ARRAY[2], '56 km reach half a degree');
SELECT is_empty($$ SELECT * FROM tilescout.search(embedding => '[1,0,0]', near => 'SRID=4326;POINT(2.5 -0.5)'::geometry, radius => 55000) $$, '55 km do not');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', near => 'SRID=4326;LINESTRING(1.5 0.5,3.5 0.5)'::geometry, radius => 10, collections => '{a}') $$, ARRAY[1, 2, 3], 'along a line');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', near => 'SRID=4326;POINT(-179 0.5)'::geometry, radius => 60000) $$, ARRAY[11], 'near reaches across the antimeridian');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', near => ST_Transform('SRID=4326;POINT(2.5 0.5)'::geometry, 3857), radius => 1000, collections => '{a}') $$, ARRAY[2], 'near in another coordinate system');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', resolution => '[0.5,2)', k => 2) $$, ARRAY[6, 7], 'by size of pixel');
SELECT results_eq($$ SELECT collection FROM tilescout.search(embedding => '[1,0.55,0]', k => 2) ORDER BY 1 $$, ARRAY['a', 'b'], 'across collections of different pixels');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', acquired => '[2024-01-01,)', k => 1) $$, ARRAY[6], 'by date');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', max_cloud => 0.15) $$, ARRAY[0, 1], 'by cloud, unknown does not pass');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', max_distance => 0.02) $$, ARRAY[0, 1, 2], 'no further off than max_distance');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(like_tile => pg_temp.id(0), exclude_scene => true, k => 1) $$, ARRAY[6], 'other scenes');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(like_tile => pg_temp.id(0), exclude_place => true, k => 6) $$, ARRAY[1, 2, 3, 4, 5, 7], 'other places: 6 shows that of 0');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', one_per_place => true) $$, ARRAY[0, 1, 2, 3, 4, 5, 11], 'one tile a place');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(positives => ARRAY[pg_temp.id(0), pg_temp.id(2)], exclude_self => false, k => 1) $$, ARRAY[1], 'between two positives');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(positives => ARRAY[pg_temp.id(5)], negatives => ARRAY[pg_temp.id(0)], k => 1) $$, ARRAY[11], 'away from a negative');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', k => 3, after => pg_temp.id(3)) $$, ARRAY[4, 5, 6], 'the next page');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.search(embedding => '[1,0,0]', one_per_place => true, k => 3, after => pg_temp.id(4)) $$, ARRAY[5, 11], 'the next page of places shows none of the first');
SELECT is((SELECT (exact, rows_passing, rows_visited >= 2, rows_returned) FROM tilescout.explain_search(embedding => '[1,0,0]', within => tilescout.bbox(0.2, 0.2, 0.8, 0.8))),
    (true, 2::bigint, true, 2), 'what passes is counted, and what was visited');

SELECT results_eq($$ SELECT pg_temp.number(tile_a), pg_temp.number(tile_b) FROM tilescout.similar_pairs(0.003, collections => '{b}', max_pairs => 3) $$, $$ VALUES (10, 11), (9, 10), (8, 9) $$, 'near-duplicates, nearest first');
SELECT throws_like($$ SELECT tilescout.similar_pairs(3) $$, '%must be 0 to 2%', 'no distance is 3');
SELECT is_empty($$ SELECT * FROM tilescout.changed(tilescout.bbox(0.1, 0.1, 5.9, 0.9)) $$, 'pixels of 1 m and 10 m are not compared');
SELECT tilescout.embedding_table(id) AS target FROM tilescout.model WHERE name = 'tap' \gset
UPDATE tilescout.:"target" SET ground_sample_distance = 10;
SELECT results_eq($$ SELECT pg_temp.number(tile_id), pg_temp.number(before_tile_id) FROM tilescout.changed('SRID=4326;POINT(0.5 0.5)'::geometry) $$, $$ VALUES (6, 0) $$, 'what changed at a point');
SELECT results_eq($$ SELECT pg_temp.number(tile_id) FROM tilescout.changed(tilescout.bbox(0.1, 0.1, 2.9, 0.9)) $$, ARRAY[6, 7, 8], 'what changed in an area, most first');
SELECT throws_like($$ SELECT tilescout.changed(NULL) $$, '%place is missing%', 'no place');
SELECT results_eq($$ SELECT collection, round(share::numeric, 2), tiles, scenes FROM tilescout.coverage(tilescout.bbox(5, 0, 7, 1)) $$,
    $$ VALUES ('a', 0.50, 2::bigint, 1::bigint), ('b', 0.00, 1, 1) $$, 'a covers half, b touches the edge');
SELECT results_eq($$ SELECT round(share::numeric, 4) FROM tilescout.coverage(tilescout.bbox(-180, -90, 180, 90), collections => '{a}') $$, $$ VALUES (round(6 * (sin(radians(1)) / 2 / 360)::numeric, 4)) $$,
    'of all the Earth');
SELECT results_eq($$ SELECT round(share::numeric, 3) FROM tilescout.coverage('SRID=4326;POLYGON((0 0,120 0,120 0.5,0 0.5,0 0))'::geometry, collections => '{a}') $$, $$ VALUES (0.050) $$, 'sides are straight in degrees');
SELECT throws_like($$ SELECT tilescout.coverage('SRID=4326;POINT(0 0)'::geometry) $$, '%must be a polygon%', 'a point has no surface');

SELECT throws_like(format('SELECT tilescout.search(%s)', bad), '%' || reason || '%', bad) FROM (VALUES
    ('positives => ARRAY[NULL]::uuid[]', 'nothing to look for'),
    ('embedding => ''[1,0,0]'', k => 0', 'k is 0'),
    ('embedding => ''[1,0,0]'', k => NULL', 'k is NULL'),
    ('embedding => ''[1,0,0]'', k => 1000000000', 'must be 1 to 10000'),
    ('embedding => ''[1,0,0]'', radius => 5', 'near is missing'),
    ('embedding => ''[1,0,0]'', near => ''SRID=4326;POINT(0 0)''::geometry, radius => -1', 'radius is -1'),
    ('embedding => ''[1,0,0]'', near => ''POINT(0 0)''::geometry, radius => 1', 'no coordinate system'),
    ('embedding => ''[1,0,0]'', near => ''SRID=4326;POINT(0 100)''::geometry, radius => 1', 'leaves the Earth'),
    ('embedding => ''[1,0,0]'', near => ''SRID=4326;POINT EMPTY''::geometry, radius => 1', 'near is empty'),
    ('embedding => ''[1,0,0]'', max_distance => -1', 'must be 0 to 2'),
    ('embedding => ''[1,0,0]'', max_distance => ''NaN''', 'must be 0 to 2'),
    ('embedding => ''[1,0,0]'', resolution => ''empty''', 'no tile has'),
    ('embedding => ''[1,0,0]'', acquired => ''empty''', 'empty range'),
    ('embedding => ''[1,0,0]'', after => ''00000000-0000-0000-0000-000000009999''', 'there is no tile'),
    ('embedding => ''[1,0,0]'', collections => ARRAY[''x''''; DROP SCHEMA tilescout; --'']', 'there is no collection x'),
    ('embedding => ''[1,0,0]'', model => ''$1; DROP SCHEMA tilescout; --''', 'there is no model')
) AS refused (bad, reason);

SELECT throws_like($$ SELECT tilescout.prune('a', NULL) $$, '%keep_runs is NULL%', 'nothing is deleted for want of a number');
SELECT throws_like($$ SELECT tilescout.prune('a', 0) $$, '%keep_runs is 0%', 'nor all of it');

SELECT * FROM finish();
ROLLBACK;
