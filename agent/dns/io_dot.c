/* The DoT module: getdns on the agent's libevent base. One upstream, one
 * transport. Each question has a connection of its own, as balancers pin one to
 * a backend (nxclear-estimator(7) 5.9): so upstreams are set again before it,
 * also because getdns 1.6 never asks one again that failed; not while it asks
 * one, which it may free then before it is done with it: what is asked at one
 * time has contexts of its own. */
#include "agent/dns/io_dot.h"

#include <errno.h>
#include <event2/event.h>
#include <getdns/getdns.h>
#include <getdns/getdns_extra.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/dns/io_dot_loop.h"

#define TIMEOUT_MS 60000U /* never reached: the prober cancels before */

#define LANES_MAX 8U /* questions at one time; more share the last one */

struct lane {
    getdns_context *context; /* NULL: not needed so far */
    unsigned asks_n;
};

struct nx_dot {
    struct event_base *base;
    getdns_list *upstreams;
    char *ca_file; /* NULL: the system's */
    struct lane lanes[LANES_MAX];
};

struct nx_dot_ask {
    struct lane *lane;
    getdns_transaction_t id;
    nx_dot_fn *callback; /* NULL: cancelled */
    void *user;
};

/* Does not copy: for values that getdns copies itself. */
static getdns_bindata bindata_of(const void *bytes, size_t len) {
    getdns_bindata b = {len, NULL};
    memcpy(&b.data, &bytes, sizeof(b.data));
    return b;
}

static getdns_return_t set_bytes(getdns_dict *dict, const char *key,
                                 const void *bytes, size_t len) {
    getdns_bindata b = bindata_of(bytes, len);
    return getdns_dict_set_bindata(dict, key, &b);
}

/* The name to authenticate, without the final dot, as certificates have it. */
static getdns_return_t set_tls_name(getdns_dict *dict, const uint8_t *name) {
    char text[NX_DNAME_TEXT_MAX];
    size_t len = strlen(nx_dname_text(name, text));
    return set_bytes(dict, "tls_auth_name", text, len - 1);
}

static getdns_return_t describe(getdns_dict *dict,
                                const struct nx_endpoint *to) {
    const char *family = to->address_len == 4 ? "IPv4" : "IPv6";
    getdns_return_t r = set_bytes(dict, "address_type", family, 4);
    r |= set_bytes(dict, "address_data", to->address, to->address_len);
    r |= getdns_dict_set_int(dict, "tls_port", to->port);
    if (to->scope_id != 0) {
        char scope[16];
        int n = snprintf(scope, sizeof(scope), "%u", (unsigned)to->scope_id);
        r |= set_bytes(dict, "scope_id", scope, (size_t)n);
    }
    if (to->server_name != NULL) {
        r |= set_tls_name(dict, to->server_name);
    }
    return r;
}

static getdns_list *make_upstreams(const struct nx_endpoint *to) {
    getdns_list *list = getdns_list_create();
    getdns_dict *dict = getdns_dict_create();
    getdns_return_t r = GETDNS_RETURN_MEMORY_ERROR;
    if (list != NULL && dict != NULL) {
        r = describe(dict, to);
        r |= getdns_list_set_dict(list, 0, dict);
    }
    getdns_dict_destroy(dict);
    if (r != GETDNS_RETURN_GOOD) {
        getdns_list_destroy(list);
        return NULL;
    }
    return list;
}

/* Nothing from the operating system, no recursion, no hosts file, no search
 * list, no unauthenticated TLS. */
static getdns_return_t configure(const struct nx_dot *dot, getdns_context *c) {
    getdns_namespace_t spaces[] = {GETDNS_NAMESPACE_DNS};
    getdns_transport_list_t transports[] = {GETDNS_TRANSPORT_TLS};
    getdns_return_t r =
        getdns_context_set_resolution_type(c, GETDNS_RESOLUTION_STUB);
    r |= getdns_context_set_namespaces(c, 1, spaces);
    r |= getdns_context_set_append_name(c, GETDNS_APPEND_NAME_NEVER);
    r |= getdns_context_set_dns_transport_list(c, 1, transports);
    r |= getdns_context_set_tls_authentication(c,
                                               GETDNS_AUTHENTICATION_REQUIRED);
    if (dot->ca_file != NULL) {
        r |= getdns_context_set_tls_ca_file(c, dot->ca_file);
    }
    r |= getdns_context_set_timeout(c, TIMEOUT_MS);
    r |= nx_dot_loop_attach(c, dot->base);
    return r;
}

static bool lane_open(const struct nx_dot *dot, struct lane *lane) {
    getdns_context *c = NULL;
    if (lane->context != NULL) {
        return true;
    }
    if (getdns_context_create(&c, 0) != GETDNS_RETURN_GOOD) {
        return false;
    }
    if (configure(dot, c) != GETDNS_RETURN_GOOD) {
        getdns_context_destroy(c);
        return false;
    }
    lane->context = c;
    return true;
}

static void dot_close(struct nx_dot **out) {
    struct nx_dot *dot = *out;
    if (dot == NULL) {
        return;
    }
    for (size_t i = 0; i < LANES_MAX; i++) {
        if (dot->lanes[i].context != NULL) {
            getdns_context_destroy(dot->lanes[i].context);
        }
    }
    getdns_list_destroy(dot->upstreams);
    free(dot->ca_file);
    free(dot);
    *out = NULL;
}

static int dot_open(struct event_base *base, const struct nx_endpoint *to,
                    const char *ca_file, struct nx_dot **out) {
    struct nx_dot *dot = calloc(1, sizeof(*dot));
    if (dot == NULL) {
        return NX_ENOMEM;
    }
    dot->base = base;
    dot->upstreams = make_upstreams(to);
    dot->ca_file = ca_file != NULL ? strdup(ca_file) : NULL;
    if (dot->upstreams == NULL || (ca_file != NULL && dot->ca_file == NULL) ||
        !lane_open(dot, &dot->lanes[0])) {
        dot_close(&dot);
        return NX_ENOMEM;
    }
    *out = dot;
    return 0;
}

static void on_answer(getdns_context *context, getdns_callback_type_t type,
                      getdns_dict *response, void *user,
                      getdns_transaction_t id) {
    struct nx_dot_ask *ask = user;
    getdns_bindata *bytes = NULL;
    (void)context;
    (void)id;
    bool good = type == GETDNS_CALLBACK_COMPLETE &&
                getdns_dict_get_bindata(response, "/replies_full/0", &bytes) ==
                    GETDNS_RETURN_GOOD;
    if (ask->callback != NULL && type != GETDNS_CALLBACK_CANCEL) {
        ask->callback(ask->user, good ? 0 : EIO, good ? bytes->data : NULL,
                      good ? bytes->size : 0);
    }
    ask->lane->asks_n--;
    getdns_dict_destroy(response);
    free(ask);
}

/* Only what the question says; getdns adds size 65535 and padding. */
static getdns_dict *make_extensions(uint16_t flags) {
    char text[256];
    getdns_dict *extensions = NULL;
    (void)snprintf(
        text, sizeof(text),
        "{ header: { rd: %d, cd: %d }, add_opt_parameters: { do_bit: %d%s } }",
        (flags & NX_Q_RD) != 0, (flags & NX_Q_CD) != 0, (flags & NX_Q_DO) != 0,
        (flags & NX_Q_NSID) != 0
            ? ", options: [ { option_code: 3, option_data: \"\" } ]"
            : "");
    if (getdns_str2dict(text, &extensions) != GETDNS_RETURN_GOOD) {
        return NULL;
    }
    return extensions;
}

static struct lane *lane_for(struct nx_dot *dot) {
    struct lane *lane = dot->lanes;
    for (size_t i = 0; i < LANES_MAX && lane->asks_n > 0; i++) {
        lane = lane_open(dot, &dot->lanes[i]) ? &dot->lanes[i] : lane;
    }
    return lane;
}

static int dot_ask(struct nx_dot *dot, const struct nx_question *question,
                   nx_dot_fn *callback, void *user, struct nx_dot_ask **out) {
    char name[NX_DNAME_TEXT_MAX];
    struct nx_dot_ask *ask = calloc(1, sizeof(*ask));
    getdns_dict *extensions = make_extensions(question->flags);
    getdns_return_t r = GETDNS_RETURN_MEMORY_ERROR;
    struct lane *lane = lane_for(dot);
    if (ask != NULL && extensions != NULL) {
        *ask = (struct nx_dot_ask){lane, 0, callback, user};
        r = lane->asks_n == 0 ? getdns_context_set_upstream_recursive_servers(
                                    lane->context, dot->upstreams)
                              : GETDNS_RETURN_GOOD;
    }
    lane->asks_n++;
    if (r == GETDNS_RETURN_GOOD) {
        r = getdns_general(lane->context, nx_dname_text(question->name, name),
                           question->qtype, extensions, ask, &ask->id,
                           on_answer);
    }
    getdns_dict_destroy(extensions);
    if (r != GETDNS_RETURN_GOOD) {
        lane->asks_n--;
        free(ask);
        return NX_EIO;
    }
    *out = ask;
    return 0;
}

/* getdns calls back with CANCEL, which frees the ask. */
static void dot_cancel(struct nx_dot_ask *ask) {
    ask->callback = NULL;
    (void)getdns_cancel_callback(ask->lane->context, ask->id);
}

const struct nx_dot_ops nx_dot_ops = {
    .abi = NX_DOT_ABI,
    .open = dot_open,
    .close = dot_close,
    .ask = dot_ask,
    .cancel = dot_cancel,
};
