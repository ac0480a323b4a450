"""Questions to ask: irregular polygons that keep a given share of the tiles, and looks that go with the place, or do not."""
import numpy

from corpus import TILE


class Question:
    def __init__(self, ring, vector, vertices):
        self.ring, self.vector, self.vertices = ring, vector, vertices


def star(corpus, share, random):
    """A star-shaped polygon round a tile that keeps about this share of the tiles: 5 to 5,000 vertices, mostly not convex."""
    centre_tile = random.integers(len(corpus.west))
    centre = numpy.array([corpus.west[centre_tile], corpus.south[centre_tile]]) + TILE / 2
    count = int(round(10 ** random.uniform(numpy.log10(5), numpy.log10(5000))))
    angles = (numpy.arange(count) + random.uniform(0.1, 0.9, count)) / count * 2 * numpy.pi
    # Rough on every scale, as coasts are: slow and fast waves, and a little noise.
    radii = numpy.full(count, 1.0)
    for wave in (2, 3, 5, 9, 17):
        radii += random.uniform(0, 0.9 / wave) * numpy.sin(wave * angles + random.uniform(0, 2 * numpy.pi))
    radii = numpy.clip(radii * random.uniform(0.9, 1.1, count), 0.2, None)
    corners = numpy.column_stack([numpy.cos(angles), numpy.sin(angles)]) * radii[:, None]

    # The scale at which each tile's middle enters the polygon; its quantile is the scale that keeps the share.
    away = numpy.column_stack([corpus.west, corpus.south]) + TILE / 2 - centre
    bearing = numpy.arctan2(away[:, 1], away[:, 0]) % (2 * numpy.pi)
    side = numpy.searchsorted(angles, bearing) % count
    a, b = corners[side - 1], corners[side]
    edge = b - a
    enters = numpy.abs(away[:, 0] * edge[:, 1] - away[:, 1] * edge[:, 0]) / numpy.maximum(numpy.abs(a[:, 0] * edge[:, 1] - a[:, 1] * edge[:, 0]), 1e-12)
    scale = max(numpy.quantile(enters, share), TILE / 4)
    ring = centre + corners * scale
    inside = enters <= scale
    return numpy.vstack([ring, ring[:1]]), inside, count


def ask(corpus, share, relation, random):
    """relation: `correlated` (the look of a tile inside), `uncorrelated` (of any tile), `anti-correlated` (of a land cover that is rare or missing inside)."""
    if share >= 1:
        ring, inside, vertices = None, numpy.ones(len(corpus.west), bool), 0
    else:
        ring, inside, vertices = star(corpus, share, random)
    if relation == "correlated":
        candidates = numpy.flatnonzero(inside)
    elif relation == "uncorrelated":
        candidates = numpy.arange(len(corpus.west))
    else:
        covers = numpy.bincount(corpus.cover, minlength=corpus.cover.max() + 1)
        frequency = numpy.bincount(corpus.cover[inside], minlength=len(covers)) / numpy.maximum(covers, 1)
        rare = numpy.flatnonzero(covers > 0)[numpy.argsort(frequency[covers > 0])[:5]]
        candidates = numpy.flatnonzero(corpus.cover == random.choice(rare))
    if len(candidates) == 0:
        candidates = numpy.arange(len(corpus.west))
    vector = corpus.vectors[random.choice(candidates)].astype(numpy.float32)
    # Like that tile, but not it: as far off as the tiles most like it are.
    vector = vector + random.standard_normal(vector.shape) * 0.25 / len(vector) ** 0.5
    return Question(ring, (vector / numpy.linalg.norm(vector)).astype(numpy.float16).astype(numpy.float32), vertices)
