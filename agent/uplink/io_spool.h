/* The spool's disk: a folder with one file for each segment, the ledger, and a
 * lock that one agent holds. Files have mode 0600, the folder 0700. */
#ifndef NX_AGENT_IO_SPOOL_H
#define NX_AGENT_IO_SPOOL_H

#include "agent/uplink/spool.h"

#define NX_SPOOL_WHY_MAX 4352U /* a path and what is wrong */

struct nx_spool_folder;

/* Opens the folder, makes it when it is missing. On failure why says what is
 * wrong and what to do: NX_EDENIED, NX_EIO (the disk fails, or is mounted
 * read-only), NX_EFULL, NX_ESTATE (another agent uses it), NX_ENOMEM,
 * NX_ECONFIG (it cannot be there). */
int nx_spool_folder_open(const char *path, struct nx_spool_folder **out,
                         char *why, size_t why_cap) NX_MUSTUSE;
/* The same to look only: nothing is made, locked or ever written; removing and
 * writing do nothing, and say that they did. */
int nx_spool_folder_look(const char *path, struct nx_spool_folder **out,
                         char *why, size_t why_cap) NX_MUSTUSE;
/* Could it be opened? Nothing is made; one that another agent uses, or that is
 * mounted read-only, is good.
 * NX_EDENIED, NX_EIO. */
int nx_spool_folder_check(const char *path, char *why,
                          size_t why_cap) NX_MUSTUSE;
void nx_spool_folder_close(struct nx_spool_folder **folder);

/* Its functions; borrowed. */
const struct nx_spool_disk *
nx_spool_folder_disk(struct nx_spool_folder *folder);

/* Of the running system, so that monotonic clocks of two boots are told apart;
 * random where the system does not say. */
uint64_t nx_spool_boot(void);

#endif
