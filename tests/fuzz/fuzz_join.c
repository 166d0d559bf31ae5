/* Join strings, and the messages of the enrolment port. */
#include <stdlib.h>
#include <string.h>

#include "common/join.h"
#include "tests/fuzz/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[512];
    char again[NX_JOIN_TEXT_MAX];
    struct nx_join join;
    struct nx_join back;
    struct nx_join_request request;
    struct nx_join_reply reply;
    uint8_t bytes[NX_JOIN_REPLY_BYTES];
    if (nx_join_request_parse(data, size, &request) == NX_OK) {
        nx_join_request_pack(&request, bytes);
        if (memcmp(bytes, data, size) != 0) {
            abort();
        }
    }
    if (nx_join_reply_parse(data, size, &reply) == NX_OK &&
        (nx_join_reply_pack(&reply, bytes) != NX_OK ||
         memcmp(bytes, data, size) != 0)) {
        abort();
    }
    if (size >= sizeof text) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (nx_join_parse(text, &join) == NX_OK &&
        (nx_join_text(&join, again) != NX_OK ||
         nx_join_parse(again, &back) != NX_OK ||
         memcmp(&join, &back, sizeof join) != 0)) {
        abort();
    }
    return 0;
}
