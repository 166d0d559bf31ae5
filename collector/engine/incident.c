#include "collector/engine/incident.h"

#include <string.h>

#include "collector/engine/rdata.h"

#define HOUR_US INT64_C(3600000000)

/* Record i of a set: its RDATA, or NULL. at: where its length stands. */
static const uint8_t *record(const uint8_t *set, uint16_t set_len, unsigned i,
                             size_t *at, size_t *len) {
    size_t p = 0;
    while (p + 2 <= set_len) {
        size_t n = (size_t)set[p] << 8 | set[p + 1];
        if (n > set_len - p - 2) {
            return NULL;
        }
        if (i-- == 0) {
            *at = p;
            *len = n;
            return set + p + 2;
        }
        p += 2 + n;
    }
    return NULL;
}

/* Order of records: as octet strings, the shorter first (RFC 4034 section
 * 6.3). */
static int compare(const uint8_t *a, size_t a_len, const uint8_t *b,
                   size_t b_len) {
    size_t n = a_len < b_len ? a_len : b_len;
    int order = n > 0 ? memcmp(a, b, n) : 0;
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Where the record goes; NX_EEXISTS when it is there already. */
static int place(const struct nx_incident_item *item, const uint8_t *rdata,
                 size_t len, size_t *out) {
    *out = item->rdata_len;
    for (unsigned i = 0; i < item->rdata_n; i++) {
        size_t at = 0;
        size_t n = 0;
        const uint8_t *other = record(item->rdata, item->rdata_len, i, &at, &n);
        int order = other == NULL ? -1 : compare(rdata, len, other, n);
        if (order == 0) {
            return NX_EEXISTS;
        }
        if (order < 0) {
            *out = at;
            return 0;
        }
    }
    return 0;
}

bool nx_incident_in_zone(const struct nx_incident *incident,
                         const uint8_t *apex) {
    bool in = false;
    for (unsigned i = 0; i < incident->items_n; i++) {
        in |= nx_dname_under(incident->items[i].name, apex);
    }
    return in;
}

bool nx_incident_is_over(const struct nx_incident *incident, int64_t now_us) {
    return incident->audit && incident->closed_us == NX_TIME_UNKNOWN &&
           now_us - incident->opened_us >= NX_AUDIT_ENDS_US;
}

int nx_incident_expect(struct nx_incident_item *item, const char *text) {
    uint8_t rdata[NX_ANSWER_RDATA_MAX];
    size_t len = 0;
    size_t at = 0;
    int err = nx_rdata_parse(item->qtype, text, rdata, sizeof(rdata), &len);
    if (err != 0) {
        return err;
    }
    if (place(item, rdata, len, &at) == NX_EEXISTS) {
        return 0; /* a set holds each record once */
    }
    if (item->rdata_n == NX_ANSWER_RECORDS_MAX ||
        len + 2 > sizeof(item->rdata) - item->rdata_len) {
        return NX_ELIMIT;
    }
    uint8_t *to = item->rdata + at;
    memmove(to + len + 2, to, item->rdata_len - at);
    to[0] = (uint8_t)(len >> 8);
    to[1] = (uint8_t)(len & 0xff);
    memcpy(to + 2, rdata, len);
    item->rdata_len = (uint16_t)(item->rdata_len + len + 2);
    item->rdata_n++;
    return 0;
}

char *nx_rdata_text(uint16_t qtype, const uint8_t *rdata, uint16_t rdata_len,
                    unsigned i, char *out, size_t cap) {
    size_t at = 0;
    size_t len = 0;
    const uint8_t *one = record(rdata, rdata_len, i, &at, &len);
    if (one == NULL) {
        if (cap > 0) {
            out[0] = '\0';
        }
        return out;
    }
    return nx_rdata_present(qtype, one, len, out, cap);
}

int64_t nx_incident_needs_from(const struct nx_incident *incident) {
    int64_t from_us = incident->opened_us;
    if (incident->outage_from_us != NX_TIME_UNKNOWN &&
        incident->outage_from_us < from_us) {
        from_us = incident->outage_from_us;
    }
    return from_us - HOUR_US;
}
