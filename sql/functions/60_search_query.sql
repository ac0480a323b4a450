CREATE OR REPLACE FUNCTION tilescout.search_model(model text, embedding halfvec)
RETURNS tilescout.model LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    chosen tilescout.model;
    known text;
BEGIN
    -- The usual case first: one model, of this width.
    IF search_model.model IS NULL AND NOT EXISTS (SELECT FROM tilescout.model AS m OFFSET 1) THEN
        SELECT m.* INTO chosen FROM tilescout.model AS m;
        IF FOUND AND (search_model.embedding IS NULL OR vector_dims(search_model.embedding) = chosen.dimension) THEN
            RETURN chosen;
        END IF;
    END IF;
    SELECT string_agg(m.name || ' (' || m.dimension || ')', ', ' ORDER BY m.id) INTO known FROM tilescout.model AS m;
    IF known IS NULL THEN
        RAISE EXCEPTION 'nothing has been ingested: there is no model' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF search_model.model IS NOT NULL THEN
        SELECT m.* INTO chosen FROM tilescout.model AS m WHERE m.name = search_model.model;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no model %', model USING ERRCODE = 'invalid_parameter_value', HINT = 'models (and dimensions): ' || known;
        END IF;
    ELSIF search_model.embedding IS NOT NULL
        AND (SELECT count(*) FROM tilescout.model AS m WHERE m.dimension = vector_dims(search_model.embedding)) > 1 THEN
        -- Width alone does not tell whose vector it is.
        RAISE EXCEPTION 'several models have vectors of % dimensions', vector_dims(search_model.embedding)
            USING ERRCODE = 'ambiguous_parameter', HINT = 'say whose it is with model => …; models (and dimensions): ' || known;
    ELSE
        SELECT m.* INTO chosen FROM tilescout.model AS m ORDER BY m.serving DESC, m.id LIMIT 1;
    END IF;
    IF search_model.embedding IS NOT NULL AND vector_dims(search_model.embedding) <> chosen.dimension THEN
        RAISE EXCEPTION 'the embedding has % dimensions, those of model % have %', vector_dims(search_model.embedding), chosen.name, chosen.dimension
            USING ERRCODE = 'invalid_parameter_value', HINT = 'models (and dimensions): ' || known;
    END IF;
    RETURN chosen;
END $$;
COMMENT ON FUNCTION tilescout.search_model IS 'The model that a search compares in: the one named, else the serving one. Raises where the embedding cannot be of it.';

CREATE OR REPLACE FUNCTION tilescout.embeddings_of(of_model tilescout.model, tiles uuid[])
RETURNS TABLE (tile_id uuid, scene_id bigint, footprint geometry, embedding halfvec)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    h record;
    missing uuid;
    others text;
BEGIN
    SELECT * INTO h FROM tilescout.hidden();
    -- A tile of several collections has the same pixels and so the same vector in each.
    RETURN QUERY EXECUTE format('SELECT DISTINCT ON (e.tile_id) e.tile_id, e.scene_id, e.footprint, e.embedding FROM tilescout.%I AS e
        WHERE e.tile_id = ANY ($1) AND NOT e.run_id = ANY ($2) AND NOT e.scene_id = ANY ($3) ORDER BY e.tile_id, e.collection_id',
        tilescout.embedding_table(of_model.id)) USING embeddings_of.tiles, coalesce(h.runs, '{}'), coalesce(h.scenes, '{}');
    EXECUTE format('SELECT wanted.id FROM unnest($1) AS wanted (id) WHERE wanted.id IS NULL OR NOT EXISTS (SELECT FROM tilescout.%I AS e
        WHERE e.tile_id = wanted.id AND NOT e.run_id = ANY ($2) AND NOT e.scene_id = ANY ($3)) LIMIT 1',
        tilescout.embedding_table(of_model.id)) INTO missing USING embeddings_of.tiles, coalesce(h.runs, '{}'), coalesce(h.scenes, '{}');
    IF missing IS NOT NULL THEN
        IF EXISTS (SELECT FROM tilescout.tile AS t WHERE t.id = missing AND NOT t.run_id = ANY (coalesce(h.runs, '{}'))
                AND NOT t.scene_id = ANY (coalesce(h.scenes, '{}'))) THEN
            RAISE EXCEPTION 'tile % has no embedding of model %', missing, of_model.name
                USING ERRCODE = 'invalid_parameter_value', HINT = 'vectors of two models are never compared: name the model that the tile was ingested with';
        END IF;
        RAISE EXCEPTION 'there is no tile %', missing USING ERRCODE = 'no_data_found';
    END IF;
END $$;
COMMENT ON FUNCTION tilescout.embeddings_of IS 'A model''s vectors of visible tiles; raises for one that is unknown or has none.';

CREATE OR REPLACE FUNCTION tilescout.distance_of_last(of_model tilescout.model, after uuid, query halfvec)
RETURNS double precision LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    distance double precision;
BEGIN
    -- It was visible when it was shown.
    EXECUTE format('SELECT e.embedding <=> $1 FROM tilescout.%I AS e WHERE e.tile_id = $2 ORDER BY e.collection_id LIMIT 1', tilescout.embedding_table(of_model.id))
        INTO distance USING query, after;
    IF distance IS NULL THEN
        SELECT e.embedding <=> query INTO distance FROM tilescout.embeddings_of(of_model, ARRAY[after]) AS e;
    END IF;
    RETURN distance;
END $$;
COMMENT ON FUNCTION tilescout.distance_of_last IS 'How far the last tile of an earlier page is from the query, whether it is still visible or not; raises for one that is unknown.';

CREATE OR REPLACE FUNCTION tilescout.query_embedding(of_model tilescout.model, like_tile uuid, embedding halfvec, positives uuid[], negatives uuid[])
RETURNS halfvec LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    liked vector;
    disliked vector;
BEGIN
    IF like_tile IS NULL AND query_embedding.embedding IS NULL AND coalesce(cardinality(array_remove(positives, NULL)), 0) = 0 THEN
        RAISE EXCEPTION 'nothing to look for' USING ERRCODE = 'invalid_parameter_value', HINT = 'give like_tile, embedding or positives';
    ELSIF like_tile IS NOT NULL AND query_embedding.embedding IS NOT NULL THEN
        RAISE EXCEPTION 'like_tile and embedding are two answers to one question' USING ERRCODE = 'invalid_parameter_value', HINT = 'give one of them';
    ELSIF query_embedding.embedding IS NOT NULL AND l2_norm(query_embedding.embedding) = 0 THEN
        RAISE EXCEPTION 'the embedding is zero: it has no direction to compare' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    liked := l2_normalize(query_embedding.embedding::vector);
    IF like_tile IS NOT NULL OR cardinality(positives) > 0 THEN
        SELECT avg(l2_normalize(v)) INTO liked FROM (
            SELECT liked WHERE liked IS NOT NULL
            UNION ALL
            SELECT e.embedding::vector FROM tilescout.embeddings_of(of_model, array_remove(like_tile || coalesce(positives, '{}'), NULL)) AS e
        ) AS wanted (v);
    END IF;
    IF cardinality(coalesce(negatives, '{}')) > 0 THEN
        SELECT avg(l2_normalize(e.embedding::vector)) INTO disliked FROM tilescout.embeddings_of(of_model, negatives) AS e;
        -- Rocchio's feedback: away from what was rejected, half as far as towards what was chosen.
        liked := liked - disliked * array_fill(0.5::real, ARRAY[of_model.dimension])::vector;
    END IF;
    IF vector_norm(liked) < 1e-6 THEN
        RAISE EXCEPTION 'positives and negatives cancel each other: no direction is left' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN l2_normalize(liked)::halfvec;
END $$;
COMMENT ON FUNCTION tilescout.query_embedding IS
    'The direction to look in: the mean of what is wanted, less half the mean of what is rejected (Rocchio), as a unit vector.';

CREATE OR REPLACE FUNCTION tilescout.collection_ids(names text[])
RETURNS int[] LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    unknown text;
BEGIN
    IF names IS NULL THEN
        RETURN NULL;
    ELSIF cardinality(names) = 0 THEN
        RAISE EXCEPTION 'collections is empty' USING ERRCODE = 'invalid_parameter_value', HINT = 'leave it out to search all';
    END IF;
    SELECT wanted INTO unknown FROM unnest(names) AS wanted WHERE wanted IS NULL OR NOT EXISTS (SELECT FROM tilescout.collection AS c WHERE c.name = wanted) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'there is no collection %', coalesce(unknown, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            HINT = (SELECT 'collections: ' || coalesce(string_agg(c.name, ', ' ORDER BY c.name), 'none yet') FROM tilescout.collection AS c);
    END IF;
    RETURN (SELECT array_agg(c.id ORDER BY c.id) FROM tilescout.collection AS c WHERE c.name = ANY (names));
END $$;
COMMENT ON FUNCTION tilescout.collection_ids IS 'Ids of named collections; raises for an unknown name. NULL stays NULL: all of them.';
