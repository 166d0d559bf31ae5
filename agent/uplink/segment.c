#include "agent/uplink/segment.h"

#include <string.h>

#include "common/crc32c.h"

#define SEGMENT_MAGIC "NXSEG\0\0\1"
#define LEDGER_MAGIC "NXLED\0\0\1"
#define MORE_MAGIC "NXLEM\0\0\1"
#define RECORD_MAGIC 0x4352584eU /* "NXRC" */
#define MAGIC_BYTES 8U           /* the last one is the version */
#define CRC_BYTES 4U
#define RECORD_OFFSET_KNOWN 1U
#define LEDGER_CLEAN 1U
#define LEDGER_MORE 2U /* holes on the second page */
#define LEDGER_UNSENT 4U
#define SAME_OFFSET (NX_LEDGER_PAGE_BYTES - CRC_BYTES - 8U) /* behind holes */
#define PAGE_HOLES (NX_LEDGER_HOLES_MAX / 2U)

/* --- integers --- */

struct cursor {
    uint8_t *out;
    const uint8_t *in;
};

static void put(struct cursor *c, uint64_t value, size_t n) {
    for (size_t i = 0; i < n; i++) {
        *c->out++ = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get(struct cursor *c, size_t n) {
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value |= (uint64_t)*c->in++ << (8 * i);
    }
    return value;
}

static void put_signed(struct cursor *c, int64_t value) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    put(c, bits, 8);
}

static int64_t get_signed(struct cursor *c) {
    uint64_t bits = get(c, 8);
    int64_t value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The last 4 of n octets hold the checksum of those before. */
static void seal(uint8_t *bytes, size_t n, uint32_t crc) {
    struct cursor c = {.out = bytes + n - CRC_BYTES};
    put(&c, nx_crc32c(crc, bytes, n - CRC_BYTES), CRC_BYTES);
}

static bool sealed(const uint8_t *bytes, size_t n, uint32_t crc) {
    struct cursor c = {.in = bytes + n - CRC_BYTES};
    return get(&c, CRC_BYTES) == nx_crc32c(crc, bytes, n - CRC_BYTES);
}

/* A newer version keeps size and checksum of the two heads: else it could not
 * be told from damage. */
static int check_head(const uint8_t *bytes, size_t n, const char *magic) {
    if (memcmp(bytes, magic, MAGIC_BYTES - 1) != 0 || !sealed(bytes, n, 0)) {
        return NX_EMALFORMED;
    }
    uint8_t version = bytes[MAGIC_BYTES - 1];
    uint8_t ours = (uint8_t)magic[MAGIC_BYTES - 1];
    return version == ours  ? NX_OK
           : version > ours ? NX_EVERSION
                            : NX_EMALFORMED;
}

/* --- segment --- */

void nx_segment_head_pack(const struct nx_segment_head *head,
                          uint8_t out[NX_SEGMENT_HEAD_BYTES]) {
    memset(out, 0, NX_SEGMENT_HEAD_BYTES);
    memcpy(out, SEGMENT_MAGIC, MAGIC_BYTES);
    struct cursor c = {.out = out + MAGIC_BYTES};
    put(&c, head->epoch, 8);
    put(&c, head->id, 8);
    seal(out, NX_SEGMENT_HEAD_BYTES, 0);
}

int nx_segment_head_parse(const uint8_t bytes[NX_SEGMENT_HEAD_BYTES],
                          struct nx_segment_head *out) {
    struct cursor c = {.in = bytes + MAGIC_BYTES};
    int err = check_head(bytes, NX_SEGMENT_HEAD_BYTES, SEGMENT_MAGIC);
    if (err != NX_OK) {
        return err;
    }
    out->epoch = get(&c, 8);
    out->id = get(&c, 8);
    return NX_OK;
}

/* --- record --- */

static uint32_t begin_crc(const struct nx_segment_head *segment) {
    uint8_t bytes[16];
    struct cursor c = {.out = bytes};
    put(&c, segment->epoch, 8);
    put(&c, segment->id, 8);
    return nx_crc32c(0, bytes, sizeof(bytes));
}

void nx_record_head_pack(const struct nx_segment_head *segment,
                         struct nx_record_head *head, const uint8_t *payload,
                         uint8_t out[NX_RECORD_HEAD_BYTES]) {
    struct cursor c = {.out = out};
    head->payload_crc = nx_crc32c(0, payload, head->len);
    put(&c, RECORD_MAGIC, 4);
    put(&c, head->len, 4);
    put(&c, head->results_n, 4);
    put(&c, head->clock.offset_known ? RECORD_OFFSET_KNOWN : 0, 4);
    put(&c, head->first_seq, 8);
    put(&c, head->boot, 8);
    put_signed(&c, head->clock.mono_us);
    put_signed(&c, head->clock.wall_us);
    put_signed(&c, head->clock.offset_us);
    put(&c, head->clock.offset_error_us, 8);
    put(&c, head->payload_crc, 4);
    seal(out, NX_RECORD_HEAD_BYTES, begin_crc(segment));
}

static bool possible(const struct nx_record_head *h) {
    return h->len >= 1 && h->len <= NX_RECORD_LEN_MAX && h->results_n >= 1 &&
           h->first_seq >= 1 && h->first_seq <= NX_SEQ_MAX &&
           h->results_n - 1 <= NX_SEQ_MAX - h->first_seq;
}

int nx_record_head_parse(const struct nx_segment_head *segment,
                         const uint8_t bytes[NX_RECORD_HEAD_BYTES],
                         struct nx_record_head *out) {
    struct cursor c = {.in = bytes};
    struct nx_record_head h = {0};
    if (get(&c, 4) != RECORD_MAGIC ||
        !sealed(bytes, NX_RECORD_HEAD_BYTES, begin_crc(segment))) {
        return NX_EMALFORMED;
    }
    h.len = (uint32_t)get(&c, 4);
    h.results_n = (uint32_t)get(&c, 4);
    h.clock.offset_known = (get(&c, 4) & RECORD_OFFSET_KNOWN) != 0;
    h.first_seq = get(&c, 8);
    h.boot = get(&c, 8);
    h.clock.mono_us = get_signed(&c);
    h.clock.wall_us = get_signed(&c);
    h.clock.offset_us = get_signed(&c);
    h.clock.offset_error_us = get(&c, 8);
    h.payload_crc = (uint32_t)get(&c, 4);
    if (!possible(&h)) {
        return NX_EMALFORMED;
    }
    *out = h;
    return NX_OK;
}

bool nx_record_sendable(const struct nx_record_head *head) {
    return head->len <= NX_RECORD_PAYLOAD_MAX &&
           head->results_n <= NX_BATCH_OBS_MAX;
}

bool nx_record_payload_ok(const struct nx_record_head *head,
                          const uint8_t *payload) {
    return nx_crc32c(0, payload, head->len) == head->payload_crc;
}

/* --- ledger --- */

/* How many there are goes before them. */
static void put_holes(struct cursor *c, const struct nx_hole *holes, size_t n) {
    put(c, n, 4);
    for (size_t i = 0; i < n; i++) {
        put(c, holes[i].from_seq, 8);
        put(c, holes[i].to_seq, 8);
        put(c, holes[i].told_to_seq, 8);
        put(c, holes[i].reason, 1);
    }
}

/* Adds those of a page. */
static int get_holes(struct cursor *c, struct nx_ledger_block *l) {
    size_t n = get(c, 4);
    if (n > PAGE_HOLES) {
        return NX_EMALFORMED;
    }
    for (size_t i = 0; i < n; i++) {
        struct nx_hole *h = &l->holes[l->holes_n++];
        h->from_seq = get(c, 8);
        h->to_seq = get(c, 8);
        h->told_to_seq = get(c, 8);
        h->reason = (uint8_t)get(c, 1);
    }
    return NX_OK;
}

static void pack_more(const struct nx_ledger_block *ledger, uint8_t *page) {
    memcpy(page, MORE_MAGIC, MAGIC_BYTES);
    struct cursor c = {.out = page + MAGIC_BYTES};
    put(&c, ledger->generation, 8);
    put(&c, ledger->epoch, 8);
    put_holes(&c, ledger->holes + PAGE_HOLES, ledger->holes_n - PAGE_HOLES);
    seal(page, NX_LEDGER_PAGE_BYTES, 0);
}

void nx_ledger_pack(const struct nx_ledger_block *ledger,
                    uint8_t out[NX_LEDGER_BLOCK_BYTES]) {
    bool more = ledger->holes_n > PAGE_HOLES;
    memset(out, 0, NX_LEDGER_BLOCK_BYTES);
    memcpy(out, LEDGER_MAGIC, MAGIC_BYTES);
    struct cursor c = {.out = out + MAGIC_BYTES};
    put(&c, ledger->generation, 8);
    put(&c, ledger->epoch, 8);
    put(&c, ledger->reserved_seq, 8);
    put(&c, ledger->acked_seq, 8);
    put(&c, ledger->dropped_n, 8);
    put(&c,
        (ledger->clean ? LEDGER_CLEAN : 0) | (more ? LEDGER_MORE : 0) |
            (ledger->unsent ? LEDGER_UNSENT : 0),
        4);
    put_holes(&c, ledger->holes, more ? PAGE_HOLES : ledger->holes_n);
    c.out = out + SAME_OFFSET; /* 0 in ledgers of before */
    put(&c, ledger->same_seq, 8);
    seal(out, NX_LEDGER_PAGE_BYTES, 0);
    if (more) {
        pack_more(ledger, out + NX_LEDGER_PAGE_BYTES);
    }
}

static bool holes_possible(const struct nx_ledger_block *l) {
    uint64_t before = 0;
    for (size_t i = 0; i < l->holes_n; i++) {
        const struct nx_hole *h = &l->holes[i];
        if (h->from_seq <= before || h->to_seq < h->from_seq ||
            h->to_seq > l->reserved_seq || h->told_to_seq > h->to_seq ||
            h->reason > NX_GAP_REASON_MAX) {
            return false;
        }
        before = h->to_seq;
    }
    return true;
}

/* The second page has to be of the same writing as the first. */
static int parse_more(const uint8_t *page, struct nx_ledger_block *l) {
    struct cursor c = {.in = page + MAGIC_BYTES};
    int err = check_head(page, NX_LEDGER_PAGE_BYTES, MORE_MAGIC);
    if (err == NX_OK &&
        (get(&c, 8) != l->generation || get(&c, 8) != l->epoch)) {
        err = NX_EMALFORMED;
    }
    return err == NX_OK ? get_holes(&c, l) : err;
}

int nx_ledger_parse(const uint8_t bytes[NX_LEDGER_BLOCK_BYTES],
                    struct nx_ledger_block *out) {
    struct nx_ledger_block l = {0};
    struct cursor c = {.in = bytes + MAGIC_BYTES};
    int err = check_head(bytes, NX_LEDGER_PAGE_BYTES, LEDGER_MAGIC);
    if (err != NX_OK) {
        return err;
    }
    l.generation = get(&c, 8);
    l.epoch = get(&c, 8);
    l.reserved_seq = get(&c, 8);
    l.acked_seq = get(&c, 8);
    l.dropped_n = get(&c, 8);
    uint64_t flags = get(&c, 4);
    l.clean = (flags & LEDGER_CLEAN) != 0;
    l.unsent = (flags & LEDGER_UNSENT) != 0;
    err = get_holes(&c, &l);
    c.in = bytes + SAME_OFFSET;
    l.same_seq = get(&c, 8);
    if (err == NX_OK && (flags & LEDGER_MORE) != 0) {
        err = parse_more(bytes + NX_LEDGER_PAGE_BYTES, &l);
    }
    if (err != NX_OK) {
        return err;
    }
    if (l.reserved_seq > NX_SEQ_MAX || l.acked_seq > l.reserved_seq ||
        l.dropped_n > l.reserved_seq || l.same_seq > l.reserved_seq ||
        !holes_possible(&l)) {
        return NX_EMALFORMED;
    }
    *out = l;
    return NX_OK;
}
