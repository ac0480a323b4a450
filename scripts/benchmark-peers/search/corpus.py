"""Rows to search: real embeddings of real tiles enlarged, and laid out over the Earth.

Vectors: the real ones, reduced to 256 dimensions by PCA. Each synthetic one lies between a real vector and one of its ten nearest
neighbours, at a uniform place, plus Gaussian noise a quarter as long as the distance between the two: the crowding of the real set
stays, and no two rows are equal.

Places: scenes of 32 × 32 tiles of 0.02 degrees. The Earth is parted into regions (Voronoi cells), each with its own mixture of
land covers, and land covers come in blocks of 4 × 4 tiles: look goes with place as it does outside.
"""
import os

import numpy

DIMENSION = 256
SIDE = 32
TILE = 0.02
REGIONS = 48
NEIGHBOURS = 10


class Corpus:
    """Vectors (n × 256, unit length, the halves that are stored), west and south of each tile in degrees, its scene, land cover, and valid fraction."""

    def __init__(self, real, covers, count, seed, file):
        random = numpy.random.default_rng(seed)
        real = reduce(real)
        names, cover_of = numpy.unique(covers, return_inverse=True)
        neighbours = nearest(real)
        members = [numpy.flatnonzero(cover_of == cover) for cover in range(len(names))]

        scenes = -(-count // (SIDE * SIDE))
        self.corner = numpy.column_stack([random.uniform(-179, 178, scenes), random.uniform(-58, 70, scenes)])
        self.day = random.integers(0, 3650, scenes)
        centres = numpy.column_stack([random.uniform(-180, 180, REGIONS), random.uniform(-60, 72, REGIONS)])
        mixtures = random.dirichlet(numpy.full(len(names), 0.1), REGIONS)
        region = ((self.corner[:, None, :] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)

        self.scene = numpy.repeat(numpy.arange(scenes), SIDE * SIDE)[:count]
        within = numpy.tile(numpy.arange(SIDE * SIDE), scenes)[:count]
        column, row = within % SIDE, within // SIDE
        self.west = self.corner[self.scene, 0] + column * TILE
        self.south = self.corner[self.scene, 1] + row * TILE
        blocks = numpy.array([random.choice(len(names), (SIDE // 4) ** 2, p=mixtures[r]) for r in region])
        self.cover = blocks[self.scene, (row // 4) * (SIDE // 4) + column // 4]
        self.valid = numpy.where(random.random(count) < 0.8, 1.0, random.random(count)).astype(numpy.float32)

        # In a file, which may be larger than memory, and is there the next time.
        self.vectors = kept(file, count)
        if self.vectors is not None:
            return
        first = numpy.array([random.choice(members[cover]) for cover in self.cover])
        second = neighbours[first, random.integers(0, NEIGHBOURS, count)]
        making = file + ".part"
        vectors = numpy.memmap(making, numpy.float16, "w+", shape=(count, DIMENSION))
        for start in range(0, count, 65536):
            part = slice(start, start + 65536)
            a, b = real[first[part]], real[second[part]]
            length = numpy.linalg.norm(a - b, axis=1, keepdims=True)
            mixed = a + random.random((len(a), 1), numpy.float32) * (b - a)
            mixed += random.standard_normal(a.shape, numpy.float32) * (length / 4 / DIMENSION ** 0.5)
            vectors[part] = mixed / numpy.linalg.norm(mixed, axis=1, keepdims=True)
        vectors.flush()
        os.replace(making, file)
        self.vectors = kept(file, count)

    def distances(self, numbers, vector):
        """Cosine distances of a unit vector to rows, in float32: brute force ranks what the database ranks."""
        found = numpy.empty(len(numbers), numpy.float32)
        for start in range(0, len(numbers), 65536):
            part = self.vectors[numbers[start:start + 65536]].astype(numpy.float32)
            found[start:start + 65536] = 1 - part @ vector / numpy.linalg.norm(part, axis=1)
        return found


def kept(file, count):
    if os.path.exists(file) and os.path.getsize(file) == count * DIMENSION * 2:
        return numpy.memmap(file, numpy.float16, "r", shape=(count, DIMENSION))
    return None


def reduce(real):
    centred = real - real.mean(axis=0)
    values, axes = numpy.linalg.eigh(centred.T @ centred)
    reduced = centred @ axes[:, ::-1][:, :DIMENSION]
    return (reduced / numpy.linalg.norm(reduced, axis=1, keepdims=True)).astype(numpy.float32)


def nearest(real):
    found = numpy.empty((len(real), NEIGHBOURS), numpy.int64)
    for start in range(0, len(real), 1024):
        likeness = real[start:start + 1024] @ real.T
        likeness[numpy.arange(len(likeness)), start + numpy.arange(len(likeness))] = -2
        found[start:start + 1024] = numpy.argpartition(-likeness, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return found


def load(matrix, names, count, seed):
    """A corpus of `count` rows of what `tilescout embed` wrote: the matrix, and the file of paths whose folders are the land covers."""
    covers = numpy.array(["/".join(line.split("/")[-3:-1]) for line in open(names).read().splitlines()])
    return Corpus(numpy.load(matrix).astype(numpy.float32), covers, count, seed, f"{matrix}.{count}.{seed}.f16")
