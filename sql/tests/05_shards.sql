-- What needs no second server: a question arrives as it was sent, whatever is in it, and a database without shards says so.
-- Tests/TileStoreTests/ShardTests.swift asks real ones.
BEGIN;
SELECT plan(17);
SET search_path = public, pg_temp;

SELECT volatility_is('tilescout', 'search_shards', 'volatile', 'search_shards reads other servers');
SELECT volatility_is('tilescout', 'explain_search_shards', 'volatile', 'explain_search_shards does too');
SELECT volatility_is('tilescout', 'search_shard', 'stable', 'what a shard answers is stable');
SELECT ok(NOT has_table_privilege('tilescout_read', 'tilescout.shard', 'insert, update, delete, truncate'), 'readers change no shards');
SELECT ok(has_table_privilege('tilescout_read', 'tilescout.shards', 'select'), 'readers see shards');
SELECT is((SELECT count(*)::int FROM pg_extension WHERE extname IN ('dblink', 'postgres_fdw')), 0, 'a database without shards needs neither extension');
SELECT throws_like($$ SELECT tilescout.search_shards(embedding => '[1,0,0]') $$, '%there are no shards%', 'no shards');
SELECT throws_like($$ SELECT tilescout.add_shard('a', 'nowhere') $$, '%no foreign server nowhere%', 'no server');
SELECT throws_like($$ SELECT tilescout.remove_shard('a') $$, '%no shard a%', 'no such shard');
SELECT throws_like($$ SELECT tilescout.search_shard(ROW('0')::tilescout.shard_question) $$, '%cannot cast%', 'a question has all its members');
SELECT throws_like($$ SELECT tilescout.shard_lookup(jsonb_populate_record(NULL::tilescout.shard_question, '{"files": "other"}')) $$, '%another build%', 'another schema is refused');

-- What arrives there, as text; it lies where shard_statement looks for functions.
CREATE FUNCTION tilescout.tap_echo(q tilescout.shard_question) RETURNS text LANGUAGE sql AS $f$
    SELECT concat_ws(' ', q.model, q.collections[1], q.acquired, q.min_valid, q.embedding, ST_AsText(q.within), ST_SRID(q.within)) $f$;
CREATE FUNCTION pg_temp.there(q tilescout.shard_question) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE answer text; BEGIN EXECUTE tilescout.shard_statement('tap_echo', q) INTO answer; RETURN answer; END $f$;
CREATE FUNCTION pg_temp.question(given text) RETURNS tilescout.shard_question LANGUAGE plpgsql AS $f$
DECLARE q tilescout.shard_question; BEGIN
    q.model := given; q.collections := ARRAY[given]; q.acquired := '[2024-02-01 10:00:00.123456+05,)'; q.min_valid := 0.1::float8 + 0.2;
    q.embedding := '[0.1,-6.1e-05,65504]'; q.within := 'SRID=32633;POLYGON((0.1 0,1e-9 1,1 1,0.1 0))'; RETURN q;
END $f$;
SELECT is(pg_temp.there(pg_temp.question(h)), tilescout.tap_echo(pg_temp.question(h)), 'arrives as sent: ' || h) FROM unnest(ARRAY[
    $$x'; DROP SCHEMA tilescout; --$$, $$x"\'),(){}$$, 'x$sql$; DROP SCHEMA tilescout; --', '%1$I %s%L', E'x\\''\n\t,"']) AS h;
SET datestyle = 'SQL, DMY';
SET extra_float_digits = -10;
SELECT tilescout.shard_statement('tap_echo', pg_temp.question('x')) AS statement \gset
RESET datestyle;
RESET extra_float_digits;
CREATE TEMP TABLE came AS :statement;
SELECT is((SELECT a FROM came), tilescout.tap_echo(pg_temp.question('x')), 'dates and numbers do not depend on how the session shows them');

SELECT * FROM finish();
ROLLBACK;
