/* Name servers that left a zone's NS set while caches may still know them: a
 * recursive resolver that holds the old set asks them for the name until that
 * set has run out, and is given a fresh denial where they deny. So rule 1 (do
 * no harm) holds the guard shut as long as one of them does, and auditors go on
 * asking them. Pure.
 *
 * What plants a denial is told by nx_answer_plants. What plants none: another
 * answer, a referral, REFUSED, SERVFAIL and silence; resolvers then ask another
 * server.
 * One that denied is harmless after it answered otherwise for settle_us, or
 * when it was asked in vain for patience_us by one who hears others. One that
 * nobody asks is not known to be harmless. */
#ifndef NX_COLLECTOR_LEFT_H
#define NX_COLLECTOR_LEFT_H

#include "collector/infer/facts.h"
#include "collector/infer/look.h"
#include "common/obs.h"

#define NX_LEFT_MAX 32U          /* of one item */
#define NX_LEFT_VANTAGES_MAX 16U /* as NX_AUTH_VANTAGES_MAX */
/* No cache keeps an NS set longer: BIND's max-cache-ttl, the largest of the
 * usual defaults (unbound, PowerDNS Recursor and Knot Resolver: a day). */
#define NX_LEFT_TTL_MAX_S 604800U

static inline uint32_t nx_left_kept_s(uint32_t ttl_s) {
    return ttl_s < NX_LEFT_TTL_MAX_S ? ttl_s : NX_LEFT_TTL_MAX_S;
}

enum nx_left_class {
    NX_LEFT_HARMLESS,
    NX_LEFT_SILENT,  /* asked in vain: set aside */
    NX_LEFT_PENDING, /* nobody asked it (lately) */
    NX_LEFT_SETTLES, /* it denied not long ago */
    NX_LEFT_DENIES,
};
const char *nx_left_class_text(unsigned class_);

/* What one vantage sees of it; NX_TIME_UNKNOWN where it did not happen. */
struct nx_left_sight {
    uint32_t agent_id;
    int64_t last_us;   /* newest answer or timeout */
    int64_t vain_us;   /* newest answer, or the vantage was blind until then */
    int64_t denied_us; /* newest denial */
    int64_t well_us;   /* first other answer after it */
};

struct nx_left_server {
    struct nx_endpoint at; /* server_name NULL: see name */
    bool named;
    bool zone_known;
    uint8_t name[NX_DNAME_MAX];
    uint8_t zone[NX_DNAME_MAX]; /* the one it was asked for in the set */
    int64_t left_us;            /* it was found to be gone from the set */
    int64_t until_us;           /* no cache holds the old set longer */
    uint32_t w_s;               /* largest negative TTL it sent; 0: none */
    uint8_t class_;             /* enum nx_left_class, as of the last step */
    bool unasked;    /* so long since it left that somebody should have */
    bool answered;   /* the newest answer, of whichever vantage: */
    uint8_t outcome; /* enum nx_outcome */
    bool bare;       /* nothing in it: NODATA to resolvers (plants.h) */
    uint16_t rcode;
    int64_t last_us; /* NX_TIME_UNKNOWN */
    struct nx_left_sight sights[NX_LEFT_VANTAGES_MAX];
    uint8_t sights_n;
};

struct nx_left {
    struct nx_left_server *list; /* ordered by when they left */
    size_t n;
    int64_t gap_us;     /* without a question for so long nobody asks in vain */
    uint64_t changes_n; /* grows when one comes or goes */
    int64_t unkept_until_us; /* of those there was no room for */
    int64_t fed_us;          /* of those that are not kept any more */
    uint32_t fed_w_s;
};

struct nx_left_rules {
    int64_t settle_us;
    int64_t patience_us;
    int64_t woke_us; /* what was seen before is of another process */
};

void nx_left_init(struct nx_left *left);
void nx_left_fini(struct nx_left *left);

/* A server left the set at at_us at the latest; old sets live for ttl_s (at
 * most NX_LEFT_TTL_MAX_S of it). name: of the server, zone: whose set it was;
 * or NULL. w_s: the negative TTL it sent; 0: none. sight: what was seen of it
 * in the set; NULL: nothing. One that is in the list gets the later end.
 * NX_ENOMEM. */
int nx_left_add(struct nx_left *left, const struct nx_endpoint *at,
                const uint8_t *name, const uint8_t *zone, int64_t at_us,
                uint32_t ttl_s, uint32_t w_s,
                const struct nx_left_sight *sight) NX_MUSTUSE;

/* NULL: not one of them. Borrowed until the next change. */
const struct nx_left_server *nx_left_find(const struct nx_left *left,
                                          const struct nx_endpoint *at);

/* It is in the set again, as all vantages see it. What it fed until it answered
 * otherwise is kept. */
void nx_left_back(struct nx_left *left, const struct nx_endpoint *at);

/* An answer to the item's question. True: one of these denies. Others are
 * ignored. blind_us: until then the vantage had answers of nobody. */
bool nx_left_answer(struct nx_left *left, uint32_t agent_id,
                    const struct nx_obs *obs, const struct nx_look *look,
                    int64_t blind_us);

/* That vantage is none any more. */
void nx_left_forget(struct nx_left *left, uint32_t agent_id);

/* Works out the classes; forgets those whose time is over. */
void nx_left_step(struct nx_left *left, const struct nx_left_rules *rules,
                  int64_t now_us);

/* Rule 1, after a step: until when the guard stays shut because of them, as
 * things stand; NX_TIME_UNKNOWN: they do not hold it. */
int64_t nx_left_shut_until(const struct nx_left *left, int64_t now_us);

/* After a step: the last instant at which one of them may give a cache a fresh
 * denial (NX_TIME_UNKNOWN: none ever did or will), and its negative TTL. */
int64_t nx_left_fed(const struct nx_left *left,
                    const struct nx_left_rules *rules, uint32_t *w_s);

#endif
