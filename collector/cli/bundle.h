/* What is sent to the operator of a resolver: everything that was asked and
 * answered in one network, as files. Pure; io_bundle.c reads and writes.
 *
 * What an agent reports of a reply (proto/nxclear.proto) is written in the form
 * of dig, and what was not reported is said so in its place. Replies that came
 * with all of their octets (agent/uplink/wires.h) are files of their own. */
#ifndef NX_CLI_BUNDLE_H
#define NX_CLI_BUNDLE_H

#include "collector/replay/recording.h"
#include "common/text.h"

#define NX_BUNDLE_FILES_MAX 2000U
#define NX_BUNDLE_WIRES_MAX 1000U   /* replies as they came, of the files */
#define NX_BUNDLE_REPLIES_MAX 5000U /* in one file; the newest are left out */

struct nx_bundle_file {
    char *name; /* "resolvers/192.0.2.53_53-A.txt" */
    struct nx_text text;
    size_t replies_n;
    size_t wires_n; /* files beside it */
};

struct nx_bundle;

/* network: whose resolvers; borrowed. NX_ENOMEM. */
int nx_bundle_new(const char *network, struct nx_bundle **out) NX_MUSTUSE;
void nx_bundle_free(struct nx_bundle **bundle);

/* The next record of the incident's recording. */
void nx_bundle_record(struct nx_bundle *bundle, const struct nx_record *record);

/* Adds a file with a text of its own, which is taken. */
void nx_bundle_add(struct nx_bundle *bundle, const char *name,
                   struct nx_text *text);

/* The README, once everything else is there. complete: the recording was whole.
 */
void nx_bundle_finish(struct nx_bundle *bundle, const struct nx_incident *of,
                      int64_t now_us, bool complete);

/* By name. NULL: out of memory, or too many files. */
const struct nx_bundle_file *nx_bundle_files(struct nx_bundle *bundle,
                                             size_t *n);

/* One question and its reply in the form of dig. offset_us: the agent's
 * monotonic clock minus collector time; eps_us: the bound of its error, 0: not
 * known. */
void nx_obs_as_dig(const struct nx_obs *obs, int64_t offset_us, uint64_t eps_us,
                   struct nx_text *out);

#endif
