-- The coordinator's connections to its shards, over dblink. The first tilescout.add_shard makes that extension, beside pgvector, where the search path of
-- these functions finds it. PL/pgSQL looks for what a statement names when it first runs it, so that a database without shards needs no dblink.

CREATE OR REPLACE FUNCTION tilescout.shard_statement(function_name text, question tilescout.shard_question)
RETURNS text LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
    -- The text of dates and numbers has to mean the same on the other side.
    SET datestyle = 'ISO, YMD' SET extra_float_digits = 3
AS $$
BEGIN
    -- The one place where a value becomes part of a statement: a single literal, quoted by PostgreSQL, read by its type on the shard.
    RETURN format('SELECT a::text FROM tilescout.%I(%L::tilescout.shard_question) AS a', function_name, question);
END $$;
COMMENT ON FUNCTION tilescout.shard_statement IS 'The statement that asks a shard''s function a question.';

CREATE OR REPLACE FUNCTION tilescout.shard_connection(shard_id int)
RETURNS text LANGUAGE sql STABLE STRICT SET search_path FROM CURRENT AS $$
    -- Of one user each: who changes role does not speak with the former one's rights.
    SELECT 'tilescout_' || shard_id || '_' || (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = current_user)
$$;
COMMENT ON FUNCTION tilescout.shard_connection IS 'Name of this session''s dblink connection to a shard.';

CREATE OR REPLACE FUNCTION tilescout.close_shard(shard_id int)
RETURNS void LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
    connection text := tilescout.shard_connection(shard_id);
BEGIN
    IF connection = ANY (dblink_get_connections()) THEN
        PERFORM dblink_cancel_query(connection), dblink_disconnect(connection);
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.close_shard IS 'Ends this session''s connection to a shard, and what runs there for it.';

CREATE OR REPLACE FUNCTION tilescout.open_shard(of_shard tilescout.shard, OUT connection text, OUT is_new boolean)
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    here record;
    there record;
    -- Plain SQL that every version of the schema understands.
    identity CONSTANT text := $sql$SELECT (SELECT max(version) FROM tilescout.schema_migration) AS version,
        substring(obj_description('tilescout'::regnamespace, 'pg_namespace') FROM '[0-9a-f]{64}$') AS files$sql$;
BEGIN
    connection := tilescout.shard_connection(of_shard.id);
    is_new := NOT coalesce(connection = ANY (dblink_get_connections()), false);
    IF NOT is_new THEN
        RETURN;
    ELSIF NOT EXISTS (SELECT FROM pg_foreign_server AS s WHERE s.srvname = of_shard.server) THEN
        -- dblink would take the name for a connection string.
        RAISE EXCEPTION 'there is no foreign server %', of_shard.server USING ERRCODE = 'undefined_object',
            HINT = format('CREATE SERVER %I FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host …, dbname …), and a USER MAPPING for it', of_shard.server);
    END IF;
    PERFORM dblink_connect(connection, of_shard.server::text);
    BEGIN
        -- Searches change nothing, and text comes back the way it is read here.
        PERFORM dblink_exec(connection, 'SET default_transaction_read_only = on; SET extra_float_digits = 3; SET datestyle = ''ISO, YMD''');
        EXECUTE identity INTO here;
        BEGIN
            SELECT * INTO there FROM dblink(connection, identity) AS i (version int, files text);
        EXCEPTION WHEN undefined_table OR invalid_schema_name THEN
            RAISE EXCEPTION 'its database has no tilescout schema' USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'run tilescout db migrate on it';
        END;
        IF (there.version, there.files) IS DISTINCT FROM (here.version, here.files) THEN
            RAISE EXCEPTION '%', CASE WHEN there.version IS DISTINCT FROM here.version
                    THEN format('its schema is version %s, the coordinator''s is %s', there.version, here.version)
                    ELSE 'its schema is of another build of tilescout' END
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'run the same build''s tilescout db migrate on the coordinator and on every shard';
        END IF;
    EXCEPTION WHEN OTHERS THEN
        PERFORM tilescout.close_shard(of_shard.id);
        RAISE;
    END;
END $$;
COMMENT ON FUNCTION tilescout.open_shard IS 'This session''s connection to a shard, made where there is none; refuses a database with another schema.';

CREATE OR REPLACE FUNCTION tilescout.await_shard(connection text)
RETURNS text[] LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    pause double precision := 0.001;
    answers text[];
BEGIN
    -- dblink_get_result waits inside libpq, where a cancellation does not reach it; pg_sleep is cancelled at once.
    WHILE dblink_is_busy(connection) = 1 LOOP
        PERFORM pg_sleep(pause);
        pause := least(pause * 1.5, 0.02);
    END LOOP;
    SELECT array_agg(r.answer) INTO answers FROM dblink_get_result(connection) AS r (answer text);
    -- The empty result that ends a statement.
    PERFORM FROM dblink_get_result(connection) AS r (answer text);
    RETURN coalesce(answers, '{}');
END $$;
COMMENT ON FUNCTION tilescout.await_shard IS 'The rows, as text, of the statement under way on a connection.';

CREATE OR REPLACE FUNCTION tilescout.is_unreachable(state text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    -- Connection exceptions; a server that shuts down or starts up; one with too many connections.
    SELECT state LIKE '08%' OR state LIKE '57P%' OR state = '53300'
$$;
COMMENT ON FUNCTION tilescout.is_unreachable IS 'Whether an error (SQLSTATE) says that a shard is away, and not that it could not answer.';

CREATE OR REPLACE FUNCTION tilescout.blame_shard(shard text, state text, message text, detail text, hint text)
RETURNS void LANGUAGE plpgsql IMMUTABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF tilescout.is_unreachable(state) THEN
        RAISE EXCEPTION 'shard % cannot be reached: %', shard, concat_ws(': ', message, nullif(detail, '')) USING ERRCODE = 'connection_failure',
            HINT = 'without it an answer would be short; search_shards(…, allow_missing => true) gives what the other shards have';
    ELSIF state LIKE '22%' AND hint <> '' THEN
        -- It is the question that is wrong, whoever is asked.
        RAISE EXCEPTION '%', message USING ERRCODE = state, DETAIL = 'says shard ' || shard, HINT = hint;
    ELSIF state LIKE '22%' THEN
        RAISE EXCEPTION '%', message USING ERRCODE = state, DETAIL = 'says shard ' || shard;
    END IF;
    RAISE EXCEPTION 'shard %: %', shard, concat_ws(': ', message, nullif(detail, '')) USING ERRCODE = state,
        HINT = coalesce(nullif(hint, ''), 'tilescout.shards says where it is');
END $$;
COMMENT ON FUNCTION tilescout.blame_shard IS 'Raises a shard''s error as the coordinator''s own, with the shard''s name in it.';

CREATE OR REPLACE FUNCTION tilescout.ask_shards(shard_ids int[], statements text[], allow_missing boolean)
RETURNS TABLE (shard_id int, answers text[]) LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    of_shard tilescout.shard;
    link record;
    connections text[];
    fresh boolean[];
    attempt int;
    state text; message text; detail text; hint text;
BEGIN
    -- Round 1 sends to every shard, so that all work at once; round 2 collects. A connection that broke since its last use is made anew, once.
    FOR round IN 1 .. 2 LOOP
        FOR i IN 1 .. coalesce(cardinality(shard_ids), 0) LOOP
            SELECT s.* INTO STRICT of_shard FROM tilescout.shard AS s WHERE s.id = shard_ids[i];
            CONTINUE WHEN round = 2 AND connections[i] IS NULL;
            attempt := 1;
            LOOP
                BEGIN
                    IF round = 1 OR attempt = 2 THEN
                        SELECT * INTO link FROM tilescout.open_shard(of_shard);
                        connections[i] := link.connection;
                        fresh[i] := link.is_new;
                        IF dblink_send_query(connections[i], statements[i]) = 0 THEN
                            RAISE EXCEPTION 'the question could not be sent' USING ERRCODE = 'connection_failure', DETAIL = dblink_error_message(connections[i]);
                        END IF;
                    END IF;
                    IF round = 2 THEN
                        answers := tilescout.await_shard(connections[i]);
                        shard_id := of_shard.id;
                        RETURN NEXT;
                    END IF;
                    EXIT;
                EXCEPTION WHEN OTHERS THEN
                    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
                    PERFORM tilescout.close_shard(of_shard.id);
                    IF tilescout.is_unreachable(state) THEN
                        IF fresh[i] IS FALSE AND attempt = 1 THEN
                            attempt := 2;
                            CONTINUE;
                        END IF;
                        connections[i] := NULL;
                        IF allow_missing THEN
                            RAISE WARNING 'shard % is missing from this answer: %', of_shard.name, concat_ws(': ', message, nullif(detail, ''));
                            EXIT;
                        END IF;
                    END IF;
                    PERFORM tilescout.blame_shard(of_shard.name, state, message, detail, hint);
                END;
            END LOOP;
        END LOOP;
    END LOOP;
EXCEPTION WHEN OTHERS OR query_canceled THEN
    -- The others stop working, and none of their answers is taken for that of the next question.
    PERFORM tilescout.close_shard(id) FROM unnest(shard_ids) AS id;
    RAISE;
END $$;
COMMENT ON FUNCTION tilescout.ask_shards IS
    'Sends each shard its statement, all at once, and collects the rows as text. A shard that cannot be reached is an error that names it, or with allow_missing a warning.';
