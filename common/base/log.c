#include "common/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"

static const char *log_tag = "goprobe";
static enum gp_log_level log_most = GP_LOG_INFO;
static bool log_marks;

void
gp_log_open(const char *tag, enum gp_log_level most)
{
	log_tag = tag;
	log_most = most;
	log_marks = getenv("JOURNAL_STREAM") != NULL; /* see systemd.exec(5) */
}

void
gp_log(enum gp_log_level level, const char *fmt, ...)
{
	char line[1024];
	int saved = errno;
	int n = 0;
	int more;
	va_list ap;

	if (level > log_most)
		return;
	if (log_marks)
		n = snprintf(line, sizeof(line), "<%d>", (int)level);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "%s: ", log_tag);
	va_start(ap, fmt);
	more = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (more > 0)
		n += more;
	if ((size_t)n > sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	for (int i = 0; i < n; i++) /* names from outside stay on one line */
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	/* if that fails there is no other place to tell */
	ssize_t ignored = write(STDERR_FILENO, line, (size_t)n);
	(void)ignored;
	errno = saved;
}

bool
gp_log_allow(struct gp_log_limit *limit, unsigned burst)
{
	int64_t now = gp_clock_mono_ns();

	if (limit->window_ns == 0 ||
	    now - limit->window_ns > 60 * GP_NS_PER_S) {
		limit->window_ns = now;
		limit->count = 0;
	}
	return limit->count++ < burst;
}
