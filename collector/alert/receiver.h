/* Who is told: the receivers of the configuration. */
#ifndef NX_COLLECTOR_RECEIVER_H
#define NX_COLLECTOR_RECEIVER_H

#include "collector/alert/alert.h"

#define NX_RECEIVERS_MAX 16U
#define NX_RECEIVER_ARGS_MAX 16U

#define NX_RECEIVER_MAP(X)                                                     \
    X(WEBHOOK, "webhook")                                                      \
    X(SLACK, "slack")                                                          \
    X(MATTERMOST, "mattermost")                                                \
    X(TEAMS, "teams")                                                          \
    X(MATRIX, "matrix")                                                        \
    X(ALERTMANAGER, "alertmanager")                                            \
    X(EMAIL, "email")                                                          \
    X(EXEC, "exec")

enum nx_receiver_kind {
#define NX_RECEIVER_ENUM_(name, text) NX_RECEIVER_##name,
    NX_RECEIVER_MAP(NX_RECEIVER_ENUM_)
#undef NX_RECEIVER_ENUM_
        NX_RECEIVER_N_
};
const char *nx_receiver_kind_text(unsigned kind);

/* Owns its memory; what its kind has no use for is NULL. */
struct nx_receiver {
    char name[NX_TEXT_LABEL_MAX];
    uint8_t kind;      /* enum nx_receiver_kind */
    char *url;         /* http:// or https:// */
    char *secret_path; /* file with the key of signatures, or a token */
    char *email;       /* recipient */
    char *from;        /* sender; NULL: sendmail's choice */
    char *argv[NX_RECEIVER_ARGS_MAX + 1];
};

struct nx_alert_conf {
    struct nx_alert_rules rules;
    char *sendmail;
    struct nx_receiver receivers[NX_RECEIVERS_MAX];
    size_t receivers_n;
};

void nx_alert_conf_fini(struct nx_alert_conf *conf);

#endif
