CREATE OR REPLACE FUNCTION tilescout.geojson(shape geometry)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$ SELECT ST_AsGeoJSON(shape, 9, 0) $$;
COMMENT ON FUNCTION tilescout.geojson IS 'A shape in GeoJSON, to a tenth of a millimetre; for clients without PostGIS in their search path.';

CREATE OR REPLACE FUNCTION tilescout.to_halfvec(components real[])
RETURNS halfvec LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$ SELECT components::halfvec $$;
COMMENT ON FUNCTION tilescout.to_halfvec IS 'A vector from an array; for clients without pgvector in their search path.';

CREATE OR REPLACE FUNCTION tilescout.tiles_at(lon double precision, lat double precision, collections text[] DEFAULT NULL, max_tiles int DEFAULT 10)
RETURNS SETOF tilescout.tiles LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT (lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180) THEN
        RAISE EXCEPTION 'the place % % is not on the Earth', lon, lat USING ERRCODE = 'invalid_parameter_value', HINT = 'longitude comes first, in degrees';
    END IF;
    PERFORM tilescout.collection_ids(collections);
    RETURN QUERY SELECT t.* FROM tilescout.tiles AS t
        WHERE ST_Intersects(t.footprint, ST_SetSRID(ST_MakePoint(lon, lat), 4326)) AND (collections IS NULL OR t.collection = ANY (collections))
        ORDER BY ST_Distance(ST_Centroid(t.footprint), ST_SetSRID(ST_MakePoint(lon, lat), 4326)), t.id, t.collection
        LIMIT max_tiles;
END $$;
COMMENT ON FUNCTION tilescout.tiles_at IS 'Published tiles that cover a place in WGS84 degrees, the best centred first.';
