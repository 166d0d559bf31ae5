#include <stdlib.h>

#include "agent/resolvconf.h"
#include "tests/fuzz/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct nx_listed out[NX_RESOLVCONF_MAX];
    size_t skipped = 0;
    size_t n = nx_resolvconf_parse((const char *)data, size, out,
                                   NX_RESOLVCONF_MAX, &skipped);
    for (size_t i = 0; i < n; i++) {
        char text[NX_ENDPOINT_TEXT_MAX];
        if (nx_endpoint_text(&out[i].at, text)[0] == '@') {
            abort(); /* an entry without an address */
        }
    }
    return 0;
}
