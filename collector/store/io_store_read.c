/* Reading the log in parts: batches and hellos, merged. */
#include "collector/store/io_store_sqlite.h"

int nx_store_hello_append(struct nx_store *store, uint32_t agent_id,
                          int64_t received_us, const uint8_t *payload,
                          size_t payload_len) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_HELLO_ADD,
        "INSERT INTO hello(agent_id, after_batch, received_us, payload, "
        "digest) "
        "VALUES(?1, " NX_SQ_NEWEST_BATCH ", ?2, ?3, ?4)");
    nx_sq_int(&sq, agent_id);
    nx_sq_int(&sq, received_us);
    nx_sq_blob(&sq, payload, payload_len);
    const struct nx_store_batch row = {.agent_id = agent_id,
                                       .received_us = received_us,
                                       .payload = payload,
                                       .payload_len = payload_len};
    nx_sq_u64(&sq, nx_sq_digest(&row));
    return nx_sq_run(&sq);
}

/* The wall clock may have been set back between two runs, so the order of
 * receipt is not quite the order of commit: the first batch is found by time,
 * and read on is in the order of commit. Hellos are marked where that batch is:
 * of those behind it, too, the first is found by time. */
int nx_store_mark_at(struct nx_store *store, int64_t from_us,
                     struct nx_store_mark *out) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_LOG_MARK,
        "WITH place(after) AS (SELECT coalesce((SELECT min(batch_id) - 1 FROM "
        "batch WHERE received_us >= ?1), (SELECT max(batch_id) FROM batch), "
        "0)) SELECT after, coalesce((SELECT min(hello_id) - 1 FROM hello WHERE "
        "after_batch >= after AND received_us >= ?1), (SELECT max(hello_id) "
        "FROM hello), 0) FROM place");
    nx_sq_int(&sq, from_us);
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row == 0 ? NX_EIO : row;
    }
    out->batch_id = nx_sq_get_int(&sq, 0);
    out->hello_id = nx_sq_get_int(&sq, 1);
    nx_sq_end(&sq);
    return NX_OK;
}

/* NULL: written by a version that kept none. */
static void check_digest(const struct nx_sq *sq, int column,
                         struct nx_store_batch *row) {
    row->damaged = !nx_sq_is_null(sq, column) &&
                   nx_sq_get_u64(sq, column) != nx_sq_digest(row);
}

static void read_hello(const struct nx_sq *sq, struct nx_store_batch *out) {
    *out = (struct nx_store_batch){
        .agent_id = (uint32_t)nx_sq_get_int(sq, 1),
        .received_us = nx_sq_get_int(sq, 2),
        .payload = sqlite3_column_blob(sq->stmt, 3),
        .payload_len = (size_t)sqlite3_column_bytes(sq->stmt, 3)};
    check_digest(sq, 4, out);
}

/* Hellos that came before this batch. */
static int hellos_until(
    struct nx_store *store, struct nx_store_mark *mark, int64_t batch_id,
    void (*visit)(void *user, const struct nx_store_batch *row), void *user) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_LOG_HELLOS,
                  "SELECT hello_id, agent_id, received_us, payload, digest "
                  "FROM hello WHERE after_batch >= ?1 AND after_batch < ?2 "
                  "AND hello_id > ?3 ORDER BY after_batch, hello_id");
    nx_sq_int(&sq, mark->batch_id);
    nx_sq_int(&sq, batch_id);
    nx_sq_int(&sq, mark->hello_id);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_store_batch hello;
        read_hello(&sq, &hello);
        mark->hello_id = nx_sq_get_int(&sq, 0);
        visit(user, &hello);
    }
    return row;
}

static void read_batch(const struct nx_sq *sq, struct nx_store_batch *out) {
    *out = (struct nx_store_batch){
        .agent_id = (uint32_t)nx_sq_get_int(sq, 1),
        .epoch = nx_sq_get_u64(sq, 2),
        .first_seq = nx_sq_get_u64(sq, 3),
        .results_n = (uint32_t)nx_sq_get_int(sq, 4),
        .skip = (uint32_t)nx_sq_get_int(sq, 5),
        .received_us = nx_sq_get_int(sq, 6),
        .payload = sqlite3_column_blob(sq->stmt, 7),
        .payload_len = (size_t)sqlite3_column_bytes(sq->stmt, 7)};
    check_digest(sq, 8, out);
}

int nx_store_log(struct nx_store *store, struct nx_store_mark *mark,
                 unsigned batches_max,
                 void (*visit)(void *user, const struct nx_store_batch *row),
                 void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_LOG_BATCHES,
        "SELECT batch_id, agent_id, epoch, first_seq, results_n, skip, "
        "received_us, payload, digest FROM batch WHERE batch_id > ?1 "
        "ORDER BY batch_id LIMIT ?2");
    nx_sq_int(&sq, mark->batch_id);
    nx_sq_int(&sq, batches_max);
    unsigned n = 0;
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_store_batch batch;
        int64_t batch_id = nx_sq_get_int(&sq, 0);
        int err = hellos_until(store, mark, batch_id, visit, user);
        if (err != NX_OK) {
            nx_sq_end(&sq);
            return err;
        }
        read_batch(&sq, &batch);
        mark->batch_id = batch_id;
        visit(user, &batch);
        n++;
    }
    if (row == 0 && n < batches_max) {
        return hellos_until(store, mark, INT64_MAX, visit, user);
    }
    return row < 0 ? row : 1;
}

int nx_store_hellos_before(
    struct nx_store *store, const struct nx_store_mark *mark,
    void (*visit)(void *user, const struct nx_store_batch *row), void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_LOG_BEFORE,
        "SELECT hello_id, agent_id, received_us, payload, digest "
        "FROM hello WHERE hello_id IN (SELECT max(hello_id) FROM hello "
        "WHERE hello_id <= ?1 GROUP BY agent_id) ORDER BY hello_id");
    nx_sq_int(&sq, mark->hello_id);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_store_batch hello;
        read_hello(&sq, &hello);
        visit(user, &hello);
    }
    return row;
}
