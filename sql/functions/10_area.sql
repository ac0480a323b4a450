CREATE OR REPLACE FUNCTION tilescout.bbox(west double precision, south double precision, east double precision, north double precision)
RETURNS geometry LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT (south BETWEEN -90 AND 90 AND north BETWEEN -90 AND 90 AND west BETWEEN -180 AND 180 AND east BETWEEN -180 AND 180) THEN
        RAISE EXCEPTION 'the box % % % % leaves the Earth', west, south, east, north
            USING ERRCODE = 'invalid_parameter_value', HINT = 'the order is west, south, east, north, in degrees';
    ELSIF south >= north OR west = east OR (west = 180 AND east = -180) THEN
        RAISE EXCEPTION 'the box % % % % is empty', west, south, east, north
            USING ERRCODE = 'invalid_parameter_value', HINT = 'the order is west, south, east, north, in degrees';
    ELSIF west < east THEN
        RETURN ST_MakeEnvelope(west, south, east, north, 4326);
    ELSIF west = 180 OR east = -180 THEN
        -- It ends at the antimeridian.
        RETURN ST_MakeEnvelope(CASE WHEN west = 180 THEN -180 ELSE west END, south, CASE WHEN east = -180 THEN 180 ELSE east END, north, 4326);
    END IF;
    RETURN ST_Collect(ST_MakeEnvelope(west, south, 180, north, 4326), ST_MakeEnvelope(-180, south, east, north, 4326));
END $$;
COMMENT ON FUNCTION tilescout.bbox IS 'A rectangle in WGS84 degrees for tilescout.search(within => …). West greater than east crosses the antimeridian.';

CREATE OR REPLACE FUNCTION tilescout.unwrapped_ring(ring geometry)
RETURNS geometry LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
DECLARE
    pole double precision;
    line geometry;
BEGIN
    -- A side that seems to lead more than half round the Earth leads over the antimeridian.
    SELECT ST_SetSRID(ST_MakeLine(ST_MakePoint(p.x + 360 * p.turns, p.y) ORDER BY p.n), 4326) INTO line FROM (
        SELECT s.n, s.x, s.y, sum(CASE WHEN s.x - s.before > 180 THEN -1 WHEN s.x - s.before < -180 THEN 1 ELSE 0 END) OVER (ORDER BY s.n) AS turns FROM (
            SELECT d.path[1] AS n, ST_X(d.geom) AS x, ST_Y(d.geom) AS y, lag(ST_X(d.geom)) OVER (ORDER BY d.path[1]) AS before FROM ST_DumpPoints(ring) AS d
        ) AS s
    ) AS p;
    IF NOT ST_IsClosed(line) THEN
        -- It leads round a pole, and on the map along that.
        pole := CASE WHEN ST_Y(ST_Centroid(line)) > 0 THEN 90 ELSE -90 END;
        line := ST_AddPoint(ST_AddPoint(ST_AddPoint(line, ST_SetSRID(ST_MakePoint(ST_X(ST_EndPoint(line)), pole), 4326)),
            ST_SetSRID(ST_MakePoint(ST_X(ST_StartPoint(line)), pole), 4326)), ST_StartPoint(line));
    END IF;
    RETURN ST_MakePolygon(line);
END $$;
COMMENT ON FUNCTION tilescout.unwrapped_ring IS
    'The inside of a closed line in WGS84 degrees of which longitudes came back to ±180: beyond the antimeridian they go on, and round a pole that is part of it.';

CREATE OR REPLACE FUNCTION tilescout.unwrapped(area geometry)
RETURNS geometry LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
DECLARE
    polygon geometry;
    ring geometry;
    inside geometry;
    parts geometry[] := '{}';
BEGIN
    FOR polygon IN SELECT d.geom FROM ST_Dump(area) AS d LOOP
        inside := tilescout.unwrapped_ring(ST_ExteriorRing(polygon));
        FOR i IN 1..ST_NumInteriorRings(polygon) LOOP
            -- It may have been counted from the antimeridian's other side.
            ring := tilescout.unwrapped_ring(ST_InteriorRingN(polygon, i));
            inside := ST_Difference(inside, ST_Union(ARRAY[ring, ST_Translate(ring, -360, 0), ST_Translate(ring, 360, 0)]));
        END LOOP;
        parts := parts || inside;
    END LOOP;
    RETURN ST_CollectionExtract(ST_Union(parts), 3);
END $$;
COMMENT ON FUNCTION tilescout.unwrapped IS 'Polygons that were transformed to WGS84 degrees, with what lies beyond the antimeridian past ±180, and what leads round a pole as far as that.';

CREATE OR REPLACE FUNCTION tilescout.leaps(area geometry)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path FROM CURRENT AS $$
    SELECT coalesce(bool_or(abs(p.x - p.before) > 180), false) FROM (
        SELECT ST_X(d.geom) AS x, lag(ST_X(d.geom)) OVER (PARTITION BY d.path[:cardinality(d.path) - 1] ORDER BY d.path) AS before FROM ST_DumpPoints(area) AS d
    ) AS p
$$;
COMMENT ON FUNCTION tilescout.leaps IS 'Whether a side of polygons seems to lead more than half round the Earth.';

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
        IF tilescout.leaps(area) THEN
            area := tilescout.unwrapped(area);
        END IF;
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
