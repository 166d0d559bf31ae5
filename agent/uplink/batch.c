#include "agent/uplink/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

/* Below the codec's limits, so that packing never meets them. */
#define NAMES_MAX (NX_BATCH_NAMES_MAX - 300U)
#define ENDPOINTS_MAX (NX_BATCH_ENDPOINTS_MAX - 200U)
#define SCRATCH_BYTES (1024U * 1024U)

struct nx_batcher {
    uint64_t epoch;
    uint64_t next_seq; /* of the next result */
    unsigned max_results;
    int64_t max_age_us;
    int64_t oldest_us; /* when the first result came */
    struct nx_arena arena;
    uint8_t *block;
    struct nx_obs *obs; /* max_results of each */
    struct nx_question *questions;
    struct nx_answer *answers;
    uint64_t *question_hashes;
    uint64_t *answer_hashes;
    struct nx_delegation delegations[NX_BATCH_DELEGATIONS_MAX];
    size_t obs_n;
    size_t questions_n;
    size_t answers_n;
    size_t delegations_n;
    size_t names_n;     /* at most so many names */
    size_t endpoints_n; /* at most so many endpoints */
    size_t wires_n;
};

static bool alloc_tables(struct nx_batcher *b) {
    size_t n = b->max_results;
    b->block = malloc(NX_BATCH_ARENA_BYTES);
    b->obs = calloc(n, sizeof(*b->obs));
    b->questions = calloc(n, sizeof(*b->questions));
    b->answers = calloc(n, sizeof(*b->answers));
    b->question_hashes = calloc(n, sizeof(*b->question_hashes));
    b->answer_hashes = calloc(n, sizeof(*b->answer_hashes));
    return b->block != NULL && b->obs != NULL && b->questions != NULL &&
           b->answers != NULL && b->question_hashes != NULL &&
           b->answer_hashes != NULL;
}

int nx_batcher_new(uint64_t epoch, uint64_t next_seq, unsigned max_results,
                   unsigned max_age_ms, struct nx_batcher **out) {
    if (max_results < 1 || max_results > NX_BATCH_OBS_MAX || next_seq < 1) {
        return NX_ERANGE;
    }
    struct nx_batcher *b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return NX_ENOMEM;
    }
    b->epoch = epoch;
    b->next_seq = next_seq;
    b->max_results = max_results;
    b->max_age_us = (int64_t)max_age_ms * 1000;
    if (!alloc_tables(b)) {
        nx_batcher_free(&b);
        return NX_ENOMEM;
    }
    nx_arena_init(&b->arena, b->block, NX_BATCH_ARENA_BYTES);
    *out = b;
    return NX_OK;
}

void nx_batcher_free(struct nx_batcher **batcher) {
    struct nx_batcher *b = *batcher;
    if (b != NULL) {
        free(b->block);
        free(b->obs);
        free(b->questions);
        free(b->answers);
        free(b->question_hashes);
        free(b->answer_hashes);
        free(b);
        *batcher = NULL;
    }
}

/* --- deep copies; false: no room --- */

static bool copy_name(struct nx_batcher *b, const uint8_t **name) {
    if (*name == NULL) {
        return true;
    }
    *name = nx_arena_copy(&b->arena, *name, nx_dname_len(*name));
    return *name != NULL && ++b->names_n <= NAMES_MAX;
}

static bool copy_bytes(struct nx_batcher *b, const uint8_t **bytes,
                       size_t len) {
    if (len == 0) {
        *bytes = NULL;
        return true;
    }
    *bytes = nx_arena_copy(&b->arena, *bytes, len);
    return *bytes != NULL;
}

static bool copy_endpoint(struct nx_batcher *b, struct nx_endpoint *e) {
    return copy_name(b, &e->server_name) && ++b->endpoints_n <= ENDPOINTS_MAX;
}

static bool copy_answer(struct nx_batcher *b, struct nx_answer *a) {
    return copy_name(b, &a->soa_owner) && copy_name(b, &a->denied_name) &&
           copy_name(b, &a->ns_owner) && copy_bytes(b, &a->nsid, a->nsid_len) &&
           copy_bytes(b, &a->rdata, a->rdata_len);
}

/* What the arena does not see but the message will hold: columns, headers. */
static bool reserve(struct nx_batcher *b, size_t bytes) {
    return nx_arena_alloc(&b->arena, 1, bytes) != NULL;
}

/* --- tables --- */

static uint64_t question_hash(const struct nx_question *q) {
    uint64_t h = nx_dname_hash(q->name, (uint64_t)q->qtype << 16 | q->flags);
    return nx_endpoint_hash(&q->to, nx_hash_u64(q->udp_bytes, h));
}

static bool question_equal(const struct nx_question *a,
                           const struct nx_question *b) {
    return a->qtype == b->qtype && a->flags == b->flags &&
           a->udp_bytes == b->udp_bytes && nx_endpoint_equal(&a->to, &b->to) &&
           nx_dname_equal(a->name, b->name);
}

static uint64_t answer_hash(const struct nx_answer *a) {
    uint64_t h = nx_hash(a->rdata, a->rdata_len, a->soa_serial);
    h = nx_hash_u64(
        (uint64_t)a->outcome << 32 | (uint64_t)a->rcode << 16 | a->flags, h);
    return nx_hash(a->nsid, a->nsid_len, h);
}

static bool add_question(struct nx_batcher *b, const struct nx_question *q,
                         size_t *index) {
    uint64_t hash = question_hash(q);
    for (size_t i = 0; i < b->questions_n; i++) {
        if (b->question_hashes[i] == hash &&
            question_equal(&b->questions[i], q)) {
            *index = i;
            return true;
        }
    }
    struct nx_question copy = *q;
    if (!reserve(b, 64) || !copy_name(b, &copy.name) ||
        !copy_endpoint(b, &copy.to)) {
        return false;
    }
    *index = b->questions_n++;
    b->questions[*index] = copy;
    b->question_hashes[*index] = hash;
    return true;
}

static bool add_answer(struct nx_batcher *b, const struct nx_answer *a,
                       size_t *index) {
    uint64_t hash = answer_hash(a);
    for (size_t i = 0; i < b->answers_n; i++) {
        if (b->answer_hashes[i] == hash && nx_answer_equal(&b->answers[i], a)) {
            *index = i;
            return true;
        }
    }
    struct nx_answer copy = *a;
    if (!reserve(b, 96) || !copy_answer(b, &copy)) {
        return false;
    }
    *index = b->answers_n++;
    b->answers[*index] = copy;
    b->answer_hashes[*index] = hash;
    return true;
}

/* What is put back when something does not fit. */
struct mark {
    size_t used_bytes;
    size_t questions_n;
    size_t answers_n;
    size_t names_n;
    size_t endpoints_n;
    size_t wires_n;
};

static struct mark mark(const struct nx_batcher *b) {
    return (struct mark){b->arena.used_bytes, b->questions_n, b->answers_n,
                         b->names_n,          b->endpoints_n, b->wires_n};
}

static void back_to(struct nx_batcher *b, const struct mark *m) {
    b->arena.used_bytes = m->used_bytes;
    b->questions_n = m->questions_n;
    b->answers_n = m->answers_n;
    b->names_n = m->names_n;
    b->endpoints_n = m->endpoints_n;
    b->wires_n = m->wires_n;
}

static void begin(struct nx_batcher *b) {
    nx_arena_reset(&b->arena);
    b->obs_n = b->questions_n = b->answers_n = b->delegations_n = 0;
    b->names_n = b->endpoints_n = b->wires_n = 0;
}

static bool add_wire(struct nx_batcher *b, const struct nx_obs *obs,
                     const uint8_t **wire) {
    *wire = obs->wire;
    return obs->wire_len == 0 ||
           (++b->wires_n <= NX_BATCH_WIRES_MAX && reserve(b, 16) &&
            copy_bytes(b, wire, obs->wire_len));
}

static bool add_parts(struct nx_batcher *b, const struct nx_obs *obs, size_t *q,
                      size_t *a, const uint8_t **wire) {
    struct mark before = mark(b);
    if (b->obs_n == b->max_results || !reserve(b, 32) ||
        !add_question(b, obs->question, q) || !add_answer(b, obs->answer, a) ||
        !add_wire(b, obs, wire)) {
        back_to(b, &before);
        return false;
    }
    return true;
}

int nx_batcher_add(struct nx_batcher *b, const struct nx_obs *obs,
                   int64_t now_mono_us) {
    size_t q = 0;
    size_t a = 0;
    const uint8_t *wire = NULL;
    if (!add_parts(b, obs, &q, &a, &wire)) {
        if (b->obs_n > 0) {
            return NX_EFULL;
        }
        begin(b); /* only delegations: they come again with the next round */
        if (!add_parts(b, obs, &q, &a, &wire)) {
            return NX_EFULL;
        }
    }
    if (b->obs_n == 0) {
        b->oldest_us = now_mono_us;
    }
    struct nx_obs *copy = &b->obs[b->obs_n++];
    *copy = *obs;
    copy->question = &b->questions[q];
    copy->answer = &b->answers[a];
    copy->wire = wire;
    b->next_seq++;
    return NX_OK;
}

/* --- delegations --- */

static bool copy_delegation(struct nx_batcher *b, struct nx_delegation *d) {
    const struct nx_endpoint *from = d->servers;
    struct nx_endpoint *servers =
        nx_arena_alloc(&b->arena, d->servers_n + 1, sizeof(*servers));
    if (servers == NULL || !reserve(b, 64) || !copy_name(b, &d->name) ||
        !copy_name(b, &d->apex) || !copy_name(b, &d->parent)) {
        return false;
    }
    for (size_t i = 0; i < d->servers_n; i++) {
        servers[i] = from[i];
        if (!copy_endpoint(b, &servers[i])) {
            return false;
        }
    }
    d->servers = servers;
    return d->sides == NULL || copy_bytes(b, &d->sides, d->servers_n);
}

static size_t delegation_slot(const struct nx_batcher *b, const uint8_t *name) {
    size_t i = 0;
    while (i < b->delegations_n &&
           !nx_dname_equal(b->delegations[i].name, name)) {
        i++;
    }
    return i;
}

static uint8_t side_of(const struct nx_delegation *d, size_t i) {
    return d->sides != NULL ? d->sides[i] : 0;
}

/* The same but for TTL, problems, glue, how many were not asked, and time? */
static bool same_delegation(const struct nx_delegation *a,
                            const struct nx_delegation *b) {
    bool same = a->servers_n == b->servers_n &&
                nx_dname_equal(a->apex, b->apex) &&
                (a->parent == NULL) == (b->parent == NULL) &&
                (a->parent == NULL || nx_dname_equal(a->parent, b->parent));
    for (size_t i = 0; same && i < a->servers_n; i++) {
        same = nx_endpoint_equal(&a->servers[i], &b->servers[i]) &&
               side_of(a, i) == side_of(b, i);
    }
    return same;
}

static bool put_delegation(struct nx_batcher *b,
                           const struct nx_delegation *delegation) {
    struct mark before = mark(b);
    struct nx_delegation copy = *delegation;
    size_t slot = delegation_slot(b, delegation->name);
    if (slot < b->delegations_n &&
        same_delegation(&b->delegations[slot], delegation)) {
        b->delegations[slot].ns_ttl_s = delegation->ns_ttl_s;
        b->delegations[slot].problems = delegation->problems;
        b->delegations[slot].unasked_n = delegation->unasked_n;
        b->delegations[slot].glue = delegation->glue;
        b->delegations[slot].at_mono_us = delegation->at_mono_us;
        return true;
    }
    if (slot == NX_BATCH_DELEGATIONS_MAX || !copy_delegation(b, &copy)) {
        back_to(b, &before);
        return false;
    }
    b->delegations[slot] = copy;
    b->delegations_n += slot == b->delegations_n ? 1 : 0;
    return true;
}

int nx_batcher_add_delegation(struct nx_batcher *b,
                              const struct nx_delegation *delegation) {
    if (delegation->servers_n > NX_DELEG_SERVERS_MAX) {
        return NX_EFULL;
    }
    if (put_delegation(b, delegation)) {
        return NX_OK;
    }
    if (b->obs_n > 0) {
        return NX_EFULL;
    }
    begin(b); /* without a result it cannot be closed: the newest counts */
    return put_delegation(b, delegation) ? NX_OK : NX_EFULL;
}

/* --- closing --- */

bool nx_batcher_due(const struct nx_batcher *b, int64_t pace_us,
                    int64_t now_mono_us) {
    return b->obs_n == b->max_results ||
           now_mono_us >= nx_batcher_due_at(b, pace_us);
}

int64_t nx_batcher_due_at(const struct nx_batcher *b, int64_t pace_us) {
    if (b->obs_n == 0) {
        return INT64_MAX;
    }
    int64_t old_us = b->oldest_us + b->max_age_us;
    int64_t most_us = old_us + NX_BATCH_HOLD_US;
    pace_us = pace_us < most_us ? pace_us : most_us;
    return pace_us > old_us ? pace_us : old_us;
}

static int pack(const struct nx_batcher *b, const struct nx_clock_sample *clock,
                uint8_t *work, uint8_t **bytes, size_t *len) {
    const struct nx_batch batch = {.epoch = b->epoch,
                                   .first_seq = b->next_seq - b->obs_n,
                                   .clock = *clock,
                                   .delegations = b->delegations,
                                   .delegations_n = b->delegations_n,
                                   .questions = b->questions,
                                   .questions_n = b->questions_n,
                                   .answers = b->answers,
                                   .answers_n = b->answers_n,
                                   .obs = b->obs,
                                   .obs_n = b->obs_n};
    struct nx_arena scratch;
    size_t n = 0;
    nx_arena_init(&scratch, work + NX_MSG_MAX_BYTES, SCRATCH_BYTES);
    int err = nx_codec_pack_batch(&batch, &scratch, work, NX_MSG_MAX_BYTES, &n);
    if (err != NX_OK) {
        return err;
    }
    *bytes = malloc(n);
    if (*bytes == NULL) {
        return NX_ENOMEM;
    }
    memcpy(*bytes, work, n);
    *len = n;
    return NX_OK;
}

int nx_batcher_close(struct nx_batcher *b, const struct nx_clock_sample *clock,
                     uint8_t **bytes, size_t *len, uint64_t *first_seq,
                     size_t *results_n) {
    if (b->obs_n == 0) {
        return NX_ESTATE;
    }
    /* Large enough for malloc to give it back to the system at once. */
    uint8_t *work = malloc(NX_MSG_MAX_BYTES + SCRATCH_BYTES);
    if (work == NULL) {
        return NX_ENOMEM;
    }
    int err = pack(b, clock, work, bytes, len);
    free(work);
    if (err == NX_OK) {
        *first_seq = b->next_seq - b->obs_n;
        *results_n = b->obs_n;
        begin(b);
    }
    return err;
}

size_t nx_batcher_abandon(struct nx_batcher *b, uint64_t *first_seq) {
    size_t n = b->obs_n;
    *first_seq = b->next_seq - n;
    begin(b);
    return n;
}

size_t nx_batcher_open_n(const struct nx_batcher *b) {
    return b->obs_n;
}

void nx_batcher_renumber(struct nx_batcher *b, uint64_t epoch,
                         uint64_t next_seq) {
    assert(b->obs_n == 0);
    b->epoch = epoch;
    b->next_seq = next_seq;
}

uint64_t nx_batcher_next_seq(const struct nx_batcher *b) {
    return b->next_seq;
}
