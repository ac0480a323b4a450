CREATE OR REPLACE FUNCTION tilescout.bbox(west double precision, south double precision, east double precision, north double precision)
RETURNS geometry LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT (south BETWEEN -90 AND 90 AND north BETWEEN -90 AND 90 AND west BETWEEN -180 AND 180 AND east BETWEEN -180 AND 180) THEN
        RAISE EXCEPTION 'the box % % % % leaves the Earth', west, south, east, north
            USING ERRCODE = 'invalid_parameter_value', HINT = 'the order is west, south, east, north, in degrees';
    ELSIF south >= north OR west = east THEN
        RAISE EXCEPTION 'the box % % % % is empty', west, south, east, north
            USING ERRCODE = 'invalid_parameter_value', HINT = 'the order is west, south, east, north, in degrees';
    ELSIF west < east THEN
        RETURN ST_MakeEnvelope(west, south, east, north, 4326);
    END IF;
    RETURN ST_Collect(ST_MakeEnvelope(west, south, 180, north, 4326), ST_MakeEnvelope(-180, south, east, north, 4326));
END $$;
COMMENT ON FUNCTION tilescout.bbox IS 'A rectangle in WGS84 degrees for tilescout.search(within => …). West greater than east crosses the antimeridian.';

CREATE OR REPLACE FUNCTION tilescout.search_area(within geometry)
RETURNS geometry LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    area geometry := ST_Force2D(within);
    wrapped boolean := false;
BEGIN
    IF within IS NULL THEN
        RETURN NULL;
    ELSIF ST_IsEmpty(area) THEN
        RAISE EXCEPTION 'within is empty' USING ERRCODE = 'invalid_parameter_value';
    ELSIF ST_GeometryType(area) NOT IN ('ST_Polygon', 'ST_MultiPolygon') THEN
        RAISE EXCEPTION 'within must be a polygon or multipolygon, not %', ST_GeometryType(area)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'widen a point or line with ST_Buffer(place::geography, metres)::geometry';
    ELSIF ST_SRID(area) = 0 THEN
        RAISE EXCEPTION 'within has no coordinate system'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'name it: ST_SetSRID(geometry, 4326) for longitude and latitude';
    ELSIF NOT ST_IsValid(area) THEN
        RAISE EXCEPTION 'within is not valid: %', ST_IsValidReason(area)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'ST_MakeValid may repair it; look at what it makes';
    END IF;
    IF ST_SRID(area) <> 4326 THEN
        -- Straight sides of another projection are curves in degrees: a hundred points across follow them.
        area := ST_Transform(ST_Segmentize(area, greatest(ST_XMax(area) - ST_XMin(area), ST_YMax(area) - ST_YMin(area)) / 100), 4326);
        IF NOT ST_IsValid(area) THEN
            area := ST_CollectionExtract(ST_MakeValid(area), 3);
        END IF;
    END IF;
    IF NOT (ST_YMin(area) >= -90 AND ST_YMax(area) <= 90) THEN
        RAISE EXCEPTION 'within reaches latitude %', CASE WHEN ST_YMax(area) > 90 THEN ST_YMax(area) ELSE ST_YMin(area) END
            USING ERRCODE = 'invalid_parameter_value', HINT = 'are longitude and latitude swapped? x is the longitude';
    ELSIF NOT (ST_XMin(area) >= -540 AND ST_XMax(area) <= 540) THEN
        RAISE EXCEPTION 'within reaches longitude %', CASE WHEN ST_XMax(area) > 540 THEN ST_XMax(area) ELSE ST_XMin(area) END
            USING ERRCODE = 'invalid_parameter_value', HINT = 'are these degrees? set the SRID that the coordinates are in';
    END IF;
    -- Longitudes past the antimeridian come back on its other side.
    IF ST_XMax(area) > 180 THEN
        area := ST_WrapX(area, 180, -360);
        wrapped := true;
    END IF;
    IF ST_XMin(area) < -180 THEN
        area := ST_WrapX(area, -180, 360);
        wrapped := true;
    END IF;
    IF wrapped AND NOT ST_IsValid(area) THEN
        area := ST_CollectionExtract(ST_MakeValid(area), 3);
    END IF;
    RETURN area;
END $$;
COMMENT ON FUNCTION tilescout.search_area IS
    'A polygon in any coordinate system as a valid one in WGS84 degrees, split at the antimeridian; raises 22023 with the reason for what cannot be one.';

CREATE OR REPLACE FUNCTION tilescout.same_place(a geometry, b geometry)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    -- A fifth of the smaller footprint: neighbours that share an edge are two places, overlapping tiles and other dates are one.
    SELECT a && b AND ST_Area(ST_Intersection(a, b)) > 0.2 * least(ST_Area(a), ST_Area(b))
$$;
COMMENT ON FUNCTION tilescout.same_place IS 'Whether two footprints show one place: they share more than a fifth of the smaller one.';

CREATE OR REPLACE FUNCTION tilescout.first_of_each_place(footprints geometry[], wanted int)
RETURNS int[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
DECLARE
    kept int[] := '{}';
    kept_places geometry[] := '{}';
    candidate geometry;
    position int := 0;
BEGIN
    FOREACH candidate IN ARRAY footprints LOOP
        position := position + 1;
        IF NOT EXISTS (SELECT FROM unnest(kept_places) AS place WHERE place && candidate AND tilescout.same_place(place, candidate)) THEN
            kept := kept || position;
            EXIT WHEN cardinality(kept) = wanted;
            kept_places := kept_places || candidate;
        END IF;
    END LOOP;
    RETURN kept;
END $$;
COMMENT ON FUNCTION tilescout.first_of_each_place IS
    'Greedy spatial non-maximum suppression: positions of the footprints, best first, that show no place already kept; stops at the wanted number.';

CREATE OR REPLACE FUNCTION tilescout.best_of_each_place(
    INOUT tiles uuid[], INOUT collections int[], INOUT distances double precision[], INOUT footprints geometry[], wanted int)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT array_agg($1[i] ORDER BY i), array_agg($2[i] ORDER BY i), array_agg($3[i] ORDER BY i), array_agg($4[i] ORDER BY i)
    FROM unnest(tilescout.first_of_each_place($4, $5)) AS i
$$;
COMMENT ON FUNCTION tilescout.best_of_each_place IS 'Of an answer, best first, what tilescout.first_of_each_place keeps.';
