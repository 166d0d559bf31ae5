#include "agent/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/conf_convert.h"

int nx_convert_text(const char *text, char **out) {
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL ? NX_OK : NX_ENOMEM;
}

/* --- collectors --- */

/* Is it tcp://ADDRESS:PORT? A name would need the DNS that we came to watch. */
static bool is_tcp_address(const char *endpoint) {
    static const char scheme[] = "tcp://";
    struct nx_endpoint parsed;
    char text[NX_ENDPOINT_TEXT_MAX];
    if (strncmp(endpoint, scheme, sizeof(scheme) - 1) != 0) {
        return false;
    }
    const char *address = endpoint + sizeof(scheme) - 1;
    size_t len = strlen(address);
    const char *colon = strrchr(address, ':');
    if (colon == NULL || len >= sizeof(text) || strpbrk(address, "@/") ||
        (memchr(address, ':', (size_t)(colon - address)) != NULL &&
         address[0] != '[')) {
        return false;
    }
    memcpy(text, address, len + 1);
    text[colon - address] = '@';
    return nx_endpoint_parse(text, &parsed) == NX_OK;
}

static int collector(struct nx_convert *c, size_t i) {
    const struct nx_raw_collector *raw = &c->raw->collectors[i];
    struct nx_conf_collector *out = &c->out->collectors[i];
    char path[NX_CONVERT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "collectors[%zu].endpoint", i);
    if (!is_tcp_address(raw->endpoint)) {
        return NX_CONVERT_FAIL(
            c, path,
            "\"%s\" is not tcp://ADDRESS:PORT (an address, as the "
            "agent must work when names do not)",
            raw->endpoint);
    }
    (void)snprintf(path, sizeof(path), "collectors[%zu].key", i);
    if (nx_z85_key_parse(raw->key, NULL) != NX_OK) {
        return NX_CONVERT_FAIL(c, path,
                               "not a public key (40 characters of Z85, see "
                               "`nxclear-collector pubkey`)");
    }
    memcpy(out->key, raw->key, sizeof(out->key));
    return nx_convert_text(raw->endpoint, &out->endpoint);
}

static int collectors(struct nx_convert *c) {
    size_t n = c->raw->collectors_count;
    c->out->collectors = calloc(n, sizeof(*c->out->collectors));
    if (c->out->collectors == NULL) {
        return NX_ENOMEM;
    }
    c->out->collectors_n = n;
    int err = NX_OK;
    for (size_t i = 0; err == NX_OK && i < n; i++) {
        err = collector(c, i);
    }
    return err;
}

/* --- resolvers --- */

static int tls_name(struct nx_convert *c, const char *path, const char *text,
                    struct nx_conf_resolver *out) {
    uint8_t name[NX_DNAME_MAX];
    if (nx_dname_parse(text, name) != NX_OK) {
        return NX_CONVERT_FAIL(c, path, "\"%s\" is not a domain name", text);
    }
    size_t len = nx_dname_len(name);
    uint8_t *copy = malloc(len);
    if (copy == NULL) {
        return NX_ENOMEM;
    }
    memcpy(copy, name, len);
    out->at.at.server_name = copy;
    return NX_OK;
}

static int named_tls(struct nx_convert *c, const char *path,
                     const struct nx_raw_named *raw,
                     struct nx_conf_resolver *out) {
    bool tls = out->at.at.transport == NX_TLS;
    char sub[NX_CONVERT_PATH_MAX + 16];
    if (tls && raw->tls_name == NULL) {
        return NX_CONVERT_FAIL(
            c, path, "\"%s\" needs tls_name, the name to authenticate",
            raw->at);
    }
    if (!tls && (raw->tls_name != NULL || raw->tls_ca_file != NULL)) {
        return NX_CONVERT_FAIL(
            c, path, "tls_name and tls_ca_file are for transport /tls only");
    }
    int err = nx_convert_text(raw->tls_ca_file, &out->tls_ca_file);
    if (err == NX_OK && tls) {
        (void)snprintf(sub, sizeof(sub), "%s.tls_name", path);
        err = tls_name(c, sub, raw->tls_name, out);
    }
    return err;
}

/* Users of the network may be sent to its own resolvers; to others only where
 * the owner says so. */
static void named_place(const struct nx_raw_named *raw,
                        struct nx_endpoint *out) {
    out->layer = (uint8_t)(raw->layer != NULL ? *raw->layer : NX_LAYER_NETWORK);
    out->withheld = raw->may_suggest != NULL ? !*raw->may_suggest
                                             : out->layer != NX_LAYER_NETWORK;
}

static int named(struct nx_convert *c, size_t i) {
    const struct nx_raw_named *raw = &c->raw->resolvers->named[i];
    struct nx_conf_resolver *out = &c->out->resolvers[i];
    char path[NX_CONVERT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "resolvers.named[%zu].at", i);
    if (nx_listed_parse(raw->at, &out->at) != NX_OK ||
        out->at.at.transport == NX_SYSTEM) { /* it has a key of its own */
        return NX_CONVERT_FAIL(
            c, path, "\"%s\" is not ADDRESS[@PORT][/udp|/tcp|/tls]", raw->at);
    }
    for (size_t k = 0; k < i; k++) {
        struct nx_endpoint other = c->out->resolvers[k].at.at;
        other.server_name = NULL;
        other.layer = out->at.at.layer;
        if (nx_endpoint_equal(&other, &out->at.at) &&
            strcmp(c->out->resolvers[k].at.scope, out->at.scope) == 0) {
            return NX_CONVERT_FAIL(c, path, "\"%s\" is named twice", raw->at);
        }
    }
    named_place(raw, &out->at.at);
    (void)snprintf(path, sizeof(path), "resolvers.named[%zu]", i);
    return named_tls(c, path, raw, out);
}

static int resolvers(struct nx_convert *c) {
    static const struct nx_raw_resolvers none;
    const struct nx_raw_resolvers *raw =
        c->raw->resolvers != NULL ? c->raw->resolvers : &none;
    struct nx_agent_conf *out = c->out;
    out->discover = raw->discover == NULL || *raw->discover;
    out->getaddrinfo = raw->getaddrinfo != NULL && *raw->getaddrinfo;
    int err = nx_convert_text(raw->resolv_conf != NULL ? raw->resolv_conf
                                                       : "/etc/resolv.conf",
                              &out->resolv_conf);
    if (err == NX_OK) {
        err = nx_convert_text(raw->resolved_conf != NULL
                                  ? raw->resolved_conf
                                  : "/run/systemd/resolve/resolv.conf",
                              &out->resolved_conf);
    }
    if (err != NX_OK || raw->named_count == 0) {
        return err;
    }
    out->resolvers = calloc(raw->named_count, sizeof(*out->resolvers));
    if (out->resolvers == NULL) {
        return NX_ENOMEM;
    }
    out->resolvers_n = raw->named_count;
    for (size_t i = 0; err == NX_OK && i < out->resolvers_n; i++) {
        err = named(c, i);
    }
    return err;
}

static int convert(struct nx_convert *c) {
    int err = nx_convert_text(c->raw->key, &c->out->key);
    if (err == NX_OK) {
        err = nx_convert_text(c->raw->network, &c->out->network);
    }
    if (err == NX_OK) {
        err = collectors(c);
    }
    if (err == NX_OK) {
        err = resolvers(c);
    }
    if (err == NX_OK) {
        err = nx_convert_policy(c);
    }
    if (err == NX_OK) {
        err = nx_convert_sizes(c);
    }
    return err == NX_OK ? nx_convert_spool(c) : err;
}

int nx_agent_conf_parse(const char *file, const uint8_t *text, size_t len,
                        struct nx_agent_conf **out, char *why, size_t why_cap) {
    void *raw = NULL;
    struct nx_yaml *doc = NULL;
    int err = nx_yaml_load(file, text, len, &nx_agent_conf_schema, &raw, &doc,
                           why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    struct nx_agent_conf *conf = calloc(1, sizeof(*conf));
    struct nx_convert c = {raw, doc, conf, why, why_cap};
    err = conf != NULL ? convert(&c) : NX_ENOMEM;
    nx_yaml_free(&doc);
    if (err == NX_ENOMEM) {
        (void)snprintf(why, why_cap, "%s: out of memory", file);
    }
    if (err != NX_OK) {
        nx_agent_conf_free(&conf);
        return err;
    }
    *out = conf;
    return NX_OK;
}

/* free() for what is const to everybody else. */
static void free_const(const void *p) {
    void *plain = NULL;
    memcpy(&plain, &p, sizeof(plain));
    free(plain);
}

static void free_names(const uint8_t *const *names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free_const(names[i]);
    }
    free_const(names);
}

void nx_agent_conf_free(struct nx_agent_conf **out) {
    struct nx_agent_conf *conf = *out;
    if (conf == NULL) {
        return;
    }
    for (size_t i = 0; i < conf->collectors_n; i++) {
        free(conf->collectors[i].endpoint);
    }
    for (size_t i = 0; i < conf->resolvers_n; i++) {
        free_const(conf->resolvers[i].at.at.server_name);
        free(conf->resolvers[i].tls_ca_file);
    }
    free_names(conf->policy.zones, conf->policy.zones_n);
    free_names(conf->policy.canary_zones, conf->policy.canary_zones_n);
    free_names(conf->policy.sibling_zones, conf->policy.sibling_zones_n);
    free_const(conf->policy.types);
    free(conf->collectors);
    free(conf->resolvers);
    free(conf->key);
    free(conf->network);
    free(conf->resolv_conf);
    free(conf->resolved_conf);
    free(conf->root_hints);
    free(conf->spool_path);
    free(conf);
    *out = NULL;
}
