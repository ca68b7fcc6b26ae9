/*
 * Settings of a question.  A profile may say that a question which meets a
 * limit, or a shard that is away, ends with the rows that there are so far; the
 * server calls that an answer like any other.  Here a part of an answer is
 * none: limits have to end in an error.
 */
#include "querier/remote/engine.h"

#include "querier/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SETTING_MAX 64

static const struct {
	const char *name, *value;
	bool later; /* than 18.16: sent where the server has it */
} wanted[] = {
    {"read_overflow_mode", "throw", false},
    {"group_by_overflow_mode", "throw", false},
    {"sort_overflow_mode", "throw", false},
    {"result_overflow_mode", "throw", false},
    {"set_overflow_mode", "throw", false},
    {"join_overflow_mode", "throw", false},
    {"transfer_overflow_mode", "throw", false},
    {"distinct_overflow_mode", "throw", false},
    {"timeout_overflow_mode", "throw", false},
    {"skip_unavailable_shards", "0", false},
    {"read_overflow_mode_leaf", "throw", true},
    {"timeout_overflow_mode_leaf", "throw", true},
    {"limit", "0", true},
    {"offset", "0", true},
};
#define N_WANTED (sizeof(wanted) / sizeof(wanted[0]))

struct profile {
	bool told[N_WANTED], readonly_told;
	uint64_t readonly;
	int wrong; /* one that is not as wanted, -1: none */
	char value[SETTING_MAX]; /* which it has */
};

static int
take_setting(void *arg, const struct compact_row *row)
{
	struct profile *p = arg;
	char name[SETTING_MAX], value[SETTING_MAX];

	if (!compact_string(row, 0, name, sizeof(name)))
		return -EPROTO;
	if (strcmp(name, "readonly") == 0) {
		p->readonly_told = true;
		return compact_u64(row, 2, 2, &p->readonly) ? 0 : -EPROTO;
	}
	if (!compact_string(row, 1, value, sizeof(value)))
		return -EPROTO;
	for (size_t i = 0; i < N_WANTED; i++) {
		if (strcmp(name, wanted[i].name) != 0)
			continue;
		p->told[i] = true;
		if (strcmp(value, wanted[i].value) != 0) {
			p->wrong = (int)i;
			(void)snprintf(p->value, sizeof(p->value), "%s",
			    value);
		}
		return 0;
	}
	return -EPROTO;
}

static int
ask_profile(struct godb_reader *r, struct profile *p)
{
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	bool more = false;
	int rc;

	text_add(&sql, "SELECT hex(name), hex(value), value FROM "
	    "system.settings WHERE name IN ('readonly', ");
	for (size_t i = 0; i < N_WANTED; i++) {
		text_join(&sql, ", ", &more);
		text_literal(&sql, wanted[i].name);
	}
	text_add(&sql, ") FORMAT JSONCompact");
	compact_begin(&c, 3, take_setting, p);
	r->settings = NULL;
	rc = remote_ask(r, &sql, NULL, &c);
	text_free(&sql);
	if (rc == 0 && !p->readonly_told)
		remote_nonsense(r);
	return rc;
}

/* With readonly = 1, where nothing can be set. */
static void
check_profile(const struct godb_reader *r, const struct profile *p)
{
	if (p->wrong >= 0)
		session_die(EXIT_ERROR, "%s: the account's profile has %s = "
		    "%s, which may cut answers, and with readonly = 1 nothing "
		    "else can be asked for", http_host(r->http),
		    wanted[p->wrong].name, p->value);
	for (size_t i = 0; i < N_WANTED; i++) {
		if (!p->told[i] && !wanted[i].later)
			remote_nonsense(r);
	}
}

int
remote_choose_settings(struct godb_reader *r)
{
	struct profile p = {.wrong = -1};
	struct text *t = &r->settings_text;
	bool more = false;
	int rc = ask_profile(r, &p);

	if (rc < 0)
		return rc;
	if (p.readonly == 1) {
		check_profile(r, &p);
		return 0;
	}
	/* also those that are as wanted: only what is set here is passed on to
	 * shards */
	for (size_t i = 0; i < N_WANTED; i++) {
		if (wanted[i].later && !p.told[i])
			continue;
		text_join(t, "&", &more);
		text_fmt(t, "%s=%s", wanted[i].name, wanted[i].value);
	}
	/* nothing that is asked writes; then nothing can be made to */
	if (p.readonly == 0)
		text_add(t, "&readonly=2");
	if (t->failed)
		return -ENOMEM;
	r->settings = t->s;
	return 0;
}
