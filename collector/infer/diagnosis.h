/* From looks and facts to a verdict: the closed set of states with hysteresis
 * (nxclear-estimator(7) 5.7), forecast, and when to look again (5.11). */
#ifndef NX_COLLECTOR_DIAGNOSIS_H
#define NX_COLLECTOR_DIAGNOSIS_H

#include "collector/infer/lines.h" /* NX_LOOKS_MAX */
#include "collector/infer/verdict.h"

/* 3.4, 5.7: a resolver that serves first and refreshes after denies once; so
 * long a look that takes `clear` back waits for another. */
#define NX_CONFIRM_US (35 * NX_US_PER_S)

struct nx_diagnosis_settings {
    double clear_max_share;   /* 0.05 */
    int64_t probe_floor_us;   /* 5 s */
    int64_t probe_ceiling_us; /* 300 s */
    double probe_cost_s;      /* 30: seconds of delay one query is worth */
    int64_t guard_us;         /* 0.25 s after a predicted end */
    int64_t silent_after_us;  /* 120 s: fresh looks are younger */
    uint16_t first_visit_n;   /* looks of the first visit, 8 */
    bool agent_away; /* the caller knows: nothing at all is heard of it */
};
void nx_diagnosis_settings_default(struct nx_diagnosis_settings *out);

/* Evaluates one target.
 * looks: the newest at most NX_LOOKS_MAX, oldest first. before: the verdict
 * this one follows (hysteresis), NULL at first; may be out. Deterministic;
 * at most 20 microseconds for 64 looks. */
void nx_diagnose(const struct nx_diagnosis_settings *settings,
                 const struct nx_look *looks, size_t looks_n,
                 const struct nx_auth_facts *auth,
                 const struct nx_profile *profile, int64_t now_us,
                 const struct nx_verdict *before, struct nx_verdict *out);

/* What one evaluation takes from the one before it. */
struct nx_memory {
    bool known;
    uint8_t state; /* enum nx_state */
    int64_t doubt_us, last_look_us, next_probe_us;
};
struct nx_memory nx_memory_of(const struct nx_verdict *verdict);

/* The state alone that nx_diagnose finds, at a tenth of the cost; memory
 * becomes that of this evaluation, but for next_probe_us, which stays unknown:
 * that only matters to one that hears of nothing new for silent_after_us. */
enum nx_state nx_diagnose_state(const struct nx_diagnosis_settings *settings,
                                const struct nx_look *looks, size_t looks_n,
                                const struct nx_auth_facts *auth,
                                const struct nx_profile *profile,
                                int64_t now_us, struct nx_memory *memory);

#endif
