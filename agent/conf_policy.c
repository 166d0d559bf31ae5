/* The numbers of the configuration and the local policy. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/conf_convert.h"

/* --- numbers --- */

struct range {
    uint64_t otherwise; /* when the key is absent */
    uint64_t min;
    uint64_t max;
};

static int number(struct nx_convert *c, const char *path, bool given,
                  uint64_t value, const struct range *range, uint64_t *out) {
    if (!given) {
        *out = range->otherwise;
        return NX_OK;
    }
    if (value < range->min || value > range->max) {
        return NX_CONVERT_FAIL(
            c, path, "%" PRIu64 " is not from %" PRIu64 " to %" PRIu64, value,
            range->min, range->max);
    }
    *out = value;
    return NX_OK;
}

static int number32(struct nx_convert *c, const char *path,
                    const uint32_t *value, struct range range, uint32_t *out) {
    uint64_t wide = 0;
    int err = number(c, path, value != NULL, value != NULL ? *value : 0, &range,
                     &wide);
    if (err == NX_OK) {
        *out = (uint32_t)wide;
    }
    return err;
}

/* --- policy --- */

static int names(struct nx_convert *c, const char *key, char *const *texts,
                 size_t n, const uint8_t *const **out, size_t *out_n) {
    uint8_t **list = calloc(n, sizeof(*list));
    if (list == NULL) {
        return NX_ENOMEM;
    }
    *out = (const uint8_t *const *)list;
    for (size_t i = 0; i < n; i++) {
        uint8_t name[NX_DNAME_MAX];
        char path[NX_CONVERT_PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s[%zu]", key, i);
        if (nx_dname_parse(texts[i], name) != NX_OK) {
            return NX_CONVERT_FAIL(c, path, "\"%s\" is not a domain name",
                                   texts[i]);
        }
        list[i] = malloc(nx_dname_len(name));
        if (list[i] == NULL) {
            return NX_ENOMEM;
        }
        memcpy(list[i], name, nx_dname_len(name));
        *out_n = i + 1;
    }
    return NX_OK;
}

static int zones(struct nx_convert *c, const struct nx_raw_policy *raw) {
    static char root[] = ".";
    static char *everything[] = {root};
    struct nx_policy *out = &c->out->policy;
    return names(
        c, "policy.zones", raw->zones != NULL ? raw->zones : everything,
        raw->zones != NULL ? raw->zones_count : 1, &out->zones, &out->zones_n);
}

/* Below them nothing is guarded: the root would be everything. */
static int canary_zones(struct nx_convert *c, const struct nx_raw_policy *raw) {
    struct nx_policy *out = &c->out->policy;
    int err = raw->canary_zones == NULL
                  ? NX_OK
                  : names(c, "policy.canary_zones", raw->canary_zones,
                          raw->canary_zones_count, &out->canary_zones,
                          &out->canary_zones_n);
    for (size_t i = 0; err == NX_OK && i < out->canary_zones_n; i++) {
        if (out->canary_zones[i][0] == 0) {
            return NX_CONVERT_FAIL(c, "policy.canary_zones",
                                   "\"%s\" is no zone that is run for canary "
                                   "names",
                                   raw->canary_zones[i]);
        }
    }
    return err;
}

/* What lies directly below them is asked for in quiet times: below the root and
 * the top-level domains that is everybody's. */
static int sibling_zones(struct nx_convert *c,
                         const struct nx_raw_policy *raw) {
    struct nx_policy *out = &c->out->policy;
    int err = raw->sibling_zones == NULL
                  ? NX_OK
                  : names(c, "policy.sibling_zones", raw->sibling_zones,
                          raw->sibling_zones_count, &out->sibling_zones,
                          &out->sibling_zones_n);
    for (size_t i = 0; err == NX_OK && i < out->sibling_zones_n; i++) {
        if (nx_dname_labels(out->sibling_zones[i]) < 2) {
            return NX_CONVERT_FAIL(c, "policy.sibling_zones",
                                   "\"%s\" is no zone of two labels or more",
                                   raw->sibling_zones[i]);
        }
    }
    return err;
}

static int types(struct nx_convert *c, const struct nx_raw_policy *raw) {
    if (raw->types == NULL) {
        return NX_OK;
    }
    uint16_t *list = calloc(raw->types_count, sizeof(*list));
    if (list == NULL) {
        return NX_ENOMEM;
    }
    c->out->policy.types = list;
    c->out->policy.types_n = raw->types_count;
    for (size_t i = 0; i < raw->types_count; i++) {
        char path[NX_CONVERT_PATH_MAX];
        (void)snprintf(path, sizeof(path), "policy.types[%zu]", i);
        if (nx_rrtype_parse(raw->types[i], &list[i]) != NX_OK) {
            return NX_CONVERT_FAIL(c, path, "\"%s\" is not a record type",
                                   raw->types[i]);
        }
    }
    return NX_OK;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static int rates(struct nx_convert *c, const struct nx_raw_policy *raw,
                 const struct nx_raw_authority *authority) {
    uint32_t qps = 0;
    uint32_t burst = 0;
    uint32_t total = 0;
    uint32_t server = 0;
    int err = number32(c, "policy.resolver_qps", raw->resolver_qps,
                       (struct range){5, 1, 1000}, &qps);
    if (err == NX_OK) {
        err = number32(c, "policy.resolver_burst", raw->resolver_burst,
                       (struct range){20, 1, 1000}, &burst);
    }
    if (err == NX_OK) {
        err = number32(c, "policy.total_qps", raw->total_qps,
                       (struct range){50, 1, 10000}, &total);
    }
    if (err == NX_OK) {
        err = number32(c, "authority.server_qps", authority->server_qps,
                       (struct range){5, 1, 1000}, &server);
    }
    struct nx_policy *policy = &c->out->policy;
    policy->own_rate = (struct nx_rate){1000 * qps, burst};
    /* nxclear-estimator(7) 11: gentler with servers that are not ours. */
    policy->public_rate =
        (struct nx_rate){1000 * least(qps, 1), least(burst, 5)};
    policy->total_rate = (struct nx_rate){1000 * total, total};
    policy->server_rate = (struct nx_rate){1000 * server, 2 * server};
    return err;
}

/* By what name servers say restorations are judged. */
static int replies(struct nx_convert *c, const struct nx_raw_policy *raw) {
    struct nx_policy *out = &c->out->policy;
    out->replies = raw->replies != NULL ? *raw->replies : NX_REPLIES_ALL;
    return out->replies == NX_REPLIES_NONE && out->authority_role
               ? NX_CONVERT_FAIL(c, "policy.replies",
                                 "none is not for the role authority: by what "
                                 "name servers answer a restoration is judged")
               : NX_OK;
}

int nx_convert_policy(struct nx_convert *c) {
    static const struct nx_raw_policy no_policy;
    static const struct nx_raw_authority no_authority;
    const struct nx_raw_policy *raw =
        c->raw->policy != NULL ? c->raw->policy : &no_policy;
    const struct nx_raw_authority *authority =
        c->raw->authority != NULL ? c->raw->authority : &no_authority;
    struct nx_policy *out = &c->out->policy;
    out->authority_role = c->raw->role == NX_RAW_AUTHORITY;
    out->own_proof = raw->own_proof != NULL && *raw->own_proof;
    int err = rates(c, raw, authority);
    if (err == NX_OK) {
        err =
            number32(c, "policy.min_interval_ms", raw->min_interval_ms,
                     (struct range){500, 100, 3600000}, &out->min_interval_ms);
    }
    if (err == NX_OK) {
        err = number32(c, "policy.max_tasks", raw->max_tasks,
                       (struct range){2000, 1, NX_PLAN_TASKS_MAX},
                       &out->max_tasks);
    }
    if (err == NX_OK) {
        err = number32(c, "policy.proof_s", raw->proof_s,
                       (struct range){60, 3, 3600}, &out->proof_s);
    }
    if (err == NX_OK) {
        err = zones(c, raw);
    }
    if (err == NX_OK) {
        err = canary_zones(c, raw);
    }
    if (err == NX_OK) {
        err = sibling_zones(c, raw);
    }
    if (err == NX_OK) {
        err = types(c, raw);
    }
    if (err == NX_OK) {
        err = replies(c, raw);
    }
    if (authority->root_hints != NULL) {
        c->out->root_hints_line = nx_yaml_line(c->doc, "authority.root_hints");
    }
    return err == NX_OK
               ? nx_convert_text(authority->root_hints, &c->out->root_hints)
               : err;
}

int nx_convert_sizes(struct nx_convert *c) {
    const struct nx_raw_conf *raw = c->raw;
    struct nx_agent_conf *out = c->out;
    int err =
        number32(c, "probe.timeout_ms",
                 raw->probe != NULL ? raw->probe->timeout_ms : NULL,
                 (struct range){2000, 100, 30000}, &out->probe_timeout_ms);
    if (err == NX_OK) {
        err = number32(c, "batch.max_results",
                       raw->batch != NULL ? raw->batch->max_results : NULL,
                       (struct range){200, 1, NX_BATCH_OBS_MAX},
                       &out->batch_max_results);
    }
    if (err == NX_OK) {
        err = number32(c, "batch.max_age_ms",
                       raw->batch != NULL ? raw->batch->max_age_ms : NULL,
                       (struct range){500, 10, 60000}, &out->batch_max_age_ms);
    }
    return err;
}

/* What says how a disk is used says nothing without one. */
static int needs_path(struct nx_convert *c, const struct nx_raw_spool *raw) {
    const char *path = raw->sync != NULL              ? "spool.sync"
                       : raw->sync_interval_s != NULL ? "spool.sync_interval_s"
                                                      : NULL;
    if (raw->path == NULL && path != NULL) {
        return NX_CONVERT_FAIL(c, path,
                               "is for a spool on a disk: give spool.path, "
                               "or leave it out");
    }
    if (raw->sync_interval_s != NULL &&
        (raw->sync == NULL || *raw->sync != NX_RAW_INTERVAL)) {
        return NX_CONVERT_FAIL(c, "spool.sync_interval_s",
                               "is for spool.sync: interval only");
    }
    return NX_OK;
}

int nx_convert_spool(struct nx_convert *c) {
    static const struct nx_raw_spool none;
    static const struct range bytes_range = {16777216, 1048576, 1073741824};
    const struct nx_raw_spool *raw =
        c->raw->spool != NULL ? c->raw->spool : &none;
    struct nx_agent_conf *out = c->out;
    int err = needs_path(c, raw);
    if (err == NX_OK) {
        err = number(c, "spool.max_bytes", raw->max_bytes != NULL,
                     raw->max_bytes != NULL ? *raw->max_bytes : 0, &bytes_range,
                     &out->spool_max_bytes);
    }
    if (err == NX_OK) {
        err = number32(c, "spool.max_age_s", raw->max_age_s,
                       (struct range){604800, 60, 2592000},
                       &out->spool_max_age_s);
    }
    if (err == NX_OK) {
        err =
            number32(c, "spool.sync_interval_s", raw->sync_interval_s,
                     (struct range){60, 1, 3600}, &out->spool_sync_interval_s);
    }
    out->spool_sync_always = raw->sync == NULL || *raw->sync == NX_RAW_ALWAYS;
    if (raw->path != NULL) {
        out->spool_path_line = nx_yaml_line(c->doc, "spool.path");
    }
    return err == NX_OK ? nx_convert_text(raw->path, &out->spool_path) : err;
}
