CREATE OR REPLACE FUNCTION tilescout.shard_questions(
    like_tile uuid, embedding halfvec, positives uuid[], negatives uuid[],
    k int, within geometry, acquired tstzrange, collections text[], min_valid double precision, max_cloud double precision, one_per_place boolean,
    model text, exclude_self boolean, exclude_scene boolean, exclude_place boolean,
    near geometry, radius double precision, resolution numrange, max_distance double precision, after uuid, allow_missing boolean,
    OUT ids int[], OUT names text[], OUT questions tilescout.shard_question[], OUT skipped text[], OUT reasons text[])
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    of_model tilescout.model;
    q tilescout.shard_question;
    given uuid[] := ARRAY(SELECT DISTINCT id FROM unnest(like_tile || coalesce(positives, '{}')) AS id WHERE id IS NOT NULL);
    rejected uuid[] := ARRAY(SELECT DISTINCT id FROM unnest(negatives) AS id WHERE id IS NOT NULL);
    all_ids int[];
    one record;
    sight tilescout.shard_sight;
    -- Of the tiles asked for, those found so far; the first shard by name that has one gives its vector.
    tiles uuid[] := '{}';
    vectors halfvec[] := '{}';
    places geometry[] := '{}';
    bare uuid[] := '{}';
    known_collections text[] := '{}';
    theirs text[];
    unknown text;
    missing uuid;
    liked vector;
    disliked vector;
BEGIN
    IF k IS NULL OR k NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'k is %, but must be 1 to 10000', coalesce(k::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    ELSIF nullif(current_setting('tilescout.as_of', true), '') IS NOT NULL THEN
        RAISE EXCEPTION 'tilescout.as_of names a run of one database: shards are searched as they are now' USING ERRCODE = 'feature_not_supported';
    ELSIF like_tile IS NULL AND embedding IS NULL AND coalesce(cardinality(array_remove(positives, NULL)), 0) = 0 THEN
        RAISE EXCEPTION 'nothing to look for' USING ERRCODE = 'invalid_parameter_value', HINT = 'give like_tile, embedding or positives';
    ELSIF like_tile IS NOT NULL AND embedding IS NOT NULL THEN
        RAISE EXCEPTION 'like_tile and embedding are two answers to one question' USING ERRCODE = 'invalid_parameter_value', HINT = 'give one of them';
    ELSIF l2_norm(embedding) = 0 THEN
        RAISE EXCEPTION 'the embedding is zero: it has no direction to compare' USING ERRCODE = 'invalid_parameter_value';
    ELSIF cardinality(collections) = 0 THEN
        RAISE EXCEPTION 'collections is empty' USING ERRCODE = 'invalid_parameter_value', HINT = 'leave it out to search all';
    END IF;
    SELECT array_agg(s.id ORDER BY s.name) INTO all_ids FROM tilescout.shard AS s;
    IF all_ids IS NULL THEN
        RAISE EXCEPTION 'there are no shards' USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'SELECT tilescout.add_shard(name, server)';
    END IF;
    IF NOT EXISTS (SELECT FROM tilescout.model) THEN
        RAISE EXCEPTION 'no shard had a model when it was added' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'once it has, call tilescout.add_shard again, which takes in what came since';
    END IF;
    of_model := tilescout.search_model(model, embedding);
    q.files := tilescout.schema_files();
    q.model := of_model.name; q.weights_sha256 := of_model.weights_sha256; q.preprocessing := of_model.preprocessing; q.dimension := of_model.dimension;
    q.tiles := given || rejected || CASE WHEN after IS NOT NULL THEN ARRAY[after] ELSE '{}' END;

    -- First round: who has these tiles and collections, and is it the same model everywhere?
    FOR one IN SELECT s.id, s.name, a.answers FROM tilescout.ask_shards(all_ids,
            array_fill(tilescout.shard_statement('shard_lookup', q), ARRAY[cardinality(all_ids)]), allow_missing) AS a
        JOIN tilescout.shard AS s ON s.id = a.shard_id ORDER BY s.name
    LOOP
        sight := one.answers[1]::tilescout.shard_sight;
        FOR i IN 1 .. coalesce(cardinality(sight.tiles), 0) LOOP
            CONTINUE WHEN sight.tiles[i] = ANY (tiles);
            tiles := array_append(tiles, sight.tiles[i]);
            vectors := array_append(vectors, sight.embeddings[i]);
            places := array_append(places, sight.footprints[i]);
        END LOOP;
        bare := bare || coalesce(sight.bare_tiles, '{}');
        known_collections := known_collections || coalesce(sight.collections, '{}');
        theirs := ARRAY(SELECT c FROM unnest(sight.collections) AS c WHERE c = ANY (collections));
        IF sight.has_model AND (collections IS NULL OR theirs <> '{}') THEN
            ids := ids || one.id;
            names := names || one.name;
            q.collections := CASE WHEN collections IS NOT NULL THEN theirs END;
            questions := questions || q;
        ELSE
            skipped := skipped || one.name;
            reasons := reasons || CASE WHEN sight.has_model THEN 'it has none of these collections' ELSE 'it has no vectors of this model' END;
        END IF;
    END LOOP;
    SELECT wanted INTO unknown FROM unnest(collections) AS wanted WHERE wanted IS NULL OR wanted <> ALL (known_collections) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'there is no collection %', coalesce(unknown, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            HINT = (SELECT 'collections: ' || coalesce(string_agg(DISTINCT c, ', ' ORDER BY c), 'none yet') FROM unnest(known_collections) AS c);
    END IF;
    SELECT wanted INTO missing FROM unnest(q.tiles) AS wanted WHERE wanted <> ALL (tiles) ORDER BY wanted = ANY (bare) DESC LIMIT 1;
    IF missing = ANY (bare) THEN
        RAISE EXCEPTION 'tile % has no embedding of model %', missing, of_model.name
            USING ERRCODE = 'invalid_parameter_value', HINT = 'vectors of two models are never compared: name the model that the tile was ingested with';
    ELSIF missing IS NOT NULL THEN
        RAISE EXCEPTION 'there is no tile %', missing USING ERRCODE = 'no_data_found';
    END IF;

    -- The direction to look in, as in tilescout.query_embedding, of vectors that came from several shards.
    IF given = '{}' THEN
        q.embedding := embedding;
    ELSIF cardinality(given) = 1 AND embedding IS NULL THEN
        q.embedding := vectors[array_position(tiles, given[1])];
    END IF;
    IF rejected <> '{}' OR q.embedding IS NULL THEN
        SELECT avg(l2_normalize(v)) INTO liked FROM (
            SELECT l2_normalize(embedding::vector) WHERE embedding IS NOT NULL
            UNION ALL
            SELECT f.vector::vector FROM unnest(tiles, vectors) AS f (id, vector) WHERE f.id = ANY (given)) AS wanted (v);
        IF rejected <> '{}' THEN
            SELECT avg(l2_normalize(f.vector::vector)) INTO disliked FROM unnest(tiles, vectors) AS f (id, vector) WHERE f.id = ANY (rejected);
            liked := liked - disliked * array_fill(0.5::real, ARRAY[of_model.dimension])::vector;
        END IF;
        IF vector_norm(liked) < 1e-6 THEN
            RAISE EXCEPTION 'positives and negatives cancel each other: no direction is left' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        -- Shards bring it to unit length once more, which leaves a unit vector of halves as it is: its length is 1 to less than half their step.
        q.embedding := l2_normalize(liked)::halfvec;
    END IF;

    q.k := k; q.within := within; q.acquired := acquired; q.min_valid := min_valid; q.max_cloud := max_cloud;
    q.near := near; q.radius := radius; q.resolution := resolution; q.max_distance := max_distance;
    q.tiles := NULL;
    IF exclude_self THEN q.excluded_tiles := nullif(given || rejected, '{}'); END IF;
    IF exclude_scene THEN q.scenes_of := given; END IF;
    IF exclude_place AND like_tile IS NOT NULL THEN q.excluded_place := places[array_position(tiles, like_tile)]; END IF;
    IF after IS NOT NULL THEN
        -- Earlier pages of places are found again.
        q.after_tile := CASE WHEN one_per_place IS NOT TRUE THEN after END;
        q.after_distance := vectors[array_position(tiles, after)] <=> tilescout.query_embedding(of_model, NULL, q.embedding, NULL, NULL);
    END IF;
    FOR i IN 1 .. coalesce(cardinality(questions), 0) LOOP
        q.collections := questions[i].collections;
        questions[i] := q;
    END LOOP;
END $$;
COMMENT ON FUNCTION tilescout.shard_questions IS
    'What tilescout.search_shards asks each shard: vectors, places and names looked up where they are. Shards that cannot have an answer are skipped, for the reason beside them.';
