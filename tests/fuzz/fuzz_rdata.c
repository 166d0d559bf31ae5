/* RDATA of a type (the first two octets): as text of an operator when the third
 * is odd, else as a stranger's octets. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collector/engine/rdata.h"
#include "tests/fuzz/replay.h"

#define HEAD 3U
#define RDATA_MAX 1024U
#define TEXT_MAX (4U * RDATA_MAX + 4096U)

/* Shown, read again and shown once more, it stays what it is. */
static void show(uint16_t qtype, const uint8_t *rdata, size_t len) {
    static char text[TEXT_MAX], once_more[TEXT_MAX];
    uint8_t again[RDATA_MAX];
    size_t again_len = 0;
    (void)nx_rdata_present(qtype, rdata, len, text, sizeof(text));
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            abort();
        }
    }
    if (nx_rdata_parse(qtype, text, again, sizeof(again), &again_len) == 0) {
        (void)nx_rdata_present(qtype, again, again_len, once_more,
                               sizeof(once_more));
        if (again_len != len || strcasecmp(text, once_more) != 0) {
            abort();
        }
    } else if (text[0] != '\\') {
        abort(); /* in words, and they are not read */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t rdata[RDATA_MAX];
    size_t len = 0;
    if (size < HEAD || size - HEAD > RDATA_MAX) {
        return 0;
    }
    uint16_t qtype = (uint16_t)(data[0] << 8 | data[1]);
    size -= HEAD;
    if (data[2] % 2 == 0) {
        show(qtype, data + HEAD, size);
        return 0;
    }
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data + HEAD, size);
    text[size] = '\0';
    if (nx_rdata_parse(qtype, text, rdata, sizeof(rdata), &len) == 0) {
        show(qtype, rdata, len);
    }
    free(text);
    return 0;
}
