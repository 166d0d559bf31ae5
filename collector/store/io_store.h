/* The store: agents, incidents, the log of received batches, and tables for
 * people derived from it.
 *
 * The log is the truth; target, transition, forecast and authority_fact are
 * folded from it and can be read with any SQL client while the collector runs.
 * One process writes at a time (a second one is refused at open).
 *
 * Writing functions want an open transaction and leave it to the caller to roll
 * back when one fails. Errors of all functions: NX_EFULL no space, NX_EAGAIN
 * locked by somebody else or mounted read-only, NX_ENOMEM, NX_EIO (also:
 * damaged); after any of them nx_store_problem() says in words what to do.
 * Reading goes on after a failed write. */
#ifndef NX_COLLECTOR_IO_STORE_H
#define NX_COLLECTOR_IO_STORE_H

#include "collector/api/access.h"
#include "collector/enrol/door_log.h"
#include "collector/enrol/enrolment.h"
#include "collector/ingest/agent_record.h"
#include "collector/ingest/stream.h"
#include "collector/score/learn.h"
#include "collector/score/tally.h"
#include "collector/status/report.h"
#include "collector/store/lead.h"

#define NX_STORE_WHY_MAX 512U

struct nx_store;

struct nx_store_options {
    bool check;         /* look at every page first: slow when large */
    bool existing;      /* none is made: NX_ENOTFOUND */
    bool read_only;     /* beside a running collector; changes nothing */
    bool anyway;        /* one that cannot be written now is only read */
    uint32_t max_pages; /* refuse to grow beyond (tests, quotas); 0: no limit */
};

/* Opens or makes the database (mode 0600). Writes "PATH: reason" to why when it
 * fails; brings an older one up to date (schema.h). Beside the errors above:
 * NX_EVERSION: made by a newer nxclear;
 * NX_ESTATE: another collector has it open, or (read-only) it is of an older
 * version; NX_EDENIED: may not be opened;
 * NX_EMALFORMED: some other program's database.
 *
 * anyway: where the disk is full or mounted read-only, another program has the
 * store locked, or it was written by a newer nxclear, what is there is opened
 * to be read, and nx_store_unwritable says why. What cannot even be read then,
 * or not safely (a newer or an older schema), is no part of it: an empty store
 * in memory stands in for it (nx_store_unread). A page that check finds damaged
 * is refused all the same: nothing is to be written beside it.
 *
 * Unless read_only, a row that is not what was written is refused
 * (nx_store_check_rows): NX_EIO. */
int nx_store_open(const char *path, const struct nx_store_options *options,
                  struct nx_store **out, char *why, size_t why_cap) NX_MUSTUSE;
void nx_store_close(struct nx_store **store);

/* What is wrong with the store and what to do, from the last call that failed.
 * Borrowed until the next call. */
const char *nx_store_problem(const struct nx_store *store);
/* The same, where err is one of its kinds; what err means when it says nothing,
 * or is NULL: there is none. */
const char *nx_store_reason(const struct nx_store *store, int err);

/* --- transactions: at most one is open --- */

int nx_store_begin(struct nx_store *store) NX_MUSTUSE;
/* To read what belongs together; ends with a rollback. */
int nx_store_snapshot(struct nx_store *store) NX_MUSTUSE;
/* After it everything since begin is on the disk. Rolls back when it fails. */
int nx_store_commit(struct nx_store *store) NX_MUSTUSE;
void nx_store_rollback(struct nx_store *store);
bool nx_store_open_transaction(const struct nx_store *store);
/* Why it could only be read when it was opened (nx_store_problem); NX_OK: it
 * can be written, or could be. */
int nx_store_unwritable(struct nx_store *store) NX_MUSTUSE;
/* Nothing of what is stored is known. */
bool nx_store_unread(const struct nx_store *store);
/* Can be written to the disk now? Wants no open transaction. NX_ESTATE: yes,
 * after it is opened anew, as it was opened to be read. */
int nx_store_probe(struct nx_store *store) NX_MUSTUSE;

/* --- agents --- */

/* Adds (agent.id 0: an id is assigned) or updates by id. NX_EEXISTS: the key
 * or the name belongs to another accepted agent. Ids are never given twice. */
int nx_store_agent_put(struct nx_store *store,
                       struct nx_agent_record *record) NX_MUSTUSE;
/* One that was never accepted: nothing refers to it. */
int nx_store_agent_drop(struct nx_store *store, uint32_t id) NX_MUSTUSE;
int nx_store_agents(struct nx_store *store,
                    void (*visit)(void *user,
                                  const struct nx_agent_record *record),
                    void *user) NX_MUSTUSE;

/* --- labels --- */

/* Makes these the labels of it. */
int nx_store_labels_put(struct nx_store *store, enum nx_label_kind kind,
                        const char *name, const struct nx_labels *labels,
                        int64_t at_us) NX_MUSTUSE;
/* A visit for each that has some; what cannot be read is left out. */
int nx_store_labels(struct nx_store *store,
                    void (*visit)(void *user, enum nx_label_kind kind,
                                  const char *name,
                                  const struct nx_labels *labels),
                    void *user) NX_MUSTUSE;

/* --- tokens of operators --- */

/* Adds (id 0: one is assigned) or updates by id. */
int nx_store_token_put(struct nx_store *store,
                       struct nx_token *token) NX_MUSTUSE;
int nx_store_token_drop(struct nx_store *store, uint32_t id) NX_MUSTUSE;
int nx_store_tokens(struct nx_store *store,
                    void (*visit)(void *user, const struct nx_token *token),
                    void *user) NX_MUSTUSE;

/* --- join strings --- */

/* Adds (id 0: one is assigned) or updates by token. */
int nx_store_enrolment_put(struct nx_store *store,
                           struct nx_enrolment *enrolment) NX_MUSTUSE;
int nx_store_enrolment_drop(struct nx_store *store, uint32_t id) NX_MUSTUSE;
int nx_store_enrolments(struct nx_store *store,
                        void (*visit)(void *user,
                                      const struct nx_enrolment *enrolment),
                        void *user) NX_MUSTUSE;

/* --- who changed what --- */

int nx_store_door_log_add(struct nx_store *store,
                          const struct nx_door_entry *entry) NX_MUSTUSE;
/* 1: such a line is there; 0: none. Any error of the store. */
int nx_store_door_log_has(struct nx_store *store, const char *action,
                          const char *key) NX_MUSTUSE;
/* The newest ones, oldest of them first; texts are borrowed for the call. In
 * place of one that is damaged there is a line that says so. */
int nx_store_door_log(struct nx_store *store, unsigned newest_n,
                      void (*visit)(void *user,
                                    const struct nx_door_entry *entry),
                      void *user) NX_MUSTUSE;

/* --- streams and the log --- */

/* NX_ENOTFOUND: never seen. NX_EMALFORMED: not what was written; out is what is
 * there. */
int nx_store_stream_get(struct nx_store *store, uint32_t agent_id,
                        uint64_t epoch,
                        struct nx_stream_position *out) NX_MUSTUSE;
/* The one of each agent that changed last; of ahead nothing. */
int nx_store_stream_latest(
    struct nx_store *store,
    void (*visit)(void *user, uint32_t agent_id, uint64_t epoch,
                  const struct nx_stream_position *position),
    void *user) NX_MUSTUSE;
int nx_store_stream_put(struct nx_store *store, uint32_t agent_id,
                        uint64_t epoch,
                        const struct nx_stream_position *position,
                        int64_t at_us) NX_MUSTUSE;

/* Until when the streams of an agent that retention has deleted may have been
 * given something. NX_ENOTFOUND: none was deleted. */
int nx_store_forgotten(struct nx_store *store, uint32_t agent_id,
                       int64_t *until_us) NX_MUSTUSE;

/* A batch as it came. Results before first_seq in it were known already. */
struct nx_store_batch {
    uint32_t agent_id;
    uint64_t epoch;
    uint64_t first_seq; /* of the first new result */
    uint32_t results_n; /* new results */
    uint32_t skip;      /* leading results that are not new */
    int64_t received_us;
    const uint8_t *payload; /* the whole message, for nx_codec_unpack_up */
    size_t payload_len;
    bool damaged; /* when read: not what was written */
};
/* NX_EEXISTS: (agent, epoch, first_seq) is there already. */
int nx_store_batch_append(struct nx_store *store,
                          const struct nx_store_batch *batch) NX_MUSTUSE;

/* A hello as it came. */
int nx_store_hello_append(struct nx_store *store, uint32_t agent_id,
                          int64_t received_us, const uint8_t *payload,
                          size_t payload_len) NX_MUSTUSE;

/* A place in the log, to read it in parts: batches and hellos in the order in
 * which they were written. */
struct nx_store_mark {
    int64_t batch_id, hello_id; /* of the last ones read */
};

/* The place of what was received at from_us or later. */
int nx_store_mark_at(struct nx_store *store, int64_t from_us,
                     struct nx_store_mark *out) NX_MUSTUSE;

/* Reads on from the mark and moves it: at most batches_max batches, and the
 * hellos among them (epoch, first_seq, results_n and skip 0). 1: there may be
 * more; 0: that was all; negative: error. Payloads are borrowed for the call
 * of visit, which must not write. */
int nx_store_log(struct nx_store *store, struct nx_store_mark *mark,
                 unsigned batches_max,
                 void (*visit)(void *user, const struct nx_store_batch *row),
                 void *user) NX_MUSTUSE;

/* The last hello of each agent before that place. */
int nx_store_hellos_before(struct nx_store *store,
                           const struct nx_store_mark *mark,
                           void (*visit)(void *user,
                                         const struct nx_store_batch *row),
                           void *user) NX_MUSTUSE;

/* --- incidents --- */

/* Assigns incident->id. */
int nx_store_incident_add(struct nx_store *store,
                          struct nx_incident *incident) NX_MUSTUSE;
int nx_store_incident_close(struct nx_store *store, uint32_t id,
                            int64_t at_us) NX_MUSTUSE;
/* By what it is judged, as text; NX_ENOTFOUND: that is not known. */
int nx_store_incident_settings_put(struct nx_store *store, uint32_t id,
                                   const char *settings) NX_MUSTUSE;
int nx_store_incident_settings(struct nx_store *store, uint32_t id,
                               struct nx_text *out) NX_MUSTUSE;
/* The last status document of a closed incident, as text: what is long in
 * parts, from 0 on, before; then, with its closing, how many these were, and
 * the rest. */
int nx_store_closed_part_put(struct nx_store *store, uint32_t id, uint32_t part,
                             const char *bytes, size_t len) NX_MUSTUSE;
int nx_store_closed_status_put(struct nx_store *store, uint32_t id,
                               uint32_t parts_n, const char *rest) NX_MUSTUSE;
/* The newest ones; the text is borrowed for the call. NULL: it is not what was
 * written. */
int nx_store_closed_statuses(struct nx_store *store, unsigned newest_n,
                             void (*visit)(void *user, uint32_t id,
                                           const char *document),
                             void *user) NX_MUSTUSE;
/* For nx_lead, at a start. */
int nx_store_lead_marks(struct nx_store *store, int64_t now_us,
                        struct nx_lead_marks *out) NX_MUSTUSE;
/* Takes back one that nothing refers to yet. */
int nx_store_incident_drop(struct nx_store *store, uint32_t id) NX_MUSTUSE;
int nx_store_incidents(struct nx_store *store,
                       void (*visit)(void *user,
                                     const struct nx_incident *incident),
                       void *user) NX_MUSTUSE;

/* --- for people --- */

/* Whose state or forecast it is. */
struct nx_store_subject {
    uint32_t incident_id;
    uint32_t agent_id;                  /* 0: of a whole network */
    const struct nx_question *question; /* NULL: of a whole network */
    const char *network;                /* only of a whole network */
};

/* What a change of state means for the forecasts that were shown. */
enum nx_store_turn {
    NX_TURN_NONE,
    NX_TURN_RELAPSED, /* clear, and cached again: it had not been clear */
    NX_TURN_REFILLED, /* an authoritative path still denies */
    NX_TURN_VOID,     /* the servers deny the name (again) */
};

/* The present state of a target, which began at since_us. Adds a row to
 * `transition` when the stored state was another one, to `forecast` when there
 * is a forecast and the state is another one or it moved by more than a second:
 * putting the same again (after a restart) adds nothing. turn: may be NULL. */
int nx_store_target_put(struct nx_store *store, uint32_t incident_id,
                        uint32_t agent_id, const struct nx_question *question,
                        const struct nx_verdict *verdict, int64_t since_us,
                        int64_t at_us, enum nx_store_turn *turn) NX_MUSTUSE;

/* What `target` says of those of open incidents. Borrowed for the call; rows
 * that do not parse, or are damaged, are left out. */
int nx_store_targets(struct nx_store *store,
                     void (*visit)(void *user,
                                   const struct nx_target_past *past),
                     void *user) NX_MUSTUSE;

/* A change of a target's state; texts are borrowed for the call of visit. */
struct nx_store_transition {
    int64_t id;
    int64_t at_us;
    const char *network, *agent, *resolver, *name, *type;
    const char *from_state; /* NULL: the first one */
    const char *to_state;
};

/* Those of an incident after one (0: from the first), oldest first, at most
 * n_max; network: NULL for all. NX_EIO at one that is damaged, here and of the
 * two below: what is told is all there, or nothing. */
int nx_store_transition_page(
    struct nx_store *store, uint32_t incident_id, const char *network,
    int64_t after_id, unsigned n_max,
    void (*visit)(void *user, const struct nx_store_transition *row),
    void *user) NX_MUSTUSE;

/* Adds a row when it says something else than the newest one. */
int nx_store_authority_put(struct nx_store *store, uint32_t incident_id,
                           unsigned item, const struct nx_auth_facts *facts,
                           int64_t at_us) NX_MUSTUSE;

/* A row of `transition` or `forecast`. Texts are borrowed for the call. */
struct nx_store_event {
    struct nx_report_key key;
    int64_t at_us;
    const char *to_state; /* transition */
    /* forecast */
    const char *basis;
    int64_t clear_us, lo90_us, hi90_us;
};

/* The rows of an incident, oldest first, at most max of them, after the one
 * with that number (0: from the first on), which becomes that of the last one.
 * 1: there are more; 0: that was all. */
int nx_store_transitions(struct nx_store *store, uint32_t incident_id,
                         int64_t *after_id, unsigned max,
                         void (*visit)(void *user,
                                       const struct nx_store_event *event),
                         void *user) NX_MUSTUSE;
int nx_store_forecasts(struct nx_store *store, uint32_t incident_id,
                       int64_t *after_id, unsigned max,
                       void (*visit)(void *user,
                                     const struct nx_store_event *event),
                       void *user) NX_MUSTUSE;

/* --- to check and to rebuild --- */

/* Every page and index. found: "ok" alone, or up to 20 lines about damage. */
int nx_store_check_pages(struct nx_store *store,
                         void (*found)(void *user, const char *text),
                         void *user) NX_MUSTUSE;

/* Rows that have a digest: what a start rests on, and refuses when it is
 * damaged; and what is left out, or told, where it is read. */
enum nx_store_rows { NX_STORE_ROWS_TRUSTED, NX_STORE_ROWS_TOLD };
/* found gets a line for each that is not what was written. without_n: rows that
 * have none, of an older version or edited by hand; a start gives those that it
 * rests on one. */
int nx_store_check_rows(struct nx_store *store, enum nx_store_rows which,
                        void (*found)(void *user, const char *text), void *user,
                        uint64_t *without_n) NX_MUSTUSE;

/* A stream beside what the log has of it. */
struct nx_store_stream {
    uint32_t agent_id;
    uint64_t epoch;
    bool known;   /* position is; false: the log knows a stream that is not */
    bool damaged; /* the position is not what was written */
    struct nx_stream_position position;
    uint64_t logged_n;   /* results in the log */
    uint64_t last_seq;   /* of them; 0: none */
    uint64_t overlaps_n; /* batches that begin before the one before ends */
};
int nx_store_streams(struct nx_store *store,
                     void (*visit)(void *user,
                                   const struct nx_store_stream *stream),
                     void *user) NX_MUSTUSE;

/* What there is of the log. */
struct nx_store_extent {
    bool whole;      /* retention has deleted nothing of it */
    int64_t from_us; /* not whole: what was received before may be gone */
};
int nx_store_log_extent(struct nx_store *store,
                        struct nx_store_extent *out) NX_MUSTUSE;
/* Batches that are gone, and that retention has not deleted. Slow when the log
 * is large. */
int nx_store_log_missing(struct nx_store *store, uint64_t *n) NX_MUSTUSE;

/* 1: there is a hello of that agent from before; 0: none. */
int nx_store_heard_before(struct nx_store *store, uint32_t agent_id,
                          int64_t at_us) NX_MUSTUSE;

/* Deletes what is derived of an incident. */
int nx_store_derived_drop(struct nx_store *store,
                          uint32_t incident_id) NX_MUSTUSE;

/* Deletes the forecasts of whole networks that are damaged, of any incident:
 * nothing makes them anew. n: how many. */
int nx_store_damaged_drop(struct nx_store *store, uint64_t *n) NX_MUSTUSE;

/* --- forecasts and scores (score/score.h) --- */

/* A forecast as it was shown. */
struct nx_store_forecast {
    int64_t id; /* given by the store */
    int64_t at_us;
    uint8_t state, basis;
    bool verified;
    bool barred; /* read: teaches nothing */
    uint8_t family;
    double p_late; /* as it was before a denial was seen */
    struct nx_eta eta;
    struct nx_hard hard;
    struct nx_shape shape;
};

/* Of a network: adds it when its state is another one than that of the newest
 * row, or it moved by more than a second. */
int nx_store_network_forecast_put(
    struct nx_store *store, const struct nx_store_subject *of,
    const struct nx_store_forecast *forecast) NX_MUSTUSE;

/* Those not scored yet, oldest first, at most max; of a damaged one the shape
 * has n 0. Scores and lessons that are damaged are left out. */
int nx_store_forecasts_open(struct nx_store *store,
                            const struct nx_store_subject *of, unsigned max,
                            void (*visit)(void *user,
                                          const struct nx_store_forecast *f),
                            void *user) NX_MUSTUSE;
/* Gives one its score; figures NULL: none, its weight is 0. A forecast that has
 * one already keeps it. */
int nx_store_forecast_score(struct nx_store *store, int64_t id, int64_t at_us,
                            const struct nx_truth *truth, double weight,
                            const struct nx_figures *figures) NX_MUSTUSE;
/* All open ones: REFILLED bars them from teaching, VOID takes them out of the
 * score; RELAPSED opens those again that were scored last, and takes back what
 * they taught. */
int nx_store_forecasts_turn(struct nx_store *store,
                            const struct nx_store_subject *of,
                            enum nx_store_turn turn, int64_t at_us) NX_MUSTUSE;

struct nx_store_period {
    int64_t from_us, to_us; /* of the clearing: [from, to) */
    uint32_t incident_id;   /* 0: every */
};
int nx_store_scores(struct nx_store *store, const struct nx_store_period *in,
                    void (*visit)(void *user, const struct nx_tally_row *row),
                    void *user) NX_MUSTUSE;

/* Targets with forecasts that are not scored: of open incidents, and of closed
 * ones (nobody saw them clear). */
struct nx_store_unscored {
    uint64_t open_n, unresolved_n;
};
int nx_store_unscored(struct nx_store *store,
                      struct nx_store_unscored *out) NX_MUSTUSE;

/* What a target's clearing taught; putting it again changes nothing. */
int nx_store_lesson_put(struct nx_store *store,
                        const struct nx_store_subject *of,
                        const struct nx_truth *truth, enum nx_family family,
                        const struct nx_ending *ending) NX_MUSTUSE;
/* The newest max ones, in the order of their clearing. */
int nx_store_lessons(struct nx_store *store, unsigned max,
                     void (*visit)(void *user, const struct nx_lesson *lesson),
                     void *user) NX_MUSTUSE;

#endif
