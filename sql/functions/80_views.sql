CREATE OR REPLACE VIEW tilescout.scenes AS
SELECT s.id, c.name AS collection, s.path, s.sha256, s.acquired_at, s.acquired_source, s.driver, s.width, s.height, s.band_count, s.data_type,
       s.crs_name, s.ground_sample_distance, (SELECT count(*) FROM tilescout.tile AS t WHERE t.scene_id = s.id) AS tiles,
       s.run_id, s.created_at, s.footprint
FROM tilescout.scene AS s
JOIN tilescout.collection AS c ON c.id = s.collection_id
JOIN tilescout.run AS r ON r.id = s.run_id AND r.state = 'published'
WHERE NOT EXISTS (
    SELECT FROM tilescout.retirement AS x JOIN tilescout.run AS gone ON gone.id = x.retired_by AND gone.state = 'published'
    LEFT JOIN tilescout.run AS back ON back.id = x.revived_by AND back.state = 'published'
    WHERE x.scene_id = s.id AND back.id IS NULL);
COMMENT ON VIEW tilescout.scenes IS 'Published scenes, with the number of their tiles.';

CREATE OR REPLACE VIEW tilescout.tiles AS
SELECT t.id, c.name AS collection, t.scene_id, s.path AS scene_path, s.acquired_at, t.x, t.y, t.width, t.height, t.crs, t.geotransform,
       t.valid_fraction, t.cloud_fraction, s.ground_sample_distance, tiling.canonical AS tiling, t.run_id, t.footprint
FROM tilescout.tile AS t
JOIN tilescout.scene AS s ON s.id = t.scene_id
JOIN tilescout.collection AS c ON c.id = t.collection_id
JOIN tilescout.tiling AS tiling ON tiling.id = t.tiling_id
JOIN tilescout.run AS r ON r.id = t.run_id AND r.state = 'published'
WHERE NOT EXISTS (
    SELECT FROM tilescout.retirement AS x JOIN tilescout.run AS gone ON gone.id = x.retired_by AND gone.state = 'published'
    LEFT JOIN tilescout.run AS back ON back.id = x.revived_by AND back.state = 'published'
    WHERE x.scene_id = s.id AND back.id IS NULL);
COMMENT ON VIEW tilescout.tiles IS 'Published tiles: window, coordinate system and footprint, ready for QGIS (key: id with collection).';

CREATE OR REPLACE VIEW tilescout.failures AS
SELECT DISTINCT ON (c.name, f.path) c.name AS collection, f.path, f.stage, f.reason, f.failed_at, f.run_id
FROM tilescout.failure AS f
JOIN tilescout.run AS r ON r.id = f.run_id
JOIN tilescout.collection AS c ON c.id = r.collection_id
WHERE NOT EXISTS (
    -- Taken in since, or in spite of it.
    SELECT FROM tilescout.scene_file AS file JOIN tilescout.run_scene AS l ON l.scene_id = file.scene_id AND l.complete
    WHERE file.collection_id = r.collection_id AND file.path = f.path AND l.updated_at > f.failed_at)
ORDER BY c.name, f.path, f.failed_at DESC;
COMMENT ON VIEW tilescout.failures IS 'Files that could not be ingested and have not been since: the last reason for each.';

CREATE OR REPLACE VIEW tilescout.runs AS
SELECT r.id, r.kind, c.name AS collection, m.name AS model, r.state, r.attempts, r.started_at, r.finished_at, r.published_at, r.reason,
       count(l.scene_id) FILTER (WHERE l.complete) AS scenes, coalesce(sum(l.stored), 0)::bigint AS tiles_stored,
       coalesce(sum(l.already_there), 0)::bigint AS tiles_already_there,
       (SELECT count(*) FROM tilescout.failure AS f WHERE f.run_id = r.id) AS failures, r.counts, r.options, r.host, r.pid, r.version, r.pipeline, r.publish_order
FROM tilescout.run AS r
JOIN tilescout.collection AS c ON c.id = r.collection_id
JOIN tilescout.model AS m ON m.id = r.model_id
LEFT JOIN tilescout.run_scene AS l ON l.run_id = r.id
GROUP BY r.id, c.name, m.name;
COMMENT ON VIEW tilescout.runs IS 'Every run with its state and its ledger summed up.';
