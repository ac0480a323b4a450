-- Which databases are shards.

CREATE OR REPLACE VIEW tilescout.shards AS
SELECT s.name, s.server, w.fdwname AS wrapper,
       -- Addresses only: who we are there, and with which password, stands in user mappings, which not everybody may read.
       (SELECT string_agg(o.option_name || '=' || o.option_value, ' ' ORDER BY o.option_name) FROM pg_options_to_table(f.srvoptions) AS o
        WHERE o.option_name IN ('host', 'hostaddr', 'port', 'dbname', 'service')) AS address,
       s.added_at
FROM tilescout.shard AS s
LEFT JOIN pg_foreign_server AS f ON f.srvname = s.server
LEFT JOIN pg_foreign_data_wrapper AS w ON w.oid = f.srvfdw;
COMMENT ON VIEW tilescout.shards IS 'The shards that tilescout.search_shards asks; wrapper is NULL where the foreign server is gone.';

CREATE OR REPLACE FUNCTION tilescout.refresh_all_tiles()
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT SET client_min_messages = warning AS $$
DECLARE
    columns CONSTANT text := (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
        FROM pg_attribute AS a WHERE a.attrelid = 'tilescout.tiles'::regclass AND a.attnum > 0 AND NOT a.attisdropped);
    of_shard record;
    parts text[] := '{}';
BEGIN
    DROP VIEW IF EXISTS tilescout.all_tiles;
    FOR of_shard IN SELECT c.oid::regclass AS name FROM pg_class AS c
        WHERE c.relnamespace = 'tilescout'::regnamespace AND c.relkind = 'f' AND c.relname ~ '^tiles_of_shard_[0-9]+$'
    LOOP
        EXECUTE format('DROP FOREIGN TABLE %s', of_shard.name);
    END LOOP;
    FOR of_shard IN SELECT s.id, s.name, s.server, 'tiles_of_shard_' || s.id AS relation
        FROM tilescout.shard AS s JOIN tilescout.shards AS v ON v.name = s.name AND v.wrapper = 'postgres_fdw' ORDER BY s.name
    LOOP
        EXECUTE format('CREATE FOREIGN TABLE tilescout.%I (%s) SERVER %I OPTIONS (schema_name ''tilescout'', table_name ''tiles'', async_capable ''true'')',
            of_shard.relation, columns, of_shard.server);
        EXECUTE format('COMMENT ON FOREIGN TABLE tilescout.%I IS %L', of_shard.relation, format('tilescout.tiles of shard %s.', of_shard.name));
        EXECUTE format('GRANT SELECT ON tilescout.%I TO tilescout_read, tilescout_ingest, tilescout_admin', of_shard.relation);
        parts := parts || format('SELECT %L::text AS shard, t.* FROM tilescout.%I AS t', of_shard.name, of_shard.relation);
    END LOOP;
    IF parts <> '{}' THEN
        EXECUTE 'CREATE VIEW tilescout.all_tiles AS ' || array_to_string(parts, ' UNION ALL ');
        COMMENT ON VIEW tilescout.all_tiles IS
            'Published tiles of every shard behind postgres_fdw, for plain SQL; ids of scenes and runs are each shard''s own. Searches by look: tilescout.search_shards.';
        GRANT SELECT ON tilescout.all_tiles TO tilescout_read, tilescout_ingest, tilescout_admin;
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.refresh_all_tiles IS 'Makes the view tilescout.all_tiles and its foreign tables anew, from the list of shards.';

CREATE OR REPLACE FUNCTION tilescout.add_shard(name text, server name)
RETURNS tilescout.shard LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT SET client_min_messages = warning AS $$
#variable_conflict use_column
DECLARE
    added tilescout.shard;
    link record;
    beside name;
    found_in name;
    theirs record;
    detail text;
    hint text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tilescout.add_shard'));
    IF NOT EXISTS (SELECT FROM pg_foreign_server AS s JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
            WHERE s.srvname = add_shard.server AND w.fdwname IN ('postgres_fdw', 'dblink_fdw')) THEN
        RAISE EXCEPTION 'there is no foreign server % of postgres_fdw or dblink_fdw', server USING ERRCODE = 'undefined_object',
            HINT = 'CREATE EXTENSION postgres_fdw; CREATE SERVER … FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host …, dbname …); CREATE USER MAPPING …';
    END IF;
    SELECT s.* INTO added FROM tilescout.shard AS s WHERE s.name = add_shard.name OR s.server = add_shard.server
        ORDER BY s.name = add_shard.name DESC LIMIT 1;
    IF FOUND AND (added.name, added.server) <> (add_shard.name, add_shard.server) THEN
        RAISE EXCEPTION 'shard % is server % already', added.name, added.server
            USING ERRCODE = 'unique_violation', HINT = format('SELECT tilescout.remove_shard(%L) first', added.name);
    ELSIF NOT FOUND THEN
        INSERT INTO tilescout.shard AS s (name, server) VALUES (add_shard.name, add_shard.server) RETURNING s.* INTO added;
    END IF;
    SELECT n.nspname INTO STRICT beside FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'vector';
    SELECT n.nspname INTO found_in FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'dblink';
    IF NOT FOUND THEN
        -- Left to itself it would go into our own schema.
        EXECUTE format('CREATE EXTENSION dblink SCHEMA %I', beside);
    ELSIF found_in <> beside THEN
        RAISE EXCEPTION 'the extension dblink is in schema %, where Tilescout does not look', found_in USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = format('ALTER EXTENSION dblink SET SCHEMA %I', beside);
    END IF;

    BEGIN
        PERFORM tilescout.close_shard(added.id);
        SELECT * INTO link FROM tilescout.open_shard(added);
        -- The coordinator keeps the list of models that all shards have to agree with.
        FOR theirs IN SELECT * FROM dblink(link.connection, 'SELECT name, weights_sha256, preprocessing, dimension FROM tilescout.model ORDER BY id')
            AS m (name text, weights_sha256 text, preprocessing jsonb, dimension int)
        LOOP
            PERFORM tilescout.register_model(theirs.name, theirs.weights_sha256, theirs.preprocessing, theirs.dimension);
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
        PERFORM tilescout.close_shard(added.id), tilescout.blame_shard(name, SQLSTATE, SQLERRM, detail, hint);
    END;
    PERFORM tilescout.refresh_all_tiles();
    RETURN added;
END $$;
COMMENT ON FUNCTION tilescout.add_shard IS
    'Makes the database behind a foreign server a shard, and its models known here; the same call again takes in models that came since. '
    'Refuses one that cannot be reached, has another version of the schema, or another model under a name that is known.';

CREATE OR REPLACE FUNCTION tilescout.remove_shard(name text)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    gone int;
BEGIN
    DELETE FROM tilescout.shard AS s WHERE s.name = remove_shard.name RETURNING s.id INTO gone;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no shard %', name USING ERRCODE = 'invalid_parameter_value',
            HINT = (SELECT 'shards: ' || coalesce(string_agg(s.name, ', ' ORDER BY s.name), 'none') FROM tilescout.shard AS s);
    END IF;
    PERFORM tilescout.close_shard(gone);
    PERFORM tilescout.refresh_all_tiles();
END $$;
COMMENT ON FUNCTION tilescout.remove_shard IS 'Asks a shard no longer; its database, its foreign server and the models learnt from it stay as they are.';

-- A migration may have given tilescout.tiles other columns.
DO $$
BEGIN
    IF EXISTS (SELECT FROM tilescout.shard) THEN
        PERFORM tilescout.refresh_all_tiles();
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'tilescout.all_tiles stays as it is: %', SQLERRM USING HINT = 'as who made the foreign servers: SELECT tilescout.refresh_all_tiles()';
END $$;
