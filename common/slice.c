#include "common/slice.h"

void nx_slice_took(struct nx_slice *slice, int64_t took_us) {
    size_t n = slice->n;
    if (took_us > NX_SLICE_US) {
        n /= 2;
    } else if (took_us < NX_SLICE_US / 2) {
        n += n / 8 + 1;
    }
    slice->n = n < slice->min ? slice->min : n > slice->max ? slice->max : n;
}
