/* Join strings, and who changed what. */
#include "collector/store/io_store_sqlite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int nx_store_enrolment_put(struct nx_store *store,
                           struct nx_enrolment *enrolment) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_ENROLMENT_PUT,
        "INSERT INTO enrolment(token_hash, network, name, role, created_us, "
        "expires_us, revoked_us, used_us, used_key) VALUES(?1, ?2, ?3, ?4, ?5, "
        "?6, ?7, ?8, ?9) ON CONFLICT(token_hash) DO UPDATE SET network = ?2, "
        "name = ?3, role = ?4, created_us = ?5, expires_us = ?6, revoked_us = "
        "?7, used_us = ?8, used_key = ?9, digest = NULL");
    nx_sq_blob(&sq, enrolment->token_hash, sizeof(enrolment->token_hash));
    nx_sq_text(&sq, enrolment->network);
    nx_sq_text(&sq, enrolment->name);
    nx_sq_text(&sq, enrolment->authority ? "authority" : "network");
    nx_sq_int(&sq, enrolment->created_us);
    nx_sq_int(&sq, enrolment->expires_us);
    nx_sq_time(&sq, enrolment->revoked_us);
    nx_sq_time(&sq, enrolment->used_us);
    nx_sq_text(&sq, enrolment->used_key);
    int err = nx_sq_run(&sq);
    if (err == NX_OK && enrolment->id == 0) {
        enrolment->id = (uint32_t)sqlite3_last_insert_rowid(store->db);
    }
    return err == NX_OK ? nx_store_seal(store, NX_SQ_TABLE_ENROLMENT) : err;
}

int nx_store_enrolment_drop(struct nx_store *store, uint32_t id) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_ENROLMENT_DROP,
                  "DELETE FROM enrolment WHERE enrolment_id = ?1");
    nx_sq_int(&sq, id);
    return nx_sq_run(&sq);
}

static bool read_enrolment(const struct nx_sq *sq, struct nx_enrolment *out) {
    char role[16];
    memset(out, 0, sizeof(*out));
    out->id = (uint32_t)nx_sq_get_int(sq, 0);
    size_t hash_len =
        nx_sq_get_blob(sq, 1, out->token_hash, sizeof(out->token_hash));
    nx_sq_get_text(sq, 2, out->network, sizeof(out->network));
    nx_sq_get_text(sq, 3, out->name, sizeof(out->name));
    nx_sq_get_text(sq, 4, role, sizeof(role));
    out->authority = strcmp(role, "authority") == 0;
    out->created_us = nx_sq_get_int(sq, 5);
    out->expires_us = nx_sq_get_int(sq, 6);
    out->revoked_us = nx_sq_get_time(sq, 7);
    out->used_us = nx_sq_get_time(sq, 8);
    nx_sq_get_text(sq, 9, out->used_key, sizeof(out->used_key));
    return hash_len == sizeof(out->token_hash);
}

int nx_store_enrolments(struct nx_store *store,
                        void (*visit)(void *user,
                                      const struct nx_enrolment *enrolment),
                        void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_ENROLMENTS,
        "SELECT enrolment_id, token_hash, network, name, role, created_us, "
        "expires_us, revoked_us, used_us, used_key FROM enrolment ORDER BY "
        "enrolment_id");
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_enrolment enrolment;
        if (read_enrolment(&sq, &enrolment)) {
            visit(user, &enrolment);
        }
    }
    return row;
}

/* --- who changed what --- */

int nx_store_door_log_add(struct nx_store *store,
                          const struct nx_door_entry *entry) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_DOOR_LOG_ADD,
        "INSERT INTO door_log(at_us, who, action, subject, key, detail, "
        "digest) VALUES(?1, ?2, ?3, ?4, ?5, ?6, "
        "nx_digest(?1, ?2, ?3, ?4, ?5, ?6))");
    nx_sq_int(&sq, entry->at_us);
    nx_sq_text(&sq, entry->who);
    nx_sq_text(&sq, entry->action);
    nx_sq_text(&sq, entry->subject);
    nx_sq_text(&sq, entry->key);
    nx_sq_text(&sq, entry->detail);
    return nx_sq_run(&sq);
}

int nx_store_door_log_has(struct nx_store *store, const char *action,
                          const char *key) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_DOOR_LOG_HAS,
        "SELECT 1 FROM door_log WHERE action = ?1 AND key = ?2 LIMIT 1");
    nx_sq_text(&sq, action);
    nx_sq_text(&sq, key);
    int row = nx_sq_step(&sq);
    if (row > 0) {
        nx_sq_end(&sq);
    }
    return row;
}

int nx_store_door_log(struct nx_store *store, unsigned newest_n,
                      void (*visit)(void *user,
                                    const struct nx_door_entry *entry),
                      void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_DOOR_LOG,
        "SELECT at_us, who, action, subject, key, detail, damaged, entry_id "
        "FROM (SELECT * FROM " NX_SQ_DOOR_ROWS
        "ORDER BY entry_id DESC LIMIT ?1) ORDER BY entry_id");
    nx_sq_int(&sq, newest_n);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        char text[5][256] = {"", "this line is damaged"};
        bool damaged = nx_sq_get_int(&sq, 6) != 0;
        for (int i = 0; i < 5 && !damaged; i++) {
            nx_sq_get_text(&sq, i + 1, text[i], sizeof(text[i]));
        }
        if (damaged) {
            snprintf(text[4], sizeof(text[4]),
                     "entry_id = %" PRId64 ": nxclear-collector(8)",
                     nx_sq_get_int(&sq, 7));
        }
        const struct nx_door_entry entry = {.at_us = nx_sq_get_int(&sq, 0),
                                            .who = text[0],
                                            .action = text[1],
                                            .subject = text[2],
                                            .key = text[3],
                                            .detail = text[4]};
        visit(user, &entry);
    }
    return row;
}
