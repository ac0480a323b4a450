CREATE OR REPLACE FUNCTION tilescout.search_model(model text, embedding halfvec)
RETURNS tilescout.model LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    chosen tilescout.model;
    known text;
BEGIN
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

CREATE OR REPLACE FUNCTION tilescout.query_embedding(of_model tilescout.model, like_tile uuid, embedding halfvec, positives uuid[], negatives uuid[])
RETURNS halfvec LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    liked vector;
    disliked vector;
BEGIN
    IF like_tile IS NULL AND query_embedding.embedding IS NULL AND cardinality(coalesce(positives, '{}')) = 0 THEN
        RAISE EXCEPTION 'nothing to look for' USING ERRCODE = 'invalid_parameter_value', HINT = 'give like_tile, embedding or positives';
    ELSIF like_tile IS NOT NULL AND query_embedding.embedding IS NOT NULL THEN
        RAISE EXCEPTION 'like_tile and embedding are two answers to one question' USING ERRCODE = 'invalid_parameter_value', HINT = 'give one of them';
    ELSIF query_embedding.embedding IS NOT NULL AND l2_norm(query_embedding.embedding) = 0 THEN
        RAISE EXCEPTION 'the embedding is zero: it has no direction to compare' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT avg(l2_normalize(v)) INTO liked FROM (
        SELECT query_embedding.embedding::vector WHERE query_embedding.embedding IS NOT NULL
        UNION ALL
        SELECT e.embedding::vector FROM tilescout.embeddings_of(of_model, array_remove(like_tile || coalesce(positives, '{}'), NULL)) AS e
    ) AS wanted (v);
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

CREATE OR REPLACE FUNCTION tilescout.filter_sql(f tilescout.search_filter)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    -- Fixed fragments over $2 to $11, in the order that the searches bind them; no text of the caller's enters.
    SELECT concat_ws(' AND ', 'true',
        CASE WHEN f.area IS NOT NULL THEN 'e.footprint && $2' END,
        -- The bounds by themselves as well, for the btree and for its statistics.
        CASE WHEN f.acquired IS NOT NULL THEN 'e.acquired_at <@ $3' END,
        CASE WHEN NOT lower_inf(f.acquired) THEN 'e.acquired_at >= lower($3)' END,
        CASE WHEN NOT upper_inf(f.acquired) THEN 'e.acquired_at <= upper($3)' END,
        CASE WHEN f.collection_ids IS NOT NULL THEN 'e.collection_id = ANY ($4)' END,
        CASE WHEN f.min_valid IS NOT NULL THEN 'e.valid_fraction >= $5::real' END,
        CASE WHEN f.max_cloud IS NOT NULL THEN 'e.cloud_fraction <= $6::real' END,
        CASE WHEN f.excluded_tiles IS NOT NULL THEN 'e.tile_id <> ALL ($7)' END,
        CASE WHEN f.excluded_scenes IS NOT NULL THEN 'e.scene_id <> ALL ($8)' END,
        CASE WHEN f.excluded_place IS NOT NULL THEN 'NOT tilescout.same_place(e.footprint, $9)' END,
        CASE WHEN f.hidden_runs IS NOT NULL THEN 'e.run_id <> ALL ($10)' END,
        CASE WHEN f.hidden_scenes IS NOT NULL THEN 'e.scene_id <> ALL ($11)' END)
$$;
COMMENT ON FUNCTION tilescout.filter_sql IS 'The condition on an embedding row e that a filter stands for, the area by bounding box only.';

CREATE OR REPLACE FUNCTION tilescout.estimate_rows(target text, f tilescout.search_filter)
RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
    plan json;
BEGIN
    -- The planner's own estimate, from the statistics of every filter column at once. Volatile, since EXPLAIN counts as a
    -- utility command; it executes nothing.
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM tilescout.%I AS e WHERE %s', target, tilescout.filter_sql(f))
        INTO plan USING NULL::halfvec, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
            f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes;
    RETURN (plan->0->'Plan'->>'Plan Rows')::numeric::bigint;
END $$;
COMMENT ON FUNCTION tilescout.estimate_rows IS 'How many rows pass a filter, by the planner''s statistics; an area by its bounding box.';

CREATE OR REPLACE FUNCTION tilescout.count_rows(target text, f tilescout.search_filter)
RETURNS bigint LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    passing bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM tilescout.%I AS e WHERE %s %s', target, tilescout.filter_sql(f),
            CASE WHEN f.area IS NOT NULL THEN 'AND ST_Intersects(e.footprint, $2)' END)
        INTO passing USING NULL::halfvec, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
            f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes;
    RETURN passing;
END $$;
COMMENT ON FUNCTION tilescout.count_rows IS 'How many rows pass a filter, counted.';
