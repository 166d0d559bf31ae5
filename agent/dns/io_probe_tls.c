/* The TLS part of a query, through the DoT module. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/dns/io_flight.h"
#include "agent/dns/io_sock.h"
#include "common/io_clock.h"

/* Beside the program (build tree), or where it was installed with it. Never
 * through the library search path: what is loaded must be ours. */
static void *load_module(void) {
    static const char *const places[] = {"", NX_MODULE_DIR "/"};
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    void *module = NULL;
    if (n <= 0) {
        return NULL;
    }
    program[n] = '\0';
    int folder = (int)(strrchr(program, '/') + 1 - program);
    for (size_t i = 0; i < 2 && module == NULL; i++) {
        char path[PATH_MAX];
        int len = snprintf(path, sizeof(path), "%.*s%s" NX_DOT_MODULE, folder,
                           program, places[i]);
        if (len > 0 && (size_t)len < sizeof(path)) {
            module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        }
    }
    return module;
}

static int need_module(struct nx_prober *p) {
    if (p->dot != NULL) {
        return 0;
    }
    void *module = load_module();
    const struct nx_dot_ops *ops =
        module != NULL ? dlsym(module, NX_DOT_SYMBOL) : NULL;
    if (ops == NULL || ops->abi != NX_DOT_ABI) {
        if (module != NULL) {
            (void)dlclose(module);
        }
        return NX_ENOTFOUND;
    }
    p->module = module;
    p->dot = ops;
    return 0;
}

int nx_probe_add_tls(struct nx_prober *prober, const struct nx_endpoint *to,
                     const char *ca_file) {
    int err = need_module(prober);
    if (err != 0) {
        return err;
    }
    if (prober->tls == NULL) {
        prober->tls = calloc(NX_PROBE_TLS_MAX, sizeof(prober->tls[0]));
    }
    if (prober->tls == NULL) {
        return NX_ENOMEM;
    }
    if (prober->tls_n == NX_PROBE_TLS_MAX) {
        return NX_ELIMIT;
    }
    struct nx_tls_endpoint *t = &prober->tls[prober->tls_n];
    err = prober->dot->open(prober->base, to, ca_file, &t->dot);
    if (err != 0) {
        return err;
    }
    t->to = *to;
    if (to->server_name != NULL) {
        memcpy(t->server_name, to->server_name, nx_dname_len(to->server_name));
        t->to.server_name = t->server_name;
    }
    prober->tls_n++;
    return 0;
}

void nx_probe_clear_tls(struct nx_prober *prober) {
    for (unsigned i = 0; i < prober->used_n; i++) {
        struct nx_flight *f = &prober->flights[i];
        if (f->active && f->ask != NULL) {
            prober->dot->cancel(f->ask);
            f->ask = NULL;
            nx_flight_fail_later(f, NX_LOCAL_ERROR, ECANCELED);
        }
    }
    while (prober->tls_n > 0) {
        prober->dot->close(&prober->tls[--prober->tls_n].dot);
    }
}

void nx_probe_recheck(struct nx_prober *prober) {
    for (unsigned i = 0; i < prober->used_n; i++) {
        struct nx_flight *f = &prober->flights[i];
        if (f->active && f->ask != NULL && !nx_flight_may(f)) {
            prober->dot->cancel(f->ask);
            f->ask = NULL;
            f->withheld = true;
            nx_flight_fail_later(f, NX_LOCAL_ERROR, ECANCELED);
        }
    }
}

void nx_probe_unload_tls(struct nx_prober *prober) {
    nx_probe_clear_tls(prober);
    free(prober->tls);
    prober->tls = NULL;
    /* The module stays mapped: OpenSSL cleans up at exit from there. */
    prober->dot = NULL;
}

/* The layer is ours to choose, not the resolver's identity. */
static struct nx_dot *find_dot(const struct nx_prober *p,
                               const struct nx_endpoint *to) {
    for (size_t i = 0; i < p->tls_n; i++) {
        struct nx_endpoint known = p->tls[i].to;
        known.layer = to->layer;
        if (nx_endpoint_equal(&known, to)) {
            return p->tls[i].dot;
        }
    }
    return NULL;
}

/* getdns chose the id and has matched it; the rest is checked here. */
static void on_reply(void *user, int error, const uint8_t *msg, size_t len) {
    struct nx_flight *f = user;
    f->ask = NULL;
    if (error != 0) {
        nx_flight_classify(f);
        return;
    }
    f->exchange.rx_mono_us = nx_clock_mono_us();
    f->id = len >= 2 ? nx_wire_u16(msg) : 0;
    if (nx_flight_parse(f, msg, len) == 0) {
        nx_flight_answer(f, msg, len);
    } else {
        nx_flight_fail(f, NX_INVALID, 0);
    }
}

void nx_flight_start_tls(struct nx_flight *f) {
    struct nx_prober *p = f->prober;
    struct nx_dot *dot = find_dot(p, &f->question.to);
    if (dot == NULL) {
        nx_flight_fail_later(f, NX_LOCAL_ERROR, ENOENT);
        return;
    }
    f->exchange.tx_mono_us = nx_clock_mono_us();
    if (p->dot->ask(dot, &f->question, on_reply, f, &f->ask) != 0) {
        nx_flight_classify(f);
    }
}
