"""The same rows in two tables: Tilescout's, filled through its own functions, and plain pgvector's with the indexes that its README names."""
import io
import time
import uuid

import numpy

from corpus import SIDE, TILE

PLAIN = """
DROP TABLE IF EXISTS public.plain;
CREATE TABLE public.plain (id uuid PRIMARY KEY, acquired_at timestamptz, footprint geometry(Polygon, 4326) NOT NULL, embedding halfvec({dimension}) NOT NULL)
"""
BATCH = 8192


def identity(number):
    return uuid.uuid5(uuid.NAMESPACE_OID, f"tile {number}")


def rows(corpus, part):
    """Columns of the rows of a slice as COPY's text."""
    for number in range(*part):
        west, south = float(corpus.west[number]), float(corpus.south[number])
        east, north = west + TILE, south + TILE
        ring = f"SRID=4326;POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"
        vector = "[" + ",".join(map(repr, corpus.vectors[number].astype(numpy.float16).tolist())) + "]"
        yield number, ring, vector


def fill_ours(connection, corpus, dimension):
    """Seconds that copying and merging took, and the model's table."""
    run = connection.execute
    run("SELECT tilescout.register_model('bench', repeat('f', 64), '{}', %s)", [dimension])
    number = run("SELECT run_id FROM tilescout.begin_run('ingest', 'bench', 'bench', '{}', 'here', 1, 'bench')").fetchone()[0]
    tiling = run("SELECT tilescout.tiling_id('bench')").fetchone()[0]
    scenes = []
    for scene, (west, south) in enumerate(corpus.corner):
        scenes.append(run("""SELECT tilescout.upsert_scene(%s, lpad(to_hex(%s::int), 64, '0'), '/bench/' || %s || '.tif', 1, 1, 'GTiff', 8192, 8192, 3, '{}', 'Byte',
            NULL, 'EPSG:4326', 'WKT', '{0,1,0,0,0,1}', 10, timestamptz '2015-01-01 UTC' + %s * interval '1 day', 'tag',
            ST_AsEWKB(ST_MakeEnvelope(%s, %s, %s, %s, 4326)), '{}')""",
            [number, scene, scene, int(corpus.day[scene]), west, south, west + SIDE * TILE, south + SIDE * TILE]).fetchone()[0])
    connection.commit()
    seconds = 0
    for start in range(0, len(corpus.scene), BATCH):
        text = "".join(
            f"{identity(n)}\t{scenes[corpus.scene[n]]}\t{n % SIDE}\t0\t256\t256\tEPSG:4326\t{{0,1,0,0,0,1}}\t{corpus.valid[n]}\t\\N\t{ring}\t{vector}\n"
            for n, ring, vector in rows(corpus, (start, min(start + BATCH, len(corpus.scene)))))
        started = time.perf_counter()
        run("SELECT tilescout.prepare_staging()")
        with connection.cursor().copy("COPY pg_temp.tile_staging FROM STDIN") as copy:
            copy.write(text)
        run("SELECT tilescout.merge_tiles(%s, %s)", [number, tiling])
        connection.commit()
        seconds += time.perf_counter() - started
    run("SELECT tilescout.publish_run(%s)", [number])
    connection.commit()
    return seconds


def fill_plain(connection, corpus, dimension):
    for statement in PLAIN.format(dimension=dimension).split(";"):
        connection.execute(statement)
    seconds = 0
    for start in range(0, len(corpus.scene), BATCH):
        text = "".join(
            f"{identity(n)}\t{numpy.datetime64('2015-01-01') + int(corpus.day[corpus.scene[n]])}\t{ring}\t{vector}\n"
            for n, ring, vector in rows(corpus, (start, min(start + BATCH, len(corpus.scene)))))
        started = time.perf_counter()
        with connection.cursor().copy("COPY public.plain FROM STDIN") as copy:
            copy.write(text)
        seconds += time.perf_counter() - started
    connection.commit()
    return seconds


def index_plain(connection):
    """Seconds that plain pgvector's HNSW build took."""
    run = connection.execute
    run("CREATE INDEX ON public.plain USING gist (footprint)")
    run("CREATE INDEX ON public.plain (acquired_at)")
    started = time.perf_counter()
    run("CREATE INDEX plain_hnsw ON public.plain USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)")
    seconds = time.perf_counter() - started
    connection.commit()
    connection.autocommit = True
    run("VACUUM ANALYZE public.plain")
    connection.autocommit = False
    return seconds
