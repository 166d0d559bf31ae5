/* "groups" of a status: networks summed up by their values of a label, or by
 * the resolvers that they ask; a piece at a time, for each group has a forecast
 * of its own. Pure. */
#ifndef NX_COLLECTOR_STATUS_GROUP_H
#define NX_COLLECTOR_STATUS_GROUP_H

#include "collector/status/status_sheet.h"

/* What a row asks. */
struct nx_asked {
    char text[NX_ENDPOINT_TEXT_MAX];
};

struct nx_grouper;

/* The query says by what. resolvers: what each row of the sheet asks; only
 * needed by resolver. Both are borrowed until it is freed; the rows are grouped
 * (nx_sheet_caches_new). NX_ENOMEM. */
int nx_grouper_new(const struct nx_sheet *sheet,
                   const struct nx_status_query *query,
                   const struct nx_asked *resolvers,
                   struct nx_grouper **out) NX_MUSTUSE;
void nx_grouper_free(struct nx_grouper **grouper);

/* Evaluates about so many distributions, or what takes as long, and adds the
 * object to the text. By resolver those come first that most networks are not
 * clear of. True: it is all there, or either has failed. However it is cut into
 * pieces, the text is the same. */
bool nx_grouper_step(struct nx_grouper *grouper, size_t budget,
                     struct nx_text *out);

/* Of all texts: another one, and some group says something else. */
uint64_t nx_grouper_digest(const struct nx_grouper *grouper);

/* All at once. */
void nx_status_put_groups(struct nx_text *out, const struct nx_sheet *sheet,
                          const struct nx_status_query *query);

/* --- of a closed incident --- */

/* Networks as they were kept, one after the other (by resolver with their
 * targets); then the same object as text, a piece at a time: forecasts are null
 * in it. put: true: that was all, or it failed. NX_ENOMEM. */
struct nx_kept_groups;
int nx_kept_groups_new(const struct nx_status_query *query,
                       struct nx_kept_groups **out) NX_MUSTUSE;
void nx_kept_groups_free(struct nx_kept_groups **groups);
int nx_kept_groups_add(struct nx_kept_groups *groups,
                       const json_t *site) NX_MUSTUSE;
bool nx_kept_groups_put(struct nx_kept_groups *groups, size_t budget,
                        struct nx_text *out);

/* --- inside --- */

/* One group: the members with their weight; of the sheet's sites those whose
 * `mark` is not zero, or all of them (NULL). value: "": none. */
struct nx_group {
    const struct nx_sheet *sheet;
    const uint8_t *mark;
    struct nx_rollup_member *members;
    size_t n;
    double weight;
    const char *value;
};
json_t *nx_status_group(const struct nx_group *g,
                        const struct nx_incident_forecast *forecast);
/* status_group_label.c, status_group_resolver.c: the next group, borrowed until
 * the next call; *cost: distributions that take as long. False: that was the
 * last one. */
struct nx_label_groups;
int nx_label_groups_new(const struct nx_sheet *sheet, enum nx_label_key key,
                        struct nx_label_groups **out) NX_MUSTUSE;
void nx_label_groups_free(struct nx_label_groups **groups);
bool nx_label_groups_next(struct nx_label_groups *groups, struct nx_group *out,
                          size_t *cost);
struct nx_resolver_groups;
int nx_resolver_groups_new(const struct nx_sheet *sheet,
                           const struct nx_asked *resolvers,
                           struct nx_resolver_groups **out) NX_MUSTUSE;
void nx_resolver_groups_free(struct nx_resolver_groups **groups);
bool nx_resolver_groups_next(struct nx_resolver_groups *groups,
                             struct nx_group *out, size_t *cost);

#endif
