/* Inside of metrics*.c. */
#ifndef NX_COLLECTOR_METRICS_PARTS_H
#define NX_COLLECTOR_METRICS_PARTS_H

#include "collector/status/metrics.h"

#define NX_METRIC_LABELS_MAX 6U

struct nx_metric_label {
    const char *name;
    const char *value; /* NULL: the label is left out */
};

/* What one metric needs to write its samples. */
struct nx_metric_writer {
    struct nx_text *text;
    const char *name;
    struct nx_metrics_place *place; /* where it goes on */
    size_t budget;                  /* what may be looked at still */
    bool cut;                       /* there is more of it */
};

/* May one more be looked at? False: it is where the next piece begins. */
bool nx_metric_more(struct nx_metric_writer *w);

/* write: NULL: the value of a member of health. */
struct nx_metric {
    const char *name;
    const char *type;
    const char *help;
    void (*write)(const struct nx_metrics *metrics, struct nx_metric_writer *w);
    const char *health; /* without write: the member of health */
};

/* A sample, with the labels that have a name and a value. */
void nx_metric_sample(
    const struct nx_metric_writer *w, double value,
    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX]);
/* The same of a JSON number or boolean; of a member that is a time, in
 * seconds; of anything else nothing. */
void nx_metric_number(
    const struct nx_metric_writer *w, const json_t *value,
    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX]);
void nx_metric_time(const struct nx_metric_writer *w, const json_t *object,
                    const char *key,
                    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX]);
/* A member as text, NULL. */
const char *nx_metric_text(const json_t *object, const char *key);

/* metrics_incident.c: ends with an entry without a name. */
extern const struct nx_metric nx_metrics_of_incidents[];
/* metrics_score.c: the same. */
extern const struct nx_metric nx_metrics_of_score[];
/* Do all networks fit, those that are clear, too? */
bool nx_metrics_clear_too(const struct nx_metrics *metrics);

#endif
