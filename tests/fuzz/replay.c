/* main() of a fuzz harness without a fuzzer: runs every file named on the
 * command line through it once and reports as TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/replay.h"

#define REPLAY_MAX_BYTES (1U << 20)

static int replay(const char *path, uint8_t *buf) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return -1;
    }
    size_t n = fread(buf, 1, REPLAY_MAX_BYTES, f);
    int bad = ferror(f);
    (void)fclose(f);
    if (bad != 0) {
        return -1;
    }
    /* An exact copy, so that the sanitizer sees a read past the end. */
    uint8_t *exact = malloc(n > 0 ? n : 1);
    if (exact == NULL) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        exact[i] = buf[i];
    }
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 0;
}

int main(int argc, char **argv) {
    uint8_t *buf = malloc(REPLAY_MAX_BYTES);
    int failed = buf == NULL;
    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc && buf != NULL; i++) {
        int bad = replay(argv[i], buf);
        failed |= bad;
        printf("%sok %d - %s\n", bad != 0 ? "not " : "", i, argv[i]);
    }
    if (failed == 0) {
        const char *slash = strrchr(argv[0], '/');
        printf("# fault | hostile bytes: %s, its corpus | %d | - | - | -\n",
               slash != NULL ? slash + 1 : argv[0], argc - 1);
    }
    free(buf);
    return failed != 0;
}
