#include "querier/export/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <zlib.h>

#include "common/base/fd.h"

#define SYSTEM_CA    "/etc/ssl/certs/ca-certificates.crt"
#define PEM_MAX      (4u << 20)
#define RAW_BYTES    (64u << 10)
#define ERROR_TEXT   2048 /* of an answer that says no */
#define HEADERS_MAX  (1u << 20) /* with those behind the body */
#define ADDRESSES    16
#define CONNECT_S    10L
#define GZIP_WINDOW  (15 + 16) /* zlib: 16 asks for gzip's header */
#define GZIP_LEVEL   1

struct http {
	CURLM *multi;
	CURL *curl[HTTP_PARALLEL]; /* connections */
	struct curl_slist *resolve; /* HOST:PORT:ADDRESS,ADDRESS */
	struct curl_slist *headers, *body_headers;
	char *url, *host;
	uint16_t port;
	bool own_ca; /* ca_file says who is trusted */
	unsigned scope; /* number of the interface of fe80::1%eth0; 0: none */
	const volatile sig_atomic_t *stop;
};

/* One question while it runs. */
struct exchange {
	struct http *http;
	CURL *curl;
	const struct http_ask *ask;
	char *url;
	bool added;
	CURLcode code;
	char curl_error[CURL_ERROR_SIZE];
	uint8_t raw[RAW_BYTES];
	z_stream gzip;
	bool raw_ended, gzip_ended, local_failure;
	uint64_t sent;
	size_t header_bytes;
	bool strange_headers;
	long status;
	char refusal[ERROR_TEXT];
	size_t refusal_len;
};

/* ---- texts --------------------------------------------------------------- */

/* One printable line out of what a server or a library said. */
static void
set_error(char error[HTTP_ERROR_MAX], const char *what, const char *detail)
{
	int n = snprintf(error, HTTP_ERROR_MAX, "%s%s%s", what,
	    detail && detail[0] ? ": " : "", detail ? detail : "");

	(void)n;
	for (char *c = error; *c; c++)
		if (*c == '\n' && c[1] == '\0')
			*c = '\0';
		else if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = *c == '\n' ? ' ' : '?';
}

/* ---- opening ------------------------------------------------------------- */

static char *
url_part(CURLU *u, CURLUPart part)
{
	char *text = NULL;

	if (curl_url_get(u, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	return text;
}

/* The interface that an address names, which libcurl would ask for when it
 * connects, behind the sandbox.  The URL goes without it. */
static int
take_scope(struct http *h, CURLU *u, char error[HTTP_ERROR_MAX])
{
	char *zone = url_part(u, CURLUPART_ZONEID), *end;
	unsigned long number;

	if (zone == NULL)
		return 0;
	number = strtoul(zone, &end, 10);
	h->scope = *end || number > UINT_MAX ? if_nametoindex(zone) :
	    (unsigned)number;
	curl_free(zone);
	if (h->scope == 0) {
		set_error(error, "url: its address is on no interface of this "
		    "machine", NULL);
		return -ENODEV;
	}
	return curl_url_set(u, CURLUPART_ZONEID, NULL, 0) == CURLUE_OK ? 0 :
	    -ENOMEM;
}

/* What may stand in a URL here: scheme, host, port, path. */
static int
parse_url(struct http *h, const char *url, char error[HTTP_ERROR_MAX])
{
	CURLU *u = curl_url();
	char *scheme, *host, *port, *more;
	int rc = -EINVAL;

	if (u == NULL)
		return -ENOMEM;
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK) {
		set_error(error, "url: not an address as http://HOST:8123/",
		    NULL);
		curl_url_cleanup(u);
		return rc;
	}
	scheme = url_part(u, CURLUPART_SCHEME);
	host = url_part(u, CURLUPART_HOST);
	port = url_part(u, CURLUPART_PORT);
	more = url_part(u, CURLUPART_USER);
	if (more == NULL)
		more = url_part(u, CURLUPART_QUERY);
	if (more == NULL)
		more = url_part(u, CURLUPART_FRAGMENT);
	if (scheme == NULL || host == NULL || port == NULL)
		set_error(error, "url: needs a host", NULL);
	else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		set_error(error, "url: only http and https are spoken", NULL);
	else if (more != NULL)
		set_error(error, "url: no user, password, query or # belongs "
		    "into it", NULL);
	else
		rc = take_scope(h, u, error);
	if (rc == 0) {
		h->port = (uint16_t)atoi(port);
		h->host = strdup(host);
		if (curl_url_get(u, CURLUPART_URL, &h->url, 0) != CURLUE_OK)
			h->url = NULL;
		if (h->host == NULL || h->url == NULL)
			rc = -ENOMEM;
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(more);
	curl_url_cleanup(u);
	return rc;
}

/* Asks for the host's addresses now, for good. */
static int
pin_addresses(struct http *h, char error[HTTP_ERROR_MAX])
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	size_t len = strlen(h->host);
	char name[256], line[256 + ADDRESSES * (INET6_ADDRSTRLEN + 3)];
	int used, n = 0, rc;

	/* [2001:db8::1] is an address already */
	if (h->host[0] == '[')
		return 0;
	if (len >= sizeof(name)) {
		set_error(error, "url: host name too long", NULL);
		return -EINVAL;
	}
	(void)snprintf(name, sizeof(name), "%s", h->host);
	rc = getaddrinfo(name, NULL, &hints, &list);
	if (rc != 0) {
		set_error(error, name, gai_strerror(rc));
		return -ENOENT;
	}
	used = snprintf(line, sizeof(line), "%s:%u:", name, h->port);
	for (const struct addrinfo *a = list; a && n < ADDRESSES;
	     a = a->ai_next) {
		char text[INET6_ADDRSTRLEN];
		bool v6 = a->ai_family == AF_INET6;

		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text),
			NULL, 0, NI_NUMERICHOST) != 0 || strchr(text, '%'))
			continue;
		used += snprintf(line + used, sizeof(line) - (size_t)used,
		    "%s%s%s%s", n ? "," : "", v6 ? "[" : "", text,
		    v6 ? "]" : "");
		n++;
	}
	freeaddrinfo(list);
	if (n == 0) {
		set_error(error, name, "no usable address");
		return -ENOENT;
	}
	h->resolve = curl_slist_append(NULL, line);
	return h->resolve ? 0 : -ENOMEM;
}

/* key: who names the file; NULL: nobody, it may be missing. */
static int
set_pem(CURL *curl, CURLoption option, const char *key, const char *path,
    char error[HTTP_ERROR_MAX])
{
	struct curl_blob blob = {.flags = CURL_BLOB_COPY};
	char *data, what[HTTP_ERROR_MAX];
	size_t len;
	CURLcode code;
	int rc = gp_fd_read_file(AT_FDCWD, path, PEM_MAX, &data, &len);

	if (rc < 0 && !key)
		return 0; /* then no server will be trusted */
	(void)snprintf(what, sizeof(what), "%s%s%.300s", key ? key : "",
	    key ? ": " : "", path);
	if (rc < 0) {
		set_error(error, what, strerror(-rc));
		return rc;
	}
	blob.data = data;
	blob.len = len;
	code = curl_easy_setopt(curl, option, &blob);
	explicit_bzero(data, len);
	free(data);
	if (code == CURLE_OK)
		return 0;
	set_error(error, what, curl_easy_strerror(code));
	return -ENOTSUP;
}

static int
set_credentials(struct http *h, CURL *c, const struct http_opts *o,
    char error[HTTP_ERROR_MAX])
{
	int rc = 0;

	if (o->password && !o->user[0]) {
		set_error(error, "password_file: user does not say whose "
		    "password that is", NULL);
		return -EINVAL;
	}
	if (o->user[0]) {
		(void)curl_easy_setopt(c, CURLOPT_HTTPAUTH,
		    (long)CURLAUTH_BASIC);
		(void)curl_easy_setopt(c, CURLOPT_USERNAME, o->user);
		(void)curl_easy_setopt(c, CURLOPT_PASSWORD,
		    o->password ? o->password : "");
	}
	if (strncmp(h->url, "https:", 6) != 0)
		return 0;
	/* libcurl's own places: read while connecting, and trusted beside what
	 * is set here */
	if (curl_easy_setopt(c, CURLOPT_CAINFO, NULL) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_CAPATH, NULL) != CURLE_OK) {
		set_error(error, "the authorities of libcurl cannot be left "
		    "out", NULL);
		return -ENOTSUP;
	}
	h->own_ca = o->ca_file[0] != '\0';
	rc = set_pem(c, CURLOPT_CAINFO_BLOB, h->own_ca ? "ca_file" : NULL,
	    h->own_ca ? o->ca_file : SYSTEM_CA, error);
	if (rc == 0 && o->cert_file[0])
		rc = set_pem(c, CURLOPT_SSLCERT_BLOB, "cert_file",
		    o->cert_file, error);
	/* of a key that wants one: else libcurl looks for it at NULL */
	if (rc == 0)
		(void)curl_easy_setopt(c, CURLOPT_KEYPASSWD, "");
	if (rc == 0 && (o->key_file[0] || o->cert_file[0]))
		rc = set_pem(c, CURLOPT_SSLKEY_BLOB,
		    o->key_file[0] ? "key_file" : "cert_file",
		    o->key_file[0] ? o->key_file : o->cert_file, error);
	return rc;
}

static int
on_progress(void *arg, curl_off_t dt, curl_off_t dn, curl_off_t ut,
    curl_off_t un)
{
	const struct http *h = arg;

	(void)dt;
	(void)dn;
	(void)ut;
	(void)un;
	return h->stop && *h->stop;
}

static int
make_headers(struct http *h)
{
	h->headers = curl_slist_append(NULL, "Expect:");
	h->body_headers = curl_slist_append(NULL, "Expect:");
	if (h->body_headers == NULL ||
	    !curl_slist_append(h->body_headers, "Content-Encoding: gzip") ||
	    !curl_slist_append(h->body_headers,
		"Content-Type: application/octet-stream") ||
	    !curl_slist_append(h->body_headers, "Transfer-Encoding: chunked") ||
	    h->headers == NULL)
		return -ENOMEM;
	return 0;
}

static int
set_up(struct http *h, CURL *c, const struct http_opts *o,
    char error[HTTP_ERROR_MAX])
{
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_PROXY, ""); /* nor from the
						       * environment */
	(void)curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "goprobe/" GP_VERSION);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)o->timeout_s);
	(void)curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFODATA, h);
	if (h->resolve &&
	    curl_easy_setopt(c, CURLOPT_RESOLVE, h->resolve) != CURLE_OK)
		return -ENOMEM;
	if (h->scope)
		(void)curl_easy_setopt(c, CURLOPT_ADDRESS_SCOPE,
		    (long)h->scope);
	return set_credentials(h, c, o, error);
}

static int
make(const struct http_opts *o, bool pin, struct http **out,
    char error[HTTP_ERROR_MAX])
{
	struct http *h;
	int rc;

	set_error(error, "out of memory", NULL);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return -ENOMEM;
	h->stop = o->stop;
	h->multi = curl_multi_init();
	rc = h->multi ? make_headers(h) : -ENOMEM;
	if (rc == 0)
		rc = parse_url(h, o->url, error);
	if (rc == 0 && pin)
		rc = pin_addresses(h, error);
	for (size_t i = 0; rc == 0 && i < HTTP_PARALLEL; i++) {
		h->curl[i] = curl_easy_init();
		rc = h->curl[i] ? set_up(h, h->curl[i], o, error) : -ENOMEM;
	}
	if (rc < 0) {
		http_close(h);
		return rc;
	}
	*out = h;
	return 0;
}

int
http_open(const struct http_opts *o, struct http **out,
    char error[HTTP_ERROR_MAX])
{
	return make(o, true, out, error);
}

int
http_check(const struct http_opts *o, char error[HTTP_ERROR_MAX])
{
	struct http *h;
	int rc = make(o, false, &h, error);

	if (rc == 0)
		http_close(h);
	return rc;
}

void
http_close(struct http *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < HTTP_PARALLEL; i++)
		curl_easy_cleanup(h->curl[i]);
	(void)curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->resolve);
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->body_headers);
	curl_free(h->url);
	free(h->host);
	free(h);
	curl_global_cleanup();
}

uint16_t
http_port(const struct http *h)
{
	return h->port;
}

const char *
http_host(const struct http *h)
{
	return h->host;
}

/* ---- the body ------------------------------------------------------------ */

/* Gives zlib more to read; false when the source failed. */
static bool
refill(struct exchange *x)
{
	long n = x->ask->fill(x->ask->fill_arg, x->raw, RAW_BYTES);

	if (n < 0) {
		x->local_failure = true;
		return false;
	}
	x->gzip.next_in = x->raw;
	x->gzip.avail_in = (uInt)n;
	x->raw_ended = n == 0;
	return true;
}

static size_t
on_read(char *to, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	size_t room = size * n;

	x->gzip.next_out = (Bytef *)to;
	x->gzip.avail_out = (uInt)room;
	while (x->gzip.avail_out > 0 && !x->gzip_ended) {
		int rc;

		if (x->gzip.avail_in == 0 && !x->raw_ended && !refill(x))
			return CURL_READFUNC_ABORT;
		rc = deflate(&x->gzip, x->raw_ended ? Z_FINISH : Z_NO_FLUSH);
		if (rc == Z_STREAM_END)
			x->gzip_ended = true;
		else if (rc != Z_OK) {
			x->local_failure = true;
			return CURL_READFUNC_ABORT;
		}
	}
	room -= x->gzip.avail_out;
	x->sent += room;
	return room;
}

/* ---- the answer ---------------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Whether a header announces another coding of the transfer than chunks. */
static bool
is_coded(const char *line, size_t len)
{
	static const char name[] = "Transfer-Encoding:", plain[] = "chunked";
	const size_t n = sizeof(name) - 1, m = sizeof(plain) - 1;

	if (len < n || strncasecmp(line, name, n) != 0)
		return false;
	for (line += n, len -= n; len > 0 && is_blank(*line); len--)
		line++;
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	return len != m || strncasecmp(line, plain, m) != 0;
}

/*
 * libcurl undoes whatever codings a server puts upon a transfer, one upon the
 * other: a thousand bytes become so many that it looks neither at the time nor
 * at *stop any more.  And it keeps headers behind a body, however many.
 */
static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	size_t len = size * n;

	x->header_bytes += len;
	x->strange_headers = x->header_bytes > HEADERS_MAX ||
	    is_coded(line, len);
	return x->strange_headers ? 0 : len;
}

static size_t
on_write(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	size_t len = size * n;

	if (x->status == 0)
		(void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE,
		    &x->status);
	if (x->status != 200 || x->ask->take == NULL) {
		size_t room = sizeof(x->refusal) - 1 - x->refusal_len;
		size_t part = len < room ? len : room;

		memcpy(x->refusal + x->refusal_len, data, part);
		x->refusal_len += part;
		return len;
	}
	if (x->ask->take(x->ask->take_arg, data, len))
		return len;
	x->local_failure = true;
	return 0;
}

/* 18.16 answers a wrong password and much else with 500 and a text; nothing
 * that begins with 4 or 5 was carried out. */
static enum http_result
judge(struct exchange *x, char error[HTTP_ERROR_MAX])
{
	const struct http *h = x->http;

	if (h->stop && *h->stop) {
		set_error(error, "stopped", NULL);
		return HTTP_STOPPED;
	}
	if (x->local_failure) {
		set_error(error, "the question or its answer is too much here",
		    NULL);
		return HTTP_LOCAL;
	}
	if (x->strange_headers) {
		set_error(error, h->host, "headers that no ClickHouse sends");
		return HTTP_UNKNOWN;
	}
	if (x->status == 0)
		(void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE,
		    &x->status);
	if (x->code == CURLE_SSL_CACERT_BADFILE) {
		set_error(error, h->own_ca ? "ca_file" : SYSTEM_CA,
		    x->curl_error);
		return HTTP_UNKNOWN;
	}
	if (x->code != CURLE_OK && x->status / 100 != 4 &&
	    x->status / 100 != 5) {
		set_error(error, h->host, x->curl_error[0] ? x->curl_error :
		    curl_easy_strerror(x->code));
		return HTTP_UNKNOWN;
	}
	x->refusal[x->refusal_len] = '\0';
	if (x->status != 200) {
		char what[64];

		(void)snprintf(what, sizeof(what), "the server answered %ld",
		    x->status);
		set_error(error, what, x->refusal);
		/* a proxy's 502 to 504 says nothing about what it hides */
		return x->status >= 502 && x->status <= 504 ? HTTP_UNKNOWN :
		    x->status >= 400 ? HTTP_REFUSED : HTTP_UNKNOWN;
	}
	if (x->refusal_len > 0) {
		set_error(error, "the server answered what was not asked for",
		    x->refusal);
		return HTTP_UNKNOWN;
	}
	return HTTP_FINE;
}

static char *
question_url(const struct http *h, CURL *curl, const struct http_ask *q)
{
	char *sql = q->fill ? curl_easy_escape(curl, q->sql, 0) : NULL;
	const char *params = q->params ? q->params : "";
	size_t size = strlen(h->url) + (sql ? strlen(sql) : 0) +
	    strlen(params) + 32;
	char *url = q->fill && !sql ? NULL : malloc(size);

	if (url)
		(void)snprintf(url, size, "%s?%s%s%s%s", h->url, params,
		    sql && params[0] ? "&" : "", sql ? "query=" : "",
		    sql ? sql : "");
	curl_free(sql);
	return url;
}

static void
set_body(struct exchange *x)
{
	CURL *c = x->curl;

	(void)curl_easy_setopt(c, CURLOPT_POST, 1L);
	if (x->ask->fill) {
		(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER,
		    x->http->body_headers);
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, NULL);
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, -1L);
		(void)curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
		(void)curl_easy_setopt(c, CURLOPT_READDATA, x);
	} else {
		(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER,
		    x->http->headers);
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, x->ask->sql);
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)strlen(x->ask->sql));
	}
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
}

/* ---- asking -------------------------------------------------------------- */

static void
end_exchange(struct exchange *x)
{
	if (x == NULL)
		return;
	if (x->added)
		(void)curl_multi_remove_handle(x->http->multi, x->curl);
	(void)curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, NULL);
	if (x->ask->fill)
		(void)deflateEnd(&x->gzip);
	free(x->url);
	free(x);
}

static struct exchange *
begin_exchange(struct http *h, CURL *curl, const struct http_ask *q)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->http = h;
	x->curl = curl;
	x->ask = q;
	x->code = CURLE_OK;
	if (q->fill && deflateInit2(&x->gzip, GZIP_LEVEL, Z_DEFLATED,
		GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(x);
		return NULL;
	}
	x->url = question_url(h, curl, q);
	if (x->url && curl_easy_setopt(curl, CURLOPT_URL, x->url) == CURLE_OK) {
		(void)curl_easy_setopt(curl, CURLOPT_PRIVATE, x);
		(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER,
		    x->curl_error);
		set_body(x);
		x->added = curl_multi_add_handle(h->multi, curl) == CURLM_OK;
	}
	if (x->added)
		return x;
	end_exchange(x);
	return NULL;
}

/* Until all have ended; each learns how. */
static bool
run_exchanges(struct http *h)
{
	int running = 1, left;
	CURLMsg *m;

	while (running > 0) {
		if (curl_multi_perform(h->multi, &running) != CURLM_OK)
			return false;
		while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
			struct exchange *x = NULL;

			(void)curl_easy_getinfo(m->easy_handle,
			    CURLINFO_PRIVATE, (char **)&x);
			if (x && m->msg == CURLMSG_DONE)
				x->code = m->data.result;
		}
		if (running > 0 && curl_multi_poll(h->multi, NULL, 0, 1000,
			NULL) != CURLM_OK)
			return false;
	}
	return true;
}

enum http_result
http_ask_all(struct http *h, const struct http_ask *q, size_t n,
    uint64_t *sent, char error[HTTP_ERROR_MAX])
{
	struct exchange *x[HTTP_PARALLEL] = {NULL};
	enum http_result worst = HTTP_FINE, result;
	char why[HTTP_ERROR_MAX];
	bool begun = n <= HTTP_PARALLEL;

	for (size_t i = 0; begun && i < n; i++) {
		x[i] = begin_exchange(h, h->curl[i], &q[i]);
		begun = x[i] != NULL;
	}
	if (!begun || !run_exchanges(h)) {
		set_error(error, "out of memory", NULL);
		worst = HTTP_LOCAL;
	}
	for (size_t i = 0; i < n && i < HTTP_PARALLEL; i++) {
		if (x[i] && worst != HTTP_LOCAL) {
			result = judge(x[i], why);
			if (result < worst) {
				worst = result;
				memcpy(error, why, sizeof(why));
			}
		}
		if (x[i] && sent)
			*sent += x[i]->sent;
		end_exchange(x[i]);
	}
	return worst;
}

enum http_result
http_ask(struct http *h, const struct http_ask *q, uint64_t *sent,
    char error[HTTP_ERROR_MAX])
{
	return http_ask_all(h, q, 1, sent, error);
}

/* ---- answers as a table -------------------------------------------------- */

bool
http_text_take(void *arg, const char *data, size_t len)
{
	struct http_text *t = arg;
	char *grown;

	if (len > t->max - t->len)
		return false;
	grown = realloc(t->data, t->len + len + 1);
	if (grown == NULL)
		return false;
	t->data = grown;
	memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
	return true;
}
