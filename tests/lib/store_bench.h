/* An empty store in a folder of its own. Include after cmocka.h. */
#ifndef NX_TESTS_STORE_BENCH_H
#define NX_TESTS_STORE_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/store/io_store.h"

struct fixture {
    char folder[64];
    char path[96];
    struct nx_store *store;
};

static inline void open_store(struct fixture *f) {
    static const struct nx_store_options plain = {.check = false};
    char why[NX_STORE_WHY_MAX];
    if (nx_store_open(f->path, &plain, &f->store, why, sizeof(why)) != NX_OK) {
        fail_msg("%s", why);
    }
}

static inline int setup(void **state) {
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    strcpy(f.folder, "/tmp/nx-test-store-XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    snprintf(f.path, sizeof(f.path), "%s/nxclear.db", f.folder);
    open_store(&f);
    *state = &f;
    return 0;
}

static inline int teardown(void **state) {
    struct fixture *f = *state;
    nx_store_close(&f->store);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(rmdir(f->folder), 0);
    return 0;
}

#endif
