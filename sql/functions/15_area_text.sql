CREATE OR REPLACE FUNCTION tilescout.area_of(format text, content text)
RETURNS geometry LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE SET search_path FROM CURRENT AS $$
-- Unsafe, for what catches errors cannot run in a parallel plan.
DECLARE
    parsed jsonb;
    area geometry;
BEGIN
    IF content IS NULL THEN
        RETURN NULL;
    ELSIF format = 'wkt' THEN
        area := ST_GeomFromEWKT(content);
        RETURN CASE WHEN ST_SRID(area) = 0 THEN ST_SetSRID(area, 4326) ELSE area END;
    ELSIF format <> 'geojson' THEN
        RAISE EXCEPTION 'an area is given as wkt or geojson, not %', format USING ERRCODE = 'invalid_parameter_value';
    END IF;
    BEGIN
        parsed := content::jsonb;
    EXCEPTION WHEN invalid_text_representation OR untranslatable_character THEN
        RAISE EXCEPTION 'within is no JSON: %', SQLERRM USING ERRCODE = 'invalid_parameter_value';
    END;
    -- Longitude and latitude in WGS84, whatever a crs member says (RFC 7946, 4), except that one naming another system is refused.
    IF parsed #>> '{crs,properties,name}' !~ '(CRS84|4326)$' THEN
        RAISE EXCEPTION 'within is GeoJSON in %, not in longitude and latitude', parsed #>> '{crs,properties,name}'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'write it in WGS84: ogr2ogr -t_srs EPSG:4326';
    END IF;
    CASE parsed ->> 'type'
        WHEN 'FeatureCollection' THEN
            SELECT ST_Union(ST_GeomFromGeoJSON(feature -> 'geometry')) INTO area
                FROM jsonb_array_elements(CASE WHEN jsonb_typeof(parsed -> 'features') = 'array' THEN parsed -> 'features' ELSE '[]' END) AS feature
                WHERE jsonb_typeof(feature -> 'geometry') = 'object';
        WHEN 'Feature' THEN
            IF jsonb_typeof(parsed -> 'geometry') = 'object' THEN
                area := ST_GeomFromGeoJSON(parsed -> 'geometry');
            END IF;
        WHEN 'Polygon', 'MultiPolygon', 'Point', 'MultiPoint', 'LineString', 'MultiLineString', 'GeometryCollection' THEN
            area := ST_GeomFromGeoJSON(parsed);
        ELSE
            RAISE EXCEPTION 'within is JSON, but no GeoJSON geometry, feature or feature collection'
                USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    IF area IS NULL THEN
        RAISE EXCEPTION 'within is GeoJSON without a geometry' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN ST_SetSRID(area, 4326);
END $$;
COMMENT ON FUNCTION tilescout.area_of IS
    'An area from text: format wkt (SRID=n; before it, 4326 by default) or geojson (geometry, feature, or the union of a collection).';
