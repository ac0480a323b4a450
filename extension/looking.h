/* What is known while lists are searched. */
#ifndef TILESCOUT_LOOKING_H
#define TILESCOUT_LOOKING_H

#include "packs.h"
#include "queue.h"
#include "search.h"
#include "sketches.h"

/* A list whose middle has been compared with the query. */
typedef struct
{
	float4		cosine;
	int32		number;
	bool		done;			/* it has been looked into */
	Extent		extent;
} NearList;

typedef struct
{
	int32		number;
	ListGroup	lists;
} NearGroup;

/* A vector that may belong to the answer: by its sketch, or, once it is coded, by its code. */
typedef struct
{
	float4		least;
	int32		turn;			/* how many lists were looked into before its own */
	bool		coded;
	bool		awaited;		/* memory has been asked for what will be read of it */
	float4		box[4];
	Member		member;
	/* Known once it is coded. */
	Locator		locator;
	uint16		per_pack;
} Waiting;

struct Looking
{
	const Search *search;
	CodedQuery	query;
	SketchedQuery sketched;
	Question	question;
	Reading		rows;
	BlockNumber blocks;
	AttrNumber	generation, list, part, codes;
	CodesReading code_rows;		/* where they were */
	CodesReading cells;			/* and by their keys, where they have moved; opened when it is needed */
	int32		codes_per_row;
	Lookup		lookup;
	PackReading packs;			/* for what has moved */
	NearGroup  *groups;			/* of all lists */
	int32		group_count, opened;
	Queue		nearest_groups; /* those whose lists are not known */
	NearList   *lists;			/* known ones */
	int32		known, list_room, least_lists;
	Queue		nearest_lists;	/* known ones that have not been looked into, and perhaps some that have */
	double		least_groups;
	Waiting    *waiting;
	int64		waiting_count, waiting_room;
	Queue		likeliest;
	int32		turns;			/* lists that have been looked into */
	int32	   *found_in;		/* of each hit, the turn in which its list was looked into */
	double		read;			/* vectors */
};

/* known.c */
extern bool read_list(Looking *looking, int32 list, int32 part, const ListPlace *place, SketchesRow *row);
extern void read_list_soon(const Looking *looking, int32 part, const ListPlace *place);
extern bool rank_groups(Looking *looking);
extern bool open_group(Looking *looking);
extern void open_regions(Looking *looking, const RegionsMet *met);

#endif
