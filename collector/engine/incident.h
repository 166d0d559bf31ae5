/* An incident as an operator opens it. Values that own their memory. */
#ifndef NX_COLLECTOR_INCIDENT_H
#define NX_COLLECTOR_INCIDENT_H

#include "collector/infer/facts.h"
#include "collector/infer/family.h"
#include "collector/infer/look.h"

#define NX_INCIDENT_ITEMS_MAX 16U
#define NX_INCIDENT_NOTE_MAX 256U

/* One (name, type) with what it should answer. */
struct nx_incident_item {
    uint8_t name[NX_DNAME_MAX];
    uint16_t qtype;
    uint8_t rdata[NX_ANSWER_RDATA_MAX]; /* form of nx_answer.rdata */
    uint16_t rdata_len;
    uint8_t rdata_n; /* 0: anything positive will do */
};

struct nx_incident {
    uint32_t id; /* 1.. */
    int64_t opened_us;
    int64_t closed_us;      /* NX_TIME_UNKNOWN while open */
    int64_t outage_from_us; /* declared; NX_TIME_UNKNOWN */
    int64_t outage_to_us;   /* declared; NX_TIME_UNKNOWN */
    int64_t restored_us;    /* declared; NX_TIME_UNKNOWN: observe (auto) */
    bool audit;             /* the name servers only: no resolver is asked */
    uint8_t items_n;        /* 1.. */
    struct nx_incident_item items[NX_INCIDENT_ITEMS_MAX];
    char note[NX_INCIDENT_NOTE_MAX];
    struct nx_learnt learnt; /* in force for it, from its opening on */
};

/* An audit that nobody closed. */
#define NX_AUDIT_ENDS_US (INT64_C(600) * 1000000)
bool nx_incident_is_over(const struct nx_incident *incident, int64_t now_us);

/* Is one of its names in this zone, or below it? */
bool nx_incident_in_zone(const struct nx_incident *incident,
                         const uint8_t *apex);

/* What was received before this cannot matter to it. */
int64_t nx_incident_needs_from(const struct nx_incident *incident);

/* Adds one expected RDATA in presentation format ("192.0.2.10") to an item,
 * keeping canonical order. Types A, AAAA, CNAME, NS, PTR, MX, TXT, and any type
 * in RFC 3597 form ("\# 4 C000020A"). NX_EMALFORMED, NX_ELIMIT. */
int nx_incident_expect(struct nx_incident_item *item,
                       const char *text) NX_MUSTUSE;

/* Presentation of record i of a set in the form of nx_answer.rdata; escapes
 * everything outside printable ASCII. Returns out. */
char *nx_rdata_text(uint16_t qtype, const uint8_t *rdata, uint16_t rdata_len,
                    unsigned i, char *out, size_t cap);

#endif
