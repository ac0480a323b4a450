CREATE OR REPLACE FUNCTION tilescout.labelled_tiles(places text[], collections text[] DEFAULT NULL)
RETURNS TABLE (place int, tile_id uuid, tile_collection text) LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tilescout.collection_ids(collections);
    RETURN QUERY
        WITH labelled AS MATERIALIZED (
            SELECT given.number::int AS number, tilescout.area_of('geojson', given.shape) AS shape
            FROM unnest(places) WITH ORDINALITY AS given (shape, number))
        SELECT DISTINCT ON (labelled.number, t.id) labelled.number, t.id, t.collection
        FROM labelled
        JOIN tilescout.tiles AS t ON ST_Intersects(t.footprint, labelled.shape) AND (collections IS NULL OR t.collection = ANY (collections))
        WHERE ST_Dimension(labelled.shape) = 0
            OR ST_Area(ST_Intersection(t.footprint, ST_MakeValid(labelled.shape))) >= 0.5 * ST_Area(t.footprint)
        ORDER BY labelled.number, t.id, t.collection;
END $$;
COMMENT ON FUNCTION tilescout.labelled_tiles IS
    'Published tiles of labelled places (GeoJSON geometries in WGS84 degrees, numbered from 1): those that a point lies in, those that a polygon covers by half.';

CREATE OR REPLACE FUNCTION tilescout.overlapping_tiles(tiles uuid[])
RETURNS TABLE (one uuid, other uuid) LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    WITH footprints AS MATERIALIZED (
        SELECT DISTINCT ON (t.id) t.id, t.footprint FROM tilescout.tiles AS t WHERE t.id = ANY (tiles) ORDER BY t.id)
    SELECT a.id, b.id
    FROM footprints AS a
    -- A hundredth: neighbours that share an edge overlap by rounding.
    JOIN footprints AS b ON a.id < b.id AND a.footprint && b.footprint
        AND ST_Area(ST_Intersection(a.footprint, b.footprint)) > 0.01 * least(ST_Area(a.footprint), ST_Area(b.footprint))
    ORDER BY a.id, b.id
$$;
COMMENT ON FUNCTION tilescout.overlapping_tiles IS 'Pairs of these tiles that show some of the same ground, on whatever dates.';
