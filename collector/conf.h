/* The collector's configuration: YAML text to a struct that owns its memory.
 *
 *     key: collector.key               # required
 *     next_key: collector-2.key        # optional: announced to the agents
 *     listen: tcp://192.0.2.1:5530     # required; one, or a list of them
 *     store: nxclear.db
 *     http:
 *       unix: nxclear.sock
 *       listen: 127.0.0.1:8053         # optional; needs tokens
 *     enrol:                           # optional: join strings
 *       listen: tcp://192.0.2.1:5531   # required in it
 *       address: 198.51.100.1          # what agents reach; that of listen
 *     estimate:
 *       settle_s: 60                   # 1..3600
 *       vantages: 1                    # 1..100
 *       authority_interval_ms: 5000    # 100..600000
 *       probe_floor_ms: 5000           # 100..3600000
 *       probe_ceiling_ms: 300000       # probe_floor_ms..3600000
 *       first_visit: 8                 # 1..16
 *       silent_after_s: 120            # 5..86400
 *       clear_share: 0.05              # above 0, at most 0.5
 *     plan:
 *       valid_s: 3600                  # 10..86400
 *     limits:                          # of one agent
 *       agent_messages_per_s: 500      # 1..100000
 *       agent_kib_per_s: 16384         # 64..1048576
 *     canary:                          # optional: resolvers are measured
 *       zone: canary.example.net       # or siblings_of: example.com
 *       bogus_zone: bogus.example.net  # optional: validators refuse it
 *       every_s: 86400                 # 60..259200
 *       count: 16                      # 7..16
 *     networks:                        # labels, by name; all but name optional
 *       - name: lyon-office
 *         site: lyon
 *         provider: Example ISP
 *         asn: 64500
 *         country: FR
 *         weight: 120                  # clients
 *     agents:                          # the same, of agents
 *
 *     alerts:                          # optional
 *       hold_s: 30                     # 0..3600
 *       group_wait_s: 10               # 0..3600
 *       group_interval_s: 300          # 1..86400
 *       sendmail: /usr/sbin/sendmail
 *       allow_exec: false
 *       receivers:                     # 1..16, each with a name and one of
 *         - name: operations           #   url, email, exec
 *           url: https://hooks.example.com/nxclear
 *           format: webhook            # with url; nxclear-collector.yaml(5)
 *           secret_file: hook.secret   # with url; optional
 *
 * Values shown are the defaults. Relative paths count from the folder of the
 * configuration file. */
#ifndef NX_COLLECTOR_CONF_H
#define NX_COLLECTOR_CONF_H

#include "collector/alert/receiver.h"
#include "collector/engine/engine.h"

#define NX_CONF_LISTEN_MAX 16U
#define NX_CONF_WHY_MAX 512U

/* What the configuration says of one network or agent. */
struct nx_conf_labels {
    enum nx_label_kind kind;
    char name[NX_TEXT_LABEL_MAX];
    struct nx_labels labels;
};

/* How long what is stored is kept, and how much one agent may store. */
struct nx_retention {
    uint32_t observations_days; /* the log; 1..3650: 30 */
    uint32_t history_days;      /* transitions, forecasts; at least that: 400 */
    uint32_t agent_mib_per_hour; /* of one agent's messages; 1..65536: 256 */
};

/* How fast one agent may send. */
struct nx_limits {
    uint32_t agent_messages_per_s; /* 1..100000: 500 */
    uint32_t agent_kib_per_s;      /* 64..1048576: 16384 */
};

struct nx_collector_conf {
    char *key_path;
    char *next_key_path;              /* NULL: none */
    char *listen[NX_CONF_LISTEN_MAX]; /* ZeroMQ endpoints */
    size_t listen_n;
    char *store_path;
    char *http_unix;
    unsigned store_line,
        http_unix_line;  /* where they are in the file; 0: not */
    char *http_listen;   /* "127.0.0.1:8053"; NULL: none */
    char *http_origin;   /* of a proxy in front: "https://HOST"; NULL: none */
    char *enrol_listen;  /* a ZeroMQ endpoint; NULL: none */
    char *enrol_address; /* without port; NULL: as listened on */
    struct nx_engine_settings engine;
    struct nx_alert_conf alerts;
    struct nx_conf_labels *labels;
    size_t labels_n;
    struct nx_retention retention;
    struct nx_limits limits;
};

/* file: path of the text, for messages and relative paths. On failure why has
 * "FILE:LINE: key: reason": NX_ECONFIG, NX_ELIMIT; NX_ENOMEM. */
int nx_collector_conf_parse(const char *file, const uint8_t *text, size_t len,
                            struct nx_collector_conf *out, char *why,
                            size_t why_cap) NX_MUSTUSE;

void nx_collector_conf_fini(struct nx_collector_conf *conf);

#endif
