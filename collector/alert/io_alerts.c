#include "collector/alert/io_alerts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/io_log.h"

#define US_PER_S INT64_C(1000000)
#define GIVE_UP_US (7 * 86400 * US_PER_S)
#define TOO_OLD "older than 7 days"
#define STORE_WAIT_US (5 * US_PER_S)
#define COMMIT_WAIT_US INT64_C(10000)
#define PAUSE_MAX_US (3600 * US_PER_S) /* more: by a clock that was ahead */
#define NAP_MAX_US (600 * US_PER_S)
#define PIECE_BYTES 32768U /* of messages, at a time: others wait meanwhile */

enum outcome {
    TAKEN,
    REFUSED,
    GIVEN_UP, /* with the attempt */
    DROPPED,  /* without another attempt */
};

/* How the newest attempt ended. Kept until that is known to be committed: what
 * the receiver has must not be sent again because the store had no room. */
struct ending {
    int64_t alert_id;  /* 0: none */
    uint32_t attempts; /* of the row, before it was written */
    uint8_t outcome;   /* enum outcome */
    int64_t at_us;
    int64_t due_us; /* REFUSED: of the next attempt */
    char why[NX_STORE_ALERT_PROBLEM_MAX];
    uint64_t commits_n; /* of the group when it was written */
};

/* One receiver at work. */
struct slot {
    struct nx_postbox *postbox;
    const struct nx_receiver *receiver;
    char secret[NX_COURIER_SECRET_MAX];
    size_t secret_len;
    bool busy;
    int64_t alert_id; /* under way, or looked at last */
    int64_t made_us;
    int64_t due_us;
    uint32_t attempts;
    int64_t looked_us;
    struct nx_letter *letter; /* NULL: none */
    int64_t letter_of;        /* alert_id */
    int unread; /* NX_EAGAIN: there is more of it to be read; or why not */
    struct ending ending;
    int64_t not_before_us; /* the store refused what we had to write */
};

struct nx_postbox {
    struct nx_postbox_parts parts;
    const struct nx_alert_conf *conf;
    struct nx_courier *courier;
    struct event *timer;
    struct slot slots[NX_RECEIVERS_MAX];
    size_t at;       /* the slot to be looked at next */
    int64_t next_us; /* when those before it are due; NX_TIME_UNKNOWN */
    bool woken;      /* since the first of them was looked at */
    struct nx_postbox_counters counters;
};

static int64_t now_us(const struct nx_postbox *postbox) {
    return nx_steady_wall_us(postbox->parts.clock);
}

/* --- how an attempt ended --- */

static int store_ending(struct nx_store *store, const struct ending *end) {
    switch ((enum outcome)end->outcome) {
    case TAKEN:
        return nx_store_alert_end(store, end->alert_id, NULL, end->at_us);
    case REFUSED:
        return nx_store_alert_retry(store, end->alert_id, end->due_us,
                                    end->why);
    case GIVEN_UP:
        return nx_store_alert_end(store, end->alert_id, end->why, end->at_us);
    case DROPPED:
        return nx_store_alert_drop(store, end->alert_id, end->why, end->at_us);
    }
    return NX_OK;
}

static void write_ending(struct slot *slot) {
    struct ending *end = &slot->ending;
    struct nx_postbox *postbox = slot->postbox;
    struct nx_group *group = postbox->parts.group;
    int err = nx_group_open(group);
    if (err == 0) {
        err = store_ending(postbox->parts.store, end);
        if (err != 0) {
            nx_group_abort(group);
        }
    }
    end->commits_n = nx_group_counters(group)->commits_n;
    if (err != 0) {
        slot->not_before_us = now_us(postbox) + STORE_WAIT_US;
    }
}

/* The row is as it was before its ending was written: that has failed, or was
 * rolled back with what else was in the transaction. */
static bool ended_already(const struct slot *slot) {
    return slot->alert_id == slot->ending.alert_id &&
           slot->attempts == slot->ending.attempts;
}

/* It may yet be rolled back; another attempt would forget it. */
static bool uncommitted(const struct slot *slot) {
    return slot->ending.alert_id != 0 &&
           slot->ending.commits_n ==
               nx_group_counters(slot->postbox->parts.group)->commits_n;
}

static void conclude(struct slot *slot, enum outcome outcome, const char *why,
                     int64_t retry_after_s) {
    struct ending *end = &slot->ending;
    int64_t wait_us =
        nx_alert_retry_us(slot->attempts + 1, (uint64_t)slot->alert_id);
    if (retry_after_s * US_PER_S > wait_us) {
        wait_us = retry_after_s * US_PER_S;
    }
    end->alert_id = slot->alert_id;
    end->attempts = slot->attempts;
    end->outcome = (uint8_t)outcome;
    end->at_us = now_us(slot->postbox);
    end->due_us = end->at_us + wait_us;
    (void)snprintf(end->why, sizeof(end->why), "%s", why);
    slot->postbox->counters.given_up_n +=
        outcome == GIVEN_UP || outcome == DROPPED ? 1 : 0;
    if (outcome != TAKEN) {
        nx_log(NX_LOG_WARN, "alert to %s not taken: %s; %s",
               slot->receiver->name, why,
               outcome == REFUSED ? "trying again" : "given up");
    }
    write_ending(slot);
}

static bool too_old(const struct slot *slot) {
    return *slot->postbox->parts.retained == NX_RETAINED_TRUSTED &&
           now_us(slot->postbox) - slot->made_us > GIVE_UP_US;
}

static void on_done(void *user, bool taken, const char *why,
                    int64_t retry_after_s) {
    struct slot *slot = user;
    struct nx_postbox *postbox = slot->postbox;
    slot->busy = false;
    postbox->counters.sent_n += taken ? 1 : 0;
    postbox->counters.failed_n += taken ? 0 : 1;
    if (!taken && too_old(slot)) {
        char last[NX_STORE_ALERT_PROBLEM_MAX];
        (void)snprintf(last, sizeof(last), TOO_OLD ": %s", why);
        conclude(slot, GIVEN_UP, last, 0);
    } else {
        conclude(slot, taken ? TAKEN : REFUSED, why, retry_after_s);
    }
    nx_postbox_wake(postbox);
}

/* --- what is next --- */

static bool is_due(const struct slot *slot) {
    return slot->due_us <= slot->looked_us ||
           slot->due_us - slot->looked_us > PAUSE_MAX_US;
}

/* Else its message is not needed. */
static bool is_to_be_sent(const struct slot *slot) {
    return !ended_already(slot) && !uncommitted(slot) && !too_old(slot) &&
           is_due(slot);
}

static void take(void *user, const struct nx_store_alert *alert) {
    struct slot *slot = user;
    slot->alert_id = alert->alert_id;
    slot->made_us = alert->made_us;
    slot->due_us = alert->due_us;
    slot->attempts = alert->attempts;
    if (slot->letter != NULL && slot->letter_of != alert->alert_id) {
        nx_letter_free(&slot->letter);
    }
    if (slot->letter == NULL && is_to_be_sent(slot)) {
        int err = alert->damaged
                      ? NX_EMALFORMED
                      : nx_letter_new(slot->receiver->kind, alert->document,
                                      &slot->letter);
        slot->letter_of = alert->alert_id;
        slot->unread = err == 0 ? NX_EAGAIN : err;
    }
}

/* Goes on with the letter; budget: bytes of all slots, in this turn. */
static void read_on(struct slot *slot, size_t *budget) {
    if (slot->letter != NULL && slot->unread == NX_EAGAIN) {
        slot->unread = nx_letter_read(slot->letter, budget);
    }
}

static void send_now(struct slot *slot) {
    struct nx_postbox *postbox = slot->postbox;
    struct nx_alert_payload payload;
    nx_alert_payload(slot->receiver, slot->letter, &payload);
    const struct nx_courier_job job = {
        .receiver = slot->receiver,
        .sendmail = postbox->conf->sendmail,
        .document = nx_letter_head(slot->letter),
        .payload = &payload,
        .secret = slot->secret,
        .secret_len = slot->secret_len,
        .now_us = now_us(postbox),
        .done = on_done,
        .user = slot,
    };
    slot->busy = true;
    int err = nx_courier_send(postbox->courier, &job);
    nx_letter_free(&slot->letter);
    if (err != 0) {
        on_done(slot, false, nx_strerror(err), 0);
    }
}

/* What there is to do for the row that was read. Returns when to look again,
 * NX_TIME_UNKNOWN: when woken. */
static int64_t act(struct slot *slot, size_t *budget) {
    int64_t at_us = slot->looked_us;
    if (slot->alert_id == 0) {
        return NX_TIME_UNKNOWN;
    }
    if (ended_already(slot)) {
        write_ending(slot);
        return at_us;
    }
    if (uncommitted(slot)) {
        return at_us + COMMIT_WAIT_US;
    }
    if (too_old(slot)) {
        conclude(slot, DROPPED, TOO_OLD, 0);
        return at_us;
    }
    if (!is_due(slot)) {
        return slot->due_us;
    }
    read_on(slot, budget);
    if (slot->unread == NX_EAGAIN) {
        return at_us;
    }
    if (slot->unread != 0) {
        bool damaged = slot->unread == NX_EMALFORMED;
        conclude(slot, damaged ? DROPPED : REFUSED,
                 damaged ? "what is stored is damaged"
                         : nx_strerror(slot->unread),
                 0);
        return at_us;
    }
    send_now(slot);
    return slot->busy ? NX_TIME_UNKNOWN : at_us;
}

static int64_t look(struct slot *slot, size_t *budget) {
    struct nx_postbox *postbox = slot->postbox;
    int64_t at_us = now_us(postbox);
    if (slot->busy) {
        return NX_TIME_UNKNOWN;
    }
    if (at_us < slot->not_before_us) {
        return slot->not_before_us;
    }
    if (!nx_group_storing(postbox->parts.group)) {
        return at_us + STORE_WAIT_US; /* how it ends could not be written */
    }
    read_on(slot, budget);
    if (slot->letter != NULL && slot->unread == NX_EAGAIN) {
        return at_us;
    }
    slot->looked_us = at_us;
    slot->alert_id = 0;
    int64_t next_us = at_us + STORE_WAIT_US;
    if (nx_store_alert_next(postbox->parts.store, slot->receiver->name, take,
                            slot) == 0) {
        next_us = act(slot, budget);
    }
    if (slot->unread != NX_EAGAIN) {
        nx_letter_free(&slot->letter);
    }
    return next_us == NX_TIME_UNKNOWN || next_us > slot->not_before_us
               ? next_us
               : slot->not_before_us;
}

static void look_in(struct nx_postbox *postbox, int64_t us) {
    const struct timeval in = {us / US_PER_S, us % US_PER_S};
    (void)event_add(postbox->timer, &in);
}

/* One after the other; who has much to be read has the rest of the turn. */
static void look_all(evutil_socket_t fd, short what, void *arg) {
    struct nx_postbox *postbox = arg;
    size_t budget = PIECE_BYTES;
    (void)fd;
    (void)what;
    if (postbox->at == 0) {
        postbox->woken = false;
        postbox->next_us = NX_TIME_UNKNOWN;
    }
    while (postbox->at < postbox->conf->receivers_n && budget > 0) {
        int64_t at_us = look(&postbox->slots[postbox->at++], &budget);
        postbox->next_us = nx_time_sooner(postbox->next_us, at_us);
    }
    if (postbox->at < postbox->conf->receivers_n) {
        look_in(postbox, 0);
        return;
    }
    postbox->at = 0;
    if (postbox->woken) {
        look_in(postbox, 0);
    } else if (postbox->next_us != NX_TIME_UNKNOWN) {
        int64_t us = postbox->next_us - now_us(postbox);
        look_in(postbox, us < 1000 ? 1000 : us > NAP_MAX_US ? NAP_MAX_US : us);
    }
}

void nx_postbox_wake(struct nx_postbox *postbox) {
    postbox->woken = true;
    look_in(postbox, 0);
}

/* --- life --- */

static int read_secrets(const struct nx_alert_conf *conf, struct slot *slots,
                        char *why) {
    for (size_t i = 0; i < conf->receivers_n; i++) {
        const char *path = conf->receivers[i].secret_path;
        if (path != NULL) {
            int err = nx_courier_secret(path, slots[i].secret,
                                        &slots[i].secret_len, why);
            if (err != 0) {
                return err;
            }
        }
    }
    return 0;
}

/* It is tried all the same: it may be another one tomorrow. */
static void warn_of_sendmail(const struct nx_alert_conf *conf) {
    char why[NX_COURIER_WHY_MAX];
    for (size_t i = 0; i < conf->receivers_n; i++) {
        if (conf->receivers[i].kind == NX_RECEIVER_EMAIL &&
            nx_courier_sendmail(conf->sendmail, why) != 0) {
            nx_log(NX_LOG_WARN, "alerts to %s will not be mailed: %s",
                   conf->receivers[i].name, why);
        }
    }
}

/* What is not committed, or waits for the store, is not forgotten. */
static void carry_over(struct slot *slot, const char *name,
                       const struct slot *before) {
    for (size_t i = 0; i < NX_RECEIVERS_MAX; i++) {
        if (before[i].receiver != NULL &&
            strcmp(before[i].receiver->name, name) == 0) {
            slot->ending = before[i].ending;
            slot->not_before_us = before[i].not_before_us;
        }
    }
}

static void forget_letters(struct nx_postbox *postbox) {
    for (size_t i = 0; i < NX_RECEIVERS_MAX; i++) {
        nx_letter_free(&postbox->slots[i].letter);
    }
}

int nx_postbox_conf(struct nx_postbox *postbox,
                    const struct nx_alert_conf *conf, char *why) {
    struct slot *slots = calloc(NX_RECEIVERS_MAX, sizeof(*slots));
    struct nx_courier *courier = NULL;
    (void)snprintf(why, NX_COURIER_WHY_MAX, "%s", nx_strerror(NX_ENOMEM));
    int err = slots == NULL ? NX_ENOMEM : read_secrets(conf, slots, why);
    if (err == 0) {
        err = nx_courier_new(postbox->parts.base, &courier);
    }
    if (err == 0) {
        /* What was under way begins again, with the same key. */
        nx_courier_free(&postbox->courier);
        postbox->courier = courier;
        postbox->conf = conf;
        for (size_t i = 0; i < conf->receivers_n; i++) {
            carry_over(&slots[i], conf->receivers[i].name, postbox->slots);
            slots[i].postbox = postbox;
            slots[i].receiver = &conf->receivers[i];
        }
        forget_letters(postbox);
        memcpy(postbox->slots, slots, sizeof(postbox->slots));
        postbox->at = 0;
        warn_of_sendmail(conf);
        nx_postbox_wake(postbox);
    }
    free(slots);
    return err;
}

int nx_postbox_new(const struct nx_postbox_parts *parts,
                   const struct nx_alert_conf *conf, struct nx_postbox **out,
                   char *why) {
    struct nx_postbox *postbox = calloc(1, sizeof(*postbox));
    if (postbox == NULL) {
        return NX_ENOMEM;
    }
    postbox->parts = *parts;
    postbox->timer = evtimer_new(parts->base, look_all, postbox);
    int err = postbox->timer == NULL ? NX_ENOMEM
                                     : nx_postbox_conf(postbox, conf, why);
    if (err != 0) {
        nx_postbox_free(&postbox);
        return err;
    }
    *out = postbox;
    return 0;
}

void nx_postbox_free(struct nx_postbox **postbox_p) {
    struct nx_postbox *postbox = *postbox_p;
    if (postbox == NULL) {
        return;
    }
    nx_courier_free(&postbox->courier);
    forget_letters(postbox);
    if (postbox->timer != NULL) {
        event_free(postbox->timer);
    }
    free(postbox);
    *postbox_p = NULL;
}

const struct nx_alert_conf *
nx_postbox_receivers(const struct nx_postbox *postbox) {
    return postbox->conf;
}

void nx_postbox_counters(const struct nx_postbox *postbox,
                         struct nx_postbox_counters *out) {
    *out = postbox->counters;
}
