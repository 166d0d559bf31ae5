#include "collector/infer/sizes.h"

#include "common/obs.h"

const uint16_t nx_sizes_bytes[NX_SIZES_N] = {512, 1232, 4096};

const char *nx_sized_text(unsigned sized) {
    static const char *const text[] = {"none", "lost", "cut", "tcp", "whole"};
    return sized <= NX_SIZED_MAX ? text[sized] : "?";
}

int nx_sizes_index(uint16_t udp_bytes) {
    for (unsigned i = 0; i < NX_SIZES_N; i++) {
        if (nx_sizes_bytes[i] == udp_bytes) {
            return (int)i;
        }
    }
    return -1;
}

enum nx_sized nx_sized_of(const struct nx_answer *answer) {
    if (answer->outcome == NX_TIMEOUT) {
        return NX_SIZED_LOST;
    }
    if (answer->outcome != NX_ANSWERED) {
        return NX_SIZED_NONE;
    }
    if ((answer->flags & NX_ANS_TC) != 0) {
        return NX_SIZED_CUT;
    }
    return answer->over_tcp ? NX_SIZED_TCP : NX_SIZED_WHOLE;
}

void nx_sizes_judge(const uint8_t sized[NX_SIZES_N], struct nx_sizes *out) {
    *out = (struct nx_sizes){0};
    /* From the largest: what brought a reply clears all below it. */
    for (unsigned i = NX_SIZES_N - 1; i > 0 && sized[i] <= NX_SIZED_LOST; i--) {
        bool cut = sized[i - 1] == NX_SIZED_CUT || sized[i - 1] == NX_SIZED_TCP;
        if (cut && sized[i] == NX_SIZED_LOST) {
            out->limit_bytes = nx_sizes_bytes[i - 1];
            out->tcp = sized[i - 1] == NX_SIZED_TCP;
        }
    }
}
