#include "collector/enrol/gate.h"

#include <string.h>

#include "common/hash.h"
#include "common/obs.h"

#define SEED UINT64_C(0x6e78676174650001)

/* What cannot be read is one source. */
static uint64_t key_of(const char *address) {
    struct nx_endpoint at;
    if (nx_endpoint_parse(address, &at) != NX_OK) {
        return 0;
    }
    return nx_hash(at.address, at.address_len == 4 ? 4 : 8, SEED);
}

static struct nx_gate_source *source_of(struct nx_gate *gate, uint64_t key) {
    struct nx_gate_source *oldest = &gate->sources[0];
    for (size_t i = 0; i < NX_GATE_SOURCES_MAX; i++) {
        struct nx_gate_source *source = &gate->sources[i];
        if (source->used_us != 0 && source->key == key) {
            return source;
        }
        if (source->used_us < oldest->used_us) {
            oldest = source;
        }
    }
    *oldest = (struct nx_gate_source){.key = key};
    return oldest;
}

bool nx_gate_pass(struct nx_gate *gate, const char *address, int64_t now_us) {
    /* n a minute are n units a second at 60 units each. */
    static const struct nx_bucket_rate one = {
        .per_s = NX_GATE_SOURCE_PER_MIN, .burst = 60 * NX_GATE_SOURCE_BURST};
    static const struct nx_bucket_rate all = {.per_s = NX_GATE_ALL_PER_S,
                                              .burst = NX_GATE_ALL_BURST};
    struct nx_gate_source *source = source_of(gate, key_of(address));
    source->used_us = now_us;
    bool ok = nx_bucket_take(&source->bucket, &one, 60, now_us) &&
              nx_bucket_take(&gate->all, &all, 1, now_us);
    gate->refused_n += ok ? 0 : 1;
    return ok;
}
