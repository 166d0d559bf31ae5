/* Incidents as operators opened them. The wire forms are what is read back,
 * the texts beside them are for people. */
#include "collector/store/io_store_sqlite.h"

#include <string.h>

#include "common/rrtype.h"
#include "common/text.h"

static int add_item(struct nx_store *store, uint32_t id, unsigned index,
                    const struct nx_incident_item *item) {
    char name[NX_DNAME_TEXT_MAX];
    char type[NX_RRTYPE_TEXT_MAX];
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_INCIDENT_ITEM_ADD,
        "INSERT INTO incident_item(incident_id, item, name, type, wire_name, "
        "qtype, rdata, rdata_n, digest) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
        "nx_digest(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))");
    nx_sq_int(&sq, id);
    nx_sq_int(&sq, index);
    nx_sq_text(&sq, nx_dname_text(item->name, name));
    nx_sq_text(&sq, nx_rrtype_text(item->qtype, type));
    nx_sq_blob(&sq, item->name, nx_dname_len(item->name));
    nx_sq_int(&sq, item->qtype);
    nx_sq_blob(&sq, item->rdata, item->rdata_len);
    nx_sq_int(&sq, item->rdata_n);
    return nx_sq_run(&sq);
}

#define REDIGEST(closed, settings)                                             \
    NX_SQ_REDIGEST(NX_SQ_INCIDENT_VALUES("closed_us", "settings"),             \
                   NX_SQ_INCIDENT_VALUES(closed, settings))

int nx_store_incident_add(struct nx_store *store,
                          struct nx_incident *incident) {
    char learnt[NX_LEARNT_TEXT_MAX];
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_INCIDENT_ADD,
                  "INSERT INTO incident(opened_us, closed_us, outage_from_us, "
                  "outage_to_us, restored_us, note, audit, learnt) "
                  "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    nx_sq_int(&sq, incident->opened_us);
    nx_sq_time(&sq, incident->closed_us);
    nx_sq_time(&sq, incident->outage_from_us);
    nx_sq_time(&sq, incident->outage_to_us);
    nx_sq_time(&sq, incident->restored_us);
    nx_sq_text(&sq, incident->note);
    nx_sq_int(&sq, incident->audit ? 1 : 0);
    nx_sq_text(&sq, nx_learnt_write(&incident->learnt, learnt));
    int err = nx_sq_run(&sq);
    if (err != NX_OK) {
        return err;
    }
    uint32_t id = (uint32_t)sqlite3_last_insert_rowid(store->db);
    err = nx_store_seal(store, NX_SQ_TABLE_INCIDENT);
    for (unsigned i = 0; err == NX_OK && i < incident->items_n; i++) {
        err = add_item(store, id, i, &incident->items[i]);
    }
    if (err == NX_OK) {
        incident->id = id;
    }
    return err;
}

int nx_store_incident_close(struct nx_store *store, uint32_t id,
                            int64_t at_us) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_INCIDENT_CLOSE,
                  "UPDATE incident SET closed_us = ?1, " REDIGEST(
                      "?1", "settings") " WHERE incident_id = ?2");
    nx_sq_int(&sq, at_us);
    nx_sq_int(&sq, id);
    return nx_sq_run(&sq);
}

int nx_store_incident_settings_put(struct nx_store *store, uint32_t id,
                                   const char *settings) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_INCIDENT_SETTINGS_PUT,
                  "UPDATE incident SET settings = ?1, " REDIGEST(
                      "closed_us", "?1") " WHERE incident_id = ?2");
    nx_sq_text(&sq, settings);
    nx_sq_int(&sq, id);
    return nx_sq_run(&sq);
}

int nx_store_incident_settings(struct nx_store *store, uint32_t id,
                               struct nx_text *out) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_INCIDENT_SETTINGS,
                  "SELECT settings FROM incident WHERE incident_id = ?1 "
                  "AND settings IS NOT NULL");
    nx_sq_int(&sq, id);
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row == 0 ? NX_ENOTFOUND : row;
    }
    const unsigned char *text = sqlite3_column_text(sq.stmt, 0);
    nx_text_add(out, text != NULL ? (const char *)text : "");
    out->failed = out->failed || text == NULL;
    nx_sq_end(&sq);
    return out->failed ? NX_ENOMEM : NX_OK;
}

int nx_store_closed_part_put(struct nx_store *store, uint32_t id, uint32_t part,
                             const char *bytes, size_t len) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_CLOSED_PART_PUT,
        "INSERT INTO closed_part(incident_id, part, bytes, digest) VALUES(?1, "
        "?2, ?3, nx_digest(?1, ?2, ?3)) ON CONFLICT(incident_id, part) DO "
        "UPDATE SET bytes = excluded.bytes, digest = excluded.digest");
    nx_sq_int(&sq, id);
    nx_sq_int(&sq, part);
    nx_sq_blob(&sq, (const uint8_t *)bytes, len);
    return nx_sq_run(&sq);
}

/* What is left of a closing that came to nothing. */
static int trim_parts(struct nx_store *store, uint32_t id, uint32_t parts_n) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_CLOSED_PART_TRIM,
        "DELETE FROM closed_part WHERE incident_id = ?1 AND part >= ?2");
    nx_sq_int(&sq, id);
    nx_sq_int(&sq, parts_n);
    return nx_sq_run(&sq);
}

int nx_store_closed_status_put(struct nx_store *store, uint32_t id,
                               uint32_t parts_n, const char *rest) {
    int err = trim_parts(store, id, parts_n);
    if (err != NX_OK) {
        return err;
    }
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_CLOSED_STATUS_PUT,
        "INSERT INTO closed_status(incident_id, document, digest) VALUES(?1, "
        "?2, nx_digest(?1, ?2, ?3)) ON CONFLICT(incident_id) DO UPDATE SET "
        "document = excluded.document, digest = excluded.digest");
    nx_sq_int(&sq, id);
    nx_sq_text(&sq, rest);
    nx_sq_int(&sq, parts_n);
    return nx_sq_run(&sq);
}

/* Adds the parts of one in their order. */
static int read_parts(struct nx_store *store, int64_t id, struct nx_text *out,
                      bool *damaged) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_CLOSED_PARTS,
                                "SELECT bytes, damaged FROM " NX_SQ_PART_ROWS
                                "WHERE incident_id = ?1 ORDER BY part");
    nx_sq_int(&sq, id);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        *damaged |= nx_sq_get_int(&sq, 1) != 0;
        const char *bytes = sqlite3_column_blob(sq.stmt, 0);
        size_t len = (size_t)sqlite3_column_bytes(sq.stmt, 0);
        if (bytes != NULL) {
            nx_text_bytes(out, bytes, len);
        }
    }
    return row;
}

int nx_store_closed_statuses(struct nx_store *store, unsigned newest_n,
                             void (*visit)(void *user, uint32_t id,
                                           const char *document),
                             void *user) {
    /* Documents are large: only those are read that are wanted. */
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_CLOSED_STATUSES,
        "SELECT incident_id, document, damaged FROM (SELECT incident_id FROM "
        "closed_status JOIN incident USING(incident_id) WHERE closed_us IS "
        "NOT NULL ORDER BY closed_us DESC LIMIT ?1) CROSS "
        "JOIN " NX_SQ_CLOSED_ROWS "USING(incident_id)");
    nx_sq_int(&sq, newest_n);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        int64_t id = nx_sq_get_int(&sq, 0);
        const unsigned char *rest = sqlite3_column_text(sq.stmt, 1);
        bool damaged = nx_sq_get_int(&sq, 2) != 0;
        struct nx_text text;
        nx_text_init(&text);
        int err = read_parts(store, id, &text, &damaged);
        nx_text_add(&text, rest != NULL ? (const char *)rest : "");
        if (err == NX_OK) {
            err = text.failed || rest == NULL ? NX_ENOMEM : NX_OK;
        }
        if (err == NX_OK) {
            visit(user, (uint32_t)id, damaged ? NULL : text.bytes);
        }
        nx_text_fini(&text);
        if (err != NX_OK) {
            nx_sq_end(&sq);
            return err;
        }
    }
    return row;
}

int nx_store_lead_marks(struct nx_store *store, int64_t now_us,
                        struct nx_lead_marks *out) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_LEAD_MARKS,
        "SELECT max(opened_us) FILTER (WHERE opened_us <= ?1), (SELECT "
        "max(received_us) FROM batch WHERE received_us <= ?1), count(*) "
        "FILTER (WHERE opened_us > ?1) FROM incident WHERE closed_us IS NULL");
    nx_sq_int(&sq, now_us + NX_LEAD_MAX_US);
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row == 0 ? NX_EIO : row;
    }
    *out = (struct nx_lead_marks){.opened_us = nx_sq_get_time(&sq, 0),
                                  .received_us = nx_sq_get_time(&sq, 1),
                                  .far_n = nx_sq_get_u64(&sq, 2)};
    nx_sq_end(&sq);
    return NX_OK;
}

int nx_store_incident_drop(struct nx_store *store, uint32_t id) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_INCIDENT_DROP,
                                "DELETE FROM incident WHERE incident_id = ?1");
    nx_sq_int(&sq, id);
    return nx_sq_run(&sq);
}

static bool read_item(const struct nx_sq *sq, struct nx_incident_item *out) {
    size_t name_len = nx_sq_get_blob(sq, 0, out->name, sizeof(out->name));
    size_t rdata_len = nx_sq_get_blob(sq, 2, out->rdata, sizeof(out->rdata));
    if (rdata_len > sizeof(out->rdata) || name_len > sizeof(out->name) ||
        nx_dname_check(out->name, name_len) != NX_OK) {
        return false;
    }
    out->qtype = (uint16_t)nx_sq_get_int(sq, 1);
    out->rdata_len = (uint16_t)rdata_len;
    out->rdata_n = (uint8_t)nx_sq_get_int(sq, 3);
    return true;
}

static int read_items(struct nx_store *store, struct nx_incident *incident) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_INCIDENT_ITEMS,
                  "SELECT wire_name, qtype, rdata, rdata_n FROM incident_item "
                  "WHERE incident_id = ?1 ORDER BY item");
    nx_sq_int(&sq, incident->id);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        if (incident->items_n == NX_INCIDENT_ITEMS_MAX ||
            !read_item(&sq, &incident->items[incident->items_n])) {
            nx_sq_end(&sq);
            return nx_sq_error(store, SQLITE_CORRUPT);
        }
        incident->items_n++;
    }
    return row;
}

static void read_incident(const struct nx_sq *sq, struct nx_incident *out) {
    char learnt[NX_LEARNT_TEXT_MAX];
    memset(out, 0, sizeof(*out));
    out->id = (uint32_t)nx_sq_get_int(sq, 0);
    out->opened_us = nx_sq_get_int(sq, 1);
    out->closed_us = nx_sq_get_time(sq, 2);
    out->outage_from_us = nx_sq_get_time(sq, 3);
    out->outage_to_us = nx_sq_get_time(sq, 4);
    out->restored_us = nx_sq_get_time(sq, 5);
    nx_sq_get_text(sq, 6, out->note, sizeof(out->note));
    out->audit = nx_sq_get_int(sq, 7) != 0;
    nx_sq_get_text(sq, 8, learnt, sizeof(learnt));
    if (nx_learnt_read(learnt, &out->learnt) != NX_OK) {
        out->learnt.known = false; /* none, or of somebody else */
    }
}

int nx_store_incidents(struct nx_store *store,
                       void (*visit)(void *user,
                                     const struct nx_incident *incident),
                       void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_INCIDENTS,
        "SELECT incident_id, opened_us, closed_us, outage_from_us, "
        "outage_to_us, restored_us, note, audit, learnt FROM incident "
        "ORDER BY incident_id");
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_incident incident;
        read_incident(&sq, &incident);
        int err = read_items(store, &incident);
        if (err != NX_OK) {
            nx_sq_end(&sq);
            return err;
        }
        visit(user, &incident);
    }
    return row;
}
