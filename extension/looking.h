/* What is known while lists are searched. */
#ifndef TILESCOUT_LOOKING_H
#define TILESCOUT_LOOKING_H

#include "looks.h"
#include "packs.h"
#include "queue.h"
#include "search.h"

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

typedef struct
{
	float4		least;
	int32		turn;			/* how many lists were looked into before its own */
	int32		per_pack;
	float4		box[4];
	Member		member;
} Waiting;

struct Looking
{
	const Search *search;
	CodedQuery	query;
	Question	question;
	Reading		rows;
	BlockNumber blocks;
	AttrNumber	generation, list, part, codes;
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
extern bool read_part(Looking *looking, int32 list, int32 part, const ListPlace *place, Size more, CodesRow *row);
extern bool rank_groups(Looking *looking);
extern bool open_group(Looking *looking);
extern void open_regions(Looking *looking, const RegionsMet *met);

#endif
