#include "common/bucket.h"

bool nx_bucket_take(struct nx_bucket *bucket, const struct nx_bucket_rate *rate,
                    uint32_t n, int64_t now_us) {
    if (rate->per_s == 0) {
        return true;
    }
    int64_t per_s = rate->per_s;
    int64_t most_us = (int64_t)rate->burst * 1000000 / per_s;
    int64_t cost_us = ((int64_t)n * 1000000 + per_s - 1) / per_s;
    int64_t full_us = bucket->full_us;
    if (full_us < now_us) {
        full_us = now_us;
    } else if (full_us - now_us > most_us) {
        full_us = now_us + most_us;
    }
    bool fits = full_us + cost_us - now_us <= most_us;
    bucket->full_us = fits ? full_us + cost_us : full_us;
    return fits;
}
