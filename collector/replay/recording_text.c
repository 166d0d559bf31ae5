#include "collector/replay/recording_text.h"

#include "collector/replay/recording.h"

#include <stddef.h>
#include <stdio.h>

#include "common/rfc3339.h"

const char *const nx_answer_flags[] = {"aa",         "tc", "ra",
                                       "ad",         "cd", "edns",
                                       "", /* soa */
                                       "", /* rdata */
                                       "partial",    "ns", "soa-additional",
                                       "hosts-file", NULL};
const char *const nx_question_flags[] = {"rd", "cd", "do", "nsid",
                                         "ch", "ad", NULL};

char *nx_moment_text(int64_t us, char *out) {
    char text[NX_TIME_TEXT_MAX];
    (void)nx_time_text(us, text);
    (void)snprintf(out, NX_MOMENT_TEXT_MAX, "%.19s.%06uZ", text,
                   (unsigned)(us % 1000000));
    return out;
}

const char *nx_record_kind_text(unsigned kind) {
    static const char *const TEXTS[] = {"agent",   "hello",    "batch",
                                        "profile", "resolver", "zone",
                                        "open",    "close",    "end"};
    return kind <= NX_RECORD_END ? TEXTS[kind] : "?";
}
