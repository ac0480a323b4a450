/* What is known while lists are searched. */
#ifndef TILESCOUT_LOOKING_H
#define TILESCOUT_LOOKING_H

#include "looks.h"
#include "packs.h"
#include "search.h"

#include "lib/ilist.h"
#include "lib/pairingheap.h"

/* A list whose middle has been compared with the query. */
typedef struct
{
	pairingheap_node node;
	slist_node	next;
	float4		cosine;
	int32		number;
	bool		done;			/* it has been looked into */
	Extent		extent;
} NearList;

typedef struct
{
	int32		number;
	float4		cosine;			/* OPENED: its lists are known */
	ListGroup	lists;
} NearGroup;

#define OPENED (-2)

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
	pairingheap *lists;			/* known ones that have not been looked into, and perhaps some that have; the first is the nearest */
	slist_head	all_lists;		/* all known ones */
	int32		known, least_lists;
	double		least_groups;
	Waiting    *waiting;
	int64		waiting_count, waiting_room;
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
