/* What the SOA records of name servers tell: serials, negative TTLs. */
#include <string.h>

#include "collector/engine/authority_priv.h"

#define SOA_NUMBERS_BYTES 20U /* RFC 1035 section 3.3.13, after the names */
#define W_ROUND_US (2 * INT64_C(1000000))

bool nx_serial_after(uint32_t a, uint32_t b) {
    return a != b && a - b < UINT32_C(0x80000000);
}

/* RFC 2308 section 3 */
static uint32_t negative_ttl(uint32_t ttl_s, uint32_t minimum_s) {
    return ttl_s < minimum_s ? ttl_s : minimum_s;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static void note_w(struct nx_authority *a, const uint8_t *owner, uint32_t ttl_s,
                   uint32_t minimum_s) {
    size_t i = 0;
    while (i < a->zones_n && !nx_dname_equal(a->zones[i].owner, owner)) {
        i++;
    }
    if (i == NX_AUTH_ZONES_MAX) {
        return;
    }
    if (i == a->zones_n) {
        a->zones_n++;
        (void)nx_dname_lower(owner, a->zones[i].owner);
        a->zones[i].w_s = a->zones[i].ttl_s = a->zones[i].minimum_s = 0;
    }
    struct nx_auth_zone *z = &a->zones[i];
    z->w_s = larger(z->w_s, negative_ttl(ttl_s, minimum_s));
    z->ttl_s = larger(z->ttl_s, ttl_s);
    z->minimum_s = larger(z->minimum_s, minimum_s);
}

/* Serials of two zones do not compare. */
void nx_auth_outage_serial(struct nx_authority *a, uint32_t serial) {
    bool same =
        a->outage_serial_known && nx_dname_equal(a->outage_serial_of, a->apex);
    if (!same || nx_serial_after(serial, a->outage_serial)) {
        a->outage_serial = serial;
        a->outage_serial_known = true;
        memcpy(a->outage_serial_of, a->apex, sizeof(a->outage_serial_of));
    }
}

static void note_server_soa(struct nx_auth_server *s, uint32_t serial,
                            uint32_t ttl_s, uint32_t minimum_s) {
    s->serial = serial;
    s->serial_known = true;
    s->soa_ttl_s = ttl_s;
    s->soa_minimum_s = minimum_s;
    s->w_s = negative_ttl(nx_ttl_s(ttl_s), nx_ttl_s(minimum_s));
}

void nx_auth_denial_soa(struct nx_authority *a, const struct nx_obs *obs) {
    const struct nx_answer *answer = obs->answer;
    if ((answer->flags & NX_ANS_SOA) != 0 && answer->soa_owner != NULL &&
        nx_dname_equal(answer->soa_owner, a->apex)) {
        note_w(a, answer->soa_owner, nx_ttl_s(obs->soa_ttl_s),
               nx_ttl_s(answer->soa_minimum_s));
    }
}

void nx_auth_negative_soa(struct nx_authority *a, struct nx_auth_entry *e,
                          const struct nx_obs *obs) {
    const struct nx_answer *answer = obs->answer;
    if ((answer->flags & NX_ANS_SOA) == 0 || answer->soa_owner == NULL) {
        return;
    }
    note_w(a, answer->soa_owner, nx_ttl_s(obs->soa_ttl_s),
           nx_ttl_s(answer->soa_minimum_s));
    /* A server of both zones may answer for the parent's. */
    if (a->apex_known && nx_dname_equal(answer->soa_owner, a->apex)) {
        note_server_soa(&e->server, answer->soa_serial, obs->soa_ttl_s,
                        answer->soa_minimum_s);
        nx_auth_outage_serial(a, answer->soa_serial);
    }
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           (uint32_t)p[3];
}

/* The five numbers of the first SOA of the answer, or NULL. The codec checked
 * lengths; names inside RDATA it did not. */
static const uint8_t *soa_numbers(const struct nx_answer *answer) {
    if ((answer->flags & NX_ANS_RDATA) == 0 || answer->rdata_n == 0 ||
        answer->rdata_len < 2) {
        return NULL;
    }
    size_t len = (size_t)answer->rdata[0] << 8 | answer->rdata[1];
    if (len + 2 > answer->rdata_len || len < SOA_NUMBERS_BYTES + 2) {
        return NULL;
    }
    return answer->rdata + 2 + len - SOA_NUMBERS_BYTES;
}

/* Has the zone's negative TTL changed? A server that says nothing any more has
 * no part in it. */
static void note_w_change(struct nx_authority *a, int64_t at_us) {
    uint32_t w_s = 0;
    for (size_t i = 0; i < a->entries_n; i++) {
        const struct nx_auth_server *s = &a->entries[i].server;
        w_s = s->serial_known && s->class_ != NX_AUTH_SILENT
                  ? larger(w_s, s->w_s)
                  : w_s;
    }
    int64_t last_us = a->w_n > 0 ? a->w[a->w_n - 1].at_us : NX_TIME_UNKNOWN;
    /* Servers are asked one after the other: a round makes one step. What came
     * late takes none back. */
    bool same_round =
        a->w_n > 0 && at_us >= last_us && at_us - last_us < W_ROUND_US;
    at_us = nx_time_later(at_us, last_us);
    if (same_round) {
        at_us = a->w[--a->w_n].at_us;
    }
    if (a->w_n > 0 && a->w[a->w_n - 1].w_s == w_s) {
        return;
    }
    if (a->w_n == NX_AUTH_W_MAX) {
        memmove(a->w, a->w + 1, --a->w_n * sizeof(a->w[0]));
    }
    a->w[a->w_n++] = (struct nx_auth_w){at_us, w_s};
}

void nx_authority_soa(struct nx_authority *a, uint32_t agent_id,
                      const struct nx_obs *obs, const struct nx_look *look) {
    struct nx_auth_entry *e = nx_auth_touch(a, agent_id, obs, look);
    const uint8_t *numbers = soa_numbers(obs->answer);
    if (e == NULL || numbers == NULL) {
        return;
    }
    /* Was it the parent's before, without the delegation? */
    nx_above_is_there(&a->above, agent_id, obs, look->rx_us);
    uint32_t serial = be32(numbers);
    note_server_soa(&e->server, serial, obs->answer_ttl_s, be32(numbers + 16));
    note_w_change(a, look->rx_us);
    a->soa_w_s = larger(a->soa_w_s, e->server.w_s);
    a->soa_minimum_s = larger(a->soa_minimum_s, nx_ttl_s(be32(numbers + 16)));
    if (e->word >= NX_AUTH_WORD_DIFFERS) {
        /* Or was it restored between the two questions? */
        e->serial_bad = serial;
        e->bad_serial = true;
    } else if (e->word == NX_AUTH_WORD_GOOD && !e->good_serial &&
               look->tx_us >= e->server.good_since_us) {
        /* Read after the first good answer, so not the old version's. */
        e->serial_good = serial;
        e->good_serial = true;
    }
}
