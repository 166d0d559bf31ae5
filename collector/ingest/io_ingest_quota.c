/* What one agent may have stored. */
#include <inttypes.h>

#include "collector/ingest/io_ingest_priv.h"
#include "common/io_log.h"

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
