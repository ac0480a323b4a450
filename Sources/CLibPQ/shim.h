#pragma once

#if !__has_include(<libpq-fe.h>)
#error "libpq is missing: apt-get install libpq-dev (or run scripts/setup)"
#endif

#include <libpq-fe.h>

// PQresultErrorField takes its field as a character literal macro, which Swift does not import.
static inline const char *tilescout_pq_sqlstate(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_SQLSTATE); }
static inline const char *tilescout_pq_severity(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED); }
static inline const char *tilescout_pq_message(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY); }
static inline const char *tilescout_pq_detail(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL); }
static inline const char *tilescout_pq_hint(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_MESSAGE_HINT); }
