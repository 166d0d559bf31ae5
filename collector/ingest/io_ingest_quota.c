/* How much one agent may send, and have stored. */
#include <inttypes.h>

#include "collector/ingest/io_ingest_priv.h"
#include "common/io_log.h"

#define TOO_FAST_LOG_US 60000000

bool nx_ingest_within_quota(struct nx_ingest *ingest, struct nx_peer *peer,
                            size_t len, int64_t now_us) {
    bool was_over = peer->quota.over;
    bool fits = nx_quota_fits(&peer->quota, ingest->parts.agent_bytes_per_hour,
                              len, now_us);
    if (peer->quota.over != was_over) {
        nx_log(NX_LOG_WARN, "agent %" PRIu32 " (%s): %s", peer->agent_id,
               peer->address,
               was_over ? "is taken from again"
                        : "sends more than may be stored of one agent; not "
                          "acknowledged until it fits (retention: "
                          "agent_mib_per_hour)");
    }
    ingest->counters.over_quota_n += fits ? 0 : 1;
    return fits;
}

/* Before anything is decoded. What is left out is not acknowledged, so it comes
 * again, later each time. */
bool nx_ingest_within_rate(struct nx_ingest *ingest, struct nx_peer *peer,
                           size_t len, int64_t now_us) {
    const struct nx_ingest_parts *parts = &ingest->parts;
    const struct nx_bucket_rate messages = {parts->agent_messages_per_s,
                                            parts->agent_messages_per_s *
                                                NX_INGEST_BURST_S};
    const struct nx_bucket_rate kib = {
        parts->agent_kib_per_s, parts->agent_kib_per_s * NX_INGEST_BURST_S};
    uint64_t held_n = 0;
    if (nx_bucket_take(&peer->messages, &messages, 1, now_us) &&
        nx_bucket_take(&peer->kib, &kib, (uint32_t)((len + 1023) / 1024),
                       now_us)) {
        return true;
    }
    ingest->counters.too_fast_n++;
    if (nx_quiet_pass(&peer->fast_quiet, now_us, TOO_FAST_LOG_US, &held_n)) {
        nx_log(NX_LOG_WARN,
               "agent %" PRIu32 " (%s): sends faster than it is listened to: "
               "not acknowledged, it sends that again (limits; %" PRIu64
               " more messages since)",
               peer->agent_id, peer->address, held_n);
    }
    return false;
}
