/* Commits that wait for the disk in a thread of their own, so that the event
 * loop goes on meanwhile. The thread does nothing else, and the store stays of
 * one thread: any other use of it waits until the commit is over. */
#ifndef NX_COLLECTOR_IO_STORE_COMMIT_H
#define NX_COLLECTOR_IO_STORE_COMMIT_H

#include "collector/store/io_store.h"

/* Starts the thread, once for a store; nx_store_close ends it. *fd becomes
 * readable when a commit is over; borrowed. NX_ENOMEM: no thread. */
int nx_store_committer_start(struct nx_store *store, int *fd) NX_MUSTUSE;

/* Begins to commit what is open. */
int nx_store_commit_begin(struct nx_store *store) NX_MUSTUSE;
/* Waits until that is over. As nx_store_commit: all is on the disk, or was
 * rolled back. */
int nx_store_commit_end(struct nx_store *store) NX_MUSTUSE;

#endif
