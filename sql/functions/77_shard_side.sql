-- What a shard answers: a question comes as one value (tilescout.shard_question), and all that is looked up here is looked up in this database alone.

CREATE OR REPLACE FUNCTION tilescout.schema_files()
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT substring(obj_description('tilescout'::regnamespace, 'pg_namespace') FROM '[0-9a-f]{64}$')
$$;
COMMENT ON FUNCTION tilescout.schema_files IS 'Digest of the SQL files that made this schema: where it is equal, functions are.';

CREATE OR REPLACE FUNCTION tilescout.check_shard_question(q tilescout.shard_question)
RETURNS void LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    known tilescout.model;
BEGIN
    IF tilescout.schema_files() IS DISTINCT FROM q.files THEN
        RAISE EXCEPTION 'its schema is of another build of tilescout'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'run the same build''s tilescout db migrate on the coordinator and on every shard';
    END IF;
    FOR known IN SELECT m.* FROM tilescout.model AS m
        WHERE m.name = q.model OR (m.weights_sha256 = q.weights_sha256 AND m.preprocessing = q.preprocessing)
    LOOP
        IF (known.name, known.weights_sha256, known.preprocessing, known.dimension) IS DISTINCT FROM (q.model, q.weights_sha256, q.preprocessing, q.dimension) THEN
            RAISE EXCEPTION '%', CASE
                    WHEN known.name <> q.model THEN format('its model %s is the coordinator''s model %s', known.name, q.model)
                    ELSE format('its model %s has other %s than the coordinator''s', q.model, CASE
                        WHEN known.weights_sha256 <> q.weights_sha256 THEN 'weights'
                        WHEN known.dimension <> q.dimension THEN 'dimensions' ELSE 'preprocessing' END) END
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'vectors of two models are never compared: a name has to stand for one model everywhere';
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION tilescout.check_shard_question IS 'Raises unless this shard has the asking schema, and the model asked for is the same here or unknown.';

CREATE OR REPLACE FUNCTION tilescout.vectors_here(of_model tilescout.model, tiles uuid[])
RETURNS TABLE (tile_id uuid, footprint geometry, embedding halfvec) LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    one uuid;
BEGIN
    FOR one IN SELECT DISTINCT t.id FROM tilescout.tiles AS t WHERE t.id = ANY (vectors_here.tiles) LOOP
        BEGIN
            RETURN QUERY SELECT e.tile_id, e.footprint, e.embedding FROM tilescout.embeddings_of(of_model, ARRAY[one]) AS e;
        EXCEPTION WHEN invalid_parameter_value OR no_data_found THEN
            -- No vector of this model here; another shard may have one.
        END;
    END LOOP;
END $$;
COMMENT ON FUNCTION tilescout.vectors_here IS 'As tilescout.embeddings_of, but what is not here is left out.';

CREATE OR REPLACE FUNCTION tilescout.shard_lookup(q tilescout.shard_question)
RETURNS tilescout.shard_sight LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    sight tilescout.shard_sight;
    of_model tilescout.model;
BEGIN
    PERFORM tilescout.check_shard_question(q);
    SELECT m.* INTO of_model FROM tilescout.model AS m WHERE m.name = q.model;
    sight.has_model := FOUND;
    SELECT array_agg(c.name ORDER BY c.name) INTO sight.collections FROM tilescout.collection AS c;
    IF cardinality(q.tiles) > 0 THEN
        IF sight.has_model THEN
            SELECT array_agg(v.tile_id), array_agg(v.footprint), array_agg(v.embedding) INTO sight.tiles, sight.footprints, sight.embeddings
                FROM tilescout.vectors_here(of_model, q.tiles) AS v;
        END IF;
        SELECT array_agg(DISTINCT t.id) INTO sight.bare_tiles FROM tilescout.tiles AS t
            WHERE t.id = ANY (q.tiles) AND t.id <> ALL (coalesce(sight.tiles, '{}'));
    END IF;
    RETURN sight;
END $$;
COMMENT ON FUNCTION tilescout.shard_lookup IS 'For tilescout.search_shards: what this shard knows of a question, before it is asked; refuses another schema or another model.';

CREATE OR REPLACE FUNCTION tilescout.search_shard(q tilescout.shard_question)
RETURNS SETOF tilescout.shard_hit LANGUAGE plpgsql STABLE ROWS 20 SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    -- The most that tilescout.search gives at once.
    most CONSTANT int := 10000;
    of_model tilescout.model;
    excluded_scenes bigint[];
    anchor uuid;
    after_is_elsewhere boolean;
    wanted int;
    page tilescout.shard_hit[];
    hit tilescout.shard_hit;
    late tilescout.shard_hit[];
    came int;
    safe int;
    position int;
    found int := 0;
BEGIN
    PERFORM tilescout.check_shard_question(q);
    SELECT m.* INTO STRICT of_model FROM tilescout.model AS m WHERE m.name = q.model;
    IF cardinality(q.scenes_of) > 0 THEN
        SELECT array_agg(DISTINCT t.scene_id) INTO excluded_scenes FROM tilescout.tiles AS t WHERE t.id = ANY (q.scenes_of);
    END IF;
    -- Where the last tile of the page before is here, the search itself goes on from it; elsewhere its distance says where.
    SELECT v.tile_id INTO anchor FROM tilescout.vectors_here(of_model, ARRAY[q.after_tile]) AS v;
    after_is_elsewhere := q.after_tile IS NOT NULL AND anchor IS NULL;
    -- tilescout.search leaves out tiles that it has, but not a place or a tile that is elsewhere: so much more is asked for.
    wanted := q.k + coalesce(cardinality(q.excluded_tiles), 0)
        + CASE WHEN excluded_scenes IS NOT NULL OR q.excluded_place IS NOT NULL OR after_is_elsewhere THEN q.k + 50 ELSE 0 END;
    LOOP
        wanted := least(wanted, most);
        SELECT array_agg(ROW(s.tile_id, s.distance, s.collection, s.scene_id, s.scene_path, s.acquired_at, s.valid_fraction, s.cloud_fraction,
                s.lon, s.lat, s.footprint)::tilescout.shard_hit ORDER BY s.rank) INTO page
            FROM tilescout.search(embedding => q.embedding, k => wanted, within => q.within, acquired => q.acquired, collections => q.collections,
                min_valid => q.min_valid, max_cloud => q.max_cloud, model => q.model, near => q.near, radius => q.radius, resolution => q.resolution,
                max_distance => q.max_distance, after => anchor) AS s;
        came := coalesce(cardinality(page), 0);
        safe := came;
        IF came = wanted THEN
            -- There is more. The last tile may be in several collections, and the cut between its rows: these come again with the next page.
            SELECT count(*) INTO safe FROM unnest(page) AS h WHERE h.tile_id <> page[came].tile_id;
        END IF;
        position := 0;
        late := '{}';
        FOREACH hit IN ARRAY coalesce(page, '{}') LOOP
            position := position + 1;
            CONTINUE WHEN hit.tile_id = ANY (q.excluded_tiles) OR hit.scene_id = ANY (excluded_scenes)
                OR (after_is_elsewhere AND (hit.distance, hit.tile_id) <= (q.after_distance, q.after_tile))
                OR (q.excluded_place IS NOT NULL AND tilescout.same_place(hit.footprint, q.excluded_place));
            IF position > safe THEN
                late := late || hit;
            ELSE
                RETURN NEXT hit;
                found := found + 1;
                IF found = q.k THEN RETURN; END IF;
            END IF;
        END LOOP;
        IF found + cardinality(late) >= q.k THEN
            RETURN QUERY SELECT h.* FROM unnest(late[:q.k - found]) AS h;
            RETURN;
        END IF;
        EXIT WHEN came < wanted OR (safe = 0 AND wanted = most);
        IF safe > 0 THEN anchor := page[safe].tile_id; END IF;
        wanted := least(wanted::bigint * 4, most);
    END LOOP;
END $$;
COMMENT ON FUNCTION tilescout.search_shard IS
    'For tilescout.search_shards: the k nearest rows of this shard that pass and come after the point given; tiles, scenes and a place that are left out may lie on other shards.';

CREATE OR REPLACE FUNCTION tilescout.explain_shard(q tilescout.shard_question)
RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tilescout.check_shard_question(q);
    RETURN (SELECT to_jsonb(s) FROM tilescout.explain_search(embedding => q.embedding, k => q.k, within => q.within, acquired => q.acquired,
        collections => q.collections, min_valid => q.min_valid, max_cloud => q.max_cloud, model => q.model, near => q.near, radius => q.radius,
        resolution => q.resolution, max_distance => q.max_distance) AS s);
END $$;
COMMENT ON FUNCTION tilescout.explain_shard IS 'For tilescout.explain_search_shards: what tilescout.explain_search says of a question here, before tiles, scenes and places of other shards are left out.';
