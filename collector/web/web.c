#include "collector/web/web.h"

#include <stdbool.h>
#include <string.h>

#define INDEX "/web/index.html"

const char nx_web_policy[] =
    "default-src 'self'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

/* "/", or "/incidents" and what may follow; app.js looks at the rest. */
static bool is_page(const char *path) {
    static const char incidents[] = "/incidents";
    size_t n = sizeof(incidents) - 1;
    return strcmp(path, "/") == 0 || (strncmp(path, incidents, n) == 0 &&
                                      (path[n] == '\0' || path[n] == '/'));
}

const struct nx_web_file *nx_web_find(const char *path) {
    const char *wanted = is_page(path) ? INDEX : path;
    for (size_t i = 0; i < nx_web_files_n; i++) {
        if (strcmp(nx_web_files[i].path, wanted) == 0) {
            return &nx_web_files[i];
        }
    }
    return NULL;
}
