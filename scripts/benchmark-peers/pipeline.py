"""What a good Python engineer writes instead: rasterio, a runtime for networks, psycopg's binary COPY with pgvector.

A thread reads and resizes windows ahead while ONNX Runtime or OpenVINO computes on every core; rows go to the database in binary,
a batch at a time, into a table with the same columns and indexes as ours.
"""
import hashlib
import queue
import struct
import threading
import time
import uuid

import numpy as np
import psycopg
import rasterio
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from PIL import Image
from rasterio.windows import Window

TILE = 256
INPUT = 224
BATCH = 8
# Tiles to a commit, as ours.
MERGE = 512

SCHEMA = """
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
CREATE TABLE peer.tile (
    id uuid PRIMARY KEY, collection int NOT NULL, scene int NOT NULL, x int NOT NULL, y int NOT NULL,
    valid_fraction real NOT NULL, footprint geometry(Geometry, 4326) NOT NULL, embedding halfvec(1280) NOT NULL);
CREATE INDEX ON peer.tile USING gist (footprint);
"""


def windows(width, height):
    """Row by row; the last column and row shifted inwards."""
    def starts(length):
        return [min(start, length - TILE) for start in range(0, length, TILE)]
    return [Window(x, y, TILE, TILE) for y in starts(height) for x in starts(width)]


def footprint(transform, window):
    """EWKB of a window's rectangle in degrees (the scenes are in EPSG:4326)."""
    west, north = transform * (window.col_off, window.row_off)
    east, south = transform * (window.col_off + TILE, window.row_off + TILE)
    ring = (west, north, west, south, east, south, east, north, west, north)
    return struct.pack("<BIIII10d", 1, 0x20000003, 4326, 1, 5, *ring)


def read(paths, tiles):
    """Puts (id, scene, x, y, footprint, valid fraction, image) on the queue for every window."""
    for scene, path in enumerate(paths):
        digest = hashlib.file_digest(open(path, "rb"), "sha256").digest()
        with rasterio.open(path) as dataset:
            for window in windows(dataset.width, dataset.height):
                pixels = dataset.read((1, 2, 3), window=window)
                valid = dataset.dataset_mask(window=window)
                identity = hashlib.sha256(digest + struct.pack("<II", window.col_off, window.row_off)).digest()[:16]
                image = Image.fromarray(np.moveaxis(pixels, 0, 2)).resize((INPUT, INPUT), Image.BILINEAR)
                tiles.put((uuid.UUID(bytes=identity), scene, window.col_off, window.row_off,
                           footprint(dataset.transform, window), float(np.count_nonzero(valid)) / valid.size,
                           (np.moveaxis(np.asarray(image, dtype=np.float32), 2, 0) - 127) / 128))
    tiles.put(None)


def copy(cursor, rows):
    with cursor.copy("COPY peer.tile (id, collection, scene, x, y, valid_fraction, footprint, embedding) "
                     "FROM STDIN WITH (FORMAT binary)") as copying:
        copying.set_types(["uuid", "int4", "int4", "int4", "int4", "float4", "geometry", "halfvec"])
        for (identity, scene, x, y, shape, valid, _), vector in rows:
            copying.write_row((identity, 1, scene, x, y, valid, shape, HalfVector(vector)))


def ingest(embed, conninfo, paths):
    """embed: vectors of a batch of images (n × 3 × 224 × 224). Returns (tiles, seconds)."""
    with psycopg.connect(conninfo) as connection:
        connection.execute(SCHEMA)
        connection.commit()
        register_vector(connection)
        register_geometry(connection)
        started = time.perf_counter()
        tiles = queue.Queue(maxsize=4 * BATCH)
        threading.Thread(target=read, args=(paths, tiles), daemon=True).start()
        count, pending, batch, over = 0, [], [], False
        with connection.cursor() as cursor:
            while not over:
                tile = tiles.get()
                over = tile is None
                if not over:
                    batch.append(tile)
                if len(batch) == BATCH or (over and batch):
                    vectors = embed(np.stack([entry[6] for entry in batch]))
                    pending += zip(batch, vectors)
                    count += len(batch)
                    batch = []
                if len(pending) >= MERGE or (over and pending):
                    copy(cursor, pending)
                    connection.commit()
                    pending = []
        seconds = time.perf_counter() - started
        connection.execute("DROP SCHEMA peer CASCADE")
    return count, seconds


def register_geometry(connection):
    """Lets bytes stand for PostGIS's geometry in a binary COPY: its receive function takes EWKB."""
    from psycopg.types import TypeInfo
    from psycopg.types.string import BytesBinaryDumper
    info = TypeInfo.fetch(connection, "geometry")
    info.register(connection)
    dumper = type("GeometryDumper", (BytesBinaryDumper,), {"oid": info.oid})
    connection.adapters.register_dumper(bytes, dumper)
