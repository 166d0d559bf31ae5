/* The web page, and the description of the API for programs: files that are
 * part of the program. Pure. */
#ifndef NX_COLLECTOR_WEB_H
#define NX_COLLECTOR_WEB_H

#include <stddef.h>
#include <stdint.h>

struct nx_web_file {
    const char *path; /* "/web/app.js", "/v1/openapi.json" */
    const char *type; /* media type */
    const char *etag; /* with its quotes */
    const uint8_t *bytes;
    size_t len;
};

/* Made at build time from this folder and api/openapi.json (embed.cmake). */
extern const struct nx_web_file nx_web_files[];
extern const size_t nx_web_files_n;

/* What is served at a path; the addresses of the page itself ("/",
 * "/incidents/7", "/incidents/7/networks/NAME") are all one document. NULL:
 * nothing of the page. */
const struct nx_web_file *nx_web_find(const char *path);

/* The policy that goes with it: nothing but our own files, no inline script
 * or style, no markup made from text. */
extern const char nx_web_policy[];

#endif
