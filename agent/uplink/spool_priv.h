/* Inside of spool.c (what is held), spool_disk.c (segments and ledger),
 * spool_open.c (what an earlier run left), spool_anew.c (in another epoch),
 * spool_lanes.c (what is next),
 * spool_flights.c (what is under way) and spool_send.c (the message). */
#ifndef NX_AGENT_SPOOL_PRIV_H
#define NX_AGENT_SPOOL_PRIV_H

#include "agent/uplink/spool.h"

#define NX_SPOOL_FRAMES_MAX 8U
/* What one copy of the ledger reserves beyond the other, at most. */
#define NX_SPOOL_RESERVE_MAX                                                   \
    ((1U + NX_SPOOL_RESERVE_BATCHES) * NX_BATCH_OBS_MAX)

/* A batch in memory. */
struct nx_entry {
    struct nx_entry *next;
    uint8_t *bytes;
    struct nx_record_head head;
    bool on_disk;
};

struct nx_segment {
    uint64_t id;
    uint64_t bytes;
    uint64_t first_seq; /* 0: no record */
    uint64_t last_seq;  /* of one that was not read: at most. Only then the
                           next one may begin below it */
    uint64_t boot;      /* of the newest record, with its clock */
    struct nx_clock_sample clock;
    unsigned unread_n;  /* tries in vain, in a row and a second apart */
    int unread;         /* why it could not be read last; 0: it could */
    uint64_t unread_at; /* ... where */
};

/* What is known of the monotonic clock of a boot. */
struct nx_frame {
    uint64_t boot;
    struct nx_clock_sample clock; /* offset known */
};

enum nx_lane_name { NX_LANE_FRESH, NX_LANE_DRAIN };
#define NX_LANES 2U

/* Where a lane is: the next number, and where it may be found. */
struct nx_lane {
    uint64_t seq;
    struct nx_entry *entry;  /* at or before it in memory, or NULL */
    uint64_t segment_id;     /* a record at or before it ... */
    uint64_t segment_offset; /* ... begins here; 0: not known */
};

/* A message that was sent and is not settled. */
struct nx_flight {
    uint64_t first_seq;
    uint64_t last_seq;
    int64_t sent_us;
    uint32_t crc;
    bool once;  /* it never went before */
    bool again; /* it did, and may be answered still */
    bool drain;
};

struct nx_spool {
    struct nx_spool_conf conf;
    struct nx_spool_disk disk;
    bool has_disk;
    uint64_t epoch;
    uint64_t boot;
    uint64_t next_seq;
    /* What a spool that was put back has in common with the original: what was
     * numbered when a run began, if the one before had sent. Runs that sent
     * nothing may all be of the copy. */
    uint64_t same_seq;
    bool unsent;           /* this run has sent nothing */
    uint64_t reserved_seq; /* on the disk; without one: no limit */
    /* The collector, as it told. */
    uint64_t acked_seq;
    struct nx_ahead ahead;
    uint64_t dropped_n; /* settled as lost, beside those of the holes */
    /* Numbers above acked_seq that will not come; ascending. */
    struct nx_hole holes[NX_SPOOL_HOLES_MAX + 1]; /* one while room is made */
    size_t holes_n;
    /* Memory. */
    struct nx_entry *first;
    struct nx_entry **tail;
    size_t memory_bytes;
    /* Disk. */
    struct nx_segment *segments; /* ascending; the last may be open */
    size_t segments_n;
    size_t segments_cap;
    uint64_t disk_bytes;
    bool open;              /* the last segment takes more records */
    uint64_t next_id;       /* of the next segment */
    uint64_t segment_limit; /* bytes; 0: by max_bytes alone */
    uint64_t generation;
    int problem;
    int64_t retry_us; /* with a problem */
    int64_t sync_us;  /* next sync of what waits; INT64_MAX: nothing waits */
    int64_t age_us;   /* next look at the age */
    struct nx_frame frames[NX_SPOOL_FRAMES_MAX];
    size_t frames_n;
    int64_t now_us; /* newest monotonic time seen */
    /* Sending. */
    uint64_t fresh_from; /* the fresh lane begins here; up to new_from with what
                            was kept, at the pace of the drain */
    uint64_t new_from;   /* came since the connection began */
    struct nx_lane lanes[NX_LANES];
    uint64_t sent_top; /* highest number sent since the connection began */
    struct nx_flight flights[NX_SPOOL_FLIGHT_MAX]; /* as they were sent */
    size_t flights_n;
    size_t passed_n;    /* the first of them: what was sent later is settled, */
    bool answered;      /* or they were answered, and not taken */
    uint64_t again_seq; /* the one that goes again alone; 0: none */
    struct nx_seq_range waiting[NX_SPOOL_WAITING_MAX]; /* nx_spool_keep */
    size_t waiting_n;
    int64_t progress_us;
    int64_t ack_us;   /* what the last ack of what is new took; 0: none yet */
    int64_t drain_us; /* the next batch of the drain not before */
    bool kept_rests;  /* when it was looked at last there was none to send */
    enum nx_lane_name kept_turn; /* whose kept batch is next */
    int64_t blocked_us; /* what is next waits until the ledger can be written,
                           or it can be read: to be tried again then;
                           INT64_MAX: it does not */
    int unread;         /* the error of the disk with what is next; 0: none */
    uint64_t tried_id;  /* the file that was tried in vain in this look */
    int64_t unread_us;  /* the disk is not read again before */
    bool rests;         /* ... which is not yet */
    uint64_t damaged_n; /* given up since the start */
    bool peeked;        /* what nx_spool_sent speaks of: */
    bool peeked_beyond; /* it is not the next one of its lane */
    enum nx_lane_name peeked_lane;
    struct nx_record_head peeked_head;
    uint32_t peeked_crc;
};

/* --- spool.c --- */

static inline uint64_t nx_head_last(const struct nx_record_head *head) {
    return head->first_seq + head->results_n - 1;
}

/* One more batch in memory: takes bytes, unless it fails. */
int nx_spool_take(struct nx_spool *spool, uint8_t *bytes,
                  const struct nx_record_head *head) NX_MUSTUSE;
/* Gives up the oldest batch in memory. */
void nx_spool_drop_entry(struct nx_spool *spool, enum nx_gap_reason reason);
/* Takes it out of memory, without a word. */
void nx_spool_remove_entry(struct nx_spool *spool);

/* --- spool_holes.c --- */

/* from..to will not come. What is settled or a hole already stays as it is.
 * from > to: nothing. */
void nx_spool_hole(struct nx_spool *spool, uint64_t from, uint64_t to,
                   enum nx_gap_reason reason);
/* True: a hole that begins at from gets a place of its own, or the one before
 * it grows. Otherwise two others would have to become one, with all that is
 * between them. */
bool nx_spool_hole_fits(struct nx_spool *spool, uint64_t from,
                        enum nx_gap_reason reason);
/* Numbers up to acked_seq are settled: what was told as lost is lost, another
 * hole had arrived after all. */
void nx_spool_holes_settle(struct nx_spool *spool, uint64_t acked_seq);
/* Settled numbers of the holes that count as lost. */
uint64_t nx_spool_holes_lost(const struct nx_spool *spool);

/* --- spool_disk.c --- */

/* Room for one more segment in the table. False: out of memory. */
bool nx_spool_segment_room(struct nx_spool *spool);
/* What a segment grows to. */
uint64_t nx_spool_segment_bytes(const struct nx_spool *spool);
/* Everything in memory that is not on the disk goes there and is synced. */
void nx_spool_flush(struct nx_spool *spool);
/* The same, and no room is made for it. */
int nx_spool_write(struct nx_spool *spool) NX_MUSTUSE;
/* Reserves the numbers of the next batches in the ledger. */
int nx_spool_reserve(struct nx_spool *spool) NX_MUSTUSE;
int nx_spool_write_ledger(struct nx_spool *spool, bool clean) NX_MUSTUSE;
/* Unlinks the oldest segment. */
void nx_spool_remove_segment(struct nx_spool *spool);
/* The same, and gives up what is in it. */
void nx_spool_drop_segment(struct nx_spool *spool, enum nx_gap_reason reason);
/* Drops segments whose newest result is too old. */
void nx_spool_age_disk(struct nx_spool *spool,
                       const struct nx_clock_sample *now);
/* Within max_bytes and the table, by dropping the oldest. */
void nx_spool_fit_disk(struct nx_spool *spool);
/* Notes the error; true: it was one. */
bool nx_spool_failed(struct nx_spool *spool, int err);
/* Reads the header at offset. NX_ENOTFOUND: the end. NX_EMALFORMED: damaged, or
 * not there. Any other error: it cannot be read now. */
int nx_spool_read_head(struct nx_spool *spool, uint64_t id, uint64_t offset,
                       struct nx_record_head *out) NX_MUSTUSE;
/* A clock of this boot whose offset is known. */
void nx_spool_learn(struct nx_spool *spool, uint64_t boot,
                    const struct nx_clock_sample *clock);

/* --- spool_open.c --- */

int nx_spool_open(struct nx_spool *spool,
                  struct nx_spool_found *found) NX_MUSTUSE;

/* --- spool_lanes.c --- */

/* Where the batch at or behind a lane's number is. */
struct nx_place {
    struct nx_record_head head;
    const struct nx_entry *entry; /* in memory, or NULL: */
    uint64_t segment_id;
    uint64_t offset;
};

/* The next batch to send. False: none, now; unread says whether it is for an
 * error of the disk. */
bool nx_spool_next_place(struct nx_spool *spool, int64_t now_us,
                         struct nx_place *out);
/* A disk that fails may work again; a file that it failed to read for so long
 * will not be read any more. */
bool nx_spool_is_unread(struct nx_spool *spool, const struct nx_place *place,
                        int err);
void nx_spool_was_read(struct nx_spool *spool, const struct nx_place *place);

/* The first number from seq on that the collector misses and that can come. */
uint64_t nx_spool_skip_known(const struct nx_spool *spool, uint64_t seq);
/* from..to should be there and cannot be sent: a hole. */
void nx_spool_give_up(struct nx_spool *spool, uint64_t from, uint64_t to);

/* An entry goes: lanes must not point to it. */
void nx_spool_lanes_forget(struct nx_spool *spool,
                           const struct nx_entry *entry);
/* From the first that is not settled; what is in flight stays so, or not. */
void nx_spool_lanes_begin(struct nx_spool *spool);
void nx_spool_lanes_back(struct nx_spool *spool);

/* --- spool_flights.c --- */

/* Messages that are settled now are no longer in flight. echo: the first number
 * of the one that was answered, 0: none. */
void nx_spool_flights_settle(struct nx_spool *spool, uint64_t echo);
/* Will the collector take the batch, when it has what is under way, by the runs
 * of numbers beyond its ack? */
bool nx_spool_room(const struct nx_spool *spool,
                   const struct nx_record_head *head);
/* The number behind the first run of those that begins above seq; 0: none. */
uint64_t nx_spool_behind_run(const struct nx_spool *spool, uint64_t seq);

#endif
