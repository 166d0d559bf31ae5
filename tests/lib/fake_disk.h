/* A disk for the spool in memory, with what can go wrong with one: it is full,
 * it fails, the power goes. What was synced stays; of the rest, whatever the
 * dice say. */
#ifndef NX_TESTS_LIB_FAKE_DISK_H
#define NX_TESTS_LIB_FAKE_DISK_H

#include <stdlib.h>
#include <string.h>

#include "agent/uplink/spool.h"

#define FAKE_FILES_MAX 4200U

struct fake_file {
    uint64_t id;
    uint8_t *bytes;
    size_t len;
    size_t synced_len;
    bool named;   /* its name is on the disk, too */
    bool damaged; /* by whoever uses it */
};

struct fake_disk {
    struct fake_file files[FAKE_FILES_MAX];
    size_t files_n;
    uint8_t ledger[2][NX_LEDGER_BLOCK_BYTES];
    bool ledger_there[2];
    size_t max_bytes;  /* of segments together; 0: no limit */
    int error;         /* every write and sync fails with it; 0: none */
    int ledger_error;  /* the same for the ledger */
    int read_error;    /* the same for reading segments */
    uint64_t bad_id;   /* this one cannot be read (NX_EIO) ... */
    uint64_t bad_from; /* ... where a reading ends behind here */
    uint64_t bad_to;   /* and begins before here */
    int list_error;
    int ledger_read_error[2];
    unsigned syncs_n;
    unsigned ledgers_n; /* written */
};

static inline struct fake_file *fake_find(struct fake_disk *d, uint64_t id) {
    for (size_t i = 0; i < d->files_n; i++) {
        if (d->files[i].id == id) {
            return &d->files[i];
        }
    }
    return NULL;
}

static inline size_t fake_bytes(const struct fake_disk *d) {
    size_t n = 0;
    for (size_t i = 0; i < d->files_n; i++) {
        n += d->files[i].len;
    }
    return n;
}

static inline int fake_list(void *user, void (*visit)(void *arg, uint64_t id),
                            void *arg) {
    const struct fake_disk *d = user;
    if (d->list_error != NX_OK) {
        return d->list_error;
    }
    for (size_t i = 0; i < d->files_n; i++) {
        visit(arg, d->files[i].id);
    }
    return NX_OK;
}

static inline int fake_append(void *user, uint64_t id, const void *bytes,
                              size_t len) {
    struct fake_disk *d = user;
    if (d->error != NX_OK) {
        return d->error;
    }
    struct fake_file *f = fake_find(d, id);
    if (f == NULL) {
        if (d->files_n == FAKE_FILES_MAX) {
            return NX_EFULL;
        }
        f = &d->files[d->files_n++];
        *f = (struct fake_file){.id = id};
    }
    size_t used = fake_bytes(d);
    size_t fits = len;
    if (d->max_bytes > 0 && used + len > d->max_bytes) {
        fits = used < d->max_bytes ? d->max_bytes - used : 0;
    }
    uint8_t *grown = realloc(f->bytes, f->len + fits + 1);
    if (grown == NULL) {
        return NX_ENOMEM;
    }
    f->bytes = grown;
    memcpy(f->bytes + f->len, bytes, fits);
    f->len += fits;
    return fits == len ? NX_OK : NX_EFULL;
}

static inline int fake_sync(void *user, uint64_t id) {
    struct fake_disk *d = user;
    struct fake_file *f = fake_find(d, id);
    if (d->error != NX_OK || f == NULL) {
        return d->error != NX_OK ? d->error : NX_EIO;
    }
    f->synced_len = f->len;
    f->named = true;
    d->syncs_n++;
    return NX_OK;
}

static inline int fake_read(void *user, uint64_t id, uint64_t offset, void *out,
                            size_t len, size_t *got) {
    struct fake_disk *d = user;
    const struct fake_file *f = fake_find(d, id);
    if (f == NULL || d->read_error != NX_OK) {
        return f == NULL ? NX_ENOTFOUND : d->read_error;
    }
    if (id == d->bad_id && offset < d->bad_to && offset + len > d->bad_from) {
        return NX_EIO;
    }
    size_t left = offset < f->len ? f->len - (size_t)offset : 0;
    *got = len < left ? len : left;
    if (*got > 0) {
        memcpy(out, f->bytes + offset, *got);
    }
    return NX_OK;
}

static inline int fake_remove(void *user, uint64_t id) {
    struct fake_disk *d = user;
    struct fake_file *f = fake_find(d, id);
    if (f == NULL) {
        return NX_ENOTFOUND;
    }
    free(f->bytes);
    *f = d->files[--d->files_n];
    return NX_OK;
}

static inline int fake_ledger_read(void *user, unsigned slot,
                                   uint8_t out[NX_LEDGER_BLOCK_BYTES]) {
    const struct fake_disk *d = user;
    if (d->ledger_read_error[slot] != NX_OK) {
        return d->ledger_read_error[slot];
    }
    if (!d->ledger_there[slot]) {
        return NX_ENOTFOUND;
    }
    memcpy(out, d->ledger[slot], NX_LEDGER_BLOCK_BYTES);
    return NX_OK;
}

static inline int
fake_ledger_write(void *user, unsigned slot,
                  const uint8_t block[NX_LEDGER_BLOCK_BYTES]) {
    struct fake_disk *d = user;
    if (d->ledger_error != NX_OK) {
        return d->ledger_error;
    }
    memcpy(d->ledger[slot], block, NX_LEDGER_BLOCK_BYTES);
    d->ledger_there[slot] = true;
    d->ledgers_n++;
    return NX_OK;
}

static inline struct nx_spool_disk fake_functions(struct fake_disk *d) {
    return (struct nx_spool_disk){.user = d,
                                  .list = fake_list,
                                  .append = fake_append,
                                  .sync = fake_sync,
                                  .read = fake_read,
                                  .remove = fake_remove,
                                  .ledger_read = fake_ledger_read,
                                  .ledger_write = fake_ledger_write};
}

/* The power goes. Of what was not synced some may be there, whole or torn;
 * below(n) gives 0..n-1. An unlinked file stays unlinked: that a name comes
 * back is left out, the spool settles what it finds. */
static inline void fake_power_cut(struct fake_disk *d,
                                  uint32_t (*below)(uint32_t n)) {
    for (size_t i = d->files_n; i-- > 0;) {
        struct fake_file *f = &d->files[i];
        if (!f->named && below(2) == 0) {
            (void)fake_remove(d, f->id);
            continue;
        }
        size_t loose = f->len - f->synced_len;
        if (loose > 0) {
            f->len = f->synced_len + below((uint32_t)loose + 1);
        }
        for (size_t k = f->synced_len; k < f->len && below(4) == 0; k++) {
            f->bytes[f->synced_len +
                     below((uint32_t)(f->len - f->synced_len))] =
                (uint8_t)below(256); /* torn: blocks in any order */
        }
        f->synced_len = f->len;
        f->named = true;
    }
}

/* to must be empty. */
static inline void fake_copy(const struct fake_disk *from,
                             struct fake_disk *to) {
    *to = *from;
    for (size_t i = 0; i < to->files_n; i++) {
        to->files[i].bytes = malloc(from->files[i].len + 1);
        memcpy(to->files[i].bytes, from->files[i].bytes, from->files[i].len);
    }
}

static inline void fake_free(struct fake_disk *d) {
    while (d->files_n > 0) {
        (void)fake_remove(d, d->files[0].id);
    }
    memset(d, 0, sizeof(*d));
}

#endif
