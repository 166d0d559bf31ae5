/* Inside schema.c only: steps of the table of resolvers' profiles. */
#ifndef NX_COLLECTOR_SCHEMA_PROFILES_H
#define NX_COLLECTOR_SCHEMA_PROFILES_H

/* NULL: not measured; a cap of 0: none below a week. */
static const char profiles[] =
    "CREATE TABLE resolver_profile("
    " network TEXT NOT NULL,"
    " resolver TEXT NOT NULL,"
    " scope_id INTEGER NOT NULL,"
    " measured_us INTEGER NOT NULL,"
    " nxdomain_cap_s INTEGER,"
    " nodata_cap_s INTEGER,"
    " floor_s INTEGER,"
    " soa_clock TEXT NOT NULL,"
    " rounding TEXT NOT NULL,"
    " rd0 TEXT NOT NULL,"
    " chain TEXT NOT NULL,"
    " past_ttl TEXT NOT NULL,"
    " caches INTEGER NOT NULL,"
    " caches_seen INTEGER NOT NULL,"
    " early_window_s INTEGER NOT NULL,"
    " never_decrements INTEGER NOT NULL,"
    " soa_shown INTEGER NOT NULL,"
    " rewrites_nxdomain INTEGER NOT NULL,"
    " PRIMARY KEY(network, resolver, scope_id)) STRICT;"
    "CREATE INDEX resolver_profile_measured ON resolver_profile(measured_us)";

/* Each measurement of a resolver, not only the last one: a recording tells what
 * was known when. */
#define PROFILE_COLUMNS                                                        \
    "network, resolver, scope_id, measured_us, nxdomain_cap_s, nodata_cap_s, " \
    "floor_s, soa_clock, rounding, rd0, chain, past_ttl, caches, "             \
    "caches_seen, early_window_s, never_decrements, soa_shown, "               \
    "rewrites_nxdomain"
static const char profiles_kept[] =
    "CREATE TABLE resolver_profile_kept("
    " profile_id INTEGER PRIMARY KEY,"
    " network TEXT NOT NULL,"
    " resolver TEXT NOT NULL,"
    " scope_id INTEGER NOT NULL,"
    " measured_us INTEGER NOT NULL,"
    " nxdomain_cap_s INTEGER,"
    " nodata_cap_s INTEGER,"
    " floor_s INTEGER,"
    " soa_clock TEXT NOT NULL,"
    " rounding TEXT NOT NULL,"
    " rd0 TEXT NOT NULL,"
    " chain TEXT NOT NULL,"
    " past_ttl TEXT NOT NULL,"
    " caches INTEGER NOT NULL,"
    " caches_seen INTEGER NOT NULL,"
    " early_window_s INTEGER NOT NULL,"
    " never_decrements INTEGER NOT NULL,"
    " soa_shown INTEGER NOT NULL,"
    " rewrites_nxdomain INTEGER NOT NULL,"
    " ede_seen INTEGER NOT NULL DEFAULT 0,"
    " instances_seen INTEGER NOT NULL DEFAULT 0,"
    " nsid BLOB,"
    " asks_from BLOB,"
    " UNIQUE(network, resolver, scope_id, measured_us)) STRICT;"
    "INSERT INTO resolver_profile_kept(" PROFILE_COLUMNS ") "
    "SELECT " PROFILE_COLUMNS " FROM resolver_profile ORDER BY measured_us;"
    "DROP TABLE resolver_profile;"
    "ALTER TABLE resolver_profile_kept RENAME TO resolver_profile;"
    "CREATE INDEX resolver_profile_measured ON resolver_profile(measured_us)";

/* Whom a resolver says it is, and whether it says that it validates. */
static const char profile_words[] =
    "ALTER TABLE resolver_profile ADD COLUMN server_id_answer TEXT NOT NULL "
    "DEFAULT 'unknown';"
    "ALTER TABLE resolver_profile ADD COLUMN server_id BLOB;"
    "ALTER TABLE resolver_profile ADD COLUMN validates TEXT NOT NULL "
    "DEFAULT 'unknown'";

/* Measured below a zone in use, and with which negative TTL. */
static const char profile_siblings[] =
    "ALTER TABLE resolver_profile ADD COLUMN sibling_w_s INTEGER NOT NULL "
    "DEFAULT 0";

/* The address that is given for names that do not exist. */
static const char profile_rewrites[] =
    "ALTER TABLE resolver_profile ADD COLUMN rewrites_to BLOB";

/* Was it seen that looking cures, or only not excluded? Older rows do not say.
 */
static const char profile_cure[] =
    "ALTER TABLE resolver_profile ADD COLUMN early_seen INTEGER NOT NULL "
    "DEFAULT 0";

/* What becomes of a name that cannot be validated, and the extended error of
 * that; NULL: none. */
static const char profile_bogus[] =
    "ALTER TABLE resolver_profile ADD COLUMN bogus TEXT NOT NULL "
    "DEFAULT 'unknown';"
    "ALTER TABLE resolver_profile ADD COLUMN bogus_ede INTEGER";

/* Whose resolver it is at a private address, of which each agent may have
 * another one; 0: the network's. Older rows do not say, and are used no more.
 */
static const char profile_agent[] =
    "ALTER TABLE resolver_profile ADD COLUMN agent_id INTEGER NOT NULL "
    "DEFAULT 0";

/* It is not known that there is none: another one may share the address. */
static const char profile_chain[] =
    "UPDATE resolver_profile SET chain = 'own-address' WHERE chain = 'none'";

/* At a private address each agent may have a resolver of its own, measured in
 * the same microsecond. */
#define PROFILE_COLUMNS_ALL                                                    \
    "profile_id, " PROFILE_COLUMNS ", ede_seen, instances_seen, nsid, "        \
    "asks_from, server_id_answer, server_id, validates, sibling_w_s, "         \
    "rewrites_to, early_seen, bogus, bogus_ede, agent_id"
static const char profile_key[] =
    "CREATE TABLE resolver_profile_of_agents("
    " profile_id INTEGER PRIMARY KEY,"
    " network TEXT NOT NULL,"
    " resolver TEXT NOT NULL,"
    " scope_id INTEGER NOT NULL,"
    " measured_us INTEGER NOT NULL,"
    " nxdomain_cap_s INTEGER,"
    " nodata_cap_s INTEGER,"
    " floor_s INTEGER,"
    " soa_clock TEXT NOT NULL,"
    " rounding TEXT NOT NULL,"
    " rd0 TEXT NOT NULL,"
    " chain TEXT NOT NULL,"
    " past_ttl TEXT NOT NULL,"
    " caches INTEGER NOT NULL,"
    " caches_seen INTEGER NOT NULL,"
    " early_window_s INTEGER NOT NULL,"
    " never_decrements INTEGER NOT NULL,"
    " soa_shown INTEGER NOT NULL,"
    " rewrites_nxdomain INTEGER NOT NULL,"
    " ede_seen INTEGER NOT NULL DEFAULT 0,"
    " instances_seen INTEGER NOT NULL DEFAULT 0,"
    " nsid BLOB,"
    " asks_from BLOB,"
    " server_id_answer TEXT NOT NULL DEFAULT 'unknown',"
    " server_id BLOB,"
    " validates TEXT NOT NULL DEFAULT 'unknown',"
    " sibling_w_s INTEGER NOT NULL DEFAULT 0,"
    " rewrites_to BLOB,"
    " early_seen INTEGER NOT NULL DEFAULT 0,"
    " bogus TEXT NOT NULL DEFAULT 'unknown',"
    " bogus_ede INTEGER,"
    " agent_id INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE(network, resolver, scope_id, agent_id, measured_us)) STRICT;"
    "INSERT INTO resolver_profile_of_agents(" PROFILE_COLUMNS_ALL ") "
    "SELECT " PROFILE_COLUMNS_ALL " FROM resolver_profile;"
    "DROP TABLE resolver_profile;"
    "ALTER TABLE resolver_profile_of_agents RENAME TO resolver_profile;"
    "CREATE INDEX resolver_profile_measured ON resolver_profile(measured_us)";

#endif
