CREATE OR REPLACE FUNCTION tilescout.search_shards(
    like_tile uuid DEFAULT NULL, embedding halfvec DEFAULT NULL, positives uuid[] DEFAULT NULL, negatives uuid[] DEFAULT NULL,
    k int DEFAULT 20, within geometry DEFAULT NULL, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL,
    min_valid double precision DEFAULT NULL, max_cloud double precision DEFAULT NULL, one_per_place boolean DEFAULT false,
    model text DEFAULT NULL, exclude_self boolean DEFAULT true, exclude_scene boolean DEFAULT false, exclude_place boolean DEFAULT false,
    near geometry DEFAULT NULL, radius double precision DEFAULT NULL, resolution numrange DEFAULT NULL,
    max_distance double precision DEFAULT NULL, after uuid DEFAULT NULL, allow_missing boolean DEFAULT false)
RETURNS TABLE (rank int, tile_id uuid, distance double precision, collection text, scene_id bigint, scene_path text, acquired_at timestamptz,
    valid_fraction real, cloud_fraction real, lon double precision, lat double precision, footprint geometry, shard text)
LANGUAGE plpgsql VOLATILE ROWS 20 SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    asked record;
    came record;
    questions tilescout.shard_question[];
    -- Shards that may have more rows than they have given, by their position in asked.ids.
    unread int[];
    still_unread int[];
    depth int;
    page tilescout.shard_hit[];
    hits tilescout.shard_hit[] := '{}';
    origins text[] := '{}';
    position int;
    -- Up to here every shard's rows are known.
    known_distance double precision;
    known_tile uuid;
    -- Hits by their number, best first.
    chosen bigint[];
    tiles uuid[];
    distances double precision[];
    footprints geometry[];
    last_distance double precision;
    kept int[];
    passed int := 0;
BEGIN
    asked := tilescout.shard_questions($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21);
    questions := asked.questions;
    last_distance := questions[1].after_distance;
    unread := ARRAY(SELECT generate_subscripts(asked.ids, 1));
    -- A tile that its own shard would leave out, for a better one of its place, stays where another shard has a better one still of that place: so
    -- shards rank without regard to places, and what is one place is decided here.
    depth := CASE WHEN search_shards.one_per_place THEN least(10000, greatest(100, search_shards.k::bigint * 8)) ELSE search_shards.k END;
    LOOP
        FOR i IN 1 .. coalesce(cardinality(questions), 0) LOOP
            questions[i].k := depth;
        END LOOP;
        still_unread := '{}';
        FOR came IN SELECT a.shard_id, a.answers FROM tilescout.ask_shards(
                ARRAY(SELECT asked.ids[i] FROM unnest(unread) AS i),
                ARRAY(SELECT tilescout.shard_statement('search_shard', questions[i]) FROM unnest(unread) AS i), search_shards.allow_missing) AS a
        LOOP
            position := array_position(asked.ids, came.shard_id);
            page := ARRAY(SELECT a::tilescout.shard_hit FROM unnest(came.answers) WITH ORDINALITY AS r (a, n) ORDER BY n);
            hits := hits || page;
            origins := origins || array_fill(asked.names[position], ARRAY[cardinality(page)]);
            IF cardinality(page) = depth THEN
                still_unread := still_unread || position;
                questions[position].after_distance := page[depth].distance;
                questions[position].after_tile := page[depth].tile_id;
            END IF;
        END LOOP;
        unread := still_unread;
        IF search_shards.one_per_place IS NOT TRUE THEN
            SELECT array_agg(b.n ORDER BY b.distance, b.tile_id, b.shard, b.n) INTO chosen FROM (
                -- A scene on its way from one shard to another is on both for a while: its tiles are shown once.
                SELECT DISTINCT ON (h.tile_id, h.collection) h.n, h.distance, h.tile_id, h.shard
                FROM ROWS FROM (unnest(hits), unnest(origins)) WITH ORDINALITY AS h (tile_id, distance, collection, scene_id, scene_path, acquired_at,
                    valid_fraction, cloud_fraction, lon, lat, footprint, shard, n)
                ORDER BY h.tile_id, h.collection, h.distance, h.shard) AS b;
            EXIT;
        END IF;

        known_tile := NULL;
        FOREACH position IN ARRAY unread LOOP
            IF known_tile IS NULL OR (questions[position].after_distance, questions[position].after_tile) < (known_distance, known_tile) THEN
                known_distance := questions[position].after_distance;
                known_tile := questions[position].after_tile;
            END IF;
        END LOOP;
        SELECT array_agg(h.n ORDER BY h.distance, h.tile_id, h.shard, h.n), array_agg(h.tile_id ORDER BY h.distance, h.tile_id, h.shard, h.n),
               array_agg(h.distance ORDER BY h.distance, h.tile_id, h.shard, h.n),
               array_agg(h.footprint ORDER BY h.distance, h.tile_id, h.shard, h.n) INTO chosen, tiles, distances, footprints
            FROM ROWS FROM (unnest(hits), unnest(origins)) WITH ORDINALITY AS h (tile_id, distance, collection, scene_id, scene_path, acquired_at,
                valid_fraction, cloud_fraction, lon, lat, footprint, shard, n)
            WHERE known_tile IS NULL OR (h.distance, h.tile_id) <= (known_distance, known_tile);
        IF search_shards.after IS NULL THEN
            kept := coalesce(tilescout.first_of_each_place(footprints, search_shards.k), '{}');
        ELSE
            -- Earlier pages are found again, for a place that they showed is not shown again.
            kept := coalesce(tilescout.first_of_each_place(footprints, 2147483647), '{}');
            passed := (SELECT count(*) FROM unnest(kept) AS candidate WHERE (distances[candidate], tiles[candidate]) <= (last_distance, search_shards.after));
        END IF;
        IF unread = '{}' OR cardinality(kept) - passed >= search_shards.k THEN
            chosen := ARRAY(SELECT chosen[p.candidate] FROM unnest(kept[passed + 1:]) WITH ORDINALITY AS p (candidate, n) ORDER BY p.n);
            EXIT;
        END IF;
        depth := least(depth::bigint * 4, 10000);
    END LOOP;

    RETURN QUERY
        SELECT c.rank::int, h.tile_id, h.distance, h.collection, h.scene_id, h.scene_path, h.acquired_at, h.valid_fraction, h.cloud_fraction,
               h.lon, h.lat, h.footprint, h.shard
        FROM unnest(chosen[:search_shards.k]) WITH ORDINALITY AS c (n, rank)
        JOIN ROWS FROM (unnest(hits), unnest(origins)) WITH ORDINALITY AS h (tile_id, distance, collection, scene_id, scene_path, acquired_at,
            valid_fraction, cloud_fraction, lon, lat, footprint, shard, n) USING (n)
        ORDER BY c.rank;
END $$;
COMMENT ON FUNCTION tilescout.search_shards IS
    'As tilescout.search, with the same arguments, over all shards at once, and shard says where each tile lies: what one database with all their rows would answer. '
    'Tiles asked with may lie on any shard. scene_id is that shard''s own. A shard that cannot be reached is an error that names it; with allow_missing '
    'a warning names it, and the others answer.';

CREATE OR REPLACE FUNCTION tilescout.explain_search_shards(
    like_tile uuid DEFAULT NULL, embedding halfvec DEFAULT NULL, positives uuid[] DEFAULT NULL, negatives uuid[] DEFAULT NULL,
    k int DEFAULT 20, within geometry DEFAULT NULL, acquired tstzrange DEFAULT NULL, collections text[] DEFAULT NULL,
    min_valid double precision DEFAULT NULL, max_cloud double precision DEFAULT NULL, one_per_place boolean DEFAULT false,
    model text DEFAULT NULL, exclude_self boolean DEFAULT true, exclude_scene boolean DEFAULT false, exclude_place boolean DEFAULT false,
    near geometry DEFAULT NULL, radius double precision DEFAULT NULL, resolution numrange DEFAULT NULL,
    max_distance double precision DEFAULT NULL, after uuid DEFAULT NULL, allow_missing boolean DEFAULT false)
RETURNS TABLE (shard text, plan text, exact boolean, rows_passing bigint, rows_estimated bigint, rows_visited bigint, rows_total bigint,
    rows_returned int, model text)
LANGUAGE sql VOLATILE ROWS 10 SET search_path FROM CURRENT AS $$
    WITH asked AS MATERIALIZED (
        SELECT * FROM tilescout.shard_questions($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
    ), every_shard AS (
        SELECT asked.names[array_position(asked.ids, a.shard_id)] AS shard, e.*
        FROM asked, tilescout.ask_shards(asked.ids, ARRAY(SELECT tilescout.shard_statement('explain_shard', q) FROM unnest(asked.questions) AS q), $21) AS a,
            jsonb_to_record(a.answers[1]::jsonb) AS e (plan text, exact boolean, rows_passing bigint, rows_estimated bigint, rows_visited bigint,
                rows_total bigint, rows_returned int, model text)
        UNION ALL
        SELECT s.shard, 'not asked: ' || s.reason, true, 0, 0, 0, NULL, 0, NULL FROM asked, unnest(asked.skipped, asked.reasons) AS s (shard, reason)
    )
    SELECT * FROM every_shard ORDER BY shard
$$;
COMMENT ON FUNCTION tilescout.explain_search_shards IS
    'Takes what tilescout.search_shards takes and says of each shard which plan it chose, as tilescout.explain_search does there. Counts are taken before '
    'tiles, scenes and places are left out, and before shards are merged.';
