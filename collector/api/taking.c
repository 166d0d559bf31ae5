#include "collector/api/taking.h"

void nx_taking_begin(struct nx_taking *t, uint64_t second,
                     uint64_t patience_s) {
    *t = (struct nx_taking){.patience_s = patience_s,
                            .until_s = second + patience_s};
}

bool nx_taking_is_late(struct nx_taking *t, size_t left_bytes,
                       uint64_t second) {
    bool more = left_bytes > t->left_bytes;
    bool taken = !more && t->left_bytes - left_bytes >= NX_TAKING_STEP_BYTES;
    if (more || taken) {
        t->left_bytes = left_bytes;
    }
    if (more || taken || left_bytes == 0) {
        t->until_s = second + t->patience_s;
    }
    return t->until_s < second;
}
