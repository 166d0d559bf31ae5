/* incident open, show, close and export. */
#include <inttypes.h>
#include <stdio.h>

#include "collector/cli/io_run.h"
#include "collector/cli/request.h"
#include "common/rfc3339.h"

#define PATH_MAX_BYTES 96U

/* The same name and a type in common with an incident that is open already:
 * allowed, but perhaps not meant. The names are as the collector writes them.
 */
static void warn_double(const struct nx_run *run, const json_t *opened) {
    json_t *document = NULL;
    struct nx_api_error error;
    size_t i = 0;
    const json_t *incident = NULL;
    if (nx_api_get(run->api, "/v1/incidents", &document, &error) != 0) {
        return;
    }
    json_array_foreach(nx_doc_list(document, "incidents"), i, incident) {
        if (nx_show_same_subject(incident, opened)) {
            (void)fprintf(stderr,
                          "nxclear: note: incident %" JSON_INTEGER_FORMAT
                          " is open for the same name and type already\n",
                          nx_doc_number(incident, "id"));
        }
    }
    json_decref(document);
}

/* A time of day of another zone is hours off, and bounds rest on it. */
static void warn_far(const struct nx_args *args) {
    char at[NX_TIME_TEXT_MAX];
    if (args->far != NULL) {
        (void)fprintf(stderr,
                      "nxclear: note: times of day are in UTC: %s was at %s; "
                      "if another one is meant, close the incident and give "
                      "the date\n",
                      args->far, nx_time_text(args->far_us, at));
    }
}

int nx_run_open(const struct nx_run *run) {
    json_t *incident = NULL;
    json_t *status = NULL;
    struct nx_api_error error;
    struct nx_text text;
    int exit_code = nx_run_post(run, "/v1/incidents",
                                nx_request_incident(run->args), &incident);
    if (exit_code != 0) {
        return exit_code;
    }
    warn_far(run->args);
    warn_double(run, incident);
    nx_text_init(&text);
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(incident, false, &text);
    } else {
        /* It is open; how far it reaches is nice to know, no more. */
        uint32_t id = (uint32_t)nx_doc_number(incident, "id");
        if (nx_run_status(run, id, &status, &error) != 0 && error.again_s > 0) {
            (void)fprintf(stderr,
                          "nxclear: note: its status is being made: nxclear "
                          "status %" PRIu32 " shows it then\n",
                          id);
        }
        nx_show_opened(incident, status, &text);
    }
    json_decref(incident);
    json_decref(status);
    return nx_run_print(&text);
}

int nx_run_show(const struct nx_run *run) {
    char path[PATH_MAX_BYTES];
    json_t *incident = NULL;
    struct nx_text text;
    uint32_t id = 0;
    int exit_code = nx_run_incident(run, &id);
    (void)snprintf(path, sizeof path, "/v1/incidents/%" PRIu32, id);
    exit_code = exit_code != 0 ? exit_code : nx_run_get(run, path, &incident);
    if (exit_code != 0) {
        return exit_code;
    }
    nx_text_init(&text);
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(incident, false, &text);
    } else {
        nx_show_incident(incident, nx_run_wall_us(), &text);
    }
    json_decref(incident);
    return nx_run_print(&text);
}

/* Closing what is closed is no mistake worth a failure. True: that was so. */
static bool closed_already(const struct nx_run *run, struct nx_text *text) {
    char path[PATH_MAX_BYTES];
    char clock[NX_CELL_MAX];
    struct nx_api_error error;
    json_t *incident = NULL;
    (void)snprintf(path, sizeof path, "/v1/incidents/%" PRIu32, run->args->id);
    if (nx_api_get(run->api, path, &incident, &error) != 0) {
        return false; /* closing says what is wrong */
    }
    int64_t closed_us = nx_doc_time(incident, "closed");
    if (closed_us != NX_TIME_NONE && run->args->format == NX_FORMAT_JSON) {
        nx_show_json(incident, false, text);
    } else if (closed_us != NX_TIME_NONE) {
        nx_text_addf(text, "incident %" PRIu32 ": closed already at %sZ\n",
                     run->args->id,
                     nx_show_clock(closed_us, nx_run_wall_us(), false, clock));
    }
    json_decref(incident);
    return closed_us != NX_TIME_NONE;
}

int nx_run_close(const struct nx_run *run) {
    char path[PATH_MAX_BYTES];
    json_t *incident = NULL;
    struct nx_text text;
    nx_text_init(&text);
    if (closed_already(run, &text)) {
        return nx_run_print(&text);
    }
    (void)snprintf(path, sizeof path, "/v1/incidents/%" PRIu32 "/close",
                   run->args->id);
    int exit_code = nx_run_post(run, path, json_object(), &incident);
    if (exit_code != 0) {
        return exit_code;
    }
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(incident, false, &text);
    } else {
        nx_text_addf(&text, "incident %" PRIu32 " closed\n", run->args->id);
    }
    json_decref(incident);
    return nx_run_print(&text);
}

int nx_run_export(const struct nx_run *run) {
    char path[PATH_MAX_BYTES];
    struct nx_api_error error;
    uint32_t id = 0;
    int exit_code = nx_run_incident(run, &id);
    if (exit_code != 0) {
        return exit_code;
    }
    (void)snprintf(path, sizeof path, "/v1/incidents/%" PRIu32 "/recording",
                   id);
    return nx_api_download(run->api, path, stdout, &error) != 0
               ? nx_run_complain(error.why, error.exit_code)
               : 0;
}
