/* Pages of long lists, and entity tags (RFC 9110 section 8.8.3). Pure. */
#ifndef NX_COLLECTOR_PAGE_H
#define NX_COLLECTOR_PAGE_H

#include "collector/api/api.h"

#define NX_ETAG_MAX 48U /* bytes with the NUL */

/* Leaves in list the entries that asked->cursor and asked->limit choose; the
 * cursor is the "id", a number, of the last entry of the page before. next
 * (NX_API_CURSOR_MAX bytes): cursor of the next page, "" when there is none.
 * NX_EDENIED with *problem: the cursor is none of this list. */
int nx_api_page(json_t *list, const struct nx_api_request *asked, char *next,
                struct nx_api_problem *problem) NX_MUSTUSE;
/* That the cursor is none of the list. NX_EDENIED. */
int nx_api_no_cursor(struct nx_api_problem *problem);

/* A cursor as it stands in a URI: everything but unreserved characters
 * escaped (RFC 3986 section 2.3). out has NX_URI_CURSOR_MAX bytes. */
#define NX_URI_CURSOR_MAX (3 * NX_API_CURSOR_MAX)
char *nx_api_uri_escape(const char *cursor, char *out);

/* A weak tag of all of a document but "now" and "as_of"; text: as JSON_COMPACT
 * writes it. out has NX_ETAG_MAX bytes. */
char *nx_api_etag(const char *text, size_t len, char *out);
/* One of what has this digest. */
char *nx_api_etag_of(uint64_t digest, char *out);

/* Does If-None-Match (NULL: not sent) name this tag? Weak comparison. */
bool nx_api_etag_known(const char *if_none_match, const char *etag);

#endif
