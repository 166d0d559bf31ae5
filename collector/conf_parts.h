/* Inside conf*.c: what checks share. */
#ifndef NX_COLLECTOR_CONF_PARTS_H
#define NX_COLLECTOR_CONF_PARTS_H

#include "collector/conf.h"
#include "common/yaml.h"

#define NX_CONF_TEXT_MAX 1024U /* bytes of one value */
#define OPTIONAL_PTR (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

struct nx_conf_reader {
    const char *file;
    struct nx_yaml *doc;
    struct nx_collector_conf *out;
    char *why;
    size_t why_cap;
};

int nx_conf_copy_text(const char *text, char **out) NX_MUSTUSE;
/* Relative to the folder of the configuration file. */
int nx_conf_copy_path(const struct nx_conf_reader *r, const char *path,
                      char **out) NX_MUSTUSE;
/* One number with its range; absent: *out is the default already. */
int nx_conf_take_number(const struct nx_conf_reader *r, const char *key,
                        const uint32_t *value, uint32_t min, uint32_t max,
                        uint32_t *out) NX_MUSTUSE;

/* conf_alerts.c; as libcyaml loads it, NULL: not given */
struct nx_conf_raw_receiver {
    char *name;
    char *url;
    char *format;
    char *secret_file;
    char *email;
    char *from;
    char **exec;
    unsigned exec_count;
};

struct nx_conf_raw_alerts {
    uint32_t *hold_s;
    uint32_t *group_wait_s;
    uint32_t *group_interval_s;
    char *sendmail;
    bool *allow_exec;
    struct nx_conf_raw_receiver *receivers;
    unsigned receivers_count;
};
extern const cyaml_schema_field_t nx_conf_alert_fields[];
/* raw: NULL when there are none. */
int nx_conf_take_alerts(const struct nx_conf_reader *r,
                        const struct nx_conf_raw_alerts *raw) NX_MUSTUSE;

/* conf_canary.c */
struct nx_conf_raw_canary {
    char *zone;
    char *siblings_of;
    char *bogus_zone;
    uint32_t *every_s;
    uint32_t *count;
};
extern const cyaml_schema_field_t nx_conf_canary_fields[];
int nx_conf_take_canary(const struct nx_conf_reader *r,
                        const struct nx_conf_raw_canary *raw) NX_MUSTUSE;

/* conf_estimate.c */
struct nx_conf_raw_estimate {
    uint32_t *settle_s;
    uint32_t *vantages;
    uint32_t *authority_interval_ms;
    uint32_t *probe_floor_ms;
    uint32_t *probe_ceiling_ms;
    uint32_t *first_visit;
    uint32_t *silent_after_s;
    char *clear_share;
};
extern const cyaml_schema_field_t nx_conf_estimate_fields[];
int nx_conf_take_estimate(const struct nx_conf_reader *r,
                          const struct nx_conf_raw_estimate *raw) NX_MUSTUSE;

/* conf_doors.c */
struct nx_conf_raw_enrol {
    char *listen;
    char *address;
};
extern const cyaml_schema_field_t nx_conf_enrol_fields[];
int nx_conf_take_enrol(const struct nx_conf_reader *r,
                       const struct nx_conf_raw_enrol *raw) NX_MUSTUSE;
/* "192.0.2.1:5530", "[2001:db8::1]:5530" */
bool nx_conf_address_port(const char *text, struct nx_endpoint *out,
                          unsigned *port);
/* "tcp://192.0.2.1:5530", "tcp://" and "*:5530" */
bool nx_conf_is_listen(const char *text);

#endif
