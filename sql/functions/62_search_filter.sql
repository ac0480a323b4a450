CREATE OR REPLACE FUNCTION tilescout.reach_of(near geometry, radius double precision)
RETURNS geometry LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    place geometry := ST_Force2D(near);
    -- Degrees of latitude, a hundredth more than they are on any ellipsoid.
    reach double precision := greatest(radius, 1) / 110000;
    south double precision;
    north double precision;
    sideways double precision;
BEGIN
    IF near IS NULL AND radius IS NULL THEN
        RETURN NULL;
    ELSIF near IS NULL OR radius IS NULL THEN
        RAISE EXCEPTION 'near and radius go together: % is missing', CASE WHEN near IS NULL THEN 'near' ELSE 'radius' END
            USING ERRCODE = 'invalid_parameter_value', HINT = 'near is a point or line, radius is in metres';
    ELSIF NOT (radius >= 0 AND radius <= 20000000) THEN
        RAISE EXCEPTION 'radius is %, but must be 0 to 20000000 metres', radius USING ERRCODE = 'invalid_parameter_value';
    ELSIF ST_IsEmpty(place) THEN
        RAISE EXCEPTION 'near is empty' USING ERRCODE = 'invalid_parameter_value';
    ELSIF ST_SRID(place) = 0 THEN
        RAISE EXCEPTION 'near has no coordinate system'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'name it: ST_SetSRID(geometry, 4326) for longitude and latitude';
    END IF;
    place := ST_Transform(place, 4326);
    IF NOT (ST_XMin(place) >= -180 AND ST_XMax(place) <= 180 AND ST_YMin(place) >= -90 AND ST_YMax(place) <= 90) THEN
        RAISE EXCEPTION 'near leaves the Earth: % %', ST_XMax(place), ST_YMax(place)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'longitude comes first, in degrees';
    END IF;
    south := ST_YMin(place) - reach;
    north := ST_YMax(place) + reach;
    -- Great circles bulge towards the poles between the ends of a line; half its width is more than they do.
    south := south - (ST_XMax(place) - ST_XMin(place)) / 2;
    north := north + (ST_XMax(place) - ST_XMin(place)) / 2;
    IF south <= -89 OR north >= 89 OR ST_XMax(place) - ST_XMin(place) > 90 THEN
        RETURN ST_MakeEnvelope(-180, greatest(south, -90), 180, least(north, 90), 4326);
    END IF;
    sideways := reach / cos(radians(greatest(abs(south), abs(north)))) * 1.01;
    IF ST_XMax(place) - ST_XMin(place) + 2 * sideways >= 360 THEN
        RETURN ST_MakeEnvelope(-180, south, 180, north, 4326);
    END IF;
    RETURN tilescout.search_area(ST_MakeEnvelope(ST_XMin(place) - sideways, south, ST_XMax(place) + sideways, north, 4326));
END $$;
COMMENT ON FUNCTION tilescout.reach_of IS 'A box in WGS84 degrees, parted at the antimeridian, that holds all within so many metres of a place; raises 22023 for what is none.';

CREATE OR REPLACE FUNCTION tilescout.resolve_filter(
    of_model tilescout.model, within geometry, near geometry, radius double precision, acquired tstzrange, collections text[],
    min_valid double precision, max_cloud double precision, resolution numrange,
    excluded_tiles uuid[], scenes_of uuid[], place_of uuid)
RETURNS tilescout.search_filter LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    f tilescout.search_filter;
BEGIN
    IF NOT (min_valid BETWEEN 0 AND 1) THEN
        RAISE EXCEPTION 'min_valid is %, but must be 0 to 1', min_valid USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT (max_cloud BETWEEN 0 AND 1) THEN
        RAISE EXCEPTION 'max_cloud is %, but must be 0 to 1', max_cloud USING ERRCODE = 'invalid_parameter_value';
    ELSIF isempty(acquired) THEN
        RAISE EXCEPTION 'acquired is an empty range' USING ERRCODE = 'invalid_parameter_value';
    ELSIF isempty(resolution) OR upper(resolution) <= 0 THEN
        RAISE EXCEPTION 'resolution is %, which no tile has', resolution USING ERRCODE = 'invalid_parameter_value', HINT = 'metres a pixel, as in [0.5,1)';
    END IF;
    f.area := tilescout.search_area(within);
    f.reach := tilescout.reach_of(near, radius);
    f.near := ST_Transform(ST_Force2D(near), 4326)::geography;
    f.radius := radius;
    -- Open at both ends they restrict nothing, not even to tiles where it is known.
    f.acquired := CASE WHEN NOT (lower_inf(acquired) AND upper_inf(acquired)) THEN acquired END;
    f.resolution := CASE WHEN NOT (lower_inf(resolution) AND upper_inf(resolution)) THEN resolution END;
    f.collection_ids := tilescout.collection_ids(collections);
    f.min_valid := min_valid;
    f.max_cloud := max_cloud;
    SELECT h.runs, h.scenes INTO f.hidden_runs, f.hidden_scenes FROM tilescout.hidden() AS h;
    f.excluded_tiles := nullif(excluded_tiles, '{}');
    IF cardinality(scenes_of) > 0 THEN
        SELECT array_agg(DISTINCT e.scene_id) INTO f.excluded_scenes FROM tilescout.embeddings_of(of_model, scenes_of) AS e;
    END IF;
    IF place_of IS NOT NULL THEN
        SELECT e.footprint INTO f.excluded_place FROM tilescout.embeddings_of(of_model, ARRAY[place_of]) AS e;
    END IF;
    RETURN f;
END $$;
COMMENT ON FUNCTION tilescout.resolve_filter IS
    'What a search restricts to, with names resolved and everything validated: raises 22023 with the reason. scenes_of and place_of: tiles whose scenes or place are left out.';

CREATE OR REPLACE FUNCTION tilescout.filter_sql(f tilescout.search_filter)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    -- Fixed fragments over $2 to $17, in the order that the searches bind them; no text of the caller's enters.
    SELECT concat_ws(' AND ', 'true',
        CASE WHEN f.area IS NOT NULL THEN 'e.footprint && $2' END,
        CASE WHEN f.reach IS NOT NULL THEN 'e.footprint && $14' END,
        CASE WHEN f.acquired IS NOT NULL THEN 'e.acquired_at <@ $3' END,
        CASE WHEN f.collection_ids IS NOT NULL THEN 'e.collection_id = ANY ($4)' END,
        CASE WHEN f.min_valid IS NOT NULL THEN 'e.valid_fraction >= $5::real' END,
        CASE WHEN f.max_cloud IS NOT NULL THEN 'e.cloud_fraction <= $6::real' END,
        CASE WHEN f.resolution IS NOT NULL THEN 'e.ground_sample_distance::numeric <@ $17' END,
        CASE WHEN f.excluded_tiles IS NOT NULL THEN 'e.tile_id <> ALL ($7)' END,
        CASE WHEN f.excluded_scenes IS NOT NULL THEN 'e.scene_id <> ALL ($8)' END,
        CASE WHEN f.excluded_place IS NOT NULL THEN 'NOT tilescout.same_place(e.footprint, $9)' END,
        CASE WHEN f.hidden_runs IS NOT NULL THEN 'e.run_id <> ALL ($10)' END,
        CASE WHEN f.hidden_scenes IS NOT NULL THEN 'e.scene_id <> ALL ($11)' END)
$$;
COMMENT ON FUNCTION tilescout.filter_sql IS 'The condition on an embedding row e that a filter stands for, area and reach by bounding box only.';

CREATE OR REPLACE FUNCTION tilescout.place_sql(f tilescout.search_filter)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT concat_ws(' AND ', 'true',
        CASE WHEN f.area IS NOT NULL THEN 'ST_Intersects(e.footprint, $2)' END,
        CASE WHEN f.near IS NOT NULL THEN 'ST_DWithin(e.footprint::geography, $15, $16)' END)
$$;
COMMENT ON FUNCTION tilescout.place_sql IS 'The exact condition on where a row e lies, dearer than that of tilescout.filter_sql.';
