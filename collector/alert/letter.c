/* A stored message is read a piece at a time: of very many networks it is long,
 * and others wait for the loop. */
#include "collector/alert/letter.h"

#include <stdlib.h>
#include <string.h>

#include "collector/status/json_scan.h"
#include "collector/status/status_text.h"

struct nx_letter {
    bool each; /* the receiver is told of each change */
    char *text;
    size_t len;
    struct nx_scan scan;
    bool in_changes, read;
    json_t *head;
    json_t *named; /* the head's changes; borrowed */
    struct nx_letter_counts counts;
    struct nx_text told; /* of each change */
};

int nx_letter_new(unsigned kind, const char *document, struct nx_letter **out) {
    struct nx_letter *l = calloc(1, sizeof(*l));
    if (l != NULL) {
        l->each = kind == NX_RECEIVER_ALERTMANAGER;
        l->len = strlen(document);
        l->text = strdup(document);
        l->head = json_object();
        l->scan = (struct nx_scan){.at = l->text, .end = l->text + l->len};
        nx_text_init(&l->told);
    }
    if (l == NULL || l->text == NULL || l->head == NULL) {
        nx_letter_free(&l);
        return NX_ENOMEM;
    }
    nx_scan_enter(&l->scan, '{');
    *out = l;
    return 0;
}

void nx_letter_free(struct nx_letter **letter) {
    struct nx_letter *l = *letter;
    if (l != NULL) {
        json_decref(l->head);
        nx_text_fini(&l->told);
        free(l->text);
        free(l);
        *letter = NULL;
    }
}

static void count(struct nx_letter *l, const json_t *change) {
    const char *kind = json_string_value(json_object_get(change, "kind"));
    l->counts.changes_n++;
    for (unsigned i = 0; kind != NULL && i <= NX_ALERT_RECOVERED; i++) {
        l->counts.of_kind_n[i] +=
            strcmp(kind, nx_alert_kind_text(i)) == 0 ? 1 : 0;
    }
}

static int take_change(struct nx_letter *l, const struct nx_piece *piece) {
    json_t *change = json_loadb(piece->at, piece->len, 0, NULL);
    if (change == NULL) {
        return NX_EMALFORMED;
    }
    count(l, change);
    if (l->each) {
        nx_alert_put_told(&l->told, l->head, change);
    }
    if (l->counts.changes_n > NX_ALERT_LINES_MAX) {
        json_decref(change);
        return l->told.failed ? NX_ENOMEM : 0;
    }
    return nx_json_add(l->named, change) && !l->told.failed ? 0 : NX_ENOMEM;
}

static int take_member(struct nx_letter *l, const struct nx_piece *key,
                       const struct nx_piece *piece) {
    json_t *value = json_loadb(piece->at, piece->len, JSON_DECODE_ANY, NULL);
    if (value == NULL) {
        return NX_EMALFORMED;
    }
    return json_object_setn_new(l->head, key->at, key->len, value) == 0
               ? 0
               : NX_ENOMEM;
}

/* The changes stand behind what is said of them all. */
static int next(struct nx_letter *l) {
    struct nx_piece key;
    struct nx_piece value;
    if (l->in_changes) {
        l->in_changes = nx_scan_element(&l->scan, &value);
        return l->in_changes ? take_change(l, &value) : 0;
    }
    if (!nx_scan_key(&l->scan, &key)) {
        l->read = true;
        return l->scan.at == l->scan.end ? 0 : NX_EMALFORMED;
    }
    if (nx_piece_is(&key, "changes") && l->named == NULL) {
        l->named = json_array();
        l->in_changes = true;
        nx_scan_enter(&l->scan, '[');
        return nx_json_set(l->head, "changes", l->named) ? 0 : NX_ENOMEM;
    }
    return nx_scan_value(&l->scan, &value) ? take_member(l, &key, &value) : 0;
}

int nx_letter_read(struct nx_letter *l, size_t *budget) {
    while (!l->read && *budget > 0) {
        const char *from = l->scan.at;
        int err = next(l);
        size_t bytes = (size_t)(l->scan.at - from);
        if (err != 0 || l->scan.failed) {
            return err != 0 ? err : NX_EMALFORMED;
        }
        *budget -= bytes < *budget ? bytes : *budget;
    }
    return l->read ? 0 : NX_EAGAIN;
}

const json_t *nx_letter_head(const struct nx_letter *letter) {
    return letter->head;
}

const struct nx_letter_counts *
nx_letter_counts(const struct nx_letter *letter) {
    return &letter->counts;
}

const struct nx_text *nx_letter_told(const struct nx_letter *letter) {
    return &letter->told;
}

void nx_letter_take(struct nx_letter *l, struct nx_text *out) {
    *out = (struct nx_text){.bytes = l->text, .len = l->len, .cap = l->len + 1};
    l->text = NULL;
}
