/* Where the walk begins: names and addresses of the root servers. */
#ifndef NX_AGENT_HINTS_H
#define NX_AGENT_HINTS_H

#include "common/obs.h"

#define NX_HINTS_MAX 32U /* addresses */
#define NX_HINTS_TEXT_MAX 65536U

/* servers[i].server_name points to names[i]: must not be copied or moved. */
struct nx_hints {
    size_t n;
    struct nx_endpoint servers[NX_HINTS_MAX];
    uint8_t names[NX_HINTS_MAX][NX_DNAME_MAX];
};

/* Parses lines "NAME [TTL] [IN] A|AAAA ADDRESS" as in named.root; NS lines and
 * comments (";") are skipped. NX_ECONFIG with *line (from 1, 0: the whole
 * text) and *why (constant text), both untouched on success. */
int nx_hints_parse(const char *text, size_t len, struct nx_hints *out,
                   unsigned *line, const char **why) NX_MUSTUSE;

/* The IANA root servers (a.root-servers.net .. m), as of 2024. */
void nx_hints_builtin(struct nx_hints *out);

#endif
