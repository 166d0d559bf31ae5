/* From looks at canary names to a resolver's profile (nxclear-estimator(7) 5.1,
 * 12). Each field is decided by the looks that show it, and left unknown where
 * they do not. Pure. */
#ifndef NX_COLLECTOR_MEASURE_H
#define NX_COLLECTOR_MEASURE_H

#include "collector/infer/facts.h"
#include "collector/infer/look.h"
#include "collector/profile/canary.h"

#define NX_CANARY_LOOKS_MAX 16U /* kept of each question */
/* What was measured is believed so long. */
#define NX_PROFILE_AGED_US (INT64_C(7) * 86400 * 1000000)

struct nx_canary_look {
    struct nx_look look;
    uint64_t rdata_hash; /* of a positive answer; 0: none */
    bool foreign;        /* denied by another zone than the name's */
};

/* An address that stands in RDATA; len 0: none, or of another family. */
struct nx_egress {
    uint8_t address[16];
    uint8_t len;
};

#define NX_CANARY_NSIDS_MAX 4U
struct nx_nsid {
    uint8_t len; /* 0: none */
    uint8_t bytes[NX_ANSWER_NSID_MAX];
};

struct nx_canary_looks {
    bool sibling; /* below a zone in use (nx_canary_run), whose ... */
    uint32_t w_s; /* ... servers send this negative TTL */
    struct nx_canary_look of[NX_CANARIES_N_][NX_CANARY_LOOKS_MAX];
    uint16_t n[NX_CANARIES_N_];
    bool ede_seen;                             /* in any answer */
    bool bogus_ede_seen;                       /* in the bogus zone ... */
    uint16_t bogus_ede;                        /* ... the first one */
    struct nx_nsid nsids[NX_CANARY_NSIDS_MAX]; /* that differ */
    uint8_t nsids_n;
    struct nx_nsid server;      /* what id.server or hostname.bind says */
    struct nx_egress egress;    /* who asked the authoritative server */
    bool egress_is_resolver;    /* the address that was asked */
    struct nx_egress rewritten; /* the answer for what does not exist */
};

/* Takes an observation of a run's question into the looks. One of a question
 * that could not be sent is none: what it would have shown stays unmeasured. */
void nx_canary_looks_add(struct nx_canary_looks *looks,
                         const struct nx_canary_run *run, enum nx_canary which,
                         const struct nx_obs *obs, int64_t theta_us,
                         uint32_t eps_us);

/* Why a run tells nothing of the resolver's habits. */
enum nx_run_trouble {
    NX_RUN_NO_TROUBLE,
    NX_RUN_BROKEN_OFF, /* the agent did not ask, or did not get to the end */
    NX_RUN_SILENT,     /* the resolver does not answer */
    NX_RUN_REFUSED,    /* it does not serve this agent */
    NX_RUN_UNREACHED,  /* it does not reach the servers of the canary zone */
    NX_RUN_FOREIGN,    /* other zones deny the names: the delegation is lost */
    NX_RUN_WILDCARD,   /* below a zone in use: sibling labels exist there */
};
#define NX_RUN_TROUBLES_N (NX_RUN_WILDCARD + 1)

/* More than a quarter of the answers that a run waits for are missing or are
 * none of the canary zone's: then what is left may be half the truth (an end
 * that was an outage's, a cap that was another zone's), so nothing of it is
 * believed. Names that need not be served (whoami) and RD=0, which may
 * rightly be refused, do not count. Below a zone in use an answer is a
 * wildcard's as well as a resolver's that rewrites denials: nothing is learnt
 * of either. */
enum nx_run_trouble nx_canary_trouble(const struct nx_canary_looks *looks,
                                      const struct nx_canary_run *run);
const char *nx_run_trouble_text(unsigned trouble);   /* "unreached" */
const char *nx_run_trouble_advice(unsigned trouble); /* a sentence */

/* Does the resolver ask from its own address, or is there another one? Who
 * stands before it at the same address (dnsdist, dnsmasq) is not seen by that;
 * nor how many stand behind one another. */
enum nx_chain {
    NX_CHAIN_UNKNOWN,
    NX_CHAIN_OWN,   /* the authoritative server saw its own address */
    NX_CHAIN_OTHER, /* ... another one: forwarder, or many addresses */
};

/* What it says when asked who it is (id.server, hostname.bind). */
enum nx_who {
    NX_WHO_UNKNOWN, /* no answer, or not asked */
    NX_WHO_TOLD,
    NX_WHO_NOTHING, /* an empty name, or that there is none */
    NX_WHO_REFUSED,
};

/* Does it validate? By its own word: the AD bit of an answer about the root,
 * which is signed. A forwarder may pass on the word of another one. */
enum nx_validates {
    NX_VALIDATES_UNKNOWN,
    NX_VALIDATES_SAID,
    NX_VALIDATES_NOT_SAID, /* it does not, or does not tell */
};

/* What becomes of a name that cannot be validated, in a zone whose servers
 * answer: with CD=1 there is an answer. */
enum nx_bogus {
    NX_BOGUS_UNKNOWN,  /* no such zone, or it was not reached */
    NX_BOGUS_FAILED,   /* SERVFAIL: somebody validates */
    NX_BOGUS_ANSWERED, /* nobody does, or the delegation is not bogus */
};

/* Extended errors (RFC 8914): none is known to be missing but beside a failure
 * by validation. */
enum nx_ede {
    NX_EDE_UNKNOWN,
    NX_EDE_YES,
    NX_EDE_NO,
};

/* What a run measured; the profile that the estimator takes, and what only
 * people want to know. */
#define NX_NOT_MEASURED UINT32_MAX
struct nx_measured {
    struct nx_profile profile;
    uint32_t nxdomain_cap_s; /* 0: none below a week; NX_NOT_MEASURED */
    uint32_t nodata_cap_s;   /* likewise */
    uint32_t floor_s;        /* what W = 1 becomes; NX_NOT_MEASURED */
    /* 0: measured below a canary zone; else below a zone in use with this W: a
     * cap was seen only if it is smaller, a floor if it is larger, and the
     * chain is not known. */
    uint32_t sibling_w_s;
    /* Where all denials of a zone in use show one SOA, a fresh name shows what
     * is left of it, and not the cap. It does so at once after that SOA's end:
     * this is a moment by which that one is over; 0: it hid no cap. The cap of
     * an earlier run stays then, until that is too old. None is stored. */
    int64_t soa_over_us;
    uint32_t soa_serial;
    int64_t cap_seen_us; /* 0: with the rest */
    /* What this run alone would have said of the caps, and when; not stored:
     * shown_us is 0 then. */
    uint32_t nxdomain_shown_s;
    uint32_t nodata_shown_s;
    int64_t shown_us;
    uint8_t soa_clock;    /* as seen; the profile's is unknown in a chain */
    uint8_t chain;        /* enum nx_chain */
    uint16_t caches_seen; /* at least so many; 0: not counted */
    bool soa_shown;
    bool rewrites_nxdomain;       /* an address where there is none ... */
    struct nx_egress rewrites_to; /* ... the first that was seen */
    bool ede_seen;                /* some answer had an extended error */
    uint8_t bogus;                /* enum nx_bogus */
    bool bogus_ede_seen;    /* with NX_BOGUS_FAILED: its failure had one ... */
    uint16_t bogus_ede;     /* ... the first */
    uint8_t instances_seen; /* NSIDs that differ; 0: it shows none */
    struct nx_nsid nsid;    /* one of them */
    uint8_t who;            /* enum nx_who */
    uint8_t validates;      /* enum nx_validates */
    struct nx_nsid server;  /* with NX_WHO_TOLD */
    struct nx_egress asks_from;
};

/* The first look of the run that counts: NX_ENOTFOUND when no canary that is
 * denied got a denial (or an answer made up in its place): then nothing is
 * known of this resolver. before: what was measured last, NULL: nothing;
 * before_us: when. */
int nx_measure(const struct nx_canary_looks *looks,
               const struct nx_measured *before, int64_t before_us,
               struct nx_measured *out) NX_MUSTUSE;

/* Fills what the profile has from the rest: chain, clock, cap, floor, weights;
 * verified, unless it was measured below a zone in use. */
void nx_measured_settle(struct nx_measured *m);

/* Texts of JSON and tables: "own", "shared-until-change", ... */
const char *nx_soa_clock_text(unsigned clock);
const char *nx_conv_text(unsigned conv);
const char *nx_rd0_text(unsigned rd0);
const char *nx_chain_text(unsigned chain);
const char *nx_past_ttl_text(unsigned past_ttl);
const char *nx_who_text(unsigned who);
const char *nx_validates_text(unsigned validates);
const char *nx_bogus_text(unsigned bogus);
const char *nx_ede_text(unsigned ede);

enum nx_ede nx_measured_ede(const struct nx_measured *m);

#endif
