/* For benchmarks: the folder that a collector starts from, with its key, its
 * configuration and a store. */
#ifndef NX_TESTS_LIB_BENCH_SITE_H
#define NX_TESTS_LIB_BENCH_SITE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "collector/store/io_store.h"
#include "common/io_keys.h"

static const char *folder; /* set it first */

static inline void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static inline unsigned number(const char *text) {
    return (unsigned)strtoul(text, NULL, 10);
}

/* "FOLDER/name", or with a number above 0 behind it; until the next call. */
static inline const char *in_folder(const char *name, unsigned i) {
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s%.0u", folder, name, i);
    return path;
}

static inline void make_keys(const char *name, unsigned i,
                             struct nx_keypair *keys) {
    char why[NX_KEYS_WHY_MAX];
    if (nx_keys_create(in_folder(name, i), keys, why, sizeof(why)) != NX_OK) {
        die(why);
    }
}

static inline void read_keys(const char *name, unsigned i,
                             struct nx_keypair *keys) {
    char why[NX_KEYS_WHY_MAX];
    if (nx_keys_read(in_folder(name, i), keys, why, sizeof(why)) != NX_OK) {
        die(why);
    }
}

static inline void must(struct nx_store *store, int err) {
    if (err != NX_OK) {
        die(nx_store_problem(store));
    }
}

/* A key, a configuration that ends with `more`, and a new store. */
static inline struct nx_store *make_site(unsigned port, unsigned http,
                                         const char *more) {
    const struct nx_store_options options = {.check = false};
    struct nx_store *store = NULL;
    struct nx_keypair keys;
    char why[NX_STORE_WHY_MAX];
    make_keys("collector.key", 0, &keys);
    FILE *conf = fopen(in_folder("collector.yaml", 0), "w");
    if (conf == NULL) {
        die("collector.yaml");
    }
    fprintf(conf,
            "key: collector.key\nlisten: tcp://127.0.0.1:%u\n"
            "http:\n  listen: 127.0.0.1:%u\n%s",
            port, http, more);
    if (fclose(conf) != 0) {
        die("collector.yaml");
    }
    if (nx_store_open(in_folder("nxclear.db", 0), &options, &store, why,
                      sizeof(why)) != NX_OK) {
        die(why);
    }
    return store;
}

/* "agent<i>" in a network of its own. */
static inline void store_agent(struct nx_store *store, unsigned i,
                               const struct nx_keypair *keys) {
    struct nx_agent_record record = {.state = NX_AGENT_ACCEPTED};
    record.agent.accepted = true;
    memcpy(record.key, keys->public_key, sizeof(record.key));
    snprintf(record.agent.name, sizeof(record.agent.name), "agent%u", i);
    snprintf(record.agent.network, sizeof(record.agent.network), "net%u", i);
    must(store, nx_store_agent_put(store, &record));
}

#endif
