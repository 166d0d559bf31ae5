#include "collector/ingest/quota.h"

#define HOUR_US 3600000000.0

static void drain(struct nx_quota *quota, double limit, int64_t now_us) {
    if (now_us > quota->at_us) {
        double passed = ((double)now_us - (double)quota->at_us) / HOUR_US;
        double left = quota->level_bytes - passed * limit;
        quota->level_bytes = left > 0 ? left : 0;
        quota->at_us = now_us;
    }
}

bool nx_quota_fits(struct nx_quota *quota, uint64_t limit, size_t len,
                   int64_t now_us) {
    double most = (double)limit;
    drain(quota, most, now_us);
    bool fits = !(quota->level_bytes > 0) ||
                quota->level_bytes + (double)len + NX_QUOTA_ROW_BYTES <= most;
    if (!fits) {
        quota->over = true;
    } else if (quota->level_bytes < most / 2) {
        quota->over = false;
    }
    return fits;
}

void nx_quota_add(struct nx_quota *quota, size_t len) {
    quota->level_bytes += (double)len + NX_QUOTA_ROW_BYTES;
}
