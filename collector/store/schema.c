#include "collector/store/schema.h"

#include <assert.h>
#include <stddef.h>

#include "collector/store/schema_first.h"
#include "collector/store/schema_profiles.h"

/* Greetings beside the batches: `after_batch` was the newest when one came. */
static const char hellos[] =
    "CREATE TABLE IF NOT EXISTS hello("
    " hello_id INTEGER PRIMARY KEY,"
    " agent_id INTEGER NOT NULL,"
    " after_batch INTEGER NOT NULL,"
    " received_us INTEGER NOT NULL,"
    " payload BLOB NOT NULL) STRICT;"
    "CREATE INDEX IF NOT EXISTS hello_after ON hello(after_batch, hello_id);"
    "CREATE INDEX IF NOT EXISTS hello_agent ON hello(agent_id, received_us)";

/* What tells a damaged row of the log from what was received (io_store_log.c);
 * NULL: written before there was one. And what a verdict remembers beside its
 * state. */
static const char digests[] = "ALTER TABLE batch ADD COLUMN digest INTEGER;"
                              "ALTER TABLE hello ADD COLUMN digest INTEGER;"
                              "ALTER TABLE target ADD COLUMN doubt_us INTEGER";

/* The last status document of closed incidents. */
static const char closed_statuses[] =
    "CREATE TABLE IF NOT EXISTS closed_status("
    " incident_id INTEGER PRIMARY KEY REFERENCES incident ON DELETE CASCADE,"
    " document TEXT NOT NULL) STRICT";

/* Runs of numbers that a stream has settled beyond a hole: "FROM-TO,FROM-TO".
 */
static const char streams_ahead[] =
    "ALTER TABLE stream ADD COLUMN ahead TEXT NOT NULL DEFAULT ''";

/* What operators said of networks and agents, beside the configuration. */
static const char labels[] =
    "CREATE TABLE IF NOT EXISTS label("
    " kind TEXT NOT NULL CHECK(kind IN ('network', 'agent')),"
    " name TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " changed_us INTEGER NOT NULL,"
    " PRIMARY KEY(kind, name, key)) STRICT, WITHOUT ROWID";

/* Incidents that only audit the name servers. */
static const char audits[] =
    "ALTER TABLE incident ADD COLUMN audit INTEGER NOT NULL DEFAULT 0";

/* Messages to operators, and what was told of each network. A message is
 * queued until its receiver has taken it. */
static const char alerts[] =
    "CREATE TABLE IF NOT EXISTS alert("
    " alert_id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " receiver TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK(state IN ('queued', 'sent', 'given-up')),"
    " made_us INTEGER NOT NULL,"
    " due_us INTEGER NOT NULL,"
    " ended_us INTEGER,"
    " attempts INTEGER NOT NULL,"
    " problem TEXT NOT NULL,"
    " document TEXT NOT NULL) STRICT;"
    "CREATE INDEX IF NOT EXISTS alert_queue ON alert(receiver, alert_id)"
    " WHERE state = 'queued';"
    "CREATE TABLE IF NOT EXISTS alert_told("
    " incident_id INTEGER NOT NULL,"
    " network TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " stuck INTEGER NOT NULL,"
    " at_us INTEGER NOT NULL,"
    " penalty REAL NOT NULL,"
    " PRIMARY KEY(incident_id, network)) STRICT, WITHOUT ROWID";

/* What a report reads: the rows of one incident, in order. */
static const char report[] =
    "CREATE INDEX IF NOT EXISTS transition_incident"
    " ON transition(incident_id);"
    "CREATE INDEX IF NOT EXISTS forecast_incident ON forecast(incident_id)";
/* What a forecast needs to be scored, and its score; what outcomes teach. A
 * forecast of a whole network has agent 0 and its name. Weight 0: it was
 * overtaken, or the servers denied the name again. */
static const char scores[] =
    "ALTER TABLE forecast ADD COLUMN network TEXT;"
    "ALTER TABLE forecast ADD COLUMN state TEXT;"
    "ALTER TABLE forecast ADD COLUMN verified INTEGER;"
    "ALTER TABLE forecast ADD COLUMN family TEXT;"
    "ALTER TABLE forecast ADD COLUMN clear_lo50_us INTEGER;"
    "ALTER TABLE forecast ADD COLUMN clear_hi50_us INTEGER;"
    "ALTER TABLE forecast ADD COLUMN p_late REAL;"
    "ALTER TABLE forecast ADD COLUMN shape TEXT;"
    "ALTER TABLE forecast ADD COLUMN scored_us INTEGER;"
    "ALTER TABLE forecast ADD COLUMN truth_lo_us INTEGER;"
    "ALTER TABLE forecast ADD COLUMN truth_hi_us INTEGER;"
    "ALTER TABLE forecast ADD COLUMN weight REAL;"
    "ALTER TABLE forecast ADD COLUMN error_s REAL;"
    "ALTER TABLE forecast ADD COLUMN in50 REAL;"
    "ALTER TABLE forecast ADD COLUMN in90 REAL;"
    "ALTER TABLE forecast ADD COLUMN pit_lo REAL;"
    "ALTER TABLE forecast ADD COLUMN pit_hi REAL;"
    "ALTER TABLE forecast ADD COLUMN crps_s REAL;"
    "CREATE INDEX forecast_target ON forecast(incident_id, agent_id, resolver,"
    " name, type, forecast_id);"
    "CREATE INDEX forecast_open ON forecast(incident_id)"
    " WHERE scored_us IS NULL AND shape IS NOT NULL;"
    "CREATE INDEX forecast_truth ON forecast(truth_hi_us) WHERE weight > 0;"
    "CREATE TABLE outcome("
    " incident_id INTEGER NOT NULL,"
    " agent_id INTEGER NOT NULL,"
    " resolver TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " truth_hi_us INTEGER NOT NULL,"
    " truth_lo_us INTEGER NOT NULL,"
    " network TEXT NOT NULL,"
    " family TEXT NOT NULL,"
    " base REAL NOT NULL,"
    " late REAL NOT NULL,"
    " survive_s REAL NOT NULL,"
    " exposure_s REAL NOT NULL,"
    " PRIMARY KEY(incident_id, agent_id, resolver, name, type, truth_hi_us)"
    ") STRICT;"
    "ALTER TABLE incident ADD COLUMN learnt TEXT";

/* What lets operators in by TCP. hash: BLAKE2b-256 of the token; networks:
 * names with spaces between, empty for all. */
static const char tokens[] =
    "CREATE TABLE token("
    " token_id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " hash BLOB NOT NULL UNIQUE,"
    " name TEXT NOT NULL,"
    " scope TEXT NOT NULL CHECK(scope IN ('read', 'admin')),"
    " networks TEXT NOT NULL,"
    " created_us INTEGER NOT NULL,"
    " expires_us INTEGER,"
    " revoked_us INTEGER) STRICT";

/* More states of an agent, with the reason; who changed what and when; join
 * strings (token_hash: BLAKE2b-256). A CHECK cannot be changed in place, and
 * the views that name the table must be away meanwhile. */
static const char doors[] =
    "DROP VIEW target_text;"
    "DROP VIEW transition_text;"
    "DROP INDEX agent_name;"
    "CREATE TABLE agent_with_states("
    " agent_id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " key TEXT NOT NULL UNIQUE,"
    " name TEXT NOT NULL,"
    " network TEXT NOT NULL,"
    " role TEXT NOT NULL CHECK(role IN ('network', 'authority')),"
    " state TEXT NOT NULL CHECK(state IN ('accepted', 'rejected', 'revoked',"
    " 'quarantined')),"
    " reason TEXT NOT NULL DEFAULT '',"
    " address TEXT NOT NULL,"
    " changed_us INTEGER NOT NULL) STRICT;"
    "INSERT INTO agent_with_states SELECT agent_id, key, name, network, role,"
    " state, '', address, changed_us FROM agent;"
    /* Ids are never given twice, also those of agents that are gone. */
    "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence"
    " WHERE name = 'agent') WHERE name = 'agent_with_states';"
    "DROP TABLE agent;"
    "ALTER TABLE agent_with_states RENAME TO agent;"
    "CREATE UNIQUE INDEX agent_name ON agent(name)"
    " WHERE state IN ('accepted', 'quarantined');" VIEWS_OF_AGENTS
    "CREATE TABLE enrolment("
    " enrolment_id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " token_hash BLOB NOT NULL UNIQUE,"
    " network TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " role TEXT NOT NULL CHECK(role IN ('network', 'authority')),"
    " created_us INTEGER NOT NULL,"
    " expires_us INTEGER NOT NULL,"
    " revoked_us INTEGER,"
    " used_us INTEGER,"
    " used_key TEXT) STRICT;"
    "CREATE TABLE door_log("
    " entry_id INTEGER PRIMARY KEY,"
    " at_us INTEGER NOT NULL,"
    " who TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " subject TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " detail TEXT NOT NULL) STRICT";

/* The time by which retention went last: what the clock says at a start is held
 * against it. One row. */
static const char retained[] =
    "CREATE TABLE retained (one INTEGER PRIMARY KEY CHECK (one = 1), "
    "by_us INTEGER NOT NULL) STRICT";

/* The first start with a clock that is not trusted yet; NULL: none. */
static const char retained_doubt[] =
    "ALTER TABLE retained ADD COLUMN doubt_us INTEGER";

/* Who serves a zone, or did: whom caches may still ask after a move. */
static const char zone_servers[] =
    "CREATE TABLE zone_server("
    " zone TEXT NOT NULL,"
    " address TEXT NOT NULL,"
    " scope_id INTEGER NOT NULL,"
    " name TEXT,"
    " ttl_s INTEGER NOT NULL,"
    " since_us INTEGER NOT NULL,"
    " seen_us INTEGER NOT NULL,"
    " gone_us INTEGER,"
    " until_us INTEGER NOT NULL,"
    " PRIMARY KEY(zone, address, scope_id)) STRICT, WITHOUT ROWID";

/* What retention has deleted of the log: up to that batch, and anything that
 * was received before from_us. No row: nothing. Of an older store it is not
 * known, but a stream that begins later than at its first result, and beyond
 * what was reported lost, has lost its beginning; one without a batch had its
 * last one when it changed last. */
static const char log_begin[] =
    "CREATE TABLE log_begin("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " after_batch INTEGER NOT NULL,"
    " from_us INTEGER NOT NULL) STRICT;"
    "INSERT INTO log_begin SELECT 1,"
    " coalesce((SELECT min(batch_id) - 1 FROM batch),"
    " (SELECT max(after_batch) FROM hello), 0),"
    " coalesce((SELECT received_us FROM batch ORDER BY batch_id LIMIT 1),"
    " (SELECT max(changed_us) + 1 FROM stream), 0)"
    " WHERE (SELECT min(batch_id) FROM batch) > 1 OR EXISTS ("
    "SELECT 1 FROM stream WHERE received_n > 0 AND dropped_n < coalesce(("
    "SELECT min(first_seq) - 1 FROM batch WHERE batch.agent_id ="
    " stream.agent_id AND batch.epoch = stream.epoch), dropped_n + 1))";

/* The clearing that was told last of a target; 0: nobody had seen it denied. */
static const char target_clearing[] =
    "ALTER TABLE target ADD COLUMN clear_hi_us INTEGER;"
    "CREATE INDEX outcome_truth ON outcome(truth_hi_us)";

/* When the streams of an agent that retention has deleted changed last: what
 * was made before may have come in one of them. */
static const char stream_forgotten[] = "CREATE TABLE stream_forgotten("
                                       " agent_id INTEGER PRIMARY KEY,"
                                       " until_us INTEGER NOT NULL) STRICT";

/* The status of a closed incident from its beginning, but for the end, which is
 * in closed_status: one that is long is written before the incident is closed,
 * in many transactions. Of an open incident they say nothing. */
static const char closed_parts[] =
    "CREATE TABLE closed_part("
    " incident_id INTEGER NOT NULL REFERENCES incident ON DELETE CASCADE,"
    " part INTEGER NOT NULL,"
    " bytes BLOB NOT NULL,"
    " PRIMARY KEY(incident_id, part)) STRICT";

/* The resolvers of two links shared a row; those are written anew. */
#define OF_A_LINK                                                              \
    " WHERE resolver GLOB '[[]fe[89ab]?:*' AND incident_id IN"                 \
    " (SELECT incident_id FROM incident WHERE closed_us IS NULL)"
static const char target_scope[] =
    "DELETE FROM target" OF_A_LINK ";DELETE FROM forecast" OF_A_LINK
    " AND scored_us IS NULL";

/* By what an incident is judged, and who served its zones before it: for
 * whoever looks at it later. Nothing of older ones. */
static const char incident_then[] =
    "ALTER TABLE incident ADD COLUMN settings TEXT;"
    "CREATE TABLE incident_zone_server("
    " incident_id INTEGER NOT NULL REFERENCES incident ON DELETE CASCADE,"
    " zone TEXT NOT NULL,"
    " address TEXT NOT NULL,"
    " scope_id INTEGER NOT NULL,"
    " name TEXT,"
    " ttl_s INTEGER NOT NULL,"
    " since_us INTEGER NOT NULL,"
    " seen_us INTEGER NOT NULL,"
    " gone_us INTEGER,"
    " until_us INTEGER NOT NULL,"
    " PRIMARY KEY(incident_id, zone, address, scope_id))"
    " STRICT, WITHOUT ROWID";

/* What tells a damaged row (io_store_digest.c). Rows that are there get theirs
 * at the start: NULL until then. */
static const char row_digests[] =
    "ALTER TABLE agent ADD COLUMN digest INTEGER;"
    "ALTER TABLE enrolment ADD COLUMN digest INTEGER;"
    "ALTER TABLE token ADD COLUMN digest INTEGER;"
    "ALTER TABLE stream ADD COLUMN digest INTEGER;"
    "ALTER TABLE stream_forgotten ADD COLUMN digest INTEGER;"
    "ALTER TABLE incident ADD COLUMN digest INTEGER;"
    "ALTER TABLE incident_item ADD COLUMN digest INTEGER;"
    "ALTER TABLE incident_zone_server ADD COLUMN digest INTEGER;"
    "ALTER TABLE zone_server ADD COLUMN digest INTEGER;"
    "ALTER TABLE label ADD COLUMN digest INTEGER;"
    "ALTER TABLE resolver_profile ADD COLUMN digest INTEGER;";

/* The same of what is read by people, or is many: rows of the last four that
 * are there stay without. */
static const char told_digests[] =
    "ALTER TABLE log_begin ADD COLUMN digest INTEGER;"
    "ALTER TABLE retained ADD COLUMN digest INTEGER;"
    "ALTER TABLE closed_status ADD COLUMN digest INTEGER;"
    "ALTER TABLE closed_part ADD COLUMN digest INTEGER;"
    "ALTER TABLE door_log ADD COLUMN digest INTEGER;"
    "ALTER TABLE alert ADD COLUMN digest INTEGER;"
    "ALTER TABLE alert_told ADD COLUMN digest INTEGER;"
    "ALTER TABLE target ADD COLUMN digest INTEGER;"
    "ALTER TABLE transition ADD COLUMN digest INTEGER;"
    "ALTER TABLE forecast ADD COLUMN digest INTEGER;"
    "ALTER TABLE outcome ADD COLUMN digest INTEGER";

/* Version n is steps[n - 1] upon version n - 1. Never changed once landed: a
 * change of the schema is a new step at the end. */
static const char *const steps[] = {
    nx_schema_first,  hellos,          closed_statuses, streams_ahead,
    labels,           audits,          alerts,          report,
    digests,          scores,          tokens,          doors,
    profiles,         profiles_kept,   profile_words,   profile_siblings,
    profile_rewrites, zone_servers,    retained,        retained_doubt,
    log_begin,        target_clearing, profile_cure,    stream_forgotten,
    closed_parts,     target_scope,    profile_bogus,   profile_agent,
    profile_chain,    profile_key,     incident_then,   row_digests,
    told_digests,
};

int nx_schema_newest(void) {
    return (int)(sizeof(steps) / sizeof(*steps));
}

const char *nx_schema_step(int version) {
    assert(version >= 1 && version <= nx_schema_newest());
    return steps[version - 1];
}
