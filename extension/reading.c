/* Reads tables of one schema by their indexes, without the executor, which takes longer to set up than such reads take. */
#include "tilescout_packs.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

/* Raises where the caller may not read it, or may read some of its rows only. */
Oid
readable_table(Oid schema, const char *name)
{
	Oid			oid = get_relname_relid(name, schema);

	if (!OidIsValid(oid))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("there is no table %s in schema %s", name, get_namespace_name(schema)));

	AclResult	allowed = pg_class_aclcheck(oid, GetUserId(), ACL_SELECT);

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_TABLE, name);
	if (check_enable_rls(oid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("table %s has row security, which tilescout_packs does not apply", name),
				errhint("SELECT tilescout.settle_packs(false) leaves searches to SQL, which does."));
	return oid;
}

/* Raises as readable_table does. */
Relation
open_table(Oid schema, const char *name)
{
	Relation	table = table_open(readable_table(schema, name), AccessShareLock);

	/* Views, foreign tables and those with partitions have no rows of their own. */
	if (table->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("%s in schema %s is no table with rows of its own", name, get_namespace_name(schema)));
	return table;
}

Relation
open_primary_key(Relation table)
{
	/* Finds the key, too. */
	list_free(RelationGetIndexList(table));
	if (!OidIsValid(table->rd_pkindex))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("table %s has no primary key", RelationGetRelationName(table)));
	return index_open(table->rd_pkindex, AccessShareLock);
}

Relation
open_index(Oid schema, const char *name)
{
	Oid			oid = get_relname_relid(name, schema);

	if (!OidIsValid(oid))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no index %s in schema %s", name, get_namespace_name(schema)));
	return index_open(oid, AccessShareLock);
}

/* Its number; raises where it is of another type. */
AttrNumber
column(Relation table, const char *name, Oid type)
{
	TupleDesc	columns = RelationGetDescr(table);

	/* Faster than the cache of the catalogue. */
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute found = TupleDescAttr(columns, i);

		if (!found->attisdropped && found->atttypid == type && strcmp(NameStr(found->attname), name) == 0)
			return found->attnum;
	}
	ereport(ERROR,
			errcode(ERRCODE_DATATYPE_MISMATCH),
			errmsg("column %s of %s is missing or of another type than %s", name, RelationGetRelationName(table), format_type_be(type)),
			errhint("Install the version of tilescout_packs that belongs to this schema, or drop the extension and run tilescout db migrate."));
}

Reading
read_whole(Relation table)
{
	return (Reading) {.table = table, .slot = table_slot_create(table, NULL), .whole = table_beginscan(table, GetActiveSnapshot(), 0, NULL)};
}

/* Nothing is read before fetch_row is told a place. */
Reading
read_by_place(Relation table)
{
	return (Reading) {.table = table, .slot = table_slot_create(table, NULL)};
}

/* Nothing is read before find_row or index_rescan has given it keys. */
Reading
read_by_index(Relation table, Relation index, int keys, int orders)
{
	return (Reading) {
		.table = table, .index = index, .slot = table_slot_create(table, NULL), .by_index = index_beginscan(table, index, GetActiveSnapshot(), keys, orders)
	};
}

bool
next_row(Reading *reading)
{
	CHECK_FOR_INTERRUPTS();
	return reading->whole != NULL ? table_scan_getnextslot(reading->whole, ForwardScanDirection, reading->slot)
		: index_getnext_slot(reading->by_index, ForwardScanDirection, reading->slot);
}

/* Asks memory for all of the row at hand at once, or for this share of it: of a large table it is likely not to be in the processor's caches, and asked for line by line it takes a tenth of a search longer. */
void
prefetch_row(const Reading *reading, float4 share)
{
	if (!TTS_IS_BUFFERTUPLE(reading->slot))
		return;

	const HeapTupleData *row = ((const HeapTupleTableSlot *) reading->slot)->tuple;

	ask_memory((const char *) row->t_data, row->t_len * share);
}

/* The row at a place; blocks: of the table, which cannot shrink while it is open. false: there is none, or it is not visible. */
bool
fetch_row(Reading *reading, BlockNumber blocks, const ItemPointerData *place)
{
	ItemPointerData at = *place;
	bool		elsewhere;

	CHECK_FOR_INTERRUPTS();
	if (ItemPointerIsValid(&at) && ItemPointerGetBlockNumber(&at) < blocks)
	{
		if (fetch_recent(reading, &at, &elsewhere))
			return true;
		if (elsewhere && table_tuple_fetch_row_version(reading->table, &at, GetActiveSnapshot(), reading->slot))
		{
			remember_row(reading);
			return true;
		}
	}
	/* What was at hand is lost, and the slot may not know. */
	ExecClearTuple(reading->slot);
	return false;
}

/* The first row of these keys. */
bool
find_row(Reading *reading, ScanKey keys, int count)
{
	index_rescan(reading->by_index, keys, count, NULL, 0);
	return next_row(reading);
}

/* The first row whose first key is this bigint. */
bool
find_number(Reading *reading, int64 number)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(number));
	return find_row(reading, &key, 1);
}

/* The first row whose keys are these of a tile. */
bool
find_tile(Reading *reading, const pg_uuid_t *tile, int32 collection)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(tile));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(collection));
	return find_row(reading, keys, 2);
}

/* Closes the table and its index, too; they stay locked as those of any statement do. */
void
end_reading(Reading *reading)
{
	ExecDropSingleTupleTableSlot(reading->slot);
	if (reading->whole != NULL)
		table_endscan(reading->whole);
	if (reading->by_index != NULL)
		index_endscan(reading->by_index);
	if (reading->index != NULL)
		index_close(reading->index, NoLock);
	table_close(reading->table, NoLock);
}

/* Of a column that holds no NULL; raises where it does. */
Datum
value_of(const Reading *reading, AttrNumber number)
{
	bool		null;
	Datum		value = slot_getattr(reading->slot, number, &null);

	if (null)
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("column %s of %s is NULL", NameStr(TupleDescAttr(RelationGetDescr(reading->table), number - 1)->attname), RelationGetRelationName(reading->table)));
	return value;
}

Datum
value_or_null(const Reading *reading, AttrNumber number, bool *null)
{
	return slot_getattr(reading->slot, number, null);
}

int32
int4_of(const Reading *reading, AttrNumber number)
{
	return DatumGetInt32(value_of(reading, number));
}

int64
int8_of(const Reading *reading, AttrNumber number)
{
	return DatumGetInt64(value_of(reading, number));
}

/* Whether a column of type text, which is not NULL, is this. */
bool
text_is(const Reading *reading, AttrNumber number, const char *wanted, Size size)
{
	text	   *found = DatumGetTextPP(value_of(reading, number));

	return VARSIZE_ANY_EXHDR(found) == size && memcmp(VARDATA_ANY(found), wanted, size) == 0;
}
