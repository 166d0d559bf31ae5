#include "collector/profile/book.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, hash)                                          \
    ((hash) = (unsigned)nx_hash((key), (len), 0))
#include <uthash.h>

#define US_PER_S INT64_C(1000000)
#define RETRY_S 600U
#define SPREAD_PARTS 5U /* a measurement comes up to a fifth early */

struct key {
    char network[NX_BOOK_NETWORK_MAX];
    uint8_t address[16];
    uint32_t scope_id;
    uint16_t port;
    uint8_t transport;
    uint8_t address_len;
};

struct run {
    uint32_t agent_id;
    int64_t begun_us;
    struct nx_canary_run names;
    unsigned looks_n;
    struct nx_canary_looks looks;
};

struct entry {
    struct key key;
    struct nx_book_row row;
    int64_t due_us; /* NX_TIME_UNKNOWN: at once */
    struct run *run;
    UT_hash_handle hh;
};

struct nx_book {
    struct nx_canary_conf conf;
    struct entry *entries;
    unsigned runs_n;
};

int nx_book_new(const struct nx_canary_conf *conf, struct nx_book **out) {
    struct nx_book *book = calloc(1, sizeof(*book));
    if (book == NULL) {
        return NX_ENOMEM;
    }
    book->conf = *conf;
    *out = book;
    return 0;
}

void nx_book_free(struct nx_book **book_p) {
    struct nx_book *book = *book_p;
    struct entry *e = NULL;
    struct entry *next = NULL;
    if (book == NULL) {
        return;
    }
    HASH_ITER(hh, book->entries, e, next) {
        HASH_DELETE(hh, book->entries, e);
        free(e->run);
        free(e);
    }
    free(book);
    *book_p = NULL;
}

const struct nx_canary_conf *nx_book_conf(const struct nx_book *book) {
    return &book->conf;
}

/* --- entries --- */

static void key_of(const char *network, const struct nx_endpoint *at,
                   struct key *out) {
    memset(out, 0, sizeof(*out));
    memcpy(out->network, network, strnlen(network, sizeof(out->network) - 1));
    memcpy(out->address, at->address, at->address_len);
    out->scope_id = at->scope_id;
    out->port = at->port;
    out->transport = at->transport;
    out->address_len = at->address_len;
}

static struct entry *find(const struct nx_book *book, const char *network,
                          const struct nx_endpoint *at) {
    struct key key;
    struct entry *found = NULL;
    key_of(network, at, &key);
    HASH_FIND(hh, book->entries, &key, sizeof(key), found);
    return found;
}

static int make(struct nx_book *book, const char *network,
                const struct nx_endpoint *at, struct entry **out) {
    if (HASH_COUNT(book->entries) >= NX_BOOK_RESOLVERS_MAX) {
        return NX_ELIMIT;
    }
    struct entry *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return NX_ENOMEM;
    }
    key_of(network, at, &e->key);
    memcpy(e->row.network, e->key.network, sizeof(e->row.network));
    e->row.at = *at;
    e->row.at.layer = 0;
    e->row.at.server_name = NULL;
    e->row.measured_us = NX_TIME_UNKNOWN;
    e->row.failed_us = NX_TIME_UNKNOWN;
    e->due_us = NX_TIME_UNKNOWN;
    HASH_ADD(hh, book->entries, key, sizeof(e->key), e);
    if (e->hh.tbl == NULL) {
        free(e);
        return NX_ENOMEM;
    }
    *out = e;
    return 0;
}

/* Not all at the same time of the day. */
static int64_t due_after(const struct nx_book *book, const struct entry *e,
                         int64_t from_us, uint32_t after_s) {
    uint32_t after =
        after_s < book->conf.every_s ? after_s : book->conf.every_s;
    int64_t whole_us = (int64_t)after * US_PER_S;
    uint64_t spread = (uint64_t)(whole_us / SPREAD_PARTS) + 1;
    uint64_t part =
        nx_hash(&e->key, sizeof(e->key), (uint64_t)from_us) % spread;
    return from_us + whole_us - (int64_t)part;
}

int nx_book_put(struct nx_book *book, const struct nx_book_row *row) {
    struct entry *e = find(book, row->network, &row->at);
    int err = e == NULL ? make(book, row->network, &row->at, &e) : 0;
    if (err == 0) {
        e->row.measured = row->measured;
        e->row.measured_us = row->measured_us;
        e->due_us = due_after(book, e, row->measured_us, UINT32_MAX);
    }
    return err;
}

const struct nx_profile *nx_book_profile(const struct nx_book *book,
                                         const char *network,
                                         const struct nx_endpoint *at,
                                         int64_t now_us) {
    const struct entry *e =
        book->entries != NULL ? find(book, network, at) : NULL;
    return e != NULL && e->row.measured_us != NX_TIME_UNKNOWN &&
                   now_us <= e->row.measured_us + NX_PROFILE_AGED_US
               ? &e->row.measured.profile
               : NULL;
}

static int by_place(const void *a, const void *b) {
    const struct key *x = &(*(struct entry *const *)a)->key;
    const struct key *y = &(*(struct entry *const *)b)->key;
    int order = strcmp(x->network, y->network);
    order = order != 0 ? order : (int)x->address_len - (int)y->address_len;
    order = order != 0 ? order : memcmp(x->address, y->address, 16);
    order = order != 0 ? order : (int)x->port - (int)y->port;
    order = order != 0 ? order : (int)x->transport - (int)y->transport;
    return order != 0
               ? order
               : (x->scope_id > y->scope_id) - (x->scope_id < y->scope_id);
}

int nx_book_rows(const struct nx_book *book,
                 void (*visit)(void *user, const struct nx_book_row *row),
                 void *user) {
    size_t n = 0;
    size_t cap = (size_t)HASH_COUNT(book->entries) + 1;
    struct entry **order = calloc(cap, sizeof(struct entry *));
    if (order == NULL) {
        return NX_ENOMEM;
    }
    for (struct entry *e = book->entries; e != NULL; e = e->hh.next) {
        order[n++] = e;
    }
    qsort(order, n, sizeof(struct entry *), by_place);
    for (size_t i = 0; i < n; i++) {
        struct nx_book_row row = order[i]->row;
        row.measuring = order[i]->run != NULL;
        visit(user, &row);
    }
    free(order);
    return 0;
}

/* --- runs --- */

static bool network_busy(const struct nx_book *book, const char *network) {
    if (book->runs_n == 0) {
        return false;
    }
    for (const struct entry *e = book->entries; e != NULL; e = e->hh.next) {
        if (e->run != NULL && strcmp(e->row.network, network) == 0) {
            return true;
        }
    }
    return false;
}

static struct run *run_new(const struct nx_book *book, const struct entry *e,
                           uint32_t agent_id, int64_t now_us) {
    struct run *run = calloc(1, sizeof(*run));
    if (run != NULL) {
        uint64_t seed = nx_hash_u64((uint64_t)now_us, agent_id);
        run->agent_id = agent_id;
        run->begun_us = now_us;
        run->names = (struct nx_canary_run){
            .zone = book->conf.zone,
            .id = (uint32_t)nx_hash(&e->key, sizeof(e->key), seed),
            .v6 = e->key.address_len == 16,
            .count_n = book->conf.count_n};
    }
    return run;
}

bool nx_book_begin(struct nx_book *book, const char *network,
                   const struct nx_endpoint *at, uint32_t agent_id,
                   int64_t now_us) {
    struct entry *e = find(book, network, at);
    if ((e == NULL && make(book, network, at, &e) != 0) || e->run != NULL ||
        e->due_us > now_us || network_busy(book, network)) {
        return false;
    }
    e->run = run_new(book, e, agent_id, now_us);
    book->runs_n += e->run != NULL ? 1 : 0;
    return e->run != NULL;
}

static struct run *run_of(const struct nx_book *book, const char *network,
                          const struct nx_endpoint *at, uint32_t agent_id) {
    const struct entry *e = book->runs_n > 0 ? find(book, network, at) : NULL;
    return e != NULL && e->run != NULL && e->run->agent_id == agent_id ? e->run
                                                                       : NULL;
}

bool nx_book_run(const struct nx_book *book, const char *network,
                 const struct nx_endpoint *at, uint32_t agent_id,
                 struct nx_canary_run *out) {
    const struct run *run = run_of(book, network, at, agent_id);
    if (run != NULL) {
        *out = run->names;
    }
    return run != NULL;
}

/* nx_answer.rdata: two octets of length, then the address. */
static bool says_address(const struct nx_answer *answer,
                         const struct nx_endpoint *at) {
    return answer->rdata_n == 1 && answer->rdata_len == at->address_len + 2 &&
           memcmp(answer->rdata + 2, at->address, at->address_len) == 0;
}

bool nx_book_look(struct nx_book *book, const char *network, uint32_t agent_id,
                  const struct nx_obs *obs, int64_t theta_us, uint32_t eps_us) {
    struct run *run = run_of(book, network, &obs->question->to, agent_id);
    if (run == NULL) {
        return false;
    }
    enum nx_canary which = nx_canary_of(&run->names, obs->question);
    if (which == NX_CANARIES_N_) {
        return false;
    }
    if (run->looks.n[which] < NX_CANARY_LOOKS_MAX) {
        struct nx_canary_look *to =
            &run->looks.of[which][run->looks.n[which]++];
        nx_look_from_obs(obs, NULL, NULL, theta_us, eps_us, &to->look);
        const struct nx_answer *answer = obs->answer;
        bool data = (answer->flags & NX_ANS_RDATA) != 0;
        to->rdata_hash =
            data ? nx_hash(answer->rdata, answer->rdata_len, 1) | 1U : 0;
        to->egress_is_resolver =
            data && says_address(answer, &obs->question->to);
    }
    run->looks_n++;
    return true;
}

static bool over(const struct run *run, int64_t now_us) {
    return run->looks_n >= nx_canary_looks(&run->names) ||
           now_us - run->begun_us >= nx_canary_lasts_us(&run->names);
}

/* False: nothing came of it. */
static bool conclude(const struct nx_book *book, struct entry *e,
                     int64_t now_us) {
    bool known = e->row.measured_us != NX_TIME_UNKNOWN;
    const struct nx_measured before = e->row.measured;
    if (nx_measure(&e->run->looks, known ? &before : NULL, e->row.measured_us,
                   &e->row.measured) != 0) {
        e->row.failed_us = now_us;
        e->due_us = due_after(book, e, now_us, RETRY_S);
        return false;
    }
    e->row.measured_us = now_us;
    e->row.failed_us = NX_TIME_UNKNOWN;
    e->due_us = due_after(book, e, now_us, UINT32_MAX);
    return true;
}

void nx_book_end(struct nx_book *book, int64_t now_us, bool all,
                 void (*ended)(void *user, uint32_t agent_id,
                               const struct nx_book_row *row),
                 void *user) {
    for (struct entry *e = book->entries; e != NULL && book->runs_n > 0;
         e = e->hh.next) {
        if (e->run == NULL || (!all && !over(e->run, now_us))) {
            continue;
        }
        bool done = !all && conclude(book, e, now_us);
        uint32_t agent_id = e->run->agent_id;
        free(e->run);
        e->run = NULL;
        book->runs_n--;
        ended(user, agent_id, done ? &e->row : NULL);
    }
}
