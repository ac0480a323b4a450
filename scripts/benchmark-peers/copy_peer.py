"""psycopg's binary COPY of the rows that `tilescout bench copy` has left in a table, into another one of the same columns."""
import time

import numpy
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from pipeline import register_geometry

TYPES = ["uuid", "int8", "int4", "int4", "int4", "int4", "text", "float8[]", "float4", "float4", "geometry", "halfvec"]
TARGET = "public.bench_copy_peer"


class Peer:
    def __init__(self, conninfo, source):
        """Reads the rows of source into Python objects."""
        self.connection, self.source = psycopg.connect(conninfo, autocommit=True), source
        assert psycopg.pq.__impl__ == "binary", "psycopg's C implementation is missing: install psycopg[binary]"
        register_vector(self.connection)
        register_geometry(self.connection)
        rows = self.connection.execute(f"""SELECT tile_id, scene_id, x, y, width, height, crs, geotransform, valid_fraction, cloud_fraction,
            ST_AsEWKB(footprint), embedding::vector::real[] FROM {source}""").fetchall()
        # Vectors as an encoder gives them; both clients round them to halves while they copy.
        self.rows = [(row[:11], numpy.array(row[11], numpy.float32)) for row in rows]

    def copy(self):
        """Seconds of one COPY into an empty table; raises where the tables differ."""
        self.connection.execute(f"DROP TABLE IF EXISTS {TARGET}; CREATE UNLOGGED TABLE {TARGET} (LIKE {self.source}) WITH (toast_tuple_target = 8160)")
        started = time.perf_counter()
        with self.connection.cursor().copy(f"COPY {TARGET} FROM STDIN (FORMAT binary)") as copying:
            copying.set_types(TYPES)
            for row, vector in self.rows:
                copying.write_row((*row, HalfVector(vector)))
        seconds = time.perf_counter() - started
        different = self.connection.execute(f"""SELECT count(*) FROM {self.source} AS a FULL JOIN {TARGET} AS b USING (tile_id)
            WHERE a.* IS DISTINCT FROM b.*""").fetchone()[0]
        assert different == 0, f"{different} rows differ"
        return seconds
