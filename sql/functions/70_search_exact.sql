CREATE OR REPLACE FUNCTION tilescout.search_exact(
    target text, query halfvec, f tilescout.search_filter, runs int[], los bigint[], his bigint[], insides boolean[],
    k int, one_per_place boolean, after_run int,
    after_distance double precision, after_tile uuid,
    OUT tiles uuid[], OUT collections int[], OUT distances double precision[], OUT footprints geometry[])
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
    -- Cell by cell along the index on places; the planner knows nothing of how long a cell's stretch is.
    SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    -- Inner products of vectors whose length is 1 to the half's precision are within this of the cosine.
    slack CONSTANT double precision := 0.001;
    -- The exact test of where a tile lies is dear, and most near tiles pass it: only the best by look are tested, and more of them while that falls short.
    depth bigint := greatest(100, k::bigint * CASE WHEN one_per_place THEN 8 ELSE 2 END);
    fetched bigint;
    furthest double precision;
    kept int[];
BEGIN
    LOOP
        -- The inner product costs half of what the cosine does: it ranks all rows, the cosine the best of them. Adding
        -- zero keeps the planner from an index whose answer would not be exact.
        EXECUTE format($sql$
            WITH near AS MATERIALIZED (
                SELECT e.tile_id, e.collection_id, e.footprint, e.embedding, e.inside, (e.embedding <#> $1) + 0 AS product
                FROM %1$s AS e
                %2$s
                ORDER BY product, e.tile_id, e.collection_id
                LIMIT $12
            ), passing AS (
                SELECT e.tile_id, e.collection_id, e.footprint, e.embedding <=> $1 AS distance FROM near AS e WHERE e.inside OR %3$s
            ), best AS (
                SELECT * FROM passing ORDER BY distance, tile_id, collection_id %4$s
            )
            SELECT array_agg(tile_id), array_agg(collection_id), array_agg(distance), array_agg(footprint),
                   (SELECT count(*) FROM near), (SELECT max(product) FROM near)
            FROM best$sql$,
                CASE WHEN runs IS NULL
                    THEN format('(SELECT e.*, true AS inside FROM tilescout.%I AS e WHERE e.run_id > $13 AND %s)', target, tilescout.filter_sql(f))
                    ELSE format('unnest($18, $21, $22, $23) AS piece (run_id, lo, hi, inside) CROSS JOIN LATERAL (
                        SELECT e.*, piece.inside FROM tilescout.%I AS e
                        WHERE piece.run_id > $13 AND e.run_id = piece.run_id AND e.place BETWEEN piece.lo AND piece.hi AND %s OFFSET 0)', target, tilescout.filter_sql(f)) END,
                CASE WHEN after_distance IS NOT NULL THEN 'WHERE (e.embedding <=> $1, e.tile_id) > ($19, $20)' END,
                tilescout.place_sql(f),
                CASE WHEN NOT one_per_place THEN 'LIMIT $24' END)
            INTO tiles, collections, distances, footprints, fetched, furthest
            USING query, f.area, f.acquired, f.collection_ids, f.min_valid, f.max_cloud, f.excluded_tiles,
                f.excluded_scenes, f.excluded_place, f.hidden_runs, f.hidden_scenes, depth, coalesce(after_run, 0), f.reach, f.near, f.radius,
                f.resolution, runs, after_distance, after_tile, los, his, insides, k;
        IF one_per_place AND tiles IS NOT NULL THEN
            kept := tilescout.first_of_each_place(footprints, k);
            SELECT array_agg(tiles[i] ORDER BY i), array_agg(collections[i] ORDER BY i), array_agg(distances[i] ORDER BY i), array_agg(footprints[i] ORDER BY i)
                INTO tiles, collections, distances, footprints FROM unnest(kept) AS i;
        END IF;
        EXIT WHEN fetched < depth OR (cardinality(tiles) >= k AND distances[k] <= 1 + furthest - slack);
        depth := depth * 8;
    END LOOP;
END $$;
COMMENT ON FUNCTION tilescout.search_exact IS
    'The k nearest of all rows that pass, every one compared; runs to insides are the cells of tilescout.estimate_rows; after_run leaves out those that an index covers, after_distance and after_tile those of earlier pages.';
