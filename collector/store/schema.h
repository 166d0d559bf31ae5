/* The tables of the store, as steps from one version to the next.
 *
 * The version of a database is its user_version. Opening an older one brings it
 * up, one transaction for each step; a newer one is refused. */
#ifndef NX_COLLECTOR_STORE_SCHEMA_H
#define NX_COLLECTOR_STORE_SCHEMA_H

/* The version that this program writes, 1.. */
int nx_schema_newest(void);

/* SQL that makes version, 1..nx_schema_newest(), from the one before it. */
const char *nx_schema_step(int version);

#endif
