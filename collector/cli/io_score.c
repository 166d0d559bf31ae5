/* How good forecasts were. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/cli/io_run.h"
#include "collector/cli/request.h"

/* Of an incident that never was there is no score, not an empty one. */
static int exists(const struct nx_run *run) {
    char path[64];
    json_t *incident = NULL;
    if (run->args->id == 0) {
        return 0;
    }
    (void)snprintf(path, sizeof path, "/v1/incidents/%" PRIu32, run->args->id);
    int exit_code = nx_run_get(run, path, &incident);
    json_decref(incident);
    return exit_code;
}

int nx_run_score(const struct nx_run *run) {
    struct nx_text text;
    json_t *score = NULL;
    nx_text_init(&text);
    nx_request_score_path(run->args, &text);
    char *path = nx_text_take(&text);
    if (path == NULL) {
        return nx_run_complain("out of memory", NX_EXIT_INTERNAL);
    }
    int exit_code = exists(run);
    exit_code = exit_code != 0 ? exit_code : nx_run_get(run, path, &score);
    free(path);
    if (exit_code != 0) {
        return exit_code;
    }
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(score, false, &text);
    } else {
        nx_show_score(score, run->show, &text);
    }
    json_decref(score);
    return nx_run_print(&text);
}
