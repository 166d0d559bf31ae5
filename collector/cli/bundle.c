#include "collector/cli/bundle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rfc3339.h"
#include "common/rrtype.h"

#define NAME_MAX_BYTES 160U
#define AGENTS_MAX NX_ENGINE_AGENTS_MAX

struct nx_bundle {
    const char *network;
    struct nx_bundle_file *files;
    size_t files_n;
    size_t wires_n;
    uint32_t *agents; /* that stand there, by id */
    size_t agents_n;
    struct nx_text trace;
    bool failed;
};

int nx_bundle_new(const char *network, struct nx_bundle **out) {
    struct nx_bundle *bundle = calloc(1, sizeof(*bundle));
    if (bundle != NULL) {
        bundle->network = network;
        bundle->files = calloc(NX_BUNDLE_FILES_MAX, sizeof(*bundle->files));
        bundle->agents = calloc(AGENTS_MAX, sizeof(*bundle->agents));
        nx_text_init(&bundle->trace);
    }
    if (bundle == NULL || bundle->files == NULL || bundle->agents == NULL) {
        nx_bundle_free(&bundle);
        return NX_ENOMEM;
    }
    *out = bundle;
    return 0;
}

void nx_bundle_free(struct nx_bundle **bundle_p) {
    struct nx_bundle *bundle = *bundle_p;
    if (bundle == NULL) {
        return;
    }
    for (size_t i = 0; i < bundle->files_n; i++) {
        free(bundle->files[i].name);
        nx_text_fini(&bundle->files[i].text);
    }
    free(bundle->files);
    free(bundle->agents);
    nx_text_fini(&bundle->trace);
    free(bundle);
    *bundle_p = NULL;
}

static struct nx_bundle_file *file_of(struct nx_bundle *bundle,
                                      const char *name) {
    for (size_t i = 0; i < bundle->files_n; i++) {
        if (strcmp(bundle->files[i].name, name) == 0) {
            return &bundle->files[i];
        }
    }
    if (bundle->files_n == NX_BUNDLE_FILES_MAX) {
        bundle->failed = true;
        return NULL;
    }
    struct nx_bundle_file *file = &bundle->files[bundle->files_n];
    file->name = strdup(name);
    if (file->name == NULL) {
        bundle->failed = true;
        return NULL;
    }
    nx_text_init(&file->text);
    bundle->files_n++;
    return file;
}

void nx_bundle_add(struct nx_bundle *bundle, const char *name,
                   struct nx_text *text) {
    struct nx_bundle_file *file = file_of(bundle, name);
    if (file != NULL) {
        nx_text_fini(&file->text);
        file->text = *text;
    } else {
        nx_text_fini(text);
    }
    nx_text_init(text);
}

/* --- records --- */

/* Nothing of the network may make a path. */
static void clean(char *name) {
    for (char *p = name; *p != '\0'; p++) {
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789.-_",
                   *p) == NULL) {
            *p = '_';
        }
    }
}

static struct nx_bundle_file *file_for(struct nx_bundle *bundle,
                                       const struct nx_question *q) {
    char at[NX_ENDPOINT_TEXT_MAX];
    char type[NX_RRTYPE_TEXT_MAX];
    char name[NAME_MAX_BYTES];
    bool authority = q->to.layer == NX_LAYER_AUTHORITY;
    (void)nx_endpoint_text(&q->to, at);
    (void)nx_rrtype_text(q->qtype, type);
    clean(at);
    clean(type);
    (void)snprintf(name, sizeof name, "%s/%s-%s.txt",
                   authority ? "authority" : "resolvers", at, type);
    return file_of(bundle, name);
}

/* Index of the agent, or of the place where it belongs. */
static size_t agent_at(const struct nx_bundle *bundle, uint32_t id) {
    size_t i = 0;
    while (i < bundle->agents_n && bundle->agents[i] < id) {
        i++;
    }
    return i;
}

static bool stands_there(const struct nx_bundle *bundle, uint32_t id) {
    size_t i = agent_at(bundle, id);
    return i < bundle->agents_n && bundle->agents[i] == id;
}

static void note_agent(struct nx_bundle *bundle, uint32_t id, bool there) {
    size_t i = agent_at(bundle, id);
    uint32_t *at = &bundle->agents[i];
    if (there == stands_there(bundle, id)) {
        return;
    }
    if (!there) {
        bundle->agents_n--;
        memmove(at, at + 1, (bundle->agents_n - i) * sizeof(*at));
    } else if (bundle->agents_n < AGENTS_MAX) {
        memmove(at + 1, at, (bundle->agents_n - i) * sizeof(*at));
        bundle->agents_n++;
        *at = id;
    }
}

static bool is_wanted(const struct nx_bundle *bundle, uint32_t agent_id,
                      const struct nx_question *q) {
    return q->to.layer == NX_LAYER_AUTHORITY || stands_there(bundle, agent_id);
}

/* The octets of a reply, in a file beside the text that names it. */
static void add_wire(struct nx_bundle *bundle, struct nx_bundle_file *beside,
                     const struct nx_obs *obs) {
    char name[NAME_MAX_BYTES + 16];
    size_t stem = strlen(beside->name) - strlen(".txt");
    if (obs->wire_len == 0) {
        return;
    }
    if (bundle->wires_n == NX_BUNDLE_WIRES_MAX) {
        nx_text_add(&beside->text, "; as it came: not in this bundle, there "
                                   "are too many\n\n");
        return;
    }
    (void)snprintf(name, sizeof name, "%.*s-%zu.bin", (int)stem, beside->name,
                   beside->wires_n + 1);
    struct nx_bundle_file *file = file_of(bundle, name);
    if (file != NULL) {
        bundle->wires_n++;
        beside->wires_n++;
        nx_text_bytes(&file->text, (const char *)obs->wire, obs->wire_len);
        nx_text_addf(&beside->text, "; as it came, %u octets: %s\n\n",
                     (unsigned)obs->wire_len, name);
    }
}

static void add_observation(struct nx_bundle *bundle,
                            const struct nx_record *record,
                            const struct nx_obs *obs) {
    const struct nx_clock_sample *clock = &record->u.batch.clock;
    struct nx_bundle_file *file = file_for(bundle, obs->question);
    /* Without an offset: the batch was sent when it was received, about. */
    int64_t offset_us =
        clock->offset_known ? clock->offset_us : clock->mono_us - record->at_us;
    if (file == NULL || file->replies_n++ >= NX_BUNDLE_REPLIES_MAX) {
        return;
    }
    nx_obs_as_dig(obs, offset_us,
                  clock->offset_known ? clock->offset_error_us : 0,
                  &file->text);
    add_wire(bundle, file, obs);
}

static void add_name(const char *words, const uint8_t *name,
                     struct nx_text *out) {
    char text[NX_DNAME_TEXT_MAX];
    if (name != NULL) {
        nx_text_addf(out, "%s%s", words, nx_dname_text(name, text));
    }
}

/* The walk from the root: which servers answer for the name. */
static void add_walk(const struct nx_delegation *d, struct nx_text *out) {
    static const char *const problems[] = {
        "lame server", "no address", "zone not reached", "other NS set below"};
    char at[NX_ENDPOINT_TEXT_MAX];
    add_name(" name ", d->name, out);
    add_name(" zone ", d->apex, out);
    add_name(" parent ", d->parent, out);
    nx_text_addf(out, " NS TTL %" PRIu32 "\n", d->ns_ttl_s);
    for (size_t i = 0; i < d->servers_n; i++) {
        add_name("    ", d->servers[i].server_name, out);
        nx_text_addf(out, " %s\n", nx_endpoint_text(&d->servers[i], at));
    }
    for (unsigned i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        if ((d->problems & 1U << i) != 0) {
            nx_text_addf(out, "    problem: %s\n", problems[i]);
        }
    }
}

/* What is said again and again is there once. */
static void add_delegation(struct nx_bundle *bundle,
                           const struct nx_record *record,
                           const struct nx_delegation *d) {
    char time[NX_TIME_TEXT_MAX];
    struct nx_text walk;
    nx_text_init(&walk);
    add_walk(d, &walk);
    const char *text = walk.bytes != NULL ? walk.bytes : "";
    if (bundle->trace.bytes == NULL ||
        strstr(bundle->trace.bytes, text) == NULL) {
        nx_text_addf(&bundle->trace, "%s%s", nx_time_text(record->at_us, time),
                     text);
    }
    bundle->failed |= walk.failed;
    nx_text_fini(&walk);
}

void nx_bundle_record(struct nx_bundle *bundle,
                      const struct nx_record *record) {
    if (record->kind == NX_RECORD_AGENT) {
        note_agent(bundle, record->agent_id,
                   strcmp(record->u.agent.network, bundle->network) == 0);
    }
    if (record->kind != NX_RECORD_BATCH) {
        return;
    }
    const struct nx_batch *batch = &record->u.batch;
    for (size_t i = 0; i < batch->obs_n; i++) {
        if (is_wanted(bundle, record->agent_id, batch->obs[i].question)) {
            add_observation(bundle, record, &batch->obs[i]);
        }
    }
    for (size_t i = 0; i < batch->delegations_n; i++) {
        add_delegation(bundle, record, &batch->delegations[i]);
    }
}

/* --- the whole --- */

static const char explanation[] =
    "resolvers/   every question asked at the resolvers of this network, and\n"
    "             what each replied, oldest first\n"
    "authority/   the same of the authoritative servers of the zone\n"
    "*.bin        single replies as they came, DNS messages octet by octet: "
    "of\n"
    "             each question the first one, and those that say another\n"
    "             thing; the text beside names them\n"
    "trace.txt    which servers answer for the name, found from the root down\n"
    "explain.txt  what follows from it, as nxclear puts it\n"
    "*.json       the same for programs: nxclear-api(7)\n"
    "\n"
    "How to read it. Each reply stands below what was asked, with dig's\n"
    "options. Do not ask it again before all name servers have the record:\n"
    "a resolver that is asked while one denies it keeps the denial.\n"
    "A reply is written from what the agent reported of the reply: header\n"
    "flags, status, the TTL and RDATA of the asked records, owner, TTL, "
    "serial\n"
    "and minimum of the SOA, extended errors, NSID. Other fields and records\n"
    "are not shown there; nothing is made up in their place.\n"
    "A cached denial shows a SOA TTL that counts down: WHEN plus that TTL is\n"
    "the same instant in each reply of one cached entry, the end of its life\n"
    "(RFC 2308 section 5). Times are UTC.\n";

void nx_bundle_finish(struct nx_bundle *bundle, const struct nx_incident *of,
                      int64_t now_us, bool complete) {
    char text[NX_DNAME_TEXT_MAX];
    struct nx_text readme;
    nx_text_init(&readme);
    nx_text_add(&readme, "Evidence of a DNS incident\n\nname      ");
    nx_text_add(&readme, nx_dname_text(of->items[0].name, text));
    nx_text_add(&readme, "\nnetwork   ");
    nx_text_escaped(&readme, bundle->network);
    nx_text_addf(&readme, "\nopened    %s\n",
                 nx_time_text(of->opened_us, text));
    if (of->closed_us != NX_TIME_UNKNOWN) {
        nx_text_addf(&readme, "closed    %s\n",
                     nx_time_text(of->closed_us, text));
    }
    nx_text_addf(&readme, "written   %s\nby        nxclear " NX_VERSION "\n\n",
                 nx_time_text(now_us, text));
    if (!complete) {
        nx_text_add(&readme,
                    "Incomplete: the collector broke off, or does not have all "
                    "of it any more.\n\n");
    }
    for (size_t i = 0; i < bundle->files_n; i++) {
        const struct nx_bundle_file *file = &bundle->files[i];
        if (file->replies_n > NX_BUNDLE_REPLIES_MAX) {
            nx_text_addf(&readme, "%s: the first %u of %zu replies\n",
                         file->name, NX_BUNDLE_REPLIES_MAX, file->replies_n);
        }
    }
    nx_text_add(&readme, explanation);
    nx_bundle_add(bundle, "README.txt", &readme);
    nx_bundle_add(bundle, "trace.txt", &bundle->trace);
}

static int by_name(const void *a, const void *b) {
    const struct nx_bundle_file *x = a;
    const struct nx_bundle_file *y = b;
    return strcmp(x->name, y->name);
}

const struct nx_bundle_file *nx_bundle_files(struct nx_bundle *bundle,
                                             size_t *n) {
    for (size_t i = 0; i < bundle->files_n; i++) {
        bundle->failed |= bundle->files[i].text.failed;
    }
    if (bundle->failed) {
        return NULL;
    }
    qsort(bundle->files, bundle->files_n, sizeof(*bundle->files), by_name);
    *n = bundle->files_n;
    return bundle->files;
}
