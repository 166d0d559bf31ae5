/* What the collector says of itself: /healthz. */
#include "collector/api/io_http_parts.h"
#include "common/rfc3339.h"

json_t *nx_http_health(struct nx_service *service) {
    struct nx_service_health health;
    char now[NX_TIME_TEXT_MAX];
    char started[NX_TIME_TEXT_MAX];
    nx_service_health(service, &health);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:s*, "
        "s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
        "status", health.storing && health.admitting ? "ok" : "degraded",
        "version", NX_VERSION, "now",
        nx_time_text(nx_service_now_us(service), now), "started",
        nx_time_text(health.started_us, started), "storing",
        health.storing ? 1 : 0, "admitting", health.admitting ? 1 : 0,
        "key_handlers_remade", (json_int_t)health.handlers_remade_n, "problem",
        health.problem[0] != '\0' ? health.problem : NULL, "readable",
        health.readable ? 1 : 0, "batches", (json_int_t)health.batches_n,
        "results", (json_int_t)health.results_n, "duplicates",
        (json_int_t)health.duplicates_n, "out_of_order",
        (json_int_t)health.out_of_order_n, "rejected",
        (json_int_t)health.rejected_n, "refused_keys",
        (json_int_t)health.refused_keys_n, "alerts_sent",
        (json_int_t)health.alerts_sent_n, "alerts_failed",
        (json_int_t)health.alerts_failed_n, "alerts_given_up",
        (json_int_t)health.alerts_given_up_n, "over_quota",
        (json_int_t)health.over_quota_n, "too_fast",
        (json_int_t)health.too_fast_n, "targets_refused",
        (json_int_t)health.no_room_n, "without_memory",
        (json_int_t)health.lost_n, "surplus_connections",
        (json_int_t)health.surplus_n, "too_new", (json_int_t)health.too_new_n,
        "store_bytes", (json_int_t)health.kept_bytes, "store_free_bytes",
        (json_int_t)health.free_bytes, "deleted_batches",
        (json_int_t)health.deleted_n);
}
