/* Inside book*.c: entries by network and address, and what runs at them. */
#ifndef NX_COLLECTOR_BOOK_PRIV_H
#define NX_COLLECTOR_BOOK_PRIV_H

#include "collector/profile/book.h"
#include "common/hash.h"

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, hash)                                          \
    ((hash) = (unsigned)nx_hash((key), (len), 0))
#include <uthash.h>

struct nx_book_key {
    char network[NX_BOOK_NETWORK_MAX];
    uint8_t address[16];
    uint32_t scope_id;
    uint32_t agent_id; /* 0: the network's */
    uint16_t port;
    uint8_t transport;
    uint8_t address_len;
};

struct nx_book_run {
    uint32_t agent_id;
    int64_t begun_us;
    struct nx_canary_run names;
    uint16_t of_n[NX_CANARIES_N_]; /* observations of each question */
    struct nx_canary_looks looks;
};

struct nx_book_entry {
    struct nx_book_key key;
    struct nx_book_row row;
    struct nx_book_network *network;
    int64_t due_us;           /* NX_TIME_UNKNOWN: at once */
    int64_t tried_us;         /* the last run's begin; NX_TIME_UNKNOWN: none */
    uint32_t failed_agent_id; /* whose run gave nothing last; 0: nobody's */
    bool wanted;              /* a verdict waits for it */
    unsigned failures_n;      /* since it was measured */
    unsigned followed_n;      /* runs since then that a SOA's end began */
    struct nx_book_run *run;
    UT_hash_handle hh;
};

struct nx_book_network {
    char name[NX_BOOK_NETWORK_MAX];
    unsigned entries_n;
    unsigned runs_n;
    struct nx_book_entry *next; /* by that agent; NULL: none is due */
    uint32_t next_agent_id;
    UT_hash_handle hh;
};

struct nx_book {
    struct nx_canary_conf conf;
    struct nx_book_entry *entries;
    struct nx_book_network *networks;
    unsigned runs_n;
    unsigned turned_away_n;
    uint32_t w_s; /* of the zone of sibling labels */
    int64_t swept_us;
};

/* NULL: not noted. */
struct nx_book_entry *nx_book_find(const struct nx_book *book,
                                   const char *network,
                                   const struct nx_endpoint *at,
                                   uint32_t agent_id);
/* A new one; NULL: too many, or no memory. */
struct nx_book_entry *nx_book_note(struct nx_book *book, const char *network,
                                   const struct nx_endpoint *at,
                                   uint32_t agent_id);

/* When it was measured; and so lately its canary names were resolved. */
void nx_book_date(struct nx_book_row *row, int64_t at_us);

/* So long after from_us, every_s at most, and up to a fifth earlier: not all at
 * the same time of the day. */
int64_t nx_book_due_after(const struct nx_book *book,
                          const struct nx_book_entry *e, int64_t from_us,
                          uint32_t after_s);

/* Once an hour: forgets what is to be forgotten. */
void nx_book_sweep(struct nx_book *book, int64_t now_us);

#endif
