/* Polygons, and how boxes lie to them. */
#ifndef TILESCOUT_OUTLINE_H
#define TILESCOUT_OUTLINE_H

#include "tilescout_packs.h"

typedef struct
{
	double		x, y;
} Point;

/* Every level's boxes hold so many of those below, or so many edges. */
#define FAN 8
#define MOST_LEVELS 10

typedef struct
{
	Point	   *corners;		/* one more than edges: the first is the last once more */
	int32		edges;
	int32		levels;
	Box		   *boxes[MOST_LEVELS]; /* of FAN edges that follow one another, of FAN such boxes, and so on, until there are few */
} Ring;

typedef struct Outline
{
	int32		count;			/* of rings; 0: it is no polygon */
	Ring	   *rings;			/* the shell first */
} Outline;

typedef enum
{
	BESIDE, INSIDE, UNCLEAR
} Lie;

extern Outline *read_outline(const char *wkb, Size size);
extern bool read_box(const char *wkb, Size size, Box *box);
extern bool surely_valid(const Outline *outline);
extern Lie	lie_of(const Outline *outline, const Box *box);
extern Box	box_round(const Outline *outline);
extern bool surely_cross(const Outline *outline, const Ring *shell);
extern bool find_centroid(const Outline *outline, Point *centroid);

static inline bool
is_polygon(const Outline *outline)
{
	return outline->count > 0 && outline->rings[0].edges > 0;
}

/* Of a tile's box, or several tiles': west, south, east, north. */
static inline Lie
lie_of_tile(const Outline *outline, const float4 *box)
{
	return lie_of(outline, &(Box) {box[0], box[1], box[2], box[3]});
}

#endif
