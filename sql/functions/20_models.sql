CREATE OR REPLACE FUNCTION tilescout.embedding_table(model_id int)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT 'embedding_' || model_id::text
$$;
COMMENT ON FUNCTION tilescout.embedding_table IS 'Name of the table that holds a model''s vectors.';

CREATE OR REPLACE FUNCTION tilescout.register_model(name text, weights_sha256 text, preprocessing jsonb, dimension int)
RETURNS tilescout.model LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT SET client_min_messages = warning AS $$
#variable_conflict use_column
DECLARE
    known tilescout.model;
    target text;
BEGIN
    -- One registration at a time: the second finds what the first made.
    PERFORM pg_advisory_xact_lock(hashtext('tilescout.register_model'));
    SELECT m.* INTO known FROM tilescout.model AS m WHERE m.name = register_model.name;
    IF FOUND THEN
        IF (known.weights_sha256, known.preprocessing, known.dimension)
            IS DISTINCT FROM (register_model.weights_sha256, register_model.preprocessing, register_model.dimension) THEN
            RAISE EXCEPTION 'model % is registered with other %', name,
                CASE WHEN known.weights_sha256 <> register_model.weights_sha256 THEN 'weights'
                     WHEN known.dimension <> register_model.dimension THEN 'dimensions (' || known.dimension || ')'
                     ELSE 'preprocessing' END
                USING ERRCODE = 'unique_violation', HINT = 'vectors of two models are never mixed: give the new one a name of its own';
        END IF;
        RETURN known;
    END IF;
    SELECT m.* INTO known FROM tilescout.model AS m
        WHERE m.weights_sha256 = register_model.weights_sha256 AND m.preprocessing = register_model.preprocessing;
    IF FOUND THEN
        RAISE EXCEPTION 'these weights and this preprocessing are registered as model %', known.name
            USING ERRCODE = 'unique_violation', HINT = 'use that name';
    END IF;

    INSERT INTO tilescout.model (name, weights_sha256, preprocessing, dimension, serving)
        VALUES (register_model.name, register_model.weights_sha256, register_model.preprocessing, register_model.dimension,
                NOT EXISTS (SELECT FROM tilescout.model WHERE serving))
        RETURNING * INTO known;
    target := tilescout.embedding_table(known.id);

    -- Vectors stay in the row (toast_tuple_target): a vector fetched from TOAST costs a search several times as much.
    EXECUTE format($sql$
        CREATE TABLE tilescout.%1$I (
            tile_id        uuid        NOT NULL,
            collection_id  int         NOT NULL,
            scene_id       bigint      NOT NULL,
            run_id         int         NOT NULL,
            acquired_at    timestamptz,
            valid_fraction real        NOT NULL,
            cloud_fraction real,
            ground_sample_distance real,
            footprint      geometry(Geometry, 4326) NOT NULL,
            embedding      halfvec(%2$s) NOT NULL,
            place          bigint      NOT NULL,
            PRIMARY KEY (tile_id, collection_id)
        ) WITH (toast_tuple_target = 8160)$sql$, target, known.dimension);
    EXECUTE format('CREATE INDEX %I ON tilescout.%I (run_id, place)', target || '_place', target);
    -- Cells say where rows lie, and nothing is estimated of vectors: their statistics would only cost planning and ANALYZE.
    EXECUTE format('ALTER TABLE tilescout.%I ALTER COLUMN footprint SET STATISTICS 0, ALTER COLUMN embedding SET STATISTICS 0', target);
    EXECUTE format('COMMENT ON TABLE tilescout.%I IS %L', target,
        format('Unit vectors of model %s, with the columns that searches filter by.', known.name));
    EXECUTE format('COMMENT ON COLUMN tilescout.%I.embedding IS %L', target, 'L2-normalised; compared by cosine distance (<=>).');
    EXECUTE format('COMMENT ON COLUMN tilescout.%I.run_id IS %L', target, 'The run that brought the row: hidden until that is published.');
    EXECUTE format('COMMENT ON COLUMN tilescout.%I.place IS %L', target, 'tilescout.place_of(footprint).');
    EXECUTE format('GRANT SELECT ON tilescout.%I TO tilescout_read, tilescout_ingest', target);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON tilescout.%I TO tilescout_ingest', target);
    EXECUTE format('GRANT ALL ON tilescout.%I TO tilescout_admin', target);
    UPDATE tilescout.model AS m SET coded_in = tilescout.coded_in(known.id) WHERE m.id = known.id RETURNING m.* INTO known;
    RETURN known;
END $$;
COMMENT ON FUNCTION tilescout.register_model IS
    'Makes a model known and creates its table of vectors; the same call again returns the same model. The first model serves searches that name none.';

CREATE OR REPLACE FUNCTION tilescout.index_worthwhile(dimension int)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    -- Up to here comparing all takes 7 ms.
    SELECT 5120000::bigint / dimension
$$;
COMMENT ON FUNCTION tilescout.index_worthwhile IS 'Rows from which on tilescout.build_index builds an index.';
