#include "collector/ingest/ledger.h"

/* The highest number that was received or reported lost. */
static uint64_t last_settled(const struct nx_stream_position *p) {
    return p->ahead.n > 0 ? p->ahead.runs[p->ahead.n - 1].to_seq : p->acked_seq;
}

void nx_ledger_hello(struct nx_ledger_said *said, const struct nx_hello *hello,
                     const struct nx_stream_position *position) {
    *said = (struct nx_ledger_said){
        .known = true,
        .epoch = hello->epoch,
        .produced = hello->produced,
        .spool_bytes = hello->spool_bytes,
        .fewer_produced =
            position != NULL && hello->produced < last_settled(position),
        .fewer_dropped =
            position != NULL && hello->dropped < position->dropped_n};
}

static const char *problem_of(const struct nx_ledger_said *said) {
    if (said->fewer_produced) {
        return "it says that it produced fewer results than were received of "
               "it: its spool was put back to an older copy, or it runs twice; "
               "it begins a new one by itself, and its log says so";
    }
    if (said->fewer_dropped) {
        return "it says that it lost fewer results than it reported: its spool "
               "was put back to an older copy; let it begin a new one";
    }
    return NULL;
}

void nx_ledger_fill(const struct nx_ledger_said *said,
                    const struct nx_stream_position *position,
                    struct nx_ledger *out) {
    const struct nx_stream_position none = {.acked_seq = 0};
    const struct nx_stream_position *p = position != NULL ? position : &none;
    uint64_t last = last_settled(p);
    uint64_t settled = p->received_n + p->dropped_n;
    *out = (struct nx_ledger){.heard = true,
                              .epoch = said->epoch,
                              .produced =
                                  said->produced > last ? said->produced : last,
                              .received = p->received_n,
                              .dropped = p->dropped_n,
                              .spool_bytes = said->spool_bytes,
                              .problem = problem_of(said)};
    out->spooled = out->produced > settled ? out->produced - settled : 0;
}

void nx_ledger_stored(uint64_t epoch, const struct nx_stream_position *position,
                      struct nx_ledger *out) {
    *out = (struct nx_ledger){.epoch = epoch,
                              .received = position->received_n,
                              .dropped = position->dropped_n};
}
