#include "collector/store/lead.h"

#include "collector/infer/facts.h"

int64_t nx_lead(const struct nx_lead_marks *marks, int64_t wall_us) {
    int64_t from_us = marks->opened_us;
    if (from_us == NX_TIME_UNKNOWN || from_us <= wall_us) {
        return 0;
    }
    if (marks->received_us != NX_TIME_UNKNOWN && marks->received_us > from_us) {
        from_us = marks->received_us;
    }
    return from_us - wall_us;
}
