-- Migration 0010 made this sequence and drew from it in one transaction. With wal_level = minimal PostgreSQL logs neither, nor the next
-- 32 draws: after a crash the sequence began again behind them, and no run could be published. setval is logged, and so is what follows it.
SELECT setval('tilescout.run_publish_order', greatest((SELECT max(publish_order) FROM run), (SELECT last_value FROM run_publish_order)))
WHERE EXISTS (SELECT FROM run WHERE publish_order IS NOT NULL);
