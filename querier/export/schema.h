/*
 * schema - the statements that make the tables at ClickHouse.
 *
 * etc/clickhouse/ holds what this prints, one file a kind; a test compares.
 */
#ifndef EXPORT_SCHEMA_H
#define EXPORT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

enum schema_kind {
	SCHEMA_SINGLE,     /* one server */
	SCHEMA_SHARDED,    /* several, each with its share of the rows */
	SCHEMA_REPLICATED, /* the same, each share on several servers */
	SCHEMA_MODERN,     /* one server of version 20.3 or later: smaller */
	SCHEMA_N_KINDS
};

/* "single", ...; NULL beyond the last. */
const char *schema_kind_name(enum schema_kind kind);

/* A name that needs no quotes in SQL: letters, digits, _, no digit first, at
 * most 64. */
bool schema_name_valid(const char *name);

/*
 * The i-th statement without its semicolon, malloc'd; NULL beyond the last or
 * without memory.  `cluster` is the name in the servers' remote_servers, for
 * kinds that have several.  *comment, which may be NULL, is what to say above
 * the statement.
 */
char *schema_statement(enum schema_kind kind, size_t i, const char *database,
    const char *cluster, const char **comment);
size_t schema_n_statements(enum schema_kind kind);

/* What stands above the first statement. */
const char *schema_preface(enum schema_kind kind);

#endif
