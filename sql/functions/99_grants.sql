-- Least rights: readers search and look; ingest adds what readers have and fills tables; admin owns nothing but may do all.
GRANT USAGE ON SCHEMA tilescout TO tilescout_read, tilescout_ingest, tilescout_admin;
GRANT SELECT ON ALL TABLES IN SCHEMA tilescout TO tilescout_read, tilescout_ingest;
GRANT INSERT, UPDATE, DELETE ON tilescout.collection, tilescout.tiling, tilescout.run, tilescout.scene, tilescout.scene_file, tilescout.tile,
    tilescout.run_scene, tilescout.run_claim, tilescout.failure, tilescout.cell, tilescout.pack, tilescout.code, tilescout.retirement, tilescout.job, tilescout.worker_report,
    tilescout.run_shard TO tilescout_ingest;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA tilescout TO tilescout_ingest, tilescout_admin;
GRANT ALL ON ALL TABLES IN SCHEMA tilescout TO tilescout_admin;
GRANT ALL ON SCHEMA tilescout TO tilescout_admin;

-- These run with the rights of the schema's owner.
REVOKE EXECUTE ON FUNCTION tilescout.register_model(text, text, jsonb, int) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION tilescout.build_index(text, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION tilescout.analyze_model(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tilescout.register_model(text, text, jsonb, int) TO tilescout_ingest, tilescout_admin;
GRANT EXECUTE ON FUNCTION tilescout.build_index(text, boolean) TO tilescout_ingest, tilescout_admin;
GRANT EXECUTE ON FUNCTION tilescout.analyze_model(int) TO tilescout_ingest, tilescout_admin;
-- A trigger needs no right to be fired; a table of somebody's own would need one to take it.
REVOKE EXECUTE ON FUNCTION tilescout.model_search_changed() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION tilescout.forget_looks(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tilescout.forget_looks(int) TO tilescout_ingest, tilescout_admin;
-- Which model answers is the administrator's decision.
REVOKE EXECUTE ON FUNCTION tilescout.serve_model(text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tilescout.serve_model(text, boolean) TO tilescout_admin;
