/* Why a target is in its state, and what to do about it: one line each, in the
 * operator's words, from one table. Pure. */
#ifndef NX_COLLECTOR_ADVICE_H
#define NX_COLLECTOR_ADVICE_H

#include "collector/infer/verdict.h"
#include "common/obs.h"

#define NX_ADVICE_MAX 320U /* bytes of a line with the NUL */

/* What the lines may name. Texts are printable, and NULL (empty in `server`)
 * when not known: a line that needs one gives way to one that does not. */
struct nx_advice_facts {
    int64_t now_us;
    bool device;          /* the denial is the device's own */
    const char *name;     /* "www.example.com" */
    const char *type;     /* "A" */
    const char *resolver; /* "192.0.2.53@53" */
    const char *server;   /* an authoritative server that denies the name */
    const char *differs;  /* else one that has another RRset than expected */
    bool serial_known;    /* of that server */
    uint32_t serial;
    const char *other;  /* a resolver of the same network that is clear */
    const char *gone;   /* this name, or its zone, does not exist ... */
    const char *denier; /* ... says this name server */
    const char *lame;   /* a name server that does not serve the zone */
    bool alias;         /* the name is an alias whose target is not audited */
    bool old_servers;   /* that left the delegation, and deny the name */
    int64_t looks_us;   /* they hold looks back until then; 0: they do not */
    const char *link;   /* the name is an alias: what is denied is this one */
    const char *zone;   /* another zone than the name's that denies */
    const char *apex;   /* of the name's own zone */
    const char *above;  /* a name above, of the same zone, that was denied */
    const char *aside;  /* of the network: a resolver that is set aside */
};

struct nx_advice {
    char why[NX_ADVICE_MAX];
    char todo[NX_ADVICE_MAX];
};

void nx_advice_of(const struct nx_verdict *verdict,
                  const struct nx_advice_facts *facts, struct nx_advice *out);

#endif
