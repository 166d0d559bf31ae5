#include "common/memory.h"

#include <stdint.h>
#include <sys/mman.h>

#define LARGE_MIN ((size_t)8 << 20)
#define PAGE ((uintptr_t)4096) /* or larger: then it is refused */

void nx_memory_large(void *bytes, size_t len) {
    uintptr_t from = ((uintptr_t)bytes + PAGE - 1) / PAGE * PAGE;
    uintptr_t to = ((uintptr_t)bytes + len) / PAGE * PAGE;
    if (len >= LARGE_MIN) {
        /* It is a wish: without it all is as it was. */
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
    }
}
