/* Vectors, as `nxclear estimate` reads them. */
#include <stdlib.h>

#include "collector/replay/vector.h"
#include "tests/fuzz/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct nx_json_fault fault;
    json_t *document =
        json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (document == NULL) {
        return 0;
    }
    json_t *answer = nx_vector_estimate(document, &fault);
    if ((answer == NULL) != fault.failed) {
        abort(); /* either an answer or a reason */
    }
    for (const char *p = fault.failed ? fault.why : ""; *p != '\0'; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            abort(); /* a byte of the input came through unescaped */
        }
    }
    char *text = json_dumps(answer, JSON_COMPACT | JSON_ENCODE_ANY);
    if (answer != NULL && text == NULL) {
        abort(); /* not a number that JSON can hold */
    }
    free(text);
    json_decref(answer);
    json_decref(document);
    return 0;
}
