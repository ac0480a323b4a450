CREATE OR REPLACE FUNCTION tilescout.chain_sha256_step(state bytea, item bytea)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT sha256(state || sha256(item)) $$;
COMMENT ON FUNCTION tilescout.chain_sha256_step IS 'One link of tilescout.chain_sha256.';

DO $$
BEGIN
    IF to_regprocedure('tilescout.chain_sha256(bytea)') IS NULL THEN
        CREATE AGGREGATE tilescout.chain_sha256 (bytea) (SFUNC = tilescout.chain_sha256_step, STYPE = bytea, INITCOND = '');
    END IF;
END $$;
COMMENT ON AGGREGATE tilescout.chain_sha256 (bytea) IS 'SHA-256 over rows in their order, in constant memory.';

CREATE OR REPLACE FUNCTION tilescout.content_hash()
RETURNS text LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
    -- However the session writes dates and numbers.
    SET DateStyle = 'ISO, MDY' SET extra_float_digits = 1
AS $$
DECLARE
    m tilescout.model;
    h record;
    parts bytea := '';
    part bytea;
BEGIN
    SELECT coalesce(runs, '{}') AS runs, coalesce(scenes, '{}') AS scenes INTO h FROM tilescout.hidden();
    SELECT tilescout.chain_sha256(convert_to(ROW(c.name, s.sha256, s.path, s.size, s.driver, s.width, s.height, s.band_count, s.band_descriptions,
            s.data_type, s.nodata, s.crs_name, s.crs_wkt, s.geotransform, s.ground_sample_distance, s.acquired_at AT TIME ZONE 'UTC', s.acquired_source,
            s.footprint, s.stretch)::text, 'UTF8') ORDER BY c.name COLLATE "C", s.sha256)
        INTO part FROM tilescout.scene AS s JOIN tilescout.collection AS c ON c.id = s.collection_id
        WHERE NOT s.run_id = ANY (h.runs) AND NOT s.id = ANY (h.scenes);
    parts := parts || coalesce(part, '\x00');
    SELECT tilescout.chain_sha256(convert_to(ROW(t.id, c.name, s.sha256, t.x, t.y, t.width, t.height, t.crs, t.geotransform,
            t.valid_fraction, t.cloud_fraction, t.footprint)::text, 'UTF8') ORDER BY t.id, c.name COLLATE "C")
        INTO part FROM tilescout.tile AS t JOIN tilescout.scene AS s ON s.id = t.scene_id JOIN tilescout.collection AS c ON c.id = t.collection_id
        WHERE NOT t.run_id = ANY (h.runs) AND NOT t.scene_id = ANY (h.scenes);
    parts := parts || coalesce(part, '\x00');
    FOR m IN SELECT * FROM tilescout.model AS known ORDER BY known.weights_sha256, md5(known.preprocessing::text) LOOP
        EXECUTE format($sql$
            SELECT tilescout.chain_sha256(convert_to(ROW(e.tile_id, c.name, s.sha256, e.acquired_at AT TIME ZONE 'UTC', e.valid_fraction,
                    e.cloud_fraction, e.ground_sample_distance, e.footprint)::text, 'UTF8') || halfvec_send(e.embedding)
                ORDER BY e.tile_id, c.name COLLATE "C")
            FROM tilescout.%I AS e JOIN tilescout.scene AS s ON s.id = e.scene_id JOIN tilescout.collection AS c ON c.id = e.collection_id
            WHERE NOT e.run_id = ANY ($1) AND NOT e.scene_id = ANY ($2)$sql$, tilescout.embedding_table(m.id))
            INTO part USING h.runs, h.scenes;
        parts := parts || convert_to(ROW(m.name, m.weights_sha256, m.preprocessing, m.dimension)::text, 'UTF8') || coalesce(part, '\x00');
    END LOOP;
    RETURN encode(sha256(parts), 'hex');
END $$;
COMMENT ON FUNCTION tilescout.content_hash IS
    'SHA-256 over all that is visible: scenes, tiles and vectors in a fixed order, without ids, runs and times of ingest. Equal content, equal hash, however it came in.';

CREATE OR REPLACE FUNCTION tilescout.database_size()
RETURNS TABLE (relation text, rows bigint, table_bytes bigint, index_bytes bigint)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT c.relname::text, greatest(c.reltuples, 0)::bigint, pg_table_size(c.oid), pg_indexes_size(c.oid)
    FROM pg_class AS c WHERE c.relnamespace = 'tilescout'::regnamespace AND c.relkind = 'r' ORDER BY c.relname
$$;
COMMENT ON FUNCTION tilescout.database_size IS 'Bytes of each table and of its indexes; rows as of the last ANALYZE.';
