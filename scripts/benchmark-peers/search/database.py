"""The same rows in two tables: Tilescout's, filled through its own functions, and plain pgvector's with the indexes that its README names.

Rows go in by binary COPY. Every row has the same length, so NumPy lays out a batch in one piece."""
import time
import uuid

import numpy

from corpus import SIDE, TILE

PLAIN = """
DROP TABLE IF EXISTS public.plain;
CREATE TABLE public.plain (id uuid PRIMARY KEY, acquired_at timestamptz, footprint geometry(Polygon, 4326) NOT NULL, embedding halfvec({dimension}) NOT NULL)
"""
HNSW = "USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)"
BATCH = 8192
# Rows of one run, where rows go straight into the tables.
ROWS_OF_RUN = 1 << 20
# Odd, so that multiplying by them modulo 2^64 can be undone; they spread ids as hashes do.
HIGH, LOW = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
INVERSE = pow(HIGH, -1, 1 << 64)
DAY_MICROSECONDS = 86_400_000_000
DAYS_FROM_2000_TO_2015 = 5479
# Copied beside these as they are; rebuilt at the end.
DROPPED_WHILE_COPYING = {"tile_footprint": "CREATE INDEX tile_footprint ON tilescout.tile USING gist (footprint)"}


def identity(number):
    return uuid.UUID(int=((number + 1) * HIGH % (1 << 64) << 64) | (number + 1) * LOW % (1 << 64))


def number_of(identifier):
    """The inverse of identity."""
    return (identifier.int >> 64) * INVERSE % (1 << 64) - 1


def big_endian(values, kind):
    """n values, or n rows of them, as n rows of bytes."""
    values = numpy.ascontiguousarray(numpy.asarray(values).astype(f">{kind}"))
    return values.view(numpy.uint8).reshape(len(values), -1)


def constant(count, data):
    return numpy.broadcast_to(numpy.frombuffer(data, numpy.uint8), (count, len(data)))


def binary_rows(columns):
    """COPY's binary rows of columns of bytes, n × length each; None is NULL in every row."""
    count = next(len(c) for c in columns if c is not None)
    parts = [constant(count, len(columns).to_bytes(2, "big"))]
    for column in columns:
        parts.append(constant(count, (column.shape[1] if column is not None else -1).to_bytes(4, "big", signed=True)))
        if column is not None:
            parts.append(column)
    return numpy.hstack(parts).tobytes()


def copy_binary(connection, target, data):
    with connection.cursor().copy(f"COPY {target} FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        copy.write(data)
        copy.write(b"\xff\xff")


class Columns:
    """Of rows start to end: what the tables hold, as bytes."""

    def __init__(self, corpus, start, end):
        numbers = numpy.arange(start, end, dtype=numpy.uint64) + numpy.uint64(1)
        self.count = end - start
        self.numbers = numpy.arange(start, end)
        self.scene = corpus.scene[start:end]
        self.id = numpy.hstack([big_endian(numbers * numpy.uint64(HIGH), "u8"), big_endian(numbers * numpy.uint64(LOW), "u8")])
        west, south = corpus.west[start:end], corpus.south[start:end]
        east, north = west + TILE, south + TILE
        ring = numpy.column_stack([west, south, east, south, east, north, west, north, west, south])
        # EWKB, little-endian: a polygon with an SRID, one ring of five points.
        head = b"\x01" + (0x20000003).to_bytes(4, "little") + (4326).to_bytes(4, "little") + (1).to_bytes(4, "little") + (5).to_bytes(4, "little")
        self.footprint = numpy.hstack([constant(self.count, head), numpy.ascontiguousarray(ring.astype("<f8")).view(numpy.uint8).reshape(self.count, -1)])
        dimension = corpus.vectors.shape[1]
        self.embedding = numpy.hstack([constant(self.count, dimension.to_bytes(2, "big") + bytes(2)), big_endian(corpus.vectors[start:end], "f2")])
        self.valid = big_endian(corpus.valid[start:end], "f4")
        self.acquired = big_endian((corpus.day[self.scene] + DAYS_FROM_2000_TO_2015) * DAY_MICROSECONDS, "i8")
        self.place = big_endian(place_of((west + east) / 2, (south + north) / 2), "i8")

    def all(self, value, kind):
        return constant(self.count, numpy.array([value], f">{kind}").tobytes())

    def geotransform(self):
        coefficients = b"".join((8).to_bytes(4, "big") + numpy.array([c], ">f8").tobytes() for c in (0, 1, 0, 0, 0, 1))
        # One dimension, no NULLs, elements of type double precision (701), six from 1 on.
        return constant(self.count, b"".join(x.to_bytes(4, "big") for x in (1, 0, 701, 6, 1)) + coefficients)


def place_of(longitude, latitude):
    """As tilescout.place_of: bits of both coordinates in turn."""
    code = numpy.zeros(len(longitude), numpy.int64)
    for shift, value, least, span in ((0, longitude, -180, 360), (1, latitude, -90, 180)):
        value = numpy.floor((value - least) / span * 1048575).astype(numpy.int64)
        for bit in range(20):
            code |= ((value >> bit) & 1) << (2 * bit + shift)
    return code


def batches(start, end, size=BATCH):
    return ((a, min(a + size, end)) for a in range(start, end, size))


def begin_run(connection):
    return connection.execute("SELECT run_id FROM tilescout.begin_run('ingest', 'bench', 'bench', '{}', 'here', 1, 'bench')").fetchone()[0]


def enter_scenes(connection, corpus, run, scenes):
    """Ids of the scenes."""
    ids = []
    for scene in scenes:
        west, south = corpus.corner[scene]
        ids.append(connection.execute("""SELECT tilescout.upsert_scene(%s, lpad(to_hex(%s::int), 64, '0'), '/bench/' || %s || '.tif', 1, 1, 'GTiff', 8192, 8192, 3, '{}', 'Byte',
            NULL, 'EPSG:4326', 'WKT', '{0,1,0,0,0,1}', 10, timestamptz '2015-01-01 UTC' + %s * interval '1 day', 'tag',
            ST_AsEWKB(ST_MakeEnvelope(%s, %s, %s, %s, 4326)), '{}')""",
            [run, scene, scene, int(corpus.day[scene]), west, south, west + SIDE * TILE, south + SIDE * TILE]).fetchone()[0])
    return numpy.array(ids)


def register(connection, dimension):
    connection.execute("SELECT tilescout.register_model('bench', repeat('f', 64), '{}', %s)", [dimension])


def tiling(connection):
    return connection.execute("SELECT tilescout.tiling_id('bench')").fetchone()[0]


def fill_ours(connection, corpus, dimension):
    """Seconds that copying and merging took, and those of publishing."""
    register(connection, dimension)
    run, of_tiling = begin_run(connection), tiling(connection)
    scenes = enter_scenes(connection, corpus, run, range(len(corpus.corner)))
    connection.commit()
    seconds = 0
    for start, end in batches(0, len(corpus.scene)):
        c = Columns(corpus, start, end)
        side = c.all(256, "i4")
        data = binary_rows([c.id, big_endian(scenes[c.scene], "i8"), big_endian(c.numbers % SIDE, "i4"), c.all(0, "i4"), side, side, constant(c.count, b"EPSG:4326"),
                            c.geotransform(), c.valid, None, c.footprint, c.embedding])
        started = time.perf_counter()
        connection.execute("SELECT tilescout.prepare_staging()")
        copy_binary(connection, "pg_temp.tile_staging", data)
        connection.execute("SELECT tilescout.merge_tiles(%s, %s)", [run, of_tiling])
        connection.commit()
        seconds += time.perf_counter() - started
    started = time.perf_counter()
    connection.execute("SELECT tilescout.publish_run(%s)", [run])
    connection.commit()
    return seconds, time.perf_counter() - started


def fill_ours_directly(connection, corpus, dimension, say=print):
    """The rows that merging would have left, in runs of a million, copied straight into the tables: for tens of millions. The index is built after it."""
    register(connection, dimension)
    of_tiling, collection = tiling(connection), None
    for index in DROPPED_WHILE_COPYING:
        connection.execute(f"DROP INDEX IF EXISTS tilescout.{index}")
    connection.commit()
    for first, last in batches(0, len(corpus.scene), ROWS_OF_RUN):
        started = time.perf_counter()
        run = begin_run(connection)
        collection = collection or connection.execute("SELECT collection_id FROM tilescout.run WHERE id = %s", [run]).fetchone()[0]
        least = int(corpus.scene[first])
        scenes = enter_scenes(connection, corpus, run, range(least, int(corpus.scene[last - 1]) + 1))
        for start, end in batches(first, last, 8 * BATCH):
            c = Columns(corpus, start, end)
            scene, owner, of_run, side = big_endian(scenes[c.scene - least], "i8"), c.all(collection, "i4"), c.all(run, "i4"), c.all(256, "i4")
            copy_binary(connection, "tilescout.tile (id, collection_id, scene_id, tiling_id, run_id, x, y, width, height, crs, geotransform, valid_fraction, footprint)", binary_rows(
                [c.id, owner, scene, c.all(of_tiling, "i4"), of_run, big_endian(c.numbers % SIDE, "i4"), c.all(0, "i4"), side, side, constant(c.count, b"EPSG:4326"),
                 c.geotransform(), c.valid, c.footprint]))
            copy_binary(connection, "tilescout.embedding_1 (tile_id, collection_id, scene_id, run_id, acquired_at, valid_fraction, ground_sample_distance, footprint, embedding, place)", binary_rows(
                [c.id, owner, scene, of_run, c.acquired, c.valid, c.all(10, "f4"), c.footprint, c.embedding, c.place]))
        copied = time.perf_counter()
        connection.execute("SELECT tilescout.publish_run(%s)", [run])
        connection.commit()
        say(f"rows {first} to {last}: copied in {copied - started:.0f} s, published in {time.perf_counter() - copied:.0f} s", flush=True)
    for statement in DROPPED_WHILE_COPYING.values():
        connection.execute(statement)
    connection.commit()


def plain_over_ours(connection):
    """Plain pgvector's table for rows that are too many to have twice: Tilescout's own table, with the indexes that plain queries need."""
    run = connection.execute
    run("CREATE INDEX IF NOT EXISTS plain_footprint ON tilescout.embedding_1 USING gist (footprint)")
    run("CREATE INDEX IF NOT EXISTS plain_acquired ON tilescout.embedding_1 (acquired_at)")
    # Statistics as a plain table has them.
    run("ALTER TABLE tilescout.embedding_1 ALTER COLUMN footprint SET STATISTICS -1")
    run(f"CREATE INDEX plain_hnsw ON tilescout.embedding_1 {HNSW}")
    run("CREATE OR REPLACE VIEW public.plain AS SELECT tile_id AS id, acquired_at, footprint, embedding FROM tilescout.embedding_1")


def fill_plain(connection, corpus, dimension):
    for statement in PLAIN.format(dimension=dimension).split(";"):
        connection.execute(statement)
    seconds = 0
    for start, end in batches(0, len(corpus.scene)):
        c = Columns(corpus, start, end)
        data = binary_rows([c.id, c.acquired, c.footprint, c.embedding])
        started = time.perf_counter()
        copy_binary(connection, "public.plain", data)
        seconds += time.perf_counter() - started
    connection.commit()
    return seconds


def index_plain(connection):
    """Seconds that plain pgvector's HNSW build took."""
    run = connection.execute
    run("CREATE INDEX ON public.plain USING gist (footprint)")
    run("CREATE INDEX ON public.plain (acquired_at)")
    started = time.perf_counter()
    run(f"CREATE INDEX plain_hnsw ON public.plain {HNSW}")
    seconds = time.perf_counter() - started
    connection.commit()
    connection.autocommit = True
    run("VACUUM ANALYZE public.plain")
    connection.autocommit = False
    return seconds
