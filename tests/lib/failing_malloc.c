/* Memory that cannot be had, at one place of a program of ours: put in front of
 * the C library (LD_PRELOAD). Only calls that the program itself makes count,
 * not those of its libraries.
 *
 *   NX_SITES=FILE         at the end: "OFFSET CALLS" for each place that asked
 *                         for memory; OFFSET is what addr2line -e takes
 *   NX_SITE=OFFSET        there the call number NX_SITE_CALL gets nothing, and
 *   NX_SITE_CALL=N        "failing_malloc: no memory" goes to standard error
 *
 * Programs whose name does not begin with nxclear are left alone. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SITES_MAX 8192U /* a power of two */
#define OURS "nxclear"

/* The C library's own, under names that it exports for this. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

struct site {
    atomic_uintptr_t offset; /* 0: free */
    atomic_ulong calls_n;
};

static struct site sites[SITES_MAX];
static uintptr_t base, code_from, code_to; /* of the program */
static const char *sites_path;
static uintptr_t fails_at; /* offset; 0: nowhere */
static unsigned long fails_call;

static int find_code(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    (void)context;
    base = info->dlpi_addr;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0) {
            code_from = base + part->p_vaddr;
            code_to = code_from + part->p_memsz;
        }
    }
    return 1; /* the first is the program */
}

__attribute__((constructor)) static void begin(void) {
    const char *site = getenv("NX_SITE");
    const char *call = getenv("NX_SITE_CALL");
    if (strncmp(program_invocation_short_name, OURS, strlen(OURS)) != 0) {
        return;
    }
    sites_path = getenv("NX_SITES");
    fails_at = site != NULL ? (uintptr_t)strtoull(site, NULL, 16) : 0;
    fails_call = call != NULL ? strtoul(call, NULL, 10) : 1;
    (void)dl_iterate_phdr(find_code, NULL);
}

static struct site *site_of(uintptr_t offset) {
    for (size_t i = offset % SITES_MAX;; i = (i + 1) % SITES_MAX) {
        uintptr_t there = 0;
        if (atomic_compare_exchange_strong(&sites[i].offset, &there, offset) ||
            there == offset) {
            return &sites[i];
        }
    }
}

/* Is it this call that gets nothing? */
static bool fails(const void *caller) {
    static const char said[] = "failing_malloc: no memory\n";
    uintptr_t at = (uintptr_t)caller;
    if (at < code_from || at >= code_to) {
        return false;
    }
    unsigned long call = atomic_fetch_add(&site_of(at - base)->calls_n, 1) + 1;
    if (at - base != fails_at || call != fails_call) {
        return false;
    }
    (void)!write(STDERR_FILENO, said, sizeof(said) - 1);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL
                                              : __libc_realloc(old, size);
}

static char *copy(const char *text, size_t len) {
    char *to = __libc_malloc(len + 1);
    if (to != NULL) {
        memcpy(to, text, len);
        to[len] = '\0';
    }
    return to;
}

char *strdup(const char *text) {
    return fails(__builtin_return_address(0)) ? NULL : copy(text, strlen(text));
}

char *strndup(const char *text, size_t max) {
    return fails(__builtin_return_address(0)) ? NULL
                                              : copy(text, strnlen(text, max));
}

__attribute__((destructor)) static void end(void) {
    FILE *out =
        sites_path != NULL && code_to != 0 ? fopen(sites_path, "w") : NULL;
    for (size_t i = 0; out != NULL && i < SITES_MAX; i++) {
        uintptr_t offset = atomic_load(&sites[i].offset);
        if (offset != 0) {
            fprintf(out, "%zx %lu\n", (size_t)offset,
                    atomic_load(&sites[i].calls_n));
        }
    }
    if (out != NULL) {
        fclose(out);
    }
}
