/* The ROUTER socket and where it listens. */
#include "collector/ingest/io_ingest_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/ingest/io_zap.h"
#include "common/io_log.h"

#define LOG_EVERY_US 10000000
#define MUTE_EVERY_S 10
#define PROBLEM_SHOWN_US 60000000

struct option {
    int name;
    int value;
};

static int set_options(void *socket, const struct nx_keypair *keys) {
    static const struct option options[] = {
        {ZMQ_CURVE_SERVER, 1},
        {ZMQ_ROUTER_MANDATORY, 1},
        {ZMQ_RCVHWM, 64}, /* a stranger's queue: 64 * 256 KiB at most */
        {ZMQ_SNDHWM, 64},
        {ZMQ_HANDSHAKE_IVL, 15000}, /* as long as agents wait: one that is
                                       broken off is begun again */
        {ZMQ_BACKLOG, 4096},
        /* Who is silently gone is found by the kernel within 45 s. ZeroMQ's own
         * heartbeats would take a timer of each connection, and libzmq walks
         * over all of them for each answer: at some thousand agents its thread
         * does nothing else. */
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, 15},
        {ZMQ_TCP_KEEPALIVE_INTVL, 10},
        {ZMQ_TCP_KEEPALIVE_CNT, 3},
        {ZMQ_TCP_MAXRT, 45000},
        {ZMQ_LINGER, 2000},
    };
    const int64_t max_bytes = NX_MSG_MAX_BYTES;
    int rc = zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key,
                            NX_KEY_TEXT_MAX);
    rc |= zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof(max_bytes));
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        rc |= zmq_setsockopt(socket, options[i].name, &options[i].value,
                             sizeof(options[i].value));
    }
    return rc == 0 ? NX_OK : NX_EIO;
}

/* In a storm of connections, too. */
static int bind_watched(struct nx_ingest *ingest, const char *endpoint) {
    if (nx_zmonitor_busy(ingest->monitor) != NX_OK) {
        errno = ENOMEM;
        return -1;
    }
    int rc = zmq_bind(ingest->socket, endpoint);
    int why = errno;
    nx_zmonitor_idle(ingest->monitor);
    errno = why;
    return rc;
}

/* An IPv4 endpoint is to be an IPv4 socket. */
static int bind_socket(struct nx_ingest *ingest, const char *endpoint) {
    const int six = strchr(endpoint, '[') != NULL ? 1 : 0;
    return nx_spare_may_bind() && zmq_setsockopt(ingest->socket, ZMQ_IPV6, &six,
                                                 sizeof(six)) == 0
               ? bind_watched(ingest, endpoint)
               : -1;
}

static int bind_one(struct nx_ingest *ingest, const char *endpoint, char *why,
                    size_t why_cap) {
    struct nx_ingest_door *door = &ingest->doors[ingest->doors_n];
    size_t len = sizeof(door->bound);
    if (ingest->doors_n == NX_CONF_LISTEN_MAX ||
        strlen(endpoint) >= sizeof(door->wanted) ||
        bind_socket(ingest, endpoint) != 0 ||
        zmq_getsockopt(ingest->socket, ZMQ_LAST_ENDPOINT, door->bound, &len) !=
            0) {
        snprintf(why, why_cap, "%s: cannot listen: %s", endpoint,
                 zmq_strerror(zmq_errno()));
        return NX_EIO;
    }
    snprintf(door->wanted, sizeof(door->wanted), "%s", endpoint);
    ingest->doors_n++;
    return NX_OK;
}

static bool in_list(const char *endpoint, char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(endpoint, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_open(const struct nx_ingest *ingest, const char *endpoint) {
    for (size_t i = 0; i < ingest->doors_n; i++) {
        if (strcmp(ingest->doors[i].wanted, endpoint) == 0) {
            return true;
        }
    }
    return false;
}

static void unbind_one(struct nx_ingest *ingest, size_t i) {
    (void)zmq_unbind(ingest->socket, ingest->doors[i].bound);
    ingest->doors_n--;
    memmove(&ingest->doors[i], &ingest->doors[i + 1],
            (ingest->doors_n - i) * sizeof(ingest->doors[0]));
}

int nx_ingest_listen(struct nx_ingest *ingest, char *const *endpoints, size_t n,
                     char *why, size_t why_cap) {
    size_t before = ingest->doors_n;
    int err = NX_OK;
    for (size_t i = 0; err == NX_OK && i < n; i++) {
        if (!is_open(ingest, endpoints[i])) {
            err = bind_one(ingest, endpoints[i], why, why_cap);
        }
    }
    if (err != NX_OK) { /* the new ones go */
        while (ingest->doors_n > before) {
            unbind_one(ingest, ingest->doors_n - 1);
        }
    } else { /* the old ones go that are not wanted any more */
        for (size_t i = before; i > 0; i--) {
            if (!in_list(ingest->doors[i - 1].wanted, endpoints, n)) {
                unbind_one(ingest, i - 1);
            }
        }
    }
    nx_zloop_kick(ingest->zloop);
    return err;
}

const char *nx_ingest_endpoint(const struct nx_ingest *ingest, size_t i) {
    return i < ingest->doors_n ? ingest->doors[i].bound : NULL;
}

const char *nx_ingest_problem(const struct nx_ingest *ingest) {
    int64_t now_us = nx_steady_wall_us(ingest->parts.clock);
    bool recent = ingest->accept_failed_us != 0 &&
                  now_us - ingest->accept_failed_us < PROBLEM_SHOWN_US;
    return recent ? ingest->problem : "";
}

static void say_accept_failed(struct nx_ingest *ingest, const char *address,
                              const char *why) {
    int64_t now_us = nx_steady_wall_us(ingest->parts.clock);
    uint64_t held_n = 0;
    ingest->counters.accept_failed_n++;
    ingest->accept_failed_us = now_us;
    if (nx_quiet_pass(&ingest->accept_quiet, now_us, LOG_EVERY_US, &held_n)) {
        snprintf(ingest->problem, sizeof(ingest->problem),
                 "%s: connections not taken: %s; raise the limit of open files "
                 "(LimitNOFILE)",
                 address, why);
        nx_log(NX_LOG_ERROR, "%s", ingest->problem);
    }
}

static void on_accept(void *arg, uint16_t event, uint32_t value,
                      const char *address) {
    struct nx_ingest *ingest = arg;
    if (event == ZMQ_EVENT_DISCONNECTED) {
        nx_ingest_gone(ingest, (int)value);
    } else if (event == ZMQ_EVENT_ACCEPT_FAILED) {
        say_accept_failed(ingest, address, zmq_strerror((int)value));
        nx_spare_accept_failed(&ingest->spare);
    } else { /* value: its descriptor */
        nx_spare_accepted(&ingest->spare, (int)value);
        nx_peers_accepted(&ingest->peers, (int)value,
                          nx_steady_wall_us(ingest->parts.clock));
    }
}

static void on_mute(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    nx_ingest_end_mute(arg);
}

int nx_ingest_socket_init(struct nx_ingest *ingest,
                          const struct nx_keypair *keys) {
    ingest->socket = zmq_socket(ingest->parts.zmq, ZMQ_ROUTER);
    if (ingest->socket == NULL || set_options(ingest->socket, keys) != NX_OK ||
        nx_zap_guard(ingest->socket) != NX_OK) {
        return NX_EIO;
    }
    const struct timeval every = {MUTE_EVERY_S, 0};
    ingest->on_mute =
        event_new(ingest->parts.base, -1, EV_PERSIST, on_mute, ingest);
    if (ingest->on_mute == NULL || event_add(ingest->on_mute, &every) != 0) {
        return NX_ENOMEM;
    }
    int err = nx_spare_init(&ingest->spare, ingest->parts.base);
    return err != NX_OK
               ? err
               : nx_zmonitor_new(ingest->parts.base, ingest->parts.zmq,
                                 ingest->socket,
                                 ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_ACCEPTED |
                                     ZMQ_EVENT_DISCONNECTED,
                                 on_accept, ingest, &ingest->monitor);
}

void nx_ingest_socket_fini(struct nx_ingest *ingest) {
    if (ingest->on_mute != NULL) {
        event_free(ingest->on_mute);
    }
    nx_zmonitor_free(&ingest->monitor);
    nx_spare_fini(&ingest->spare);
    if (ingest->socket != NULL) {
        (void)zmq_close(ingest->socket);
    }
}
