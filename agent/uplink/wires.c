#include "agent/uplink/wires.h"

#include "common/hash.h"

#define WAYS 8U /* slots in which a question may be */

static uint64_t question_hash(const struct nx_question *q) {
    uint64_t h = nx_dname_hash(q->name, (uint64_t)q->qtype << 16 | q->flags);
    return nx_endpoint_hash(&q->to, h) | 1U;
}

static uint64_t name_hash(const uint8_t *name, uint64_t seed) {
    return name == NULL ? seed : nx_dname_hash(name, seed);
}

/* What an answer says, without what ticks and without who says it. */
static uint64_t answer_hash(const struct nx_answer *a) {
    uint64_t h = nx_hash(a->rdata, a->rdata_len, a->soa_serial);
    h = nx_hash_u64((uint64_t)a->rcode << 16 | a->flags, h);
    h = nx_hash_u64(a->soa_minimum_s, h);
    for (unsigned i = 0; i < a->ede_n; i++) {
        h = nx_hash_u64(a->ede[i], h);
    }
    return name_hash(a->denied_name, name_hash(a->soa_owner, h));
}

/* The slot of the question, else the one that is missed least. */
static struct nx_wires_slot *slot_of(struct nx_wires *wires,
                                     uint64_t question) {
    struct nx_wires_slot *found = NULL;
    for (unsigned i = 0; i < WAYS; i++) {
        struct nx_wires_slot *slot =
            &wires->slots[(question + i) % NX_WIRES_SLOTS];
        if (slot->question == question) {
            return slot;
        }
        if (found == NULL || slot->full_us < found->full_us) {
            found = slot;
        }
    }
    return found;
}

bool nx_wires_take(struct nx_wires *wires, const struct nx_obs *obs,
                   int64_t now_mono_us) {
    static const struct nx_bucket_rate rate = {1, NX_WIRES_ALL_BURST};
    if (obs->wire_len == 0 || obs->answer->outcome != NX_ANSWERED ||
        obs->question->udp_bytes != 0) { /* no answer that users get */
        return false;
    }
    uint64_t question = question_hash(obs->question);
    uint64_t answer = answer_hash(obs->answer);
    struct nx_wires_slot *slot = slot_of(wires, question);
    bool known = slot->question == question;
    int64_t full_us =
        known && slot->full_us > now_mono_us ? slot->full_us : now_mono_us;
    if ((known && slot->answer == answer) ||
        full_us - now_mono_us > (NX_WIRES_BURST - 1) * NX_WIRES_PAUSE_US ||
        !nx_bucket_take(&wires->all, &rate, 1, now_mono_us)) {
        return false;
    }
    *slot = (struct nx_wires_slot){.question = question,
                                   .answer = answer,
                                   .full_us = full_us + NX_WIRES_PAUSE_US};
    return true;
}
