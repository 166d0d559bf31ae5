/* The reply parser on any bytes, taken as the reply to the question in them. */
#include <string.h>

#include "agent/dns/reply.h"
#include "tests/fuzz/replay.h"

static void check(const struct nx_answer *a) {
    size_t at = 0;
    for (unsigned i = 0; i < a->rdata_n; i++) {
        at += 2U + nx_wire_u16(a->rdata + at);
    }
    if (at != a->rdata_len || a->rdata_len > NX_ANSWER_RDATA_MAX) {
        __builtin_trap();
    }
}

static void walk(const uint8_t *data, size_t size) {
    struct nx_rr_iter iter;
    struct nx_rr rr;
    uint8_t target[NX_DNAME_MAX];
    nx_rr_iter_init(&iter, data, size);
    while (nx_rr_next(&iter, &rr)) {
        if (nx_rr_target(&iter, &rr, target) == 0 &&
            nx_dname_check(target, nx_dname_len(target)) != 0) {
            __builtin_trap();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct nx_reply reply;
    uint8_t name[NX_DNAME_MAX];
    size_t at = 0;
    walk(data, size);
    if (size < NX_HEADER_BYTES || size > NX_MESSAGE_MAX ||
        nx_wire_name(data, size, NX_HEADER_BYTES, name, &at) != 0 ||
        size - at < 4) {
        return 0;
    }
    struct nx_question question = {.name = name,
                                   .qtype = nx_wire_u16(data + at)};
    if (nx_reply_parse(data, size, nx_wire_u16(data), &question, &reply) == 0) {
        check(&reply.answer);
    }
    return 0;
}
