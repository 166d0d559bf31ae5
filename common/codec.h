/* Messages between agent and collector as values, and as bytes. The only
 * module that sees protobuf types (proto/nxclear.proto).
 *
 * Unpacking trusts nothing: every count and size is checked against the limits
 * here before memory is taken, all memory comes from the caller's arena, and
 * what comes out points into that arena (never into the input). */
#ifndef NX_COMMON_CODEC_H
#define NX_COMMON_CODEC_H

#include "common/arena.h"
#include "common/obs.h"
#include "common/settled.h"
#include "common/z85.h"

#define NX_PROTOCOL 1U
/* Of the batches made here: one more with each change that readers of the one
 * before refuse (proto/README.md, rule 3). */
#define NX_BATCH_FORMAT 0U
#define NX_MSG_MAX_BYTES (256U * 1024U) /* one message, also ZMQ_MAXMSGSIZE */
#define NX_UNPACK_ARENA_BYTES (8U * NX_MSG_MAX_BYTES) /* enough for any */
#define NX_SEQ_MAX ((uint64_t)INT64_MAX) /* the last number of an epoch */
#define NX_BATCH_OBS_MAX 2000U
#define NX_BATCH_NAMES_MAX 2000U
#define NX_BATCH_QUESTIONS_MAX 2000U
#define NX_BATCH_ANSWERS_MAX 2000U
#define NX_BATCH_ENDPOINTS_MAX 2000U
#define NX_BATCH_GAPS_MAX 64U
#define NX_BATCH_DELEGATIONS_MAX 64U
#define NX_BATCH_WIRES_MAX 64U /* obs with `wire` */
#define NX_HELLO_RESOLVERS_MAX 64U
#define NX_SOFTWARE_MAX 64U /* bytes */
#define NX_PLAN_TASKS_MAX 4000U
#define NX_DELEG_SERVERS_MAX 64U
#define NX_COLLECTOR_KEYS_MAX 3U

struct nx_clock_sample {
    int64_t mono_us;
    int64_t wall_us;
    int64_t offset_us;        /* monotonic minus collector time */
    uint64_t offset_error_us; /* bound of its error */
    bool offset_known;
};

/* Public keys of a collector, the present one first. */
struct nx_collector_keys {
    uint8_t list[NX_COLLECTOR_KEYS_MAX][NX_KEY_BYTES];
    size_t n; /* 0: not told */
};

struct nx_hello {
    uint32_t protocol;
    const char *software; /* printable ASCII, at most NX_SOFTWARE_MAX */
    uint64_t epoch;
    uint64_t next_seq;
    struct nx_clock_sample clock;
    const struct nx_endpoint *resolvers;
    size_t resolvers_n;
    bool authority_role;
    uint32_t resolver_rate_mqps;
    uint64_t plan_revision;
    uint64_t produced;
    uint64_t dropped;
    uint64_t spool_bytes;          /* on the disk; 0: there is no spool there */
    struct nx_collector_keys keys; /* that the agent keeps and believes */
};

enum nx_gap_reason {
    NX_GAP_SPACE,   /* oldest dropped: the spool was full */
    NX_GAP_AGE,     /* older than the spool keeps */
    NX_GAP_DAMAGED, /* unreadable in the spool, or by the collector, or not in
                       the spool before a crash */
};
#define NX_GAP_REASON_MAX NX_GAP_DAMAGED

struct nx_gap {
    uint64_t from_seq;
    uint64_t to_seq; /* inclusive */
    uint8_t reason;  /* enum nx_gap_reason */
};

/* nx_delegation.problems */
enum {
    NX_DELEG_LAME = 1 << 0,       /* a server of the set gave no aa answer */
    NX_DELEG_NO_GLUE = 1 << 1,    /* a server that cannot be asked: no address
                                   * found, or more than are walked */
    NX_DELEG_UNREACHED = 1 << 2,  /* the walk ended before the name's zone */
    NX_DELEG_NS_DIFFERS = 1 << 3, /* child's NS set is not the parent's */
    NX_DELEG_PROBLEMS_ALL = (1 << 4) - 1,
};

/* nx_delegation.sides[i] */
enum {
    NX_SIDE_PARENT = 1 << 0, /* named by the zone above */
    NX_SIDE_CHILD = 1 << 1,  /* named by the zone itself */
    NX_SIDES_ALL = (1 << 2) - 1,
};

/* nx_delegation.glue: of the hosts that the parent names */
enum {
    NX_GLUE_DIFFERS = 1 << 0, /* other addresses than the host's own zone has */
    NX_GLUE_MISSING = 1 << 1, /* none, for a host in the zone itself */
    NX_GLUE_ALL = (1 << 2) - 1,
};

#define NX_DELEG_UNASKED_MAX 255U

struct nx_delegation {
    const uint8_t *name;   /* the incident name */
    const uint8_t *apex;   /* deepest zone reached */
    const uint8_t *parent; /* zone above; NULL at the root */
    uint32_t ns_ttl_s;
    const struct nx_endpoint *servers; /* layer authority, with server_name */
    size_t servers_n;
    const uint8_t *sides; /* servers_n of NX_SIDE_*; NULL: not told */
    uint32_t problems;
    uint32_t unasked_n; /* name servers that are not in there: NX_DELEG_NO_GLUE;
                         * 0: not told, too */
    uint32_t glue;      /* NX_GLUE_*; 0: not told, too */
    int64_t at_mono_us;
};

struct nx_batch {
    uint64_t epoch;
    uint64_t first_seq; /* of obs[0]; 1 is the first of an epoch */
    struct nx_clock_sample clock;
    const struct nx_gap *gaps;
    size_t gaps_n;
    const struct nx_delegation *delegations;
    size_t delegations_n;
    /* obs[i].question points into questions[], .answer into answers[]. */
    const struct nx_question *questions;
    size_t questions_n;
    const struct nx_answer *answers;
    size_t answers_n;
    const struct nx_obs *obs;
    size_t obs_n; /* 1..NX_BATCH_OBS_MAX */
};

struct nx_ack {
    uint64_t epoch;
    uint64_t acked_seq;
    uint64_t echo; /* first_seq of the batch answered, 0 for a hello */
    int64_t received_us;
    int64_t sent_us;
    struct nx_ahead ahead; /* settled beyond the first hole */
    bool dropped_known;
    uint64_t dropped_n; /* of the settled ones: reported lost, not arrived */
    /* nx_codec_crc of a message that will never be taken, with epoch 0; 0: an
     * ack. */
    uint32_t refused_crc;
    bool keep; /* ... by this collector; by a newer one perhaps */
};

enum nx_task_kind {
    NX_TASK_RESOLVER,  /* ask recursive resolvers */
    NX_TASK_AUTHORITY, /* walk to the zone, ask every name server */
};
#define NX_TASK_KIND_MAX NX_TASK_AUTHORITY

struct nx_task {
    uint8_t kind;
    const uint8_t *name;
    uint16_t qtype;
    /* False: every resolver of the network layer. With NX_TASK_AUTHORITY: a
     * server for the walk to ask, which left the zone's set. */
    bool has_endpoint;
    struct nx_endpoint endpoint;
    uint32_t first_after_ms;
    uint32_t interval_ms;
    uint32_t visit_n; /* 1..16 */
    uint32_t visit_gap_ms;
    bool authority_verified;
    uint64_t authority_epoch;
    bool canary;  /* a canary name: needs no proof, see proto/README.md */
    bool rd0;     /* ask with RD=0; canary names only */
    bool nsid;    /* ask for the identifier too; canary names only */
    bool chaos;   /* class CH: TXT of id.server or hostname.bind */
    bool ad;      /* with AD: NS of the root */
    bool sibling; /* canary: below a zone in use, see agent/plan/siblings.h */
    bool cd;      /* canary: once more with CD=1 after SERVFAIL */
    /* NX_TASK_AUTHORITY: the incident that wants the audit; another one wants
     * it again. 0: each new plan does. */
    uint32_t audit;
};

struct nx_plan {
    uint64_t revision;
    uint32_t valid_s;
    uint32_t spread_ms; /* connections that are lost are made again within it */
    const struct nx_task *tasks;
    size_t tasks_n;
    struct nx_collector_keys keys; /* all that are the collector's */
};

enum nx_up_kind { NX_UP_HELLO, NX_UP_BATCH };
struct nx_up {
    enum nx_up_kind kind;
    union {
        struct nx_hello hello;
        struct nx_batch batch;
    } u;
};

enum nx_down_kind { NX_DOWN_ACK, NX_DOWN_PLAN };
struct nx_down {
    enum nx_down_kind kind;
    union {
        struct nx_ack ack;
        struct nx_plan plan;
    } u;
};

/* Names a message in nx_ack.refused_crc; never 0. */
uint32_t nx_codec_crc(const uint8_t *bytes, size_t len);

/* Packing: writes at most NX_MSG_MAX_BYTES into out (cap bytes) and sets *len.
 * NX_ELIMIT when the message would be larger than cap or a limit above;
 * NX_ENOMEM. Scratch memory is taken from `scratch` and given back. */
int nx_codec_pack_hello(const struct nx_hello *hello, struct nx_arena *scratch,
                        uint8_t *out, size_t cap, size_t *len) NX_MUSTUSE;
int nx_codec_pack_batch(const struct nx_batch *batch, struct nx_arena *scratch,
                        uint8_t *out, size_t cap, size_t *len) NX_MUSTUSE;
int nx_codec_pack_ack(const struct nx_ack *ack, uint8_t *out, size_t cap,
                      size_t *len) NX_MUSTUSE;
int nx_codec_pack_plan(const struct nx_plan *plan, struct nx_arena *scratch,
                       uint8_t *out, size_t cap, size_t *len) NX_MUSTUSE;

/* Unpacking takes at most NX_UNPACK_ARENA_BYTES of the arena. NX_ELIMIT: over a
 * limit above, or the arena is full; NX_EMALFORMED: not a message, an index out
 * of its table, columns that do not match, a bad name or address, an enum out
 * of range; NX_EVERSION: something of this in a batch of a newer format than
 * NX_BATCH_FORMAT, where it may be right. *why (when not NULL) gets a constant
 * text that says which field. */
int nx_codec_unpack_up(const uint8_t *bytes, size_t len, struct nx_arena *arena,
                       struct nx_up *out, const char **why) NX_MUSTUSE;
int nx_codec_unpack_down(const uint8_t *bytes, size_t len,
                         struct nx_arena *arena, struct nx_down *out,
                         const char **why) NX_MUSTUSE;

#endif
