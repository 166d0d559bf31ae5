/* The DoT module: getdns on the agent's libevent base. One context per
 * resolver, one upstream, one transport; upstreams are set again after each
 * failure, because getdns 1.6 else never asks them again. */
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
#define IDLE_MS 10000U    /* keep the connection between two looks */

struct nx_dot {
    getdns_context *context;
    getdns_list *upstreams;
    bool stale; /* something failed: set the upstreams again */
};

struct nx_dot_ask {
    struct nx_dot *dot;
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
static getdns_return_t configure(struct nx_dot *dot, struct event_base *base,
                                 const char *ca_file) {
    getdns_context *c = dot->context;
    getdns_namespace_t spaces[] = {GETDNS_NAMESPACE_DNS};
    getdns_transport_list_t transports[] = {GETDNS_TRANSPORT_TLS};
    getdns_return_t r =
        getdns_context_set_resolution_type(c, GETDNS_RESOLUTION_STUB);
    r |= getdns_context_set_namespaces(c, 1, spaces);
    r |= getdns_context_set_append_name(c, GETDNS_APPEND_NAME_NEVER);
    r |= getdns_context_set_dns_transport_list(c, 1, transports);
    r |= getdns_context_set_tls_authentication(c,
                                               GETDNS_AUTHENTICATION_REQUIRED);
    if (ca_file != NULL) {
        r |= getdns_context_set_tls_ca_file(c, ca_file);
    }
    r |= getdns_context_set_timeout(c, TIMEOUT_MS);
    r |= getdns_context_set_idle_timeout(c, IDLE_MS);
    r |= getdns_context_set_upstream_recursive_servers(c, dot->upstreams);
    r |= nx_dot_loop_attach(c, base);
    return r;
}

static void dot_close(struct nx_dot **out) {
    struct nx_dot *dot = *out;
    if (dot == NULL) {
        return;
    }
    if (dot->context != NULL) {
        getdns_context_destroy(dot->context);
    }
    getdns_list_destroy(dot->upstreams);
    free(dot);
    *out = NULL;
}

static int dot_open(struct event_base *base, const struct nx_endpoint *to,
                    const char *ca_file, struct nx_dot **out) {
    struct nx_dot *dot = calloc(1, sizeof(*dot));
    if (dot == NULL) {
        return NX_ENOMEM;
    }
    dot->upstreams = make_upstreams(to);
    if (dot->upstreams == NULL ||
        getdns_context_create(&dot->context, 0) != GETDNS_RETURN_GOOD ||
        configure(dot, base, ca_file) != GETDNS_RETURN_GOOD) {
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
    if (type != GETDNS_CALLBACK_CANCEL && !good) {
        ask->dot->stale = true;
    }
    if (ask->callback != NULL && type != GETDNS_CALLBACK_CANCEL) {
        ask->callback(ask->user, good ? 0 : EIO, good ? bytes->data : NULL,
                      good ? bytes->size : 0);
    }
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

static int dot_ask(struct nx_dot *dot, const struct nx_question *question,
                   nx_dot_fn *callback, void *user, struct nx_dot_ask **out) {
    char name[NX_DNAME_TEXT_MAX];
    struct nx_dot_ask *ask = calloc(1, sizeof(*ask));
    getdns_dict *extensions = make_extensions(question->flags);
    getdns_return_t r = GETDNS_RETURN_MEMORY_ERROR;
    if (ask != NULL && extensions != NULL) {
        *ask = (struct nx_dot_ask){dot, 0, callback, user};
        if (dot->stale) {
            (void)getdns_context_set_upstream_recursive_servers(dot->context,
                                                                dot->upstreams);
            dot->stale = false;
        }
        r = getdns_general(dot->context, nx_dname_text(question->name, name),
                           question->qtype, extensions, ask, &ask->id,
                           on_answer);
    }
    getdns_dict_destroy(extensions);
    if (r != GETDNS_RETURN_GOOD) {
        dot->stale = true;
        free(ask);
        return NX_EIO;
    }
    *out = ask;
    return 0;
}

/* getdns calls back with CANCEL, which frees the ask. A connection that had to
 * be given up counts as bad in getdns: start anew. */
static void dot_cancel(struct nx_dot_ask *ask) {
    struct nx_dot *dot = ask->dot;
    ask->callback = NULL;
    dot->stale = true;
    (void)getdns_cancel_callback(dot->context, ask->id);
}

const struct nx_dot_ops nx_dot_ops = {
    .abi = NX_DOT_ABI,
    .open = dot_open,
    .close = dot_close,
    .ask = dot_ask,
    .cancel = dot_cancel,
};
