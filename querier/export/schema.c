#include "querier/export/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- columns ------------------------------------------------------------- */

/* In the order in which rows are sent (tables.h). */
struct column {
	const char *name;
	const char *type;
	const char *modern; /* NULL: the same; RowBinary is the same anyway */
};

static const struct column flows[] = {
    {"day", "Date", NULL},
    {"time", "DateTime", "DateTime CODEC(DoubleDelta, LZ4)"},
    {"site", "String", "LowCardinality(String)"},
    {"iface", "String", "LowCardinality(String)"},
    {"version", "UInt8", NULL},
    {"sip", "FixedString(16)", "FixedString(16) CODEC(ZSTD(1))"},
    {"dip", "FixedString(16)", "FixedString(16) CODEC(ZSTD(1))"},
    {"dport", "UInt16", NULL},
    {"proto", "UInt8", NULL},
    {"l7proto", "String", "LowCardinality(String)"},
    {"category", "String", "LowCardinality(String)"},
    {"bytes_rcvd", "UInt64", "UInt64 CODEC(T64, LZ4)"},
    {"bytes_sent", "UInt64", "UInt64 CODEC(T64, LZ4)"},
    {"packets_rcvd", "UInt64", "UInt64 CODEC(T64, LZ4)"},
    {"packets_sent", "UInt64", "UInt64 CODEC(T64, LZ4)"},
    {"record", "FixedString(16)", NULL},
    {"attempt", "FixedString(16)", NULL},
    {NULL, NULL, NULL},
};

static const struct column blocks[] = {
    {"day", "Date", NULL},
    {"time", "DateTime", NULL},
    {"site", "String", "LowCardinality(String)"},
    {"iface", "String", "LowCardinality(String)"},
    {"record", "FixedString(16)", NULL},
    {"attempt", "FixedString(16)", NULL},
    {"first_ns", "Int64", NULL},
    {"last_ns", "Int64", NULL},
    {"flags", "UInt32", NULL},
    {"rows", "UInt64", NULL},
    {"seen", "UInt64", NULL},
    {"seen_bytes", "UInt64", NULL},
    {"non_ip", "UInt64", NULL},
    {"non_ip_bytes", "UInt64", NULL},
    {"malformed", "UInt64", NULL},
    {"malformed_bytes", "UInt64", NULL},
    {"kernel_drops", "UInt64", NULL},
    {"iface_drops", "UInt64", NULL},
    {"overflow", "UInt64", NULL},
    {"late", "UInt64", NULL},
    {"time_clamped", "UInt64", NULL},
    {"unreadable", "UInt8", NULL},
    {"shipped", "DateTime", NULL},
    {NULL, NULL, NULL},
};

static const struct column rollups[] = {
    {"day", "Date", NULL},
    {"time", "DateTime", NULL},
    {"site", "String", "LowCardinality(String)"},
    {"iface", "String", "LowCardinality(String)"},
    {"record", "FixedString(16)", NULL},
    {"attempt", "FixedString(16)", NULL},
    {"covers", "FixedString(16)", NULL},
    {"records", "UInt32", NULL},
    {"shipped", "DateTime", NULL},
    {NULL, NULL, NULL},
};

/* ---- statements ---------------------------------------------------------- */

struct table {
	const char *name;
	const struct column *columns;
	const char *order;
	const char *comment;
};

static const struct table tables[] = {
    {"flows", flows, "site, iface, time, record, attempt, sip, dip",
	"-- Flows of 5-minute blocks: `time` is a block's start, addresses are\n"
	"-- in network byte order, IPv4 as ::ffff:a.b.c.d with version 4.\n"},
    {"blocks", blocks, "site, iface, time, record, attempt",
	"-- One row for each committed record: what it covers, what it lacks.\n"},
    {"hours", flows, "site, iface, time, record, attempt, sip, dip",
	"-- Flows summed by the hour, where [export] hourly asks for them.\n"},
    {"rollups", rollups, "site, iface, time, record, attempt, covers",
	"-- Which records of `blocks` each committed hour sums.\n"},
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static const char *const kinds[] = {"single", "sharded", "replicated",
	"modern", NULL};

#define RULE \
	"-- A row of `flows` counts when `blocks` has its (record, attempt); if\n" \
	"-- a record has several attempts there, the smallest is meant.\n" \
	"-- goprobe-export(8) tells more.\n"

static const char *const prefaces[] = {
    [SCHEMA_SINGLE] =
	"-- One ClickHouse server, 18.16 or later, for the flows of many "
	"sensors.\n--\n" RULE,
    [SCHEMA_SHARDED] =
	"-- Several ClickHouse servers, 18.16 or later, each with its share of\n"
	"-- the rows; to be run on each of them.  The cluster's name stands in\n"
	"-- remote_servers of their configuration.\n--\n" RULE,
    [SCHEMA_REPLICATED] =
	"-- Several ClickHouse servers, 18.16 or later, each share of the rows "
	"on\n-- several of them; to be run on each.  Needs ZooKeeper or Keeper, "
	"and the\n-- macros {shard} and {replica} in the servers' configuration."
	"\n--\n" RULE,
    [SCHEMA_MODERN] =
	"-- One ClickHouse server, 20.3 or later: the same tables with types "
	"and\n-- codecs that take less room, and rows that leave by themselves "
	"after\n-- three years.\n--\n" RULE,
};

const char *
schema_kind_name(enum schema_kind kind)
{
	return (unsigned)kind < SCHEMA_N_KINDS ? kinds[kind] : NULL;
}

const char *
schema_preface(enum schema_kind kind)
{
	return prefaces[kind];
}

bool
schema_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > 64 || (name[0] >= '0' && name[0] <= '9'))
		return false;
	for (; *name; name++)
		if (!((*name >= 'a' && *name <= 'z') ||
			(*name >= 'A' && *name <= 'Z') ||
			(*name >= '0' && *name <= '9') || *name == '_'))
			return false;
	return true;
}

static bool
is_cluster(enum schema_kind kind)
{
	return kind == SCHEMA_SHARDED || kind == SCHEMA_REPLICATED;
}

static void
print_table(FILE *out, enum schema_kind kind, const struct table *t,
    const char *database)
{
	const char *more = kind == SCHEMA_MODERN ?
	    "TTL day + INTERVAL 3 YEAR\n" : "";

	fprintf(out, "CREATE TABLE IF NOT EXISTS %s.%s%s\n(\n", database,
	    t->name, is_cluster(kind) ? "_local" : "");
	for (const struct column *c = t->columns; c->name; c++)
		fprintf(out, "    %s %s%s\n", c->name,
		    kind == SCHEMA_MODERN && c->modern ? c->modern : c->type,
		    c[1].name ? "," : "");
	if (kind == SCHEMA_REPLICATED)
		fprintf(out, ")\nENGINE = ReplicatedMergeTree("
		    "'/clickhouse/tables/{shard}/%s/%s', '{replica}')\n",
		    database, t->name);
	else
		fputs(")\nENGINE = MergeTree\n", out);
	fprintf(out, "PARTITION BY day\nORDER BY (%s)\n%s"
	    "SETTINGS index_granularity = 8192", t->order, more);
}

/* An insert is of one interface and day: it goes to one shard, as one part. */
static void
print_distributed(FILE *out, const struct table *t, const char *database,
    const char *cluster)
{
	fprintf(out, "CREATE TABLE IF NOT EXISTS %s.%s AS %s.%s_local\n"
	    "ENGINE = Distributed(%s, %s, %s_local, "
	    "cityHash64(site, iface, day))", database, t->name, database,
	    t->name, cluster, database, t->name);
}

size_t
schema_n_statements(enum schema_kind kind)
{
	return 1 + N_TABLES * (is_cluster(kind) ? 2 : 1);
}

char *
schema_statement(enum schema_kind kind, size_t i, const char *database,
    const char *cluster, const char **comment)
{
	char *text = NULL;
	size_t len;
	FILE *out;

	if (i >= schema_n_statements(kind))
		return NULL;
	out = open_memstream(&text, &len);
	if (out == NULL)
		return NULL;
	if (comment)
		*comment = i > 0 && i <= N_TABLES ? tables[i - 1].comment : "";
	if (i == 0)
		fprintf(out, "CREATE DATABASE IF NOT EXISTS %s", database);
	else if (i <= N_TABLES)
		print_table(out, kind, &tables[i - 1], database);
	else
		print_distributed(out, &tables[i - 1 - N_TABLES], database,
		    cluster);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
