#include "collector/profile/canary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/rrtype.h"

#define DAY_MS 86400000U /* asked once: the plan is another one by then */
#define SLOW_US INT64_C(1000000)
#define GRACE_US INT64_C(10000000)
/* The end of a sibling's denial: seen by one row of looks where W is at most
 * END_NEAR_S, by a second row that begins END_LEAD_MS before it where it is at
 * most END_FAR_S. */
#define END_NEAR_S 8U
#define END_FAR_S 60U
#define END_LEAD_MS 3400U
#define END_ROW_N 8U
#define END_ROW_GAP_MS 760U
/* The second row of looks of NX_CANARY_PREFETCH: whatever the rounding, the
 * first is in the last tenth, and the next one after the end. */
#define PREFETCH_AGAIN_MS 18200U
/* Below a zone in use: the agent asks first whether it is signed
 * (agent/plan/siblings.h). */
#define SIBLING_LEAD_MS 700U

static const struct rule {
    const char *prefix, *suffix; /* around the run's number; NULL: none */
    uint32_t first_after_ms;
    uint16_t visit_n; /* 0: the run's count_n */
    uint16_t gap_ms;
    bool rd0, nsid;
    const char *elsewhere; /* the whole name, instead; NULL */
    bool chaos, ad;
    bool sibling; /* asked below a zone that is in use, too */
} rules[NX_CANARIES_N_] = {
    [NX_CANARY_CAP] = {.sibling = true,
                       .prefix = "c",
                       .suffix = "",
                       .first_after_ms = 500,
                       .visit_n = 2,
                       .gap_ms = 2100},
    [NX_CANARY_NODATA] = {.sibling = true,
                          .prefix = "n",
                          .suffix = "many.",
                          .first_after_ms = 600,
                          .visit_n = 2,
                          .gap_ms = 2100},
    [NX_CANARY_FLOOR] = {.prefix = "f",
                         .suffix = "short.",
                         .first_after_ms = 700,
                         .visit_n = 1},
    /* 16 looks 610 ms apart reach past the end whatever the rounding, at
     * another part of the second each time. */
    [NX_CANARY_END] = {.sibling = true,
                       .prefix = "e",
                       .suffix = "end.",
                       .first_after_ms = 500,
                       .visit_n = 16,
                       .gap_ms = 610},
    [NX_CANARY_CLOCK] = {.sibling = true,
                         .prefix = "a",
                         .suffix = "clock.",
                         .first_after_ms = 500,
                         .visit_n = 4,
                         .gap_ms = 3000},
    [NX_CANARY_CLOCK_NEXT] = {.sibling = true,
                              .prefix = "b",
                              .suffix = "clock.",
                              .first_after_ms = 7800,
                              .visit_n = 1},
    [NX_CANARY_PREFETCH] = {.prefix = "p",
                            .suffix = "prefetch.",
                            .first_after_ms = 500,
                            .visit_n = 2,
                            .gap_ms = 3200},
    [NX_CANARY_COUNT] = {.sibling = true,
                         .prefix = "m",
                         .suffix = "many.",
                         .first_after_ms = 900,
                         .gap_ms = NX_CANARY_COUNT_GAP_MS},
    [NX_CANARY_EGRESS] = {.suffix = "whoami.",
                          .first_after_ms = 1100,
                          .visit_n = 1},
    [NX_CANARY_RD0_CACHED] = {.sibling = true,
                              .prefix = "c",
                              .suffix = "",
                              .first_after_ms = 9000,
                              .visit_n = 1,
                              .rd0 = true},
    [NX_CANARY_RD0_FRESH] = {.sibling = true,
                             .prefix = "u",
                             .suffix = "",
                             .first_after_ms = 9200,
                             .visit_n = 1,
                             .rd0 = true},
    [NX_CANARY_NSID] = {.sibling = true,
                        .prefix = "i",
                        .suffix = "many.",
                        .first_after_ms = 1300,
                        .visit_n = 4,
                        .gap_ms = 1700,
                        .nsid = true},
    [NX_CANARY_SERVER] = {.sibling = true,
                          .first_after_ms = 1500,
                          .visit_n = 1,
                          .elsewhere = "\2id\6server",
                          .chaos = true},
    [NX_CANARY_HOSTNAME] = {.sibling = true,
                            .first_after_ms = 1700,
                            .visit_n = 1,
                            .elsewhere = "\10hostname\4bind",
                            .chaos = true},
    [NX_CANARY_VALIDATES] = {.sibling = true,
                             .first_after_ms = 1900,
                             .visit_n = 1,
                             .elsewhere = "",
                             .ad = true},
    [NX_CANARY_BOGUS] = {.sibling = true,
                         .prefix = "v",
                         .suffix = "",
                         .first_after_ms = 2000,
                         .visit_n = 2,
                         .gap_ms = 2100},
};

int nx_canary_zone_check(const uint8_t *zone) {
    return nx_dname_len(zone) + NX_CANARY_LABELS_MAX > NX_DNAME_MAX ? NX_ELIMIT
                                                                    : 0;
}

bool nx_canary_disturbs(const uint8_t *zone, const uint8_t *name) {
    const uint8_t *top = zone;
    while (nx_dname_labels(top) > 2) {
        top = nx_dname_parent(top);
    }
    return nx_dname_under(name, top) || nx_dname_under(zone, name);
}

static uint8_t *put_label(uint8_t *to, const char *text) {
    size_t len = strcspn(text, ".");
    *to = (uint8_t)len;
    memcpy(to + 1, text, len);
    return to + 1 + len;
}

/* A whole name in place of one below the zone; NULL: none. */
static const char *elsewhere(const struct nx_canary_run *run,
                             enum nx_canary which) {
    return run->sibling && which == NX_CANARY_NSID ? ""
                                                   : rules[which].elsewhere;
}

static void make_name(const struct nx_canary_run *run, enum nx_canary which,
                      uint8_t *out) {
    char label[16];
    const struct rule *rule = &rules[which];
    const char *suffix = run->sibling ? "" : rule->suffix;
    const char *whole = elsewhere(run, which);
    bool at_zone = run->sibling && which == NX_CANARY_NODATA;
    if (whole != NULL) {
        memcpy(out, whole, strlen(whole) + 1);
        return;
    }
    if (rule->prefix != NULL && !at_zone) {
        (void)snprintf(label, sizeof(label), "%s%08" PRIx32, rule->prefix,
                       run->id);
        out = put_label(out, label);
    }
    if (suffix[0] != '\0') {
        out = put_label(out, suffix);
    }
    const uint8_t *zone =
        which == NX_CANARY_BOGUS ? run->bogus_zone : run->zone;
    memcpy(out, zone, nx_dname_len(zone));
}

static uint16_t type_of(const struct nx_canary_run *run, enum nx_canary which) {
    if (elsewhere(run, which) != NULL) {
        return rules[which].chaos ? NX_TYPE_TXT : NX_TYPE_NS;
    }
    if (run->sibling && which == NX_CANARY_NODATA) {
        return (uint16_t)(NX_TYPE_PRIVATE_FIRST + run->id % NX_TYPE_PRIVATE_N);
    }
    bool aaaa =
        which == NX_CANARY_NODATA || (which == NX_CANARY_EGRESS && run->v6);
    return aaaa ? NX_TYPE_AAAA : NX_TYPE_A;
}

/* Rows of looks: how many looks of a question, at what distance, and when
 * the second one begins after the first; 0: there is none. */
struct rows {
    uint16_t visit_n, gap_ms;
    uint32_t again_ms;
};

static struct rows rows_of(const struct nx_canary_run *run,
                           enum nx_canary which) {
    const struct rule *rule = &rules[which];
    if ((run->sibling && !rule->sibling) ||
        (which == NX_CANARY_BOGUS && run->bogus_zone == NULL)) {
        return (struct rows){.visit_n = 0};
    }
    bool far = run->sibling && which == NX_CANARY_END &&
               run->w_s > END_NEAR_S && run->w_s <= END_FAR_S;
    if (far) {
        return (struct rows){END_ROW_N, END_ROW_GAP_MS,
                             run->w_s * 1000 - END_LEAD_MS};
    }
    return (struct rows){rule->visit_n > 0 ? rule->visit_n : run->count_n,
                         rule->gap_ms,
                         which == NX_CANARY_PREFETCH ? PREFETCH_AGAIN_MS : 0};
}

static uint32_t first_after_ms(const struct nx_canary_run *run,
                               enum nx_canary which) {
    return rules[which].first_after_ms + (run->sibling ? SIBLING_LEAD_MS : 0);
}

unsigned nx_canary_visit(const struct nx_canary_run *run,
                         enum nx_canary which) {
    struct rows rows = rows_of(run, which);
    return rows.again_ms > 0 ? 2U * rows.visit_n : rows.visit_n;
}

void nx_canary_task(const struct nx_canary_run *run, enum nx_canary which,
                    uint8_t *name_out, struct nx_task *out) {
    const struct rule *rule = &rules[which];
    struct rows rows = rows_of(run, which);
    make_name(run, which, name_out);
    *out = (struct nx_task){
        .kind = NX_TASK_RESOLVER,
        .name = name_out,
        .qtype = type_of(run, which),
        .first_after_ms = first_after_ms(run, which),
        .interval_ms = rows.again_ms > 0 ? rows.again_ms : DAY_MS,
        .visit_n = rows.visit_n,
        .visit_gap_ms = rows.gap_ms,
        .canary = true,
        .sibling = run->sibling && nx_canary_in_zone(run, which),
        .rd0 = rule->rd0,
        .nsid = rule->nsid,
        .chaos = rule->chaos,
        .ad = rule->ad,
        .cd = which == NX_CANARY_BOGUS,
    };
}

enum nx_canary nx_canary_of(const struct nx_canary_run *run,
                            const struct nx_question *question) {
    uint8_t name[NX_DNAME_MAX];
    bool rd0 = (question->flags & NX_Q_RD) == 0;
    bool cd = (question->flags & NX_Q_CD) != 0;
    for (unsigned i = 0; i < NX_CANARIES_N_; i++) {
        if (rows_of(run, (enum nx_canary)i).visit_n == 0 ||
            rules[i].rd0 != rd0 || (cd && i != NX_CANARY_BOGUS) ||
            rules[i].chaos != ((question->flags & NX_Q_CH) != 0) ||
            rules[i].ad != ((question->flags & NX_Q_AD) != 0) ||
            type_of(run, (enum nx_canary)i) != question->qtype) {
            continue;
        }
        make_name(run, (enum nx_canary)i, name);
        if (nx_dname_equal(name, question->name)) {
            return (enum nx_canary)i;
        }
    }
    return NX_CANARIES_N_;
}

bool nx_canary_in_zone(const struct nx_canary_run *run, enum nx_canary which) {
    return elsewhere(run, which) == NULL && which != NX_CANARY_BOGUS;
}

void nx_canary_apex(const struct nx_canary_run *run, enum nx_canary which,
                    uint8_t *out) {
    const char *suffix = run->sibling ? "" : rules[which].suffix;
    bool below = suffix[0] != '\0' && strcmp(suffix, "many.") != 0;
    uint8_t *to = below ? put_label(out, suffix) : out;
    memcpy(to, run->zone, nx_dname_len(run->zone));
}

unsigned nx_canary_looks(const struct nx_canary_run *run) {
    unsigned n = 0;
    for (unsigned i = 0; i < NX_CANARIES_N_; i++) {
        n += nx_canary_visit(run, (enum nx_canary)i);
    }
    return n;
}

int64_t nx_canary_lasts_us(const struct nx_canary_run *run) {
    int64_t last_us = 0;
    for (unsigned i = 0; i < NX_CANARIES_N_; i++) {
        struct rows rows = rows_of(run, (enum nx_canary)i);
        int64_t end_ms = (int64_t)first_after_ms(run, (enum nx_canary)i) +
                         rows.again_ms + (int64_t)rows.visit_n * rows.gap_ms;
        int64_t end_us = end_ms * 1000;
        last_us = end_us > last_us ? end_us : last_us;
    }
    int64_t slow_us = (int64_t)nx_canary_looks(run) * SLOW_US;
    return (slow_us > last_us ? slow_us : last_us) + GRACE_US;
}
