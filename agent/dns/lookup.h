/* What getaddrinfo(3) says, as an answer like any other: the child that asked
 * (io_lookup.h) tells it in one message. Pure. */
#ifndef NX_AGENT_LOOKUP_H
#define NX_AGENT_LOOKUP_H

#include "common/obs.h"

/* The message, as it lies in memory: parent and child are one program. */
struct nx_lookup_reply {
    int32_t status;      /* 0, or EAI_* */
    uint8_t hosts_file;  /* 1: /etc/hosts alone says the same */
    uint8_t address_len; /* 4 or 16 */
    uint8_t addresses_n;
    uint8_t addresses[NX_ANSWER_RECORDS_MAX][16];
};

/* answer.rdata points into this struct: not to be copied or moved. */
struct nx_lookup_answer {
    struct nx_answer answer;
    uint8_t rdata[NX_ANSWER_RDATA_MAX];
};

/* Reads the message of a child that looked for A or AAAA. EAI_NONAME is
 * NXDOMAIN, EAI_NODATA is NODATA, EAI_AGAIN and EAI_FAIL are SERVFAIL; what
 * says nothing about the name (EAI_SYSTEM, EAI_MEMORY, ...) is NX_LOCAL_ERROR.
 * Nothing is known of TTL, SOA or aliases. NX_EMALFORMED: it is none. */
int nx_lookup_read(const uint8_t *bytes, size_t len, uint16_t qtype,
                   struct nx_lookup_answer *out) NX_MUSTUSE;

/* Adds an address to a reply, unless it is full. */
void nx_lookup_add(struct nx_lookup_reply *reply, const uint8_t *address,
                   uint8_t address_len);

#endif
