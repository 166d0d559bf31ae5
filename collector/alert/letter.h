/* A message to operators as it is stored, on its way to one receiver: read a
 * piece at a time, for of very many networks it is long. Pure. */
#ifndef NX_COLLECTOR_LETTER_H
#define NX_COLLECTOR_LETTER_H

#include <jansson.h>

#include "collector/alert/alert.h"
#include "collector/alert/receiver.h"
#include "common/text.h"

#define NX_ALERT_LINES_MAX 20U /* networks named in a text for people */

struct nx_letter;

/* kind: of the receiver; the document is copied. NX_ENOMEM. */
int nx_letter_new(unsigned kind, const char *document,
                  struct nx_letter **out) NX_MUSTUSE;
void nx_letter_free(struct nx_letter **letter);
/* Goes on for about *budget bytes, and takes off what it read. NX_EAGAIN: there
 * is more. NX_EMALFORMED: it is no document; NX_ENOMEM. */
int nx_letter_read(struct nx_letter *letter, size_t *budget) NX_MUSTUSE;

/* When it is read. The document, but of its changes the first
 * NX_ALERT_LINES_MAX only. */
const json_t *nx_letter_head(const struct nx_letter *letter);
struct nx_letter_counts {
    size_t changes_n;
    size_t of_kind_n[NX_ALERT_RECOVERED + 1]; /* enum nx_alert_kind */
};
const struct nx_letter_counts *nx_letter_counts(const struct nx_letter *letter);
/* What an Alertmanager is told of each change, with commas between. */
const struct nx_text *nx_letter_told(const struct nx_letter *letter);
/* All of it, as it is stored; out is its owner from now on. */
void nx_letter_take(struct nx_letter *letter, struct nx_text *out);

/* payload.c: adds that of one change, with a comma if it is not the first. */
void nx_alert_put_told(struct nx_text *out, const json_t *document,
                       const json_t *change);

#endif
