/* resolvers --measure: has them measured, and waits for it. */
#include <stdio.h>
#include <time.h>

#include "collector/cli/io_run.h"
#include "collector/cli/request.h"

#define US_PER_S INT64_C(1000000)
#define PATIENCE_US (600 * US_PER_S)
#define PAUSE_NS 500000000L

/* Until so many have been measured or tried since then, or time is up;
 * *document: the newest list. Says how far it is, once for each step. */
static int wait_measured(const struct nx_run *run, int64_t since_us,
                         size_t wanted_n, json_t **document,
                         struct nx_show_measured *n) {
    static const struct timespec pause = {0, PAUSE_NS};
    int64_t patience_us = run->args->timeout_us != NX_TIME_NONE
                              ? run->args->timeout_us
                              : PATIENCE_US;
    int64_t until_us = nx_run_mono_us() + patience_us;
    size_t told_n = SIZE_MAX;
    for (;;) {
        json_t *fresh = NULL;
        int exit_code = nx_run_get(run, "/v1/resolvers", &fresh);
        if (exit_code != 0) {
            return exit_code;
        }
        json_decref(*document);
        *document = fresh;
        *n = nx_show_measured(nx_doc_list(fresh, "resolvers"),
                              run->args->network, since_us);
        if (n->done_n != told_n) {
            told_n = n->done_n;
            (void)fprintf(stderr, "nxclear: %zu of %zu measured%s\n",
                          n->done_n - n->failed_n, wanted_n,
                          n->failed_n > 0 ? ", some cannot be" : "");
        }
        if (n->done_n >= wanted_n || nx_run_mono_us() >= until_us) {
            return 0;
        }
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
}

static int tell(const struct nx_run *run, json_t *document) {
    struct nx_text text;
    json_t *rows = nx_show_measured_rows(nx_doc_list(document, "resolvers"),
                                         run->args->network);
    nx_text_init(&text);
    if (rows == NULL || json_object_set(document, "resolvers", rows) != 0) {
        json_decref(rows);
        return nx_run_complain("out of memory", NX_EXIT_INTERNAL);
    }
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(document, false, &text);
    } else if (run->args->format == NX_FORMAT_JSONL) {
        nx_show_jsonl(rows, NULL, &text);
    } else {
        nx_show_resolvers(rows, nx_doc_time(document, "now"), run->show, &text);
    }
    json_decref(rows);
    return nx_run_print(&text);
}

int nx_run_measure(const struct nx_run *run) {
    json_t *said = NULL;
    json_t *document = NULL;
    struct nx_show_measured n = {0, 0};
    int exit_code = nx_run_post(run, "/v1/resolvers/measure",
                                nx_request_measure(run->args), &said);
    if (exit_code != 0) {
        return exit_code;
    }
    size_t wanted_n =
        (size_t)(nx_doc_number(said, "due") + nx_doc_number(said, "running"));
    exit_code =
        wait_measured(run, nx_doc_time(said, "since"), wanted_n, &document, &n);
    if (exit_code == 0) {
        exit_code = tell(run, document);
    }
    json_decref(said);
    json_decref(document);
    if (exit_code != 0) {
        return exit_code;
    }
    return n.done_n < wanted_n ? NX_EXIT_WAITING
           : n.failed_n > 0    ? NX_EXIT_STUCK
                               : NX_EXIT_CLEAR;
}
