/* Agents: who may connect. */
#include "collector/store/io_store_sqlite.h"

#include <string.h>

static void bind_agent(struct nx_sq *sq, const struct nx_agent_record *record) {
    nx_sq_text(sq, record->key);
    nx_sq_text(sq, record->agent.name);
    nx_sq_text(sq, record->agent.network);
    nx_sq_text(sq, record->agent.authority ? "authority" : "network");
    nx_sq_text(sq, nx_agent_state_text(record->state));
    nx_sq_text(sq, record->address);
    nx_sq_int(sq, record->changed_us);
    nx_sq_text(sq, record->reason);
}

static int add(struct nx_store *store, struct nx_agent_record *record) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_AGENT_ADD,
                  "INSERT INTO agent(key, name, network, role, state, address, "
                  "changed_us, reason) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    bind_agent(&sq, record);
    int err = nx_sq_run(&sq);
    if (err == NX_OK) {
        record->agent.id = (uint32_t)sqlite3_last_insert_rowid(store->db);
    }
    return err;
}

int nx_store_agent_put(struct nx_store *store, struct nx_agent_record *record) {
    /* Its digest is made of its id, too: one that is added is put again. */
    int err = record->agent.id == 0 ? add(store, record) : NX_OK;
    if (err != NX_OK) {
        return err;
    }
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_AGENT_UPDATE,
        "UPDATE agent SET key = ?1, name = ?2, network = ?3, role = ?4, "
        "state = ?5, address = ?6, changed_us = ?7, reason = ?8, digest = "
        "nx_digest(?9, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
        "WHERE agent_id = ?9");
    bind_agent(&sq, record);
    nx_sq_int(&sq, record->agent.id);
    return nx_sq_run(&sq);
}

int nx_store_agent_drop(struct nx_store *store, uint32_t id) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_AGENT_DROP,
                                "DELETE FROM agent WHERE agent_id = ?1");
    nx_sq_int(&sq, id);
    return nx_sq_run(&sq);
}

static void read_agent(const struct nx_sq *sq, struct nx_agent_record *out) {
    char role[16];
    char state[16];
    memset(out, 0, sizeof(*out));
    out->agent.id = (uint32_t)nx_sq_get_int(sq, 0);
    nx_sq_get_text(sq, 1, out->key, sizeof(out->key));
    nx_sq_get_text(sq, 2, out->agent.name, sizeof(out->agent.name));
    nx_sq_get_text(sq, 3, out->agent.network, sizeof(out->agent.network));
    nx_sq_get_text(sq, 4, role, sizeof(role));
    nx_sq_get_text(sq, 5, state, sizeof(state));
    nx_sq_get_text(sq, 6, out->address, sizeof(out->address));
    out->changed_us = nx_sq_get_int(sq, 7);
    out->agent.authority = strcmp(role, "authority") == 0;
    nx_sq_get_text(sq, 8, out->reason, sizeof(out->reason));
    if (nx_agent_state_parse(state, &out->state) != NX_OK) {
        out->state = NX_AGENT_REVOKED; /* the table allows no other */
    }
    out->agent.accepted =
        out->state == NX_AGENT_ACCEPTED || out->state == NX_AGENT_QUARANTINED;
    out->agent.revoked_us =
        out->state == NX_AGENT_REVOKED ? out->changed_us : 0;
}

int nx_store_agents(struct nx_store *store,
                    void (*visit)(void *user,
                                  const struct nx_agent_record *record),
                    void *user) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_AGENTS,
                  "SELECT agent_id, key, name, network, role, state, address, "
                  "changed_us, reason FROM agent ORDER BY agent_id");
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_agent_record record;
        read_agent(&sq, &record);
        visit(user, &record);
    }
    return row;
}
