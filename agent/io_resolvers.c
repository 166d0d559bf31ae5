#include "agent/io_resolvers.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/io_clock.h"
#include "common/io_log.h"
#include "common/text.h"

#define RECHECK_S 60      /* with inotify: for what it does not see */
#define RECHECK_BLIND_S 5 /* without */
#define AGAIN_US 1000000  /* the set could not be taken */
#define SETTLE_US 100000  /* files are written in several steps */
#define SETTLE_MAX_US INT64_C(2000000) /* from the first of them */
#define WATCH_MASK                                                             \
    (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM |    \
     IN_ATTRIB)

struct set {
    struct nx_resolver list[NX_POLICY_RESOLVERS_MAX];
    size_t n;
    size_t left_out;
};

struct nx_resolver_watch {
    const struct nx_agent_conf *conf;
    nx_resolvers_fn *fn;
    void *user;
    struct event *on_inotify;
    struct event *on_time;
    int inotify_fd;
    bool told;          /* fn has taken the set, a warning was given */
    int64_t changed_us; /* first event since the last check; 0: none */
    struct set set;
};

/* --- reading --- */

static size_t read_listed(const char *path, struct nx_listed *out) {
    char *text = malloc(NX_RESOLVCONF_BYTES);
    int fd = text != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    size_t len = 0;
    ssize_t n = 1;
    while (fd >= 0 && n > 0 && len < NX_RESOLVCONF_BYTES) {
        n = read(fd, text + len, NX_RESOLVCONF_BYTES - len);
        len += n > 0 ? (size_t)n : 0;
    }
    size_t skipped = 0;
    size_t found = 0;
    if (fd >= 0) {
        (void)close(fd);
        found =
            nx_resolvconf_parse(text, len, out, NX_RESOLVCONF_MAX, &skipped);
    }
    if (skipped > 0) {
        nx_log(NX_LOG_DEBUG, "%s: %zu nameserver lines left out", path,
               skipped);
    }
    free(text);
    return found;
}

static bool only_stub(const struct nx_listed *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!nx_resolvconf_is_stub(&list[i].at)) {
            return false;
        }
    }
    return true;
}

/* The stub is the device's own cache in front of the network's resolvers; alone
 * it has to stand for them. */
static void place_stubs(struct nx_listed *list, size_t n) {
    for (size_t i = 0; i < n && !only_stub(list, n); i++) {
        if (nx_resolvconf_is_stub(&list[i].at)) {
            list[i].at.layer = NX_LAYER_HOST;
            list[i].at.withheld = true;
        }
    }
}

/* Up to 2 * NX_RESOLVCONF_MAX: the list, and behind a stub its uplinks. */
static size_t discover(const struct nx_agent_conf *conf,
                       struct nx_listed *out) {
    size_t n = read_listed(conf->resolv_conf, out);
    if (only_stub(out, n)) {
        n += read_listed(conf->resolved_conf, out + n);
    }
    place_stubs(out, n);
    return n;
}

bool nx_resolvers_endpoint(const struct nx_listed *listed,
                           struct nx_endpoint *out) {
    *out = listed->at;
    if (listed->scope[0] == '\0') {
        return true;
    }
    out->scope_id = if_nametoindex(listed->scope);
    if (out->scope_id == 0) {
        out->scope_id = (uint32_t)strtoul(listed->scope, NULL, 10);
    }
    return out->scope_id != 0;
}

static void set_add(struct set *set, const struct nx_listed *listed,
                    bool named) {
    struct nx_endpoint at;
    if (!nx_resolvers_endpoint(listed, &at) ||
        nx_policy_resolver(set->list, set->n, &at) != NULL) {
        return;
    }
    if (set->n == NX_POLICY_RESOLVERS_MAX) {
        set->left_out++;
        return;
    }
    set->list[set->n].at = at;
    set->list[set->n++].named = named;
}

static void read_set(const struct nx_agent_conf *conf, struct set *out) {
    struct nx_listed found[2 * NX_RESOLVCONF_MAX];
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < conf->resolvers_n; i++) {
        set_add(out, &conf->resolvers[i].at, true);
    }
    size_t n = conf->discover ? discover(conf, found) : 0;
    for (size_t i = 0; i < n; i++) {
        set_add(out, &found[i], false);
    }
    if (conf->getaddrinfo) {
        struct nx_listed system = {.scope = ""};
        nx_system_endpoint(&system.at);
        set_add(out, &system, true);
    }
}

/* --- telling --- */

static bool set_equal(const struct set *a, const struct set *b) {
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++) {
        same = a->list[i].named == b->list[i].named &&
               a->list[i].at.withheld == b->list[i].at.withheld &&
               nx_endpoint_equal(&a->list[i].at, &b->list[i].at);
    }
    return same;
}

static void log_set(const struct nx_resolver_watch *w) {
    struct nx_text text;
    nx_text_init(&text);
    for (size_t i = 0; i < w->set.n; i++) {
        char at[NX_ENDPOINT_TEXT_MAX];
        nx_text_add(&text, i > 0 ? " " : "");
        nx_text_add(&text, nx_endpoint_text(&w->set.list[i].at, at));
    }
    char *line = nx_text_take(&text);
    if (w->set.n == 0 && !w->conf->discover && w->conf->resolvers_n == 0) {
        /* As an agent that only watches name servers may be configured. */
        nx_log(NX_LOG_INFO, "no resolvers: discovery is off and none is named");
    } else if (w->set.n == 0) {
        nx_log(NX_LOG_WARN,
               "no resolver found: %s lists none that can be used and the "
               "configuration names none; waiting for one",
               w->conf->resolv_conf);
    } else {
        nx_log(NX_LOG_INFO, "resolvers: %s%s", line != NULL ? line : "",
               w->set.left_out > 0 ? " (more than can be asked; rest left out)"
                                   : "");
    }
    free(line);
}

static void check_after(struct nx_resolver_watch *w, int64_t us) {
    const struct timeval tv = {us / 1000000, us % 1000000};
    (void)evtimer_add(w->on_time, &tv);
}

static void check(struct nx_resolver_watch *w) {
    struct set now;
    read_set(w->conf, &now);
    if (w->told && set_equal(&now, &w->set)) {
        /* TLS names belong to the configuration, which may be a new one. */
        w->set = now;
        return;
    }
    w->set = now;
    log_set(w);
    w->told = w->fn(w->user, w->set.list, w->set.n);
    if (!w->told) {
        check_after(w, AGAIN_US);
    }
}

/* --- watching --- */

static void watch_folder_of(const struct nx_resolver_watch *w,
                            const char *path) {
    char copy[PATH_MAX];
    if (path != NULL && strlen(path) < sizeof(copy)) {
        memcpy(copy, path, strlen(path) + 1);
        (void)inotify_add_watch(w->inotify_fd, dirname(copy), WATCH_MASK);
    }
}

/* Again and again, as folders may appear and links point elsewhere; a watch
 * that is there already is not made twice. */
static void watch_all(const struct nx_resolver_watch *w) {
    if (w->inotify_fd < 0 || !w->conf->discover) {
        return;
    }
    char *real = realpath(w->conf->resolv_conf, NULL);
    watch_folder_of(w, w->conf->resolv_conf);
    watch_folder_of(w, real);
    watch_folder_of(w, w->conf->resolved_conf);
    free(real);
}

/* When the files are at rest, but soon even if they never are. */
static void check_soon(struct nx_resolver_watch *w) {
    int64_t now_us = nx_clock_mono_us();
    w->changed_us = w->changed_us != 0 ? w->changed_us : now_us;
    int64_t most_us = w->changed_us + SETTLE_MAX_US - now_us;
    int64_t us = most_us < SETTLE_US ? most_us : SETTLE_US;
    check_after(w, us > 0 ? us : 0);
}

static void on_time(evutil_socket_t fd, short what, void *arg) {
    struct nx_resolver_watch *w = arg;
    (void)fd;
    (void)what;
    w->changed_us = 0;
    watch_all(w);
    check_after(w, INT64_C(1000000) *
                       (w->inotify_fd >= 0 ? RECHECK_S : RECHECK_BLIND_S));
    check(w);
}

static bool is_ours(const struct nx_resolver_watch *w, const char *name) {
    const char *paths[] = {w->conf->resolv_conf, w->conf->resolved_conf};
    for (size_t i = 0; i < 2; i++) {
        const char *slash = strrchr(paths[i], '/');
        if (strcmp(slash != NULL ? slash + 1 : paths[i], name) == 0) {
            return true;
        }
    }
    /* What links may point to. */
    return strstr(name, "resolv") != NULL;
}

static void on_inotify(evutil_socket_t fd, short what, void *arg) {
    struct nx_resolver_watch *w = arg;
    _Alignas(struct inotify_event) char buf[4096];
    (void)what;
    ssize_t n = read(fd, buf, sizeof(buf));
    bool ours = n < 0 && errno != EAGAIN && errno != EINTR;
    for (ssize_t at = 0; at < n;) {
        struct inotify_event event;
        memcpy(&event, buf + at, sizeof(event));
        const char *name = buf + at + sizeof(event);
        ours = ours || event.len == 0 || is_ours(w, name);
        at += (ssize_t)(sizeof(event) + event.len);
    }
    if (ours) {
        check_soon(w);
    }
}

static int start(struct nx_resolver_watch *w, struct event_base *base) {
    w->on_time = evtimer_new(base, on_time, w);
    if (w->on_time == NULL) {
        return NX_ENOMEM;
    }
    w->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->inotify_fd >= 0) {
        w->on_inotify =
            event_new(base, w->inotify_fd, EV_READ | EV_PERSIST, on_inotify, w);
        if (w->on_inotify == NULL || event_add(w->on_inotify, NULL) != 0) {
            return NX_ENOMEM;
        }
    }
    on_time(-1, 0, w);
    return NX_OK;
}

int nx_resolvers_new(struct event_base *base, const struct nx_agent_conf *conf,
                     nx_resolvers_fn *fn, void *user,
                     struct nx_resolver_watch **out) {
    struct nx_resolver_watch *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return NX_ENOMEM;
    }
    w->conf = conf;
    w->fn = fn;
    w->user = user;
    w->inotify_fd = -1;
    int err = start(w, base);
    if (err != NX_OK) {
        nx_resolvers_free(&w);
        return err;
    }
    *out = w;
    return NX_OK;
}

void nx_resolvers_free(struct nx_resolver_watch **watch) {
    struct nx_resolver_watch *w = *watch;
    if (w == NULL) {
        return;
    }
    if (w->on_inotify != NULL) {
        event_free(w->on_inotify);
    }
    if (w->on_time != NULL) {
        event_free(w->on_time);
    }
    if (w->inotify_fd >= 0) {
        (void)close(w->inotify_fd);
    }
    free(w);
    *watch = NULL;
}

void nx_resolvers_reload(struct nx_resolver_watch *w,
                         const struct nx_agent_conf *conf) {
    w->conf = conf;
    watch_all(w);
    check(w);
}

size_t nx_resolvers_get(const struct nx_resolver_watch *w,
                        const struct nx_resolver **list) {
    *list = w->set.list;
    return w->set.n;
}
