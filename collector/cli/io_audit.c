/* audit and preflight: have the name servers audited, and tell what it
 * showed. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "collector/cli/io_run.h"
#include "collector/cli/preflight.h"
#include "collector/cli/request.h"

#define US_PER_S INT64_C(1000000)
#define PATIENCE_US (30 * US_PER_S)
#define PAUSE_NS 250000000L

/* Until every server was asked everything, or time is up. *status: the newest
 * document. */
static int wait_audited(const struct nx_run *run, uint32_t id,
                        json_t **status) {
    static const struct timespec pause = {0, PAUSE_NS};
    int64_t patience_us = run->args->timeout_us != NX_TIME_NONE
                              ? run->args->timeout_us
                              : PATIENCE_US;
    int64_t until_us = nx_run_mono_us() + patience_us;
    for (;;) {
        json_t *fresh = NULL;
        struct nx_api_error error;
        int failed = nx_run_status(run, id, &fresh, &error);
        bool time_is_up = nx_run_mono_us() >= until_us;
        if (failed != 0 && (error.again_s == 0 || time_is_up)) {
            return nx_run_complain(error.why, failed);
        }
        if (failed == 0) {
            json_decref(*status);
            *status = fresh;
        }
        if (failed == 0 && (nx_show_audited(fresh) || time_is_up)) {
            return 0;
        }
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
}

static void close_it(const struct nx_run *run, uint32_t id) {
    char path[64];
    struct nx_api_error error;
    json_t *said = NULL;
    json_t *nothing = json_object();
    (void)snprintf(path, sizeof path, "/v1/incidents/%" PRIu32 "/close", id);
    if (nothing != NULL &&
        nx_api_post(run->api, path, nothing, &said, &error) != 0) {
        (void)fprintf(stderr, "nxclear: the audit ends by itself: %s\n",
                      error.why);
    }
    json_decref(nothing);
    json_decref(said);
}

/* Replaces the status by the document of the preflight. */
static int look_ahead(const struct nx_run *run, json_t **status) {
    json_t *networks = NULL;
    json_t *resolvers = NULL;
    int exit_code = nx_run_get(run, "/v1/networks", &networks);
    if (exit_code == 0) {
        exit_code = nx_run_get(run, "/v1/resolvers", &resolvers);
    }
    json_t *document = exit_code == 0
                           ? nx_preflight_document(*status, networks, resolvers,
                                                   run->args->accident_us)
                           : NULL;
    json_decref(networks);
    json_decref(resolvers);
    if (document == NULL) {
        return exit_code != 0
                   ? exit_code
                   : nx_run_complain("out of memory", NX_EXIT_INTERNAL);
    }
    json_decref(*status);
    *status = document;
    return 0;
}

static int tell(const struct nx_run *run, json_t **status) {
    bool preflight = run->args->command == NX_CMD_PREFLIGHT;
    int exit_code = preflight ? look_ahead(run, status) : 0;
    struct nx_text text;
    nx_text_init(&text);
    if (exit_code != 0) {
        return exit_code;
    }
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(*status, false, &text);
    } else if (preflight) {
        nx_show_preflight(*status, run->show, &text);
    } else {
        nx_show_audit(*status, run->show, &text);
    }
    exit_code = nx_run_print(&text);
    return exit_code != 0 ? exit_code : nx_show_audit_exit(*status);
}

static int unheard(void) {
    return nx_run_complain(
        "no authority agent reported in time: is one accepted with --role "
        "authority and connected? (nxclear agents list)",
        NX_EXIT_UNKNOWN);
}

int nx_run_audit(const struct nx_run *run) {
    struct nx_api_error error;
    json_t *body = nx_request_audit(run->args);
    json_t *incident = NULL;
    json_t *status = NULL;
    if (body == NULL) {
        return nx_run_complain("an argument is not valid UTF-8", NX_EXIT_USAGE);
    }
    int err = nx_api_post(run->api, "/v1/incidents", body, &incident, &error);
    json_decref(body);
    if (err != 0) {
        return nx_run_complain(error.why, error.exit_code);
    }
    uint32_t id = (uint32_t)nx_doc_number(incident, "id");
    json_decref(incident);
    int exit_code = wait_audited(run, id, &status);
    if (exit_code == 0) {
        bool heard = nx_show_audit_exit(status) != NX_EXIT_UNKNOWN;
        exit_code = heard ? tell(run, &status) : unheard();
    }
    close_it(run, id);
    json_decref(status);
    return exit_code;
}
