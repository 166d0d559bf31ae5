/* Labels: one row each, so that people can read and join them. */
#include "collector/store/io_store_sqlite.h"

#include <string.h>

static const char *kind_text(enum nx_label_kind kind) {
    return kind == NX_LABELS_OF_AGENT ? "agent" : "network";
}

static int put_one(struct nx_store *store, enum nx_label_kind kind,
                   const char *name, unsigned key, const char *value,
                   int64_t at_us) {
    bool drop = value[0] == '\0';
    struct nx_sq sq =
        drop ? nx_sq_use(store, NX_SQ_LABEL_DROP,
                         "DELETE FROM label WHERE kind = ?1 AND name = ?2 AND "
                         "key = ?3")
             : nx_sq_use(store, NX_SQ_LABEL_PUT,
                         "INSERT INTO label(kind, name, key, value, changed_us,"
                         " digest) VALUES(?1, ?2, ?3, ?4, ?5, nx_digest(?1, "
                         "?2, ?3, ?4, ?5)) ON CONFLICT(kind, name, key) DO "
                         "UPDATE SET value = excluded.value, changed_us = "
                         "excluded.changed_us, digest = excluded.digest");
    nx_sq_text(&sq, kind_text(kind));
    nx_sq_text(&sq, name);
    nx_sq_text(&sq, nx_label_key_text(key));
    if (!drop) {
        nx_sq_text(&sq, value);
        nx_sq_int(&sq, at_us);
    }
    return nx_sq_run(&sq);
}

int nx_store_labels_put(struct nx_store *store, enum nx_label_kind kind,
                        const char *name, const struct nx_labels *labels,
                        int64_t at_us) {
    char number[NX_LABEL_VALUE_MAX];
    int err = NX_OK;
    for (unsigned key = 0; key < NX_LABEL_KEYS_N_ && err == NX_OK; key++) {
        err = put_one(store, kind, name, key,
                      nx_labels_text(labels, (enum nx_label_key)key, number),
                      at_us);
    }
    return err;
}

/* The one that rows are being read of. */
struct reading {
    enum nx_label_kind kind;
    char name[NX_TEXT_LABEL_MAX]; /* "": none yet */
    struct nx_labels labels;
};

static void begin(struct reading *r, enum nx_label_kind kind,
                  const char *name) {
    r->kind = kind;
    memcpy(r->name, name, sizeof(r->name));
    nx_labels_init(&r->labels);
}

static void take_row(struct reading *r, const struct nx_sq *sq) {
    char key[16];
    char value[NX_LABEL_VALUE_MAX];
    const char *why = "";
    nx_sq_get_text(sq, 2, key, sizeof(key));
    nx_sq_get_text(sq, 3, value, sizeof(value));
    int err = nx_labels_set(&r->labels, nx_label_key_of(key), value, &why);
    (void)err; /* somebody else wrote it */
}

int nx_store_labels(struct nx_store *store,
                    void (*visit)(void *user, enum nx_label_kind kind,
                                  const char *name,
                                  const struct nx_labels *labels),
                    void *user) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_LABELS,
                  "SELECT kind, name, key, value FROM label ORDER BY kind, "
                  "name, key");
    struct reading r = {.name = ""};
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        char kind[16];
        char name[NX_TEXT_LABEL_MAX] = "";
        nx_sq_get_text(&sq, 0, kind, sizeof(kind));
        nx_sq_get_text(&sq, 1, name, sizeof(name));
        enum nx_label_kind of =
            kind[0] == 'a' ? NX_LABELS_OF_AGENT : NX_LABELS_OF_NETWORK;
        if (of != r.kind || strcmp(name, r.name) != 0) {
            if (r.name[0] != '\0') {
                visit(user, r.kind, r.name, &r.labels);
            }
            begin(&r, of, name);
        }
        take_row(&r, &sq);
    }
    if (row == 0 && r.name[0] != '\0') {
        visit(user, r.kind, r.name, &r.labels);
    }
    return row;
}
