/* A message to operators: the document that is stored, and what each kind of
 * receiver gets of it. Pure: the same document gives the same bytes at each
 * attempt. */
#ifndef NX_COLLECTOR_PAYLOAD_H
#define NX_COLLECTOR_PAYLOAD_H

#include <jansson.h>

#include "collector/alert/letter.h"
#include "collector/status/board.h"
#include "common/text.h"

#define NX_ALERT_KEY_MAX 64U /* bytes of a key with the NUL */

/* The key by which a receiver knows a message that comes again. */
char *nx_alert_key(uint32_t incident_id, int64_t at_us, char *out);

/* {"key", "kind", "at", "outlook", "incident", "summary", "changes": [...]} of
 * changes of the page's incident, ordered by network; what is said of them all,
 * and of each, is what the page says. kind: "change" or "closed".
 * nxclear-api(7). Appended to out, which holds the failure if there is one. */
void nx_alert_put_document(struct nx_text *out,
                           const struct nx_board_page *page, const char *kind,
                           int64_t now_us,
                           const struct nx_alert_change *changes, size_t n);
/* A message that tries a receiver out. */
json_t *nx_alert_test_document(int64_t now_us);

/* What is sent: for a URL the body, for mail the whole message, for exec the
 * standard input. */
struct nx_alert_payload {
    const char *content_type;
    struct nx_text body; /* failed: out of memory */
};
/* letter: read, by its kind; it is used up. */
void nx_alert_payload(const struct nx_receiver *receiver,
                      struct nx_letter *letter, struct nx_alert_payload *out);

/* Lower-case hex of HMAC-SHA256 (RFC 2104) over "TIMESTAMP.BODY". */
#define NX_ALERT_SIGNATURE_MAX 65U
void nx_alert_sign(const char *secret, size_t secret_len, int64_t timestamp_s,
                   const char *body, size_t body_len,
                   char out[NX_ALERT_SIGNATURE_MAX]);

/* Time until the next attempt after so many failed ones: 5 s, doubled each
 * time, at most 10 minutes; up to a quarter less, by salt. */
int64_t nx_alert_retry_us(unsigned attempts, uint64_t salt);

#endif
