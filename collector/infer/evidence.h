/* What the looks of one target say together: who answered what last, which W
 * counts, which TTLs may be believed, which lines live
 * (nxclear-estimator(7) 5.2 to 5.5, 12). The step between looks and verdict.
 * Pure. */
#ifndef NX_COLLECTOR_EVIDENCE_H
#define NX_COLLECTOR_EVIDENCE_H

#include "collector/infer/chao.h"
#include "collector/infer/diagnosis.h"
#include "collector/infer/lines.h"
#include "collector/infer/prior.h"

/* What nx_diagnose is given. */
struct nx_case {
    const struct nx_diagnosis_settings *settings;
    const struct nx_look *looks; /* oldest first */
    size_t looks_n;
    const struct nx_auth_facts *auth;
    const struct nx_profile *profile;
    int64_t now_us;
    struct nx_memory before;
};

#define NX_NO_LOOK (-1)

/* A TTL that stands still (5.5): so many looks, over so long. */
#define NX_FLAT_LOOKS 3U
#define NX_FLAT_SPAN_US (NX_US_PER_S * 9 / 4)

struct nx_evidence {
    const struct nx_case *c;
    /* Indexes of looks, NX_NO_LOOK when there is none. */
    int last;      /* newest that says something about the name */
    int last_neg;  /* newest and oldest negative */
    int first_neg; /* ... */
    int first_pos; /* oldest positive after last_neg */
    int last_pos;
    unsigned neg_n;
    unsigned pos_n;  /* positives since the restoration */
    unsigned run_n;  /* ... after last_neg, from distinct source ports */
    unsigned lost_n; /* timeouts and network errors at the end */
    unsigned miss_n;
    unsigned policy_n;         /* negatives that no cache makes */
    unsigned after_restored_n; /* looks of any kind since the restoration */
    bool heard;                /* the agent reported lately */
    uint32_t nsec_s;           /* so long NSEC records deny; 0: not here */
    uint32_t w_auth_s;         /* as the authority sends it */
    uint32_t w_s;              /* W_eff */
    uint32_t w_likely_s;       /* mean of W over usual caps, else W_eff */
    size_t caps_n;             /* usual caps that are still possible */
    struct nx_usual_cap caps[NX_CAPS_MAX];
    bool ttl_raised;
    bool nsec_kept; /* above the cap: made from an NSEC, which has none */
    bool flat;      /* 5.5: the last three or more looks show the same TTL */
    bool capped;    /* ... which is the display cap */
    int32_t flat_r_s;
    int untrusted;       /* newest look whose TTL is the zone's, not its own */
    int first_untrusted; /* oldest such look */
    int64_t floor_us;    /* the entry does not end before; NX_TIME_UNKNOWN */
    bool expired_unverified; /* a line passed its b, nobody looked since */
    int64_t expired_us;    /* b of the last line that ended; NX_TIME_UNKNOWN */
    bool clock_step;       /* the resolver's clock was set */
    unsigned lines_seen_n; /* caches that denied, those that ended included */
    unsigned caches; /* as canaries counted them; 0: not known, or refuted */
    int64_t cut_us;  /* a of the last line that one cache was seen to drop
                        before its end; NX_TIME_UNKNOWN */
    struct nx_line_set lines; /* the live ones, by a */
    struct nx_chao chao;      /* over all lines, and the positives as one */
    struct nx_chao answering; /* over the caches of the newest positives */
};

void nx_evidence_gather(const struct nx_case *c, struct nx_evidence *out);

static inline int64_t nx_evidence_w_us(const struct nx_evidence *ev) {
    return (int64_t)ev->w_s * NX_US_PER_S;
}

/* The second half of it (countdown.c): W, trusted TTLs, lines. */
void nx_evidence_countdown(struct nx_evidence *ev);

/* Does the reply say something about the name? */
bool nx_kind_is_telling(unsigned kind);

/* Is it, where it is not the restored answer, one that speaks against a row of
 * those, or against `clear`? So are a referral and an answer that was cut for
 * good, which tell nothing of the name, but that clients have no answer. */
bool nx_look_breaks_row(const struct nx_look *look);

/* The restored answer: a positive one from before the restoration is the old
 * entry. */
static inline bool nx_look_is_restored(const struct nx_case *c,
                                       const struct nx_look *look) {
    return look->kind == NX_KIND_POS &&
           (c->auth->restored_lo_us == NX_TIME_UNKNOWN ||
            look->tx_us >= c->auth->restored_lo_us);
}

/* By what a denial shows that no cache made it (10.1); the plainest first. */
enum nx_policy_sign {
    NX_POLICY_NO_SIGN,
    NX_POLICY_EDE,            /* it says so itself */
    NX_POLICY_SOA_ADDITIONAL, /* as response policy zones do */
    NX_POLICY_SOA_QNAME,
    NX_POLICY_SOA_FOREIGN,
    NX_POLICY_LOCAL_DATA, /* authoritative, but of no zone */
};
enum nx_policy_sign nx_look_policy_sign(const struct nx_look *look);

static inline bool nx_look_is_policy(const struct nx_look *look) {
    return nx_look_policy_sign(look) != NX_POLICY_NO_SIGN;
}

/* What the same question with CD=1 showed, in the row of failures that lasts;
 * the newest that showed something. */
enum nx_twin {
    NX_TWIN_NONE,
    NX_TWIN_ANSWERED, /* validation fails, resolving does not */
    NX_TWIN_FAILED,   /* resolving fails */
};
enum nx_twin nx_evidence_twin(const struct nx_case *c);

/* What other EDNS sizes brought, in the row of losses that lasts. */
void nx_evidence_sizes(const struct nx_case *c, struct nx_sizes *out);

/* Was it denied when it last said something about the name? A refusal, or no
 * reply, says nothing. */
bool nx_evidence_is_denied_last(const struct nx_evidence *ev);

/* The newest negative look, NULL when there is none. */
const struct nx_look *nx_evidence_negative(const struct nx_evidence *ev);

/* Serial of a look of the incident's zone at or past the restored one
 * (RFC 1982 section 3). */
bool nx_serial_current(const struct nx_look *look,
                       const struct nx_auth_facts *auth);

/* Whole seconds by which the inclusive family outlives floor(t) + r (12.3):
 * 1 s for F0, and for U unless the clock shown was found to be the entry's. */
int64_t nx_inclusive_us(const struct nx_profile *profile);

/* Do servers that a cached NS set still names deny the name again (5.12)? Then
 * an entry that ends may be followed by the next, until the set expires. */
bool nx_is_refed(const struct nx_evidence *ev);

/* The parent denies, and old servers do, too: until then, after the
 * restoration, caches may have what those gave. 0: they do not. */
int64_t nx_fed_beside_us(const struct nx_evidence *ev);

/* Unknown for this reason (enum nx_unknown_reason): is there a forecast all the
 * same? While old servers hold the guard shut, what they feed is known. */
bool nx_unknown_is_forecast(const struct nx_evidence *ev, unsigned reason);

/* Later than any entry of one layer can end, clock errors included;
 * INT64_MAX when the restoration is not known. */
int64_t nx_single_layer_end(const struct nx_evidence *ev);

/* Do NSEC records outlive the SOA that a denial made from them needs (RFC 8198
 * section 5)? Then one that validates answers while it has no SOA, and denies
 * again once a denial of any other name brings one. */
bool nx_nsec_outlives_soa(const struct nx_evidence *ev);

#endif
