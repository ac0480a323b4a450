/*
 * Polygons, as far as they can be told without GEOS, which takes milliseconds to find out whether an outline of thousands of corners is valid, and as long to prepare it before it tells
 * what lies in it: more than a search. Whatever is not clear for certain, because things touch or for the coordinates' rounding, is said to be unclear.
 *
 * Edges that follow one another lie together, so that boxes round some of them, boxes round some of these boxes, and so on, rule most of them out at once.
 */
#include "outline.h"

#include <math.h>

#include "miscadmin.h"

/* WKB of a polygon: byte order, type, number of rings; and of each ring the number of corners, and these. */
#define WKB_HEAD 9
#define WKB_POLYGON 3
/* Several times what rounding can do to a product. */
#define ROUNDING 1e-14

static int32
int32_at(const char *data)
{
	int32		value;

	memcpy(&value, data, sizeof(value));
	return value;
}

static int32
boxes_of(const Ring *ring, int32 level)
{
	int32		count = ring->edges;

	for (int32 i = 0; i <= level; i++)
		count = (count + FAN - 1) / FAN;
	return count;
}

/* So many a box of this level holds: those of box i begin at i times as many. */
static int32
edges_of(int32 level)
{
	int32		count = FAN;

	for (int32 i = 0; i < level; i++)
		count *= FAN;
	return count;
}

static Box
box_of_edge(Point a, Point b)
{
	return (Box) {Min(a.x, b.x), Min(a.y, b.y), Max(a.x, b.x), Max(a.y, b.y)};
}

static Box
both(Box a, Box b)
{
	return (Box) {Min(a.west, b.west), Min(a.south, b.south), Max(a.east, b.east), Max(a.north, b.north)};
}

static void
put_boxes(Ring *ring)
{
	int32		below = ring->edges;

	for (ring->levels = 0; ring->levels < MOST_LEVELS && (ring->levels == 0 || below > FAN); ring->levels++)
	{
		int32		count = boxes_of(ring, ring->levels);
		Box		   *boxes = ring->boxes[ring->levels] = palloc(Max(1, count) * sizeof(Box));

		for (int32 i = 0; i < below; i++)
		{
			Box			box = ring->levels == 0 ? box_of_edge(ring->corners[i], ring->corners[i + 1]) : ring->boxes[ring->levels - 1][i];

			boxes[i / FAN] = i % FAN == 0 ? box : both(boxes[i / FAN], box);
		}
		below = count;
	}
}

/* 0: it is something else than a polygon. */
static int32
rings_of(const char *wkb, Size size)
{
	const int32 here = 1;

	return size < WKB_HEAD || wkb[0] != *(const char *) &here || int32_at(wkb + 1) != WKB_POLYGON ? 0 : int32_at(wkb + 5);
}

/* Of no rings where it is something else than a polygon. */
Outline *
read_outline(const char *wkb, Size size)
{
	Outline    *outline = palloc0(sizeof(Outline));
	Size		at = WKB_HEAD;

	outline->count = rings_of(wkb, size);
	outline->rings = palloc0(Max(1, outline->count) * sizeof(Ring));
	for (int32 i = 0; i < outline->count; i++)
	{
		Ring	   *ring = &outline->rings[i];
		int32		corners = int32_at(wkb + at);

		ring->corners = palloc(Max(1, corners) * sizeof(Point));
		memcpy(ring->corners, wkb + at + sizeof(int32), corners * sizeof(Point));
		ring->edges = Max(0, corners - 1);
		at += sizeof(int32) + corners * sizeof(Point);
		put_boxes(ring);
	}
	return outline;
}

/* The box round a polygon. false: it is something else. */
bool
read_box(const char *wkb, Size size, Box *box)
{
	int32		corners = rings_of(wkb, size) == 0 ? 0 : int32_at(wkb + WKB_HEAD);

	*box = (Box) {INFINITY, INFINITY, -INFINITY, -INFINITY};
	for (int32 i = 0; i < corners; i++)
	{
		Point		corner;

		memcpy(&corner, wkb + WKB_HEAD + sizeof(int32) + i * sizeof(Point), sizeof(Point));
		*box = both(*box, box_of_edge(corner, corner));
	}
	return corners > 0;
}

Box
box_round(const Outline *outline)
{
	const Ring *shell = &outline->rings[0];
	Box			box = shell->boxes[shell->levels - 1][0];

	for (int32 i = 1; i < boxes_of(shell, shell->levels - 1); i++)
		box = both(box, shell->boxes[shell->levels - 1][i]);
	return box;
}

/* 1 and -1: p lies surely to the left, and to the right, of the way from a to b. */
static inline int
side_of(Point a, Point b, Point p)
{
	double		left = (b.x - a.x) * (p.y - a.y), right = (b.y - a.y) * (p.x - a.x), error = ROUNDING * (fabs(left) + fabs(right));

	return left - right > error ? 1 : left - right < -error ? -1 : 0;
}

static inline bool
between(double a, double b, double c)
{
	return (a < b && b < c) || (a > b && b > c);
}

/* Whether the ways from a to b and from there to c surely meet in b only. */
static bool
goes_on(Point a, Point b, Point c)
{
	return side_of(a, b, c) != 0 || between(a.x, b.x, c.x) || between(a.y, b.y, c.y);
}

static inline bool
on_one_side(Point a, Point b, Point p, Point q)
{
	int			side = side_of(a, b, p);

	return side != 0 && side_of(a, b, q) == side;
}

/* Whether two edges of a ring, i before j, surely have nothing in common but the corner where one follows the other. */
static bool
edges_apart(const Ring *ring, int32 i, int32 j)
{
	const Point *c = ring->corners;
	bool		follows = j == i + 1, precedes = i == 0 && j == ring->edges - 1;

	if (follows || precedes)
		return (!follows || goes_on(c[i], c[j], c[j + 1])) && (!precedes || goes_on(c[j], c[0], c[1]));
	return !boxes_meet(box_of_edge(c[i], c[i + 1]), box_of_edge(c[j], c[j + 1])) || on_one_side(c[i], c[i + 1], c[j], c[j + 1]) || on_one_side(c[j], c[j + 1], c[i], c[i + 1]);
}

/* Whether the edges in two boxes of a level, i not after j, are surely apart from one another. */
static bool
boxes_apart(const Ring *ring, int32 level, int32 i, int32 j)
{
	const Box  *other = &ring->boxes[level][j];

	if (!boxes_meet(ring->boxes[level][i], *other))
		return true;
	CHECK_FOR_INTERRUPTS();

	int32		below = level == 0 ? ring->edges : boxes_of(ring, level - 1);

	for (int32 a = i * FAN; a < Min((i + 1) * FAN, below); a++)
	{
		if (level == 0 && !boxes_meet(box_of_edge(ring->corners[a], ring->corners[a + 1]), *other))
			continue;
		for (int32 b = Max(j * FAN, level == 0 ? a + 1 : a); b < Min((j + 1) * FAN, below); b++)
			if (!(level == 0 ? edges_apart(ring, a, b) : boxes_apart(ring, level - 1, a, b)))
				return false;
	}
	return true;
}

/*
 * Whether all of a ring is seen from the mean of its corners, as that of a box, a circle, and of most of what people draw is: its edges turn round that point once, and always in the same
 * direction. Then none touches another.
 */
static bool
seen_from_within(const Ring *ring)
{
	const Point *corners = ring->corners;
	int32		rounds = 0;
	int			way = 0;
	Point		mean = {0, 0};

	for (int32 i = 0; i < ring->edges; i++)
	{
		mean.x += corners[i].x / ring->edges;
		mean.y += corners[i].y / ring->edges;
	}
	for (int32 i = 0; i < ring->edges; i++)
	{
		Point		a = corners[i], b = corners[i + 1];
		int			turn = side_of(a, b, mean);

		if (turn == 0 || (way != 0 && turn != way))
			return false;
		way = turn;
		/* Over the line that leads from there in the direction of x. */
		rounds += way > 0 ? a.y <= mean.y && b.y > mean.y : b.y <= mean.y && a.y > mean.y;
	}
	return rounds == 1;
}

/* Whether no edge of a ring touches another but where it follows it, for sure. */
static bool
touches_nowhere(const Ring *ring)
{
	for (int32 i = 0, level = ring->levels - 1; i < boxes_of(ring, level); i++)
		for (int32 j = i; j < boxes_of(ring, level); j++)
			if (!boxes_apart(ring, level, i, j))
				return false;
	return true;
}

/* Of what is no number, or without end, comparisons tell nothing. */
static bool
all_finite(const Ring *ring)
{
	for (int32 i = 0; i <= ring->edges; i++)
		if (!isfinite(ring->corners[i].x) || !isfinite(ring->corners[i].y))
			return false;
	return true;
}

/* Whether an outline is valid for sure. */
bool
surely_valid(const Outline *outline)
{
	const Ring *ring = &outline->rings[0];

	return outline->count == 1 && all_finite(ring) && ring->edges >= 3 && ring->corners[0].x == ring->corners[ring->edges].x && ring->corners[0].y == ring->corners[ring->edges].y
		&& (seen_from_within(ring) || touches_nowhere(ring));
}

/* false: an edge meets the box, or may. odd: turned over with each edge that lies east of the box's southern side. */
static bool
edge_clear(Point a, Point b, const Box *box, bool *odd)
{
	bool		passes = (a.y > box->south) != (b.y > box->south);

	if ((a.y < box->south && b.y < box->south) || (a.y > box->north && b.y > box->north) || (a.x < box->west && b.x < box->west))
		return true;
	if (a.x > box->east && b.x > box->east)
	{
		*odd ^= passes;
		return true;
	}

	const Point corners[4] = {{box->west, box->south}, {box->east, box->south}, {box->east, box->north}, {box->west, box->north}};
	int			side = side_of(a, b, corners[0]);

	for (int32 i = 1; i < 4; i++)
		if (side == 0 || side_of(a, b, corners[i]) != side)
			return false;
	*odd ^= passes && (side > 0) == (b.y > a.y);
	return true;
}

/* The same of all edges in boxes of a level. */
static bool
edges_clear(const Ring *ring, int32 level, int32 first, int32 end, const Box *box, bool *odd)
{
	for (int32 i = first; i < end; i++)
	{
		const Box  *round = &ring->boxes[level][i];

		if (round->north < box->south || round->south > box->north || round->east < box->west)
			continue;

		int32		size = edges_of(level), from = i * size, to = Min(from + size, ring->edges);

		if (round->west > box->east)
			/* Its edges lead from one side of the line to the other, or come back. */
			*odd ^= (ring->corners[from].y > box->south) != (ring->corners[to].y > box->south);
		else if (level > 0)
		{
			if (!edges_clear(ring, level - 1, i * FAN, Min((i + 1) * FAN, boxes_of(ring, level - 1)), box, odd))
				return false;
		}
		else
			for (int32 j = from; j < to; j++)
				if (!edge_clear(ring->corners[j], ring->corners[j + 1], box, odd))
					return false;
	}
	return true;
}

/* How a box lies to a valid outline: whether no edge meets it, and if so, whether an odd number of them lies to the east. */
Lie
lie_of(const Outline *outline, const Box *box)
{
	bool		odd = false;

	for (int32 i = 0; i < outline->count; i++)
	{
		const Ring *ring = &outline->rings[i];
		int32		level = ring->levels - 1;

		if (!edges_clear(ring, level, 0, boxes_of(ring, level), box, &odd))
			return UNCLEAR;
	}
	return outline->count == 0 ? UNCLEAR : odd ? INSIDE : BESIDE;
}

/* Whether the ways from a to b and from c to d surely cross. */
static bool
edges_cross(Point a, Point b, Point c, Point d)
{
	return side_of(a, b, c) * side_of(a, b, d) < 0 && side_of(c, d, a) * side_of(c, d, b) < 0;
}

/* Whether an edge in these boxes of a level surely crosses the way from c to d, which lies in a box. */
static bool
any_crosses(const Ring *ring, int32 level, int32 first, int32 end, const Box *box, Point c, Point d)
{
	for (int32 i = first; i < end; i++)
	{
		if (!boxes_meet(ring->boxes[level][i], *box))
			continue;
		if (level > 0)
		{
			if (any_crosses(ring, level - 1, i * FAN, Min((i + 1) * FAN, boxes_of(ring, level - 1)), box, c, d))
				return true;
		}
		else
			for (int32 j = i * FAN; j < Min((i + 1) * FAN, ring->edges); j++)
				if (edges_cross(ring->corners[j], ring->corners[j + 1], c, d))
					return true;
	}
	return false;
}

/* Whether an edge of an outline surely crosses one of a shell. */
bool
surely_cross(const Outline *outline, const Ring *shell)
{
	for (int32 i = 0; i < outline->count; i++)
		for (int32 j = 0; j < shell->edges; j++)
		{
			const Ring *ring = &outline->rings[i];
			Point		c = shell->corners[j], d = shell->corners[j + 1];
			Box			box = box_of_edge(c, d);

			if (any_crosses(ring, ring->levels - 1, 0, boxes_of(ring, ring->levels - 1), &box, c, d))
				return true;
		}
	return false;
}

/*
 * The centroid of a polygon without holes, of the triangles that its edges make with its first corner; in the steps of GEOS, so that it is the same to the last digit. false: it has holes, or
 * no surface.
 */
bool
find_centroid(const Outline *outline, Point *centroid)
{
	const Point *corners;
	Point		sum = {0, 0};
	double		surface = 0;

	if (outline->count != 1)
		return false;
	corners = outline->rings[0].corners;
	for (int32 i = 0; i < outline->rings[0].edges; i++)
	{
		Point		first = corners[0], a = corners[i], b = corners[i + 1];
		double		twice = (a.x - first.x) * (b.y - first.y) - (b.x - first.x) * (a.y - first.y);

		sum.x += twice * (first.x + a.x + b.x);
		sum.y += twice * (first.y + a.y + b.y);
		surface += twice;
	}
	*centroid = (Point) {sum.x / 3 / surface, sum.y / 3 / surface};
	return surface != 0;
}
