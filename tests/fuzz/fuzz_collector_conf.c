#include <stdlib.h>

#include "collector/conf.h"
#include "tests/fuzz/replay.h"

/* Every text is a configuration or has a message that a terminal may show;
 * nothing leaks. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct nx_collector_conf conf;
    char why[NX_CONF_WHY_MAX] = "";
    int err = nx_collector_conf_parse("f", data, size, &conf, why, sizeof(why));
    if (err != NX_OK && why[0] == '\0') {
        abort();
    }
    for (const char *p = why; *p != '\0'; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            abort();
        }
    }
    if (err == NX_OK) {
        nx_collector_conf_fini(&conf);
    }
    return 0;
}
