#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* EAI_NODATA */
#endif
#include "agent/dns/lookup.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "common/rrtype.h"

void nx_lookup_add(struct nx_lookup_reply *reply, const uint8_t *address,
                   uint8_t address_len) {
    if (reply->addresses_n < NX_ANSWER_RECORDS_MAX) {
        reply->address_len = address_len;
        memcpy(reply->addresses[reply->addresses_n++], address, address_len);
    }
}

static void failed(int status, struct nx_answer *out) {
    out->outcome = NX_ANSWERED;
    switch (status) {
    case EAI_NONAME:
        out->rcode = NX_RCODE_NXDOMAIN;
        break;
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        out->rcode = NX_RCODE_NOERROR;
        break;
    case EAI_AGAIN:
    case EAI_FAIL:
        out->rcode = NX_RCODE_SERVFAIL;
        break;
    default: /* an int of the C library's, not an enum of ours */
        out->outcome = NX_LOCAL_ERROR;
        break;
    }
}

static int by_bytes(const void *a, const void *b) {
    return memcmp(a, b, 16);
}

/* Canonical order and no RR twice (RFC 4034 section 6.3). */
static void put_addresses(struct nx_lookup_reply *reply,
                          struct nx_lookup_answer *out) {
    struct nx_answer *answer = &out->answer;
    uint8_t *to = out->rdata;
    qsort(reply->addresses, reply->addresses_n, sizeof(reply->addresses[0]),
          by_bytes);
    for (unsigned i = 0; i < reply->addresses_n; i++) {
        if (i > 0 &&
            by_bytes(reply->addresses[i], reply->addresses[i - 1]) == 0) {
            continue;
        }
        *to++ = 0;
        *to++ = reply->address_len;
        memcpy(to, reply->addresses[i], reply->address_len);
        to += reply->address_len;
        answer->rdata_n++;
    }
    answer->rdata = out->rdata;
    answer->rdata_len = (uint16_t)(to - out->rdata);
    answer->flags = NX_ANS_RDATA;
    if (reply->hosts_file != 0) {
        answer->flags |= NX_ANS_HOSTS_FILE;
    }
}

int nx_lookup_read(const uint8_t *bytes, size_t len, uint16_t qtype,
                   struct nx_lookup_answer *out) {
    struct nx_lookup_reply reply;
    uint8_t address_len = qtype == NX_TYPE_AAAA ? 16 : 4;
    if (len != sizeof(reply)) {
        return NX_EMALFORMED;
    }
    memcpy(&reply, bytes, sizeof(reply));
    bool good = reply.status == 0;
    if (reply.addresses_n > NX_ANSWER_RECORDS_MAX ||
        good != (reply.addresses_n > 0) ||
        (good && reply.address_len != address_len)) {
        return NX_EMALFORMED;
    }
    memset(out, 0, sizeof(*out));
    if (good) {
        out->answer.outcome = NX_ANSWERED;
        put_addresses(&reply, out);
    } else {
        failed(reply.status, &out->answer);
    }
    return NX_OK;
}
