/*
 * labels - the applications that the window's rows have: what names of a
 * condition stand for, and which of them nothing has.
 */
#include "querier/remote/run.h"

#include "common/base/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 65536

static int
take_label(void *arg, const struct compact_row *row)
{
	struct labels *x = arg;
	char label[LABEL_MAX], category[LABEL_MAX];

	if (!compact_string(row, 0, label, sizeof(label)) ||
	    !compact_string(row, 1, category, sizeof(category)))
		return RUN_STRANGE;
	if (x->n == LABELS_MAX)
		return GODB_EMEMORY;
	if (x->n == x->room) {
		size_t room = x->room ? 2 * x->room : 64;
		struct label *more =
		    reallocarray(x->label, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		x->label = more;
		x->room = room;
	}
	x->label[x->n].name = strdup(label);
	x->label[x->n].category = strdup(category);
	x->n++;
	return x->label[x->n - 1].name && x->label[x->n - 1].category
	    ? 0 : -ENOMEM;
}

void
labels_free(struct labels *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->label[i].name);
		free(x->label[i].category);
	}
	free(x->label);
	free((void *)(uintptr_t)x->list.label);
	free((void *)(uintptr_t)x->list.category);
}

static int
list_labels(struct labels *x)
{
	const char **label = calloc(x->n + 1, sizeof(*label));
	const char **category = calloc(x->n + 1, sizeof(*category));

	x->list = (struct sql_names){label, category, x->n};
	if (!label || !category)
		return -ENOMEM;
	for (size_t i = 0; i < x->n; i++) {
		label[i] = x->label[i].name;
		category[i] = x->label[i].category;
	}
	return 0;
}

/* Names of the condition that no label of the window has. */
static int
note_unknown(struct run *run, const struct gdi_node *leaf, const char *asked)
{
	struct godb_result *r = run->result;
	struct unknown_name *more;
	struct gp_words_guess g;

	for (size_t i = 0; i < run->labels.n; i++) {
		const struct label *l = &run->labels.label[i];

		if (sql_name_matches(leaf, asked, l->name, l->category))
			return 0;
	}
	gp_words_guess_init(&g, asked);
	for (size_t i = 0; i < run->labels.n; i++) {
		const struct label *l = &run->labels.label[i];
		const char *known =
		    leaf->attr == GDI_ATTR_CATEGORY ? l->category : l->name;
		const char *dot = strchr(known, '.');

		gp_words_guess_offer(&g, known);
		if (dot)
			gp_words_guess_offer(&g, dot + 1);
	}
	more = reallocarray(r->unknown, r->n_unknown + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->unknown = more;
	more += r->n_unknown++;
	*more = (struct unknown_name){asked, g.best ? strdup(g.best) : NULL,
	    leaf->attr == GDI_ATTR_CATEGORY};
	return 0;
}

static int
note_all_unknown(struct run *run, const struct godb_cond *cond)
{
	int rc = 0;

	for (uint32_t i = 0; cond && rc == 0 && i < cond->n; i++) {
		const struct gdi_node *node = &cond->node[i];

		if (node->kind != GDI_LEAF || (node->attr != GDI_ATTR_L7 &&
			node->attr != GDI_ATTR_CATEGORY))
			continue;
		for (size_t k = 0; rc == 0 && k < node->n_names; k++)
			rc = note_unknown(run, node, node->names[k]);
	}
	return rc;
}

int
labels_ask(struct run *run)
{
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	int rc;

	if (!sql_cond_has_names(run->opts->cond) &&
	    !sql_cond_has_names(run->opts->having))
		return 0;
	text_fmt(&sql, "SELECT hex(substring(l7proto, 1, %d)), "
	    "hex(substring(category, 1, %d)) FROM %s.flows WHERE ", LABEL_MAX,
	    LABEL_MAX, run->scan->r->database);
	remote_in_window(&sql, run->scan);
	if (run->choosy)
		shipped_put(&sql, true);
	text_add(&sql, " GROUP BY l7proto, category FORMAT JSONCompact");
	compact_begin(&c, 2, take_label, &run->labels);
	rc = remote_ask(run->scan->r, &sql, NULL, &c);
	text_free(&sql);
	if (rc == 0)
		rc = list_labels(&run->labels);
	if (rc == 0)
		rc = note_all_unknown(run, run->opts->cond);
	if (rc == 0)
		rc = note_all_unknown(run, run->opts->having);
	return rc;
}
