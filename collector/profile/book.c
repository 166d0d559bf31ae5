#include <stdlib.h>
#include <string.h>

#include "collector/profile/book_priv.h"

#define US_PER_S INT64_C(1000000)
#define SWEEP_US (INT64_C(3600) * US_PER_S)
#define SPREAD_PARTS 5U /* a measurement comes up to a fifth early */

int nx_book_new(const struct nx_canary_conf *conf, struct nx_book **out) {
    struct nx_book *book = calloc(1, sizeof(*book));
    if (book == NULL) {
        return NX_ENOMEM;
    }
    book->conf = *conf;
    book->swept_us = NX_TIME_UNKNOWN;
    *out = book;
    return 0;
}

static void leave_network(struct nx_book *book,
                          struct nx_book_network *network) {
    if (--network->entries_n == 0) {
        HASH_DELETE(hh, book->networks, network);
        free(network);
    }
}

static void drop(struct nx_book *book, struct nx_book_entry *e) {
    HASH_DELETE(hh, book->entries, e);
    if (e->network->next == e) {
        e->network->next = NULL;
    }
    leave_network(book, e->network);
    free(e->run);
    free(e);
}

void nx_book_free(struct nx_book **book_p) {
    struct nx_book *book = *book_p;
    struct nx_book_entry *e = NULL;
    struct nx_book_entry *next = NULL;
    if (book == NULL) {
        return;
    }
    HASH_ITER(hh, book->entries, e, next) {
        drop(book, e);
    }
    free(book);
    *book_p = NULL;
}

/* --- entries --- */

static void key_of(const char *network, const struct nx_endpoint *at,
                   uint32_t agent_id, struct nx_book_key *out) {
    memset(out, 0, sizeof(*out));
    memcpy(out->network, network, strnlen(network, sizeof(out->network) - 1));
    memcpy(out->address, at->address, at->address_len);
    out->scope_id = at->scope_id;
    out->agent_id = nx_endpoint_is_private(at) ? agent_id : 0;
    out->port = at->port;
    out->transport = at->transport;
    out->address_len = at->address_len;
}

struct nx_book_entry *nx_book_find(const struct nx_book *book,
                                   const char *network,
                                   const struct nx_endpoint *at,
                                   uint32_t agent_id) {
    struct nx_book_key key;
    struct nx_book_entry *found = NULL;
    key_of(network, at, agent_id, &key);
    HASH_FIND(hh, book->entries, &key, sizeof(key), found);
    return found;
}

static struct nx_book_network *network_of(struct nx_book *book,
                                          const char *name) {
    struct nx_book_network *found = NULL;
    HASH_FIND(hh, book->networks, name, NX_BOOK_NETWORK_MAX, found);
    if (found == NULL && (found = calloc(1, sizeof(*found))) != NULL) {
        memcpy(found->name, name, sizeof(found->name));
        HASH_ADD(hh, book->networks, name, sizeof(found->name), found);
        if (found->hh.tbl == NULL) {
            free(found);
            return NULL;
        }
    }
    return found;
}

static void entry_init(struct nx_book_entry *e, const struct nx_endpoint *at) {
    memcpy(e->row.network, e->key.network, sizeof(e->row.network));
    e->row.at = *at;
    e->row.agent_id = e->key.agent_id;
    e->row.at.layer = 0;
    e->row.at.server_name = NULL;
    e->row.measured_us = NX_TIME_UNKNOWN;
    e->row.failed_us = NX_TIME_UNKNOWN;
    e->due_us = NX_TIME_UNKNOWN;
    e->tried_us = NX_TIME_UNKNOWN;
    e->row.used_us = NX_TIME_UNKNOWN;
    e->row.serving_us = NX_TIME_UNKNOWN;
}

static int make(struct nx_book *book, const char *network,
                const struct nx_endpoint *at, uint32_t agent_id,
                struct nx_book_entry **out) {
    if (HASH_COUNT(book->entries) >= NX_BOOK_RESOLVERS_MAX) {
        return NX_ELIMIT;
    }
    struct nx_book_entry *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return NX_ENOMEM;
    }
    key_of(network, at, agent_id, &e->key);
    entry_init(e, at);
    e->network = network_of(book, e->key.network);
    if (e->network == NULL) {
        free(e);
        return NX_ENOMEM;
    }
    e->network->entries_n++;
    HASH_ADD(hh, book->entries, key, sizeof(e->key), e);
    if (e->hh.tbl == NULL) {
        leave_network(book, e->network);
        free(e);
        return NX_ENOMEM;
    }
    *out = e;
    return 0;
}

int64_t nx_book_due_after(const struct nx_book *book,
                          const struct nx_book_entry *e, int64_t from_us,
                          uint32_t after_s) {
    uint32_t after =
        after_s < book->conf.every_s ? after_s : book->conf.every_s;
    int64_t whole_us = (int64_t)after * US_PER_S;
    uint64_t spread = (uint64_t)(whole_us / SPREAD_PARTS) + 1;
    uint64_t part =
        nx_hash(&e->key, sizeof(e->key), (uint64_t)from_us) % spread;
    return from_us + whole_us - (int64_t)part;
}

void nx_book_date(struct nx_book_row *row, int64_t at_us) {
    row->measured_us = at_us;
    row->measured.profile.canary_us = row->measured.soa_shown ? at_us : 0;
}

/* As agents have it now, not all that they ever had it for. */
enum nx_book_use nx_book_use(const struct nx_book_row *row, int64_t now_us) {
    if (row->used_us == NX_TIME_UNKNOWN || now_us - row->used_us >= SWEEP_US) {
        return NX_BOOK_UNUSED;
    }
    return row->serving_us != NX_TIME_UNKNOWN &&
                   row->used_us - row->serving_us < SWEEP_US
               ? NX_BOOK_SERVING
               : NX_BOOK_COMPARISON;
}

const char *nx_book_use_text(enum nx_book_use use) {
    return use == NX_BOOK_SERVING      ? "serving"
           : use == NX_BOOK_COMPARISON ? "comparison"
                                       : "none";
}

int nx_book_put(struct nx_book *book, const struct nx_book_row *row) {
    if (nx_endpoint_is_private(&row->at) && row->agent_id == 0) {
        return 0;
    }
    struct nx_book_entry *e =
        nx_book_find(book, row->network, &row->at, row->agent_id);
    int err =
        e == NULL ? make(book, row->network, &row->at, row->agent_id, &e) : 0;
    if (err == 0) {
        e->row.measured = row->measured;
        nx_book_date(&e->row, row->measured_us);
        e->tried_us = row->measured_us;
        e->due_us = nx_book_due_after(book, e, row->measured_us, UINT32_MAX);
    }
    return err;
}

const struct nx_measured *nx_book_measured(const struct nx_book *book,
                                           const char *network,
                                           const struct nx_endpoint *at,
                                           uint32_t agent_id, int64_t now_us) {
    const struct nx_book_entry *e =
        book->entries != NULL ? nx_book_find(book, network, at, agent_id)
                              : NULL;
    return e != NULL && e->row.measured_us != NX_TIME_UNKNOWN &&
                   now_us <= e->row.measured_us + NX_PROFILE_AGED_US
               ? &e->row.measured
               : NULL;
}

const struct nx_profile *nx_book_profile(const struct nx_book *book,
                                         const char *network,
                                         const struct nx_endpoint *at,
                                         uint32_t agent_id, int64_t now_us) {
    const struct nx_measured *measured =
        nx_book_measured(book, network, at, agent_id, now_us);
    return measured != NULL ? &measured->profile : NULL;
}

int nx_book_row_order(const struct nx_book_row *a,
                      const struct nx_book_row *b) {
    const struct nx_endpoint *x = &a->at;
    const struct nx_endpoint *y = &b->at;
    int order = strcmp(a->network, b->network);
    order = order != 0 ? order : (int)x->address_len - (int)y->address_len;
    order = order != 0 ? order : memcmp(x->address, y->address, x->address_len);
    order = order != 0 ? order : (int)x->port - (int)y->port;
    order = order != 0 ? order : (int)x->transport - (int)y->transport;
    order = order != 0
                ? order
                : (x->scope_id > y->scope_id) - (x->scope_id < y->scope_id);
    return order != 0
               ? order
               : (a->agent_id > b->agent_id) - (a->agent_id < b->agent_id);
}

static int by_place(const void *a, const void *b) {
    return nx_book_row_order(&(*(struct nx_book_entry *const *)a)->row,
                             &(*(struct nx_book_entry *const *)b)->row);
}

unsigned nx_book_turned_away(const struct nx_book *book) {
    return book->turned_away_n;
}

static void show(const struct nx_book_entry *e,
                 void (*visit)(void *user, const struct nx_book_row *row),
                 void *user) {
    struct nx_book_row row = e->row;
    row.measuring = e->run != NULL;
    visit(user, &row);
}

void nx_book_each(const struct nx_book *book,
                  void (*visit)(void *user, const struct nx_book_row *row),
                  void *user) {
    const struct nx_book_entry *e = book->entries;
    for (; e != NULL; e = e->hh.next) {
        show(e, visit, user);
    }
}

int nx_book_rows(const struct nx_book *book,
                 void (*visit)(void *user, const struct nx_book_row *row),
                 void *user) {
    size_t n = 0;
    size_t cap = (size_t)HASH_COUNT(book->entries) + 1;
    struct nx_book_entry **order = calloc(cap, sizeof(struct nx_book_entry *));
    if (order == NULL) {
        return NX_ENOMEM;
    }
    for (struct nx_book_entry *e = book->entries; e != NULL; e = e->hh.next) {
        order[n++] = e;
    }
    qsort(order, n, sizeof(struct nx_book_entry *), by_place);
    for (size_t i = 0; i < n; i++) {
        show(order[i], visit, user);
    }
    free(order);
    return 0;
}

/* --- too many of them --- */

struct nx_book_entry *nx_book_note(struct nx_book *book, const char *network,
                                   const struct nx_endpoint *at,
                                   uint32_t agent_id) {
    struct nx_book_entry *e = NULL;
    if (make(book, network, at, agent_id, &e) != 0) {
        book->turned_away_n++;
        return NULL;
    }
    if (e->network->entries_n > NX_BOOK_OF_NETWORK_MAX) {
        drop(book, e);
        book->turned_away_n++;
        return NULL;
    }
    return e;
}

/* No agent uses it, and what is known of it is worth nothing, or less than the
 * room that it takes. */
static bool forgotten(const struct nx_book_entry *e, int64_t now_us) {
    bool unused = nx_book_use(&e->row, now_us) == NX_BOOK_UNUSED;
    bool measured = e->row.measured_us != NX_TIME_UNKNOWN &&
                    now_us - e->row.measured_us < NX_BOOK_KEPT_US;
    return e->run == NULL && unused &&
           (!measured || e->network->entries_n >= NX_BOOK_OF_NETWORK_MAX);
}

void nx_book_sweep(struct nx_book *book, int64_t now_us) {
    struct nx_book_entry *e = NULL;
    struct nx_book_entry *next = NULL;
    if (book->swept_us == NX_TIME_UNKNOWN) { /* agents are yet to come */
        book->swept_us = now_us;
    }
    if (now_us - book->swept_us < SWEEP_US) {
        return;
    }
    book->swept_us = now_us;
    HASH_ITER(hh, book->entries, e, next) {
        if (forgotten(e, now_us)) {
            drop(book, e);
        }
    }
}
