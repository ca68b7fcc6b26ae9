/*
 * http - one question at a time to a ClickHouse server over HTTP(S), on
 * libcurl.
 *
 * The server's name is looked up once, by http_open(), which also reads the
 * certificates: afterwards no file is opened and no name asked for, so that a
 * sandbox can close.  Redirects are not followed; nothing but http and https
 * is spoken; the password travels in a header, never in an address.
 *
 * Whatever the server says is foreign text: it is bounded, headers too, no
 * coding of a transfer is undone but chunks, and error texts come out as one
 * printable line.
 */
#ifndef EXPORT_HTTP_H
#define EXPORT_HTTP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_ERROR_MAX 400

struct http;

struct http_opts {
	const char *url;         /* http[s]://HOST[:PORT][/PATH] */
	const char *user;        /* "" for none */
	const char *password;    /* NULL for none */
	const char *ca_file;     /* who is trusted, alone; "": the system's
				  * ca-certificates.crt */
	const char *cert_file, *key_file; /* "" for none */
	unsigned timeout_s;      /* for the whole of a question */
	const volatile sig_atomic_t *stop; /* nonzero ends a question */
};

enum http_result {
	HTTP_FINE = 0,
	HTTP_REFUSED = -1, /* the server said no: nothing was done */
	HTTP_UNKNOWN = -2, /* no whole answer: it may have been done, or still
			    * be done later */
	HTTP_STOPPED = -3, /* *stop; as unknown */
	HTTP_LOCAL = -4,   /* `fill` or `take` failed */
};

/* 0; -EINVAL where the options themselves are wrong, which trying again cannot
 * mend; -ENOENT, -ENODEV, ...; with one line in error. */
int http_open(const struct http_opts *opts, struct http **out,
    char error[HTTP_ERROR_MAX]);
/* The same without asking for the host's address: whether address and files
 * would do. */
int http_check(const struct http_opts *opts, char error[HTTP_ERROR_MAX]);
void http_close(struct http *h); /* accepts NULL */

/* TCP port of the server, for whoever limits what may be connected to. */
uint16_t http_port(const struct http *h);
/* What http_open() read of the URL, without user and path, for messages. */
const char *http_host(const struct http *h);

/* Writes up to `size` bytes of the body, returns how many; 0 at its end; -1
 * gives up. */
typedef long http_fill(void *arg, uint8_t *to, size_t size);
/* Takes what the server answers; false gives up. */
typedef bool http_take(void *arg, const char *data, size_t len);

struct http_ask {
	const char *sql;   /* with a body: in the address, else it is the body */
	const char *params; /* further ones, "a=b&c=d"; NULL for none */
	http_fill *fill;   /* body, sent gzip-compressed; NULL for none */
	void *fill_arg;
	http_take *take;   /* NULL: an answer is expected to be empty */
	void *take_arg;
};

/* Bytes that went out, compressed, are added to *sent (may be NULL). */
enum http_result http_ask(struct http *h, const struct http_ask *q,
    uint64_t *sent, char error[HTTP_ERROR_MAX]);

/*
 * Up to HTTP_PARALLEL questions at the same time: a server that works on one
 * body can take in the next.  The worst result, and its error.
 */
#define HTTP_PARALLEL 2
enum http_result http_ask_all(struct http *h, const struct http_ask *q,
    size_t n, uint64_t *sent, char error[HTTP_ERROR_MAX]);

/* ---- answers as a table -------------------------------------------------- */

/* Collects an answer of at most `max` bytes as text. */
struct http_text {
	char *data; /* NUL-terminated once anything came; free */
	size_t len, max;
};
bool http_text_take(void *arg, const char *data, size_t len);

#endif
