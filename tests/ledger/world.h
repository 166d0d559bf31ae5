/* The stream between agents and collector in virtual time, with everything that
 * may go wrong drawn from one seed; README.md says what is real here and what
 * is a model. world.c runs it; agent.c, collector.c and wire.c are the parts,
 * faults.c breaks them, oracle.h watches.
 *
 * Times: now_us is the true time; an agent's monotonic clock counts from its
 * boot, its wall clock is wrong by wall_wrong_us. */
#ifndef NX_TESTS_LEDGER_WORLD_H
#define NX_TESTS_LEDGER_WORLD_H

#include "agent/uplink/batch.h"
#include "agent/uplink/clocksync.h"
#include "agent/uplink/spool.h"
#include "collector/ingest/stream.h"
#include "tests/ledger/oracle.h"
#include "tests/lib/dice.h"
#include "tests/lib/fake_disk.h"

#define LED_S INT64_C(1000000)
#define LED_AGENTS_MAX 5U
#define LED_BATCH_MAX 12U /* results */
#define LED_GROUP_MAX 64U /* as NX_GROUP_BATCHES_MAX */

/* Breaks a rule on purpose: the oracle must see it. */
enum led_mutant {
    LED_SOUND,
    LED_ACKS_BEFORE_SYNC, /* the collector, then its power is cut */
    LED_ACKS_UNSTORED,    /* the collector, when its disk is full */
    LED_TAKES_TWICE,      /* the collector, what it had already */
    LED_GAPS_UNHEARD,     /* the collector leaves gap records out */
    LED_FORGETS_GAPS,     /* an ack passes a hole that nobody spoke of */
    LED_DISK_LIES,        /* an agent's: nothing is synced */
    LED_NUMBERS_AGAIN, /* an agent that crashed counts on from what it sees */
    LED_KEEPS_NOTHING, /* an agent, of what a newer collector would take */
    LED_WAITS_FOR_SILENCE, /* an agent, before it sends anything again */
};
#define LED_MUTANT_MAX LED_WAITS_FOR_SILENCE

/* What may happen in a world; each world draws some of it. */
enum led_fault {
    LED_LINK_LOST,        /* an agent's connection; what it sent may arrive */
    LED_PARTITION,        /* for up to 10 minutes */
    LED_REORDER,          /* messages overtake each other; from here on: */
    LED_DUPLICATE,        /* ... come twice */
    LED_LOSE,             /* ... never come */
    LED_COLLECTOR_KILL,   /* between any two steps */
    LED_COLLECTOR_POWER,  /* what was not synced is gone */
    LED_COLLECTOR_FULL,   /* cannot write for a while */
    LED_COLLECTOR_PAUSE,  /* stopped for a while */
    LED_COLLECTOR_BACKUP, /* put back to an older copy */
    LED_AGENT_KILL,       /* also in the middle of writing */
    LED_AGENT_POWER,      /* likewise; another boot */
    LED_AGENT_STOP,       /* ends well and comes back */
    LED_AGENT_PAUSE,      /* suspended */
    LED_WALL_JUMP,        /* of an agent's wall clock: years */
    LED_AGENT_FULL,       /* its disk; from here on results may be lost */
    LED_AGENT_EIO,
    LED_DAMAGE,        /* of its segments */
    LED_LEDGER_DAMAGE, /* of one copy of its ledger, or both */
    LED_FAULTS,
};

/* A fake disk on which the agent may die in the middle of any call. */
struct led_disk {
    struct fake_disk fake;
    uint32_t calls_left; /* of those that write; 0: no end */
    bool dead;           /* the agent died in a call: nothing works */
    bool damaged[2];     /* copies of the ledger */
    bool lies;
    struct dice *dice;
};

struct led_agent {
    struct led_world *world;
    unsigned index;
    bool up;
    bool has_disk;
    struct led_disk disk;
    bool power; /* when the disk is dead: the power went, too */
    struct nx_spool_conf conf;
    struct nx_spool *spool;
    struct nx_batcher *batcher;
    unsigned batch_age_ms;
    int64_t produce_every_us;
    int64_t produce_us; /* next */
    bool produces_once; /* when it is quiet */
    int64_t boot_us;    /* true time when its monotonic clock was 0 */
    int64_t wall_wrong_us;
    uint64_t boot;
    int64_t paused_until_us;
    uint32_t wake; /* events of other generations are old */
    int64_t wake_us;
    /* As io_uplink.c. */
    uint32_t connection; /* 0: none */
    bool greeted;
    unsigned hellos_n;
    uint64_t
        newest_down; /* order of the message sent last of those that came */
    int64_t hello_sent_us;
    int64_t sent_us;
    unsigned timeouts_n;
    struct nx_clocksync sync;
    int64_t apart_until_us; /* partition */
    /* For the oracle. */
    struct led_truth *truth; /* of its epoch */
    uint64_t goal_seq;       /* to be settled in time, in calm */
    uint64_t safe_seq;       /* up to here on the disk, by what it knows */
    bool small;    /* a spool that may be full, or its results too old */
    bool may_lose; /* something happened that costs what was safe; until it
                      rests on a disk that is whole */
};

struct led_row { /* in the open transaction */
    unsigned agent;
    struct led_truth *truth;
    struct nx_stream *stream;
    uint64_t first_seq;
    size_t n;
    uint16_t tags[LED_BATCH_MAX];
    struct nx_gap gaps[NX_PATCH_GAPS_MAX];
    size_t gaps_n;
};

struct led_peer { /* what the collector knows of an agent */
    struct nx_streams streams;
    uint32_t connection;
    bool owes_ack;
    uint64_t ack_epoch;
    uint64_t ack_echo;
    int64_t ack_received_us;
};

struct led_collector {
    bool up;
    bool storing;
    bool full;
    bool crash_at_commit;
    bool old; /* cannot read some batches; an upgrade ends it */
    int64_t paused_until_us;
    int64_t clock_wrong_us; /* since its start */
    struct led_peer peers[LED_AGENTS_MAX];
    struct led_row rows[LED_GROUP_MAX];
    size_t rows_n;
    uint32_t life; /* events of another are old */
    bool commit_due;
    struct nx_arena arena;
};

enum led_event_kind {
    LED_EV_UP,      /* a message reaches the collector */
    LED_EV_DOWN,    /* ... an agent */
    LED_EV_WAKE,    /* an agent's timers */
    LED_EV_CONNECT, /* an agent tries */
    LED_EV_START,   /* an agent */
    LED_EV_COMMIT,
    LED_EV_SYNC, /* LED_ACKS_BEFORE_SYNC: late */
    LED_EV_RETRY,
    LED_EV_COLLECTOR_START,
    LED_EV_FAULT,
};

struct led_message {
    uint32_t connection;
    bool hello;
    uint64_t epoch;    /* of a hello */
    struct nx_ack ack; /* down */
    uint64_t order;    /* of those down */
    size_t len;        /* of a batch, packed */
    uint8_t bytes[];
};

struct led_event {
    int64_t at_us;
    uint64_t order;
    enum led_event_kind kind;
    uint32_t of;   /* agent */
    uint32_t life; /* generation, connection or life it belongs to */
    struct led_message *message;
};

struct led_queue {
    struct led_event *heap;
    size_t n;
    size_t cap;
    uint64_t order;
};

struct led_world {
    struct dice dice;
    uint64_t downs_n; /* messages sent to agents */
    enum led_mutant mutant;
    bool may[LED_FAULTS];
    bool poison; /* some batches are refused for ever, ... */
    bool newer;  /* ... some by an old collector */
    uint64_t refused_n, kept_n;
    uint32_t fault_every_s;
    bool put_back; /* the collector was, since they rested: agents cannot know
                      what of it had been delivered */
    bool calm;     /* faults are over, ... */
    bool quiet;    /* ... and production */
    int64_t now_us;
    uint64_t steps_n;
    struct led_queue queue;
    uint32_t connections_n;
    int64_t delay_us; /* one way, mean */
    bool reorders, duplicates, loses;
    struct led_agent agents[LED_AGENTS_MAX];
    unsigned agents_n;
    struct led_collector collector;
    struct led_oracle oracle;
    uint8_t *out; /* NX_MSG_MAX_BYTES */
};

/* --- world.c --- */

struct led_figures {
    uint64_t steps_n;
    uint64_t stored_n, gaps_n;  /* results */
    uint64_t refused_n, kept_n; /* batches, given up or not */
    uint64_t faults_n[LED_FAULTS];
    int64_t rest_max_us; /* longest from the last fault to rest */
    double catch_up_max; /* longest, of the time that is allowed for it */
};

/* Runs a world of the seed for steps_n steps, in chapters that each come to
 * rest. False: a rule was broken, why (LED_WHY_MAX) says which and when.
 * Figures are added to. */
bool led_run(uint64_t seed, enum led_mutant mutant, uint64_t steps_n,
             struct led_figures *figures, char *why);
const char *led_fault_text(enum led_fault fault);

/* --- wire.c --- */

void led_at(struct led_world *w, int64_t at_us, enum led_event_kind kind,
            uint32_t of, uint32_t life, struct led_message *message);
bool led_next(struct led_world *w, struct led_event *out);
/* Takes the message. */
void led_send_up(struct led_agent *a, struct led_message *message);
void led_send_down(struct led_world *w, unsigned agent,
                   const struct led_message *message);
void led_wire_free(struct led_world *w);

/* --- disk.c --- */

struct nx_spool_disk led_disk_functions(struct led_disk *disk);
/* The agent is gone; power: so is what was not synced. It works again. */
void led_disk_crash(struct led_disk *disk, bool power);
/* Bits flip in a segment; in a copy of the ledger. */
void led_disk_damage(struct led_disk *disk);
void led_disk_damage_ledger(struct led_disk *disk, unsigned slot);
/* There still is something of it. */
bool led_disk_damaged(const struct led_disk *disk);

/* --- agent.c --- */

void led_agent_init(struct led_world *w, unsigned index);
void led_agent_fini(struct led_agent *a);
void led_agent_start(struct led_agent *a);
void led_agent_stop(struct led_agent *a);
/* Now, and restarts soon. */
void led_agent_crash(struct led_agent *a, bool power);
void led_agent_connect(struct led_agent *a);
void led_agent_lose_link(struct led_agent *a);
void led_agent_wake(struct led_agent *a);
void led_agent_down(struct led_agent *a, const struct led_message *message);
/* When is its next timer; arms it. */
void led_agent_arm(struct led_agent *a);
/* Between agent.c and agent_link.c: its clocks, a greeting, what may be sent;
 * what is on the disk for good; the end of a step: it may have died. */
int64_t led_agent_mono_us(const struct led_agent *a);
void led_agent_clock(const struct led_agent *a, struct nx_clock_sample *out);
void led_agent_hello(struct led_agent *a);
void led_agent_flush(struct led_agent *a);
void led_agent_note_safe(struct led_agent *a);
void led_agent_settle(struct led_agent *a);

/* --- collector.c --- */

void led_collector_init(struct led_world *w);
void led_collector_fini(struct led_world *w);
void led_collector_start(struct led_world *w);
void led_collector_crash(struct led_world *w, bool power);
void led_collector_up(struct led_world *w, unsigned agent,
                      const struct led_message *message);
void led_collector_commit(struct led_world *w);
void led_collector_retry(struct led_world *w);
/* It ends, and comes back as one that can read all. */
void led_collector_upgrade(struct led_world *w);
/* An older copy of its store; it must be down. */
void led_collector_put_back(struct led_world *w);

/* --- faults.c --- */

void led_faults_draw(struct led_world *w);
enum led_fault led_fault(struct led_world *w);
void led_heal(struct led_world *w);

#endif
