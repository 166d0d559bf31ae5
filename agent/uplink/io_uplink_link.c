#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include "agent/uplink/io_uplink_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"

#define HANDSHAKE_MS 15000 /* TCP and CURVE together */
#define LOG_AGAIN_US INT64_C(600000000)
#define NEXT_KEY_MS 200U /* at most, so that not all come at once */
#define MONITORED                                                              \
    (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED |         \
     ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |         \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |                                     \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)

static const struct nx_conf_collector *collector(const struct nx_uplink *u) {
    return &u->conf->collectors[u->which];
}

static void link_after(struct nx_uplink *u, uint32_t ms) {
    const struct timeval tv = {ms / 1000, (ms % 1000) * 1000};
    (void)evtimer_add(u->on_link, &tv);
}

/* --- what the log says --- */

static void log_refused(const struct nx_uplink *u, enum nx_log_level level) {
    nx_log(level,
           "collector %s refused our key (public key %s): accept it there "
           "with `nxclear agents accept '%s' --network %s%s`",
           collector(u)->endpoint, u->keys->public_key, u->keys->public_key,
           u->conf->network != NULL ? u->conf->network : "NETWORK",
           u->conf->policy.authority_role ? " --role authority" : "");
}

static void log_handshake(const struct nx_uplink *u, enum nx_log_level level) {
    const struct nx_conf_collector *c = collector(u);
    char key[NX_KEY_TEXT_MAX];
    nx_z85_key_text(u->server_keys.list[u->key_which], key);
    if (u->key_which + 1 < u->server_keys.n) {
        nx_log(NX_LOG_DEBUG, "collector %s: has not the key %s; the next one",
               c->endpoint, key);
    } else if (strcmp(key, c->key) == 0) {
        nx_log(level,
               "collector %s: the handshake failed: is %s really its public "
               "key? (there: `nxclear-collector pubkey`) If it is, it lets "
               "nobody in just now: its log and /healthz say why",
               c->endpoint, key);
    } else {
        nx_log(level,
               "collector %s: the handshake failed: what answers has none of "
               "the keys that it announced (%s is the last): an impostor, or "
               "it has taken another one while this agent was away; put its "
               "key into the configuration (there: `nxclear-collector "
               "pubkey`), or join again",
               c->endpoint, key);
    }
}

static void log_end(struct nx_uplink *u) {
    const char *endpoint = collector(u)->endpoint;
    int64_t now_us = nx_clock_mono_us();
    bool again = u->logged_us != 0 && u->logged == u->end &&
                 now_us - u->logged_us < LOG_AGAIN_US;
    enum nx_log_level level = again ? NX_LOG_DEBUG : NX_LOG_WARN;
    switch (u->end) {
    case NX_END_UNREACHED:
        nx_log(level, "collector %s: no connection", endpoint);
        break;
    case NX_END_REFUSED:
        log_refused(u, level);
        break;
    case NX_END_HANDSHAKE:
        log_handshake(u, level);
        break;
    case NX_END_CLOSED:
        nx_log(level, "collector %s: closed the connection in the handshake",
               endpoint);
        break;
    case NX_END_TIMEOUT:
        nx_log(level,
               "collector %s: no handshake within %d s: it is busy, or puts "
               "this key off because it connects again and again, from here or "
               "from elsewhere: its log says so; trying again",
               endpoint, HANDSHAKE_MS / 1000);
        break;
    case NX_END_LOST:
        nx_log(level, "collector %s: connection lost", endpoint);
        break;
    case NX_END_DAMAGED:
        nx_log(level,
               "collector %s: bytes were changed on the way; connecting anew",
               endpoint);
        break;
    case NX_END_SILENT:
        nx_log(level, "collector %s: acknowledges nothing; connecting anew",
               endpoint);
        break;
    case NX_END_STOOD: /* the agent says why */
    case NX_END_RELOAD:
        return;
    case NX_END_LOCAL:
        nx_log(level, "collector %s: %s", endpoint, zmq_strerror(zmq_errno()));
        break;
    }
    if (!again) {
        u->logged = u->end;
        u->logged_us = now_us;
    }
}

/* --- opening --- */

static int set_int(void *socket, int option, int value) {
    return zmq_setsockopt(socket, option, &value, sizeof(value));
}

static int set_options(const struct nx_uplink *u) {
    void *s = u->socket;
    const int64_t largest = NX_MSG_MAX_BYTES;
    const uint8_t *server_key = u->server_keys.list[u->key_which];
    int bad = set_int(s, ZMQ_IMMEDIATE, 1) | set_int(s, ZMQ_LINGER, 0) |
              set_int(s, ZMQ_SNDHWM, 16) | set_int(s, ZMQ_RCVHWM, 64) |
              set_int(s, ZMQ_RECONNECT_IVL, -1) | set_int(s, ZMQ_IPV6, 1) |
              set_int(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) |
              set_int(s, ZMQ_CONNECT_TIMEOUT, HANDSHAKE_MS) |
              set_int(s, ZMQ_HEARTBEAT_IVL, 15000) |
              set_int(s, ZMQ_HEARTBEAT_TIMEOUT, 15000) |
              zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &largest, sizeof(largest)) |
              zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, server_key, NX_KEY_BYTES) |
              zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, u->keys->public_key,
                             NX_KEY_TEXT_MAX) |
              zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, u->keys->secret_key,
                             NX_KEY_TEXT_MAX);
    return bad != 0 ? NX_EIO : NX_OK;
}

static void on_monitor(void *arg, uint16_t event, uint32_t value,
                       const char *address) {
    struct nx_uplink *u = arg;
    (void)address;
    nx_log(NX_LOG_DEBUG, "collector %s: event 0x%x value %u",
           collector(u)->endpoint, (unsigned)event, (unsigned)value);
    switch (event) {
    case ZMQ_EVENT_CONNECTED:
        u->tcp_connected = true;
        break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        if (u->state == NX_LINK_CONNECTING) {
            u->state = NX_LINK_ONLINE;
            (void)evtimer_del(u->on_link);
            nx_log(NX_LOG_INFO, "collector %s: connected",
                   collector(u)->endpoint);
            u->logged_us = 0;
            nx_uplink_opened(u);
        }
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        nx_link_end(u, NX_END_REFUSED);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        /* Said, too, of a message that cannot be decrypted. */
        nx_link_end(u, u->state == NX_LINK_ONLINE ? NX_END_DAMAGED
                                                  : NX_END_HANDSHAKE);
        break;
    case ZMQ_EVENT_DISCONNECTED:
        nx_link_end(u,
                    u->state == NX_LINK_ONLINE ? NX_END_LOST : NX_END_CLOSED);
        break;
    case ZMQ_EVENT_CLOSED:
        nx_link_end(u, u->tcp_connected ? NX_END_CLOSED : NX_END_UNREACHED);
        break;
    default: /* not subscribed */
        break;
    }
}

static int open_socket(struct nx_uplink *u) {
    const struct nx_zloop_handler handler = {
        .message = nx_uplink_message, .writable = nx_uplink_writable, .arg = u};
    u->tcp_connected = false;
    u->socket = zmq_socket(u->context, ZMQ_DEALER);
    if (u->socket == NULL) {
        return NX_EIO;
    }
    int err = set_options(u);
    if (err == NX_OK) {
        err = nx_zloop_new(u->base, u->socket, &handler, &u->zloop);
    }
    if (err == NX_OK) {
        err = nx_zmonitor_new(u->base, u->context, u->socket, MONITORED,
                              on_monitor, u, &u->monitor);
    }
    if (err == NX_OK && zmq_connect(u->socket, collector(u)->endpoint) != 0) {
        err = NX_EIO;
    }
    if (err == NX_OK) {
        nx_zloop_kick(u->zloop);
    }
    return err;
}

/* The configuration's keys were checked when it was read. */
static void choose_key(struct nx_uplink *u) {
    int err = nx_z85_key_parse(collector(u)->key, u->anchor);
    assert(err == NX_OK);
    (void)err;
    nx_pins_keys(u->pins, u->anchor, &u->server_keys);
    u->key_which = u->key_which < u->server_keys.n ? u->key_which : 0;
}

void nx_link_open(struct nx_uplink *u) {
    u->state = NX_LINK_CONNECTING;
    choose_key(u);
    nx_log(NX_LOG_DEBUG, "collector %s: connecting", collector(u)->endpoint);
    if (open_socket(u) != NX_OK) {
        nx_link_end(u, NX_END_LOCAL);
        return;
    }
    link_after(u, HANDSHAKE_MS);
}

/* --- ending --- */

void nx_link_end(struct nx_uplink *u, enum nx_link_end end) {
    if (u->state == NX_LINK_ENDING || u->state == NX_LINK_WAITING) {
        return; /* the first reason counts */
    }
    u->state = NX_LINK_ENDING;
    u->end = end;
    log_end(u);
    nx_spool_ended(u->spool);
    link_after(u, 0); /* callbacks of what is to be freed are on the stack */
}

void nx_link_close(struct nx_uplink *u) {
    nx_zmonitor_free(&u->monitor);
    nx_zloop_free(&u->zloop);
    if (u->socket != NULL) {
        (void)zmq_close(u->socket);
        u->socket = NULL;
    }
    u->hellos_n = 0;
    (void)evtimer_del(u->on_ack_timeout);
    (void)evtimer_del(u->on_send);
}

static uint32_t some_random(void) {
    uint32_t random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0) {
        random = (uint32_t)nx_clock_mono_us();
    }
    return random;
}

/* It may have another one of its keys. False: all were tried. */
static bool next_key(struct nx_uplink *u) {
    if (u->end != NX_END_HANDSHAKE && u->end != NX_END_CLOSED) {
        return false;
    }
    u->key_which++;
    bool more = u->key_which < u->server_keys.n;
    u->key_which = more ? u->key_which : 0;
    return more;
}

static enum nx_attempt_failure failure_of(enum nx_link_end end, bool around) {
    switch (end) {
    case NX_END_LOST:
    case NX_END_DAMAGED:
    case NX_END_SILENT:
    case NX_END_STOOD:
        return NX_ATTEMPT_LOST;
    case NX_END_REFUSED:
        return around ? NX_ATTEMPT_REFUSED : NX_ATTEMPT_FAILED;
    case NX_END_UNREACHED:
    case NX_END_HANDSHAKE:
    case NX_END_CLOSED:
    case NX_END_TIMEOUT:
    case NX_END_RELOAD:
    case NX_END_LOCAL:
        break;
    }
    return NX_ATTEMPT_FAILED;
}

/* When and where to try next: a lost connection again, a few times, then one
 * after the other, with the backoff after each time around. */
static void plan_next(struct nx_uplink *u) {
    if (u->end == NX_END_RELOAD) {
        u->which = 0;
        u->key_which = 0;
        u->backoff = (struct nx_backoff){0};
        link_after(u, 0);
        return;
    }
    if (next_key(u)) {
        link_after(u, some_random() % NEXT_KEY_MS);
        return;
    }
    bool same = nx_backoff_same(&u->backoff, u->end == NX_END_LOST ||
                                                 u->end == NX_END_STOOD ||
                                                 u->end == NX_END_DAMAGED);
    if (!same && u->conf->collectors_n > 1) {
        u->which = (u->which + 1) % u->conf->collectors_n;
        u->key_which = 0;
    }
    struct nx_backoff once = {0};
    bool around = u->which == 0 || same;
    uint32_t ms = nx_backoff_next(
        around ? &u->backoff : &once, failure_of(u->end, around),
        nx_clock_mono_us(), u->spread_ms, some_random());
    nx_log(NX_LOG_DEBUG, "collector %s: next attempt in %u ms",
           collector(u)->endpoint, (unsigned)ms);
    link_after(u, ms);
}

void nx_link_on_event(evutil_socket_t fd, short what, void *arg) {
    struct nx_uplink *u = arg;
    (void)fd;
    (void)what;
    switch (u->state) {
    case NX_LINK_WAITING:
        nx_link_open(u);
        break;
    case NX_LINK_CONNECTING:
        nx_link_end(u, NX_END_TIMEOUT);
        break;
    case NX_LINK_ONLINE:
        break;
    case NX_LINK_ENDING:
        nx_link_close(u);
        u->state = NX_LINK_WAITING;
        plan_next(u);
        break;
    }
}
