-- Arrays of processes are told apart by a key; a scene's ledger knows how many tiles its layout has.

DROP FUNCTION IF EXISTS tilescout.join_run(text, text, text, text, jsonb, text, int, text);
DROP FUNCTION IF EXISTS tilescout.shard_done(int, int, int);
DROP FUNCTION IF EXISTS tilescout.finish_scene(int, bigint, int, jsonb);
DROP FUNCTION IF EXISTS tilescout.run_tiles(int);

ALTER TABLE run ADD COLUMN array_key text CHECK (array_key <> '');
COMMENT ON COLUMN run.array_key IS 'The array job that worked on it last; a task of it that is requeued later finds here that it is over. NULL: no array.';

-- Which shards of which night these were, nothing tells.
DELETE FROM run_shard;
ALTER TABLE run_shard DROP CONSTRAINT run_shard_pkey;
ALTER TABLE run_shard ADD COLUMN array_key text NOT NULL, ADD PRIMARY KEY (run_id, array_key, shard);
COMMENT ON COLUMN run_shard.array_key IS 'The array that it is a share of: one night''s shards do not count for another''s.';

ALTER TABLE run_scene ADD COLUMN layout bigint CHECK (layout >= 0);
COMMENT ON COLUMN run_scene.layout IS 'Tiles that the scene is cut into, whatever became of them: stored, already there, or skipped. NULL: not through, or from before it was counted.';
