/* A batch of a recording, as nx_codec_unpack_up would give it. */
#include <string.h>

#include "collector/replay/recording_in.h"
#include "collector/replay/recording_text.h"

/* The tables of the batch that is read. */
struct tables {
    struct nx_arena *arena;
    struct nx_question *questions;
    struct nx_answer *answers;
    struct nx_obs *obs;
};

static void read_question(const struct nx_in *in, struct nx_arena *arena,
                          struct nx_question *out) {
    struct nx_in name = nx_in_member(in, "name");
    out->name = nx_take_name(in, "name", arena);
    if (out->name == NULL) {
        nx_in_fail(&name, "missing");
    }
    out->qtype = nx_take_type(in, "type");
    out->flags = (uint16_t)nx_take_flags(in, "ask", nx_question_flags);
    out->udp_bytes = (uint16_t)nx_in_integer(in, "udp_bytes", 0, UINT16_MAX, 0);
    nx_take_endpoint(in, "to", arena, &out->to);
}

static void read_soa(const struct nx_in *in, struct nx_arena *arena,
                     struct nx_answer *out, struct nx_obs *obs) {
    struct nx_in soa = nx_in_member(in, "soa");
    if (soa.value == NULL || !nx_in_is_object(&soa)) {
        return;
    }
    struct nx_in owner = nx_in_member(&soa, "owner");
    out->flags |= NX_ANS_SOA;
    out->soa_owner = nx_take_name(&soa, "owner", arena);
    if (out->soa_owner == NULL) {
        nx_in_fail(&owner, "missing");
    }
    out->soa_serial = nx_in_u32(&soa, "serial", 0);
    out->soa_minimum_s = nx_in_u32(&soa, "minimum", 0);
    obs->soa_ttl_s = nx_in_u32(&soa, "ttl", 0);
}

static void read_ede(const struct nx_in *in, struct nx_answer *out) {
    struct nx_in list = nx_in_member(in, "ede");
    size_t n = nx_in_size(&list, NX_ANSWER_EDE_MAX);
    for (size_t i = 0; i < n; i++) {
        struct nx_in at = nx_in_element(&list, i);
        out->ede[i] = (uint16_t)nx_in_integer_here(&at, 0, UINT16_MAX);
    }
    out->ede_n = (uint8_t)n;
}

static void read_nsid(const struct nx_in *in, struct nx_arena *arena,
                      struct nx_answer *out) {
    uint8_t nsid[NX_ANSWER_NSID_MAX];
    struct nx_in at = nx_in_member(in, "nsid");
    if (at.value == NULL) {
        return;
    }
    out->nsid_len = (uint8_t)nx_take_hex(&at, nsid, sizeof(nsid));
    out->nsid = nx_arena_copy(arena, nsid, out->nsid_len);
    if (out->nsid == NULL) {
        nx_in_fail(&at, "larger than the limit");
    }
}

static void read_proof(const struct nx_in *in, struct nx_proof *out) {
    struct nx_in at = nx_in_member(in, "proof");
    if (at.value == NULL || !nx_in_is_object(&at)) {
        return;
    }
    out->inception = nx_in_u32(&at, "inception", 0);
    out->expiration = nx_in_u32(&at, "expiration", 0);
    out->key_tag = (uint16_t)nx_in_integer(&at, "key_tag", 0, UINT16_MAX, 0);
    out->algorithm = (uint8_t)nx_in_integer(&at, "algorithm", 0, UINT8_MAX, 0);
    out->signatures_n =
        (uint8_t)nx_in_integer(&at, "signatures", 0, UINT8_MAX, 0);
    out->denial = (uint8_t)nx_in_integer(&at, "denial", 0, NX_DENIAL_MAX, 0);
    out->iterations =
        (uint16_t)nx_in_integer(&at, "iterations", 0, UINT16_MAX, 0);
    out->denial_ttl_s = nx_in_u32(&at, "denial_ttl", 0);
}

static void read_answer(const struct nx_in *in, struct nx_arena *arena,
                        struct nx_answer *out, struct nx_obs *obs) {
    out->rcode = (uint16_t)nx_in_integer(in, "rcode", 0, 4095, 0);
    out->flags = (uint16_t)nx_take_flags(in, "flags", nx_answer_flags);
    read_soa(in, arena, out, obs);
    if (nx_in_member(in, "rdata").value != NULL) {
        out->flags |= NX_ANS_RDATA;
        nx_take_rdata(in, "rdata", arena, out);
        obs->answer_ttl_s = nx_in_u32(in, "ttl", 0);
    }
    out->cname_n = (uint8_t)nx_in_integer(in, "cnames", 0, UINT8_MAX, 0);
    out->denied_name = nx_take_name(in, "denied", arena);
    out->ns_owner = nx_take_name(in, "ns", arena);
    if ((out->flags & NX_ANS_NS) != 0 && out->ns_owner == NULL) {
        struct nx_in ns = nx_in_member(in, "ns");
        nx_in_fail(&ns, "missing");
    }
    out->over_tcp = nx_in_bool(in, "over_tcp", false);
    read_ede(in, out);
    read_proof(in, &out->proof);
    read_nsid(in, arena, out);
}

static void read_wire(const struct nx_in *in, struct nx_arena *arena,
                      struct nx_obs *out) {
    uint8_t wire[NX_OBS_WIRE_MAX];
    struct nx_in at = nx_in_member(in, "wire");
    size_t len = at.value == NULL ? 0 : nx_take_hex(&at, wire, sizeof(wire));
    if (len == 0) {
        return;
    }
    out->wire = nx_arena_copy(arena, wire, len);
    if (out->wire == NULL) {
        nx_in_fail(&at, "larger than the limit");
        return;
    }
    out->wire_len = (uint16_t)len;
}

static int64_t mono_of(const struct nx_in *in, const char *key) {
    struct nx_in at = nx_in_member(in, key);
    if (at.value == NULL) {
        nx_in_fail(&at, "missing");
    }
    return nx_in_integer(in, key, -NX_TAKE_SANE_US, NX_TAKE_SANE_US, 0);
}

static void read_obs(const struct nx_in *in, struct tables *t, size_t i) {
    const char *outcomes[NX_OUTCOME_MAX + 1];
    struct nx_in rx = nx_in_member(in, "rx_us");
    struct nx_answer *answer = &t->answers[i];
    struct nx_obs *obs = &t->obs[i];
    if (!nx_in_is_object(in)) {
        return;
    }
    for (unsigned k = 0; k <= NX_OUTCOME_MAX; k++) {
        outcomes[k] = nx_outcome_text(k);
    }
    *obs = (struct nx_obs){.question = &t->questions[i], .answer = answer};
    read_question(in, t->arena, &t->questions[i]);
    obs->tx_mono_us = mono_of(in, "tx_us");
    obs->rx_mono_us = mono_of(in, "rx_us");
    if (obs->tx_mono_us > obs->rx_mono_us) {
        nx_in_fail(&rx, "before tx_us");
    }
    obs->src_port = (uint16_t)nx_in_integer(in, "port", 0, UINT16_MAX, 0);
    answer->outcome = (uint8_t)nx_in_choice(in, "outcome", outcomes,
                                            NX_OUTCOME_MAX + 1, NX_ANSWERED);
    if (answer->outcome == NX_ANSWERED) {
        read_answer(in, t->arena, answer, obs);
        read_wire(in, t->arena, obs);
    }
}

static void read_sides(const struct nx_in *in, struct nx_arena *arena,
                       struct nx_delegation *out) {
    uint8_t sides[NX_DELEG_SERVERS_MAX];
    struct nx_in at = nx_in_member(in, "sides");
    if (at.value == NULL) {
        return;
    }
    if (nx_take_hex(&at, sides, sizeof(sides)) != out->servers_n) {
        nx_in_fail(&at, "one octet for each server is wanted");
        return;
    }
    out->sides = nx_arena_copy(arena, sides, out->servers_n);
    if (out->sides == NULL) {
        nx_in_fail(&at, "larger than the limit");
    }
}

static void read_delegation(const struct nx_in *in, struct nx_arena *arena,
                            struct nx_delegation *out) {
    struct nx_in servers = nx_in_member(in, "servers");
    if (!nx_in_is_object(in)) {
        return;
    }
    out->name = nx_take_name(in, "name", arena);
    out->apex = nx_take_name(in, "apex", arena);
    out->parent = nx_take_name(in, "parent", arena);
    if (out->name == NULL || out->apex == NULL) {
        nx_in_fail(in, "name or apex is missing");
    }
    out->ns_ttl_s = nx_in_u32(in, "ns_ttl", 0);
    out->servers_n =
        nx_take_endpoints(&servers, NX_DELEG_SERVERS_MAX, arena, &out->servers);
    read_sides(in, arena, out);
    out->problems =
        (uint32_t)nx_in_integer(in, "problems", 0, NX_DELEG_PROBLEMS_ALL, 0);
    out->unasked_n =
        (uint32_t)nx_in_integer(in, "unasked", 0, NX_DELEG_UNASKED_MAX, 0);
    out->glue = (uint32_t)nx_in_integer(in, "glue", 0, NX_GLUE_ALL, 0);
    out->at_mono_us = mono_of(in, "at_us");
}

static void read_delegations(const struct nx_in *in, struct nx_arena *arena,
                             struct nx_batch *out) {
    struct nx_in list = nx_in_member(in, "delegations");
    size_t n = nx_in_size(&list, NX_BATCH_DELEGATIONS_MAX);
    struct nx_delegation *all = nx_arena_alloc(arena, n + 1, sizeof(*all));
    if (all == NULL) {
        nx_in_fail(&list, "larger than the limit");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct nx_in at = nx_in_element(&list, i);
        read_delegation(&at, arena, &all[i]);
    }
    out->delegations = all;
    out->delegations_n = n;
}

static void read_gaps(const struct nx_in *in, struct nx_arena *arena,
                      struct nx_batch *out) {
    struct nx_in list = nx_in_member(in, "gaps");
    size_t n = nx_in_size(&list, NX_BATCH_GAPS_MAX);
    struct nx_gap *all = nx_arena_alloc(arena, n + 1, sizeof(*all));
    if (all == NULL) {
        nx_in_fail(&list, "larger than the limit");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct nx_in at = nx_in_element(&list, i);
        struct nx_in from = nx_in_element(&at, 0);
        struct nx_in to = nx_in_element(&at, 1);
        int64_t first = nx_in_integer_here(&from, 1, INT64_MAX);
        all[i].from_seq = (uint64_t)first;
        all[i].to_seq = (uint64_t)nx_in_integer_here(&to, first, INT64_MAX);
    }
    out->gaps = all;
    out->gaps_n = n;
}

static void read_all_obs(const struct nx_in *in, struct nx_arena *arena,
                         struct nx_batch *out) {
    struct nx_in list = nx_in_member(in, "obs");
    size_t n = nx_in_size(&list, NX_BATCH_OBS_MAX);
    struct tables t = {
        .arena = arena,
        .questions = nx_arena_alloc(arena, n + 1, sizeof(*t.questions)),
        .answers = nx_arena_alloc(arena, n + 1, sizeof(*t.answers)),
        .obs = nx_arena_alloc(arena, n + 1, sizeof(*t.obs))};
    if (t.questions == NULL || t.answers == NULL || t.obs == NULL) {
        nx_in_fail(&list, "larger than the limit");
        return;
    }
    for (size_t i = 0; i < n && !in->fault->failed; i++) {
        struct nx_in at = nx_in_element(&list, i);
        read_obs(&at, &t, i);
    }
    out->questions = t.questions;
    out->questions_n = n;
    out->answers = t.answers;
    out->answers_n = n;
    out->obs = t.obs;
    out->obs_n = n;
}

void nx_take_batch(const struct nx_in *in, struct nx_arena *arena,
                   struct nx_batch *out) {
    memset(out, 0, sizeof(*out));
    out->epoch = nx_take_digits(in, "epoch");
    out->first_seq = 1;
    nx_take_clock(in, "clock", &out->clock);
    read_gaps(in, arena, out);
    read_delegations(in, arena, out);
    read_all_obs(in, arena, out);
}
