#include "collector/cli/io_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/cli/request.h"

#define ASKED_MAX 12U /* times, for a status that is being made */

int nx_run_complain(const char *why, int exit_code) {
    (void)fprintf(stderr, "nxclear: %s\n", why);
    return exit_code;
}

static int64_t clock_us(clockid_t clock) {
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t nx_run_wall_us(void) {
    return clock_us(CLOCK_REALTIME);
}

int64_t nx_run_mono_us(void) {
    return clock_us(CLOCK_MONOTONIC);
}

int nx_run_print(struct nx_text *text) {
    char *bytes = nx_text_take(text);
    int exit_code = 0;
    if (bytes == NULL) {
        exit_code = nx_run_complain("out of memory", NX_EXIT_INTERNAL);
    } else if (fputs(bytes, stdout) < 0 || fflush(stdout) != 0) {
        exit_code = NX_EXIT_INTERNAL;
        if (errno != EPIPE) { /* nobody reads: nothing to say */
            (void)nx_run_complain(strerror(errno), exit_code);
        }
    }
    free(bytes);
    return exit_code;
}

int nx_run_get(const struct nx_run *run, const char *path, json_t **out) {
    struct nx_api_error error;
    if (nx_api_get(run->api, path, out, &error) != 0) {
        return nx_run_complain(error.why, error.exit_code);
    }
    return 0;
}

int nx_run_post(const struct nx_run *run, const char *path, json_t *body,
                json_t **out) {
    struct nx_api_error error;
    if (body == NULL) {
        return nx_run_complain("an argument is not valid UTF-8", NX_EXIT_USAGE);
    }
    int err = nx_api_post(run->api, path, body, out, &error);
    json_decref(body);
    return err != 0 ? nx_run_complain(error.why, error.exit_code) : 0;
}

int nx_run_status(const struct nx_run *run, uint32_t id, json_t **out,
                  struct nx_api_error *error) {
    struct nx_text text;
    nx_text_init(&text);
    nx_request_status_path(run->args, id, &text);
    char *path = nx_text_take(&text);
    int err = 0;
    if (path == NULL) {
        *error = (struct nx_api_error){NX_EXIT_INTERNAL, 0, "out of memory"};
        return NX_EXIT_INTERNAL;
    }
    if (nx_api_get(run->api, path, out, error) != 0) {
        err = error->exit_code;
    }
    free(path);
    return err;
}

/* No signal is caught meanwhile: Ctrl-C ends it. */
int nx_run_status_made(const struct nx_run *run, uint32_t id, json_t **out) {
    struct nx_api_error error;
    int failed = nx_run_status(run, id, out, &error);
    for (unsigned i = 1; failed != 0 && error.again_s > 0 && i < ASKED_MAX;
         i++) {
        (void)sleep(error.again_s);
        failed = nx_run_status(run, id, out, &error);
    }
    return failed != 0 ? nx_run_complain(error.why, failed) : 0;
}

/* --- which incident --- */

/* "7 www.example.com, 8 api.example.net" */
static int many_open(const json_t *list) {
    struct nx_text text;
    char name[NX_CELL_MAX];
    const char *between = "more than one incident is open: ";
    size_t i = 0;
    const json_t *incident = NULL;
    nx_text_init(&text);
    json_array_foreach(list, i, incident) {
        const char *of = nx_doc_text(incident, "name");
        if (nx_doc_time(incident, "closed") == NX_TIME_NONE &&
            json_object_get(incident, "audit") == NULL) {
            nx_text_addf(&text, "%s%" JSON_INTEGER_FORMAT " %s", between,
                         nx_doc_number(incident, "id"),
                         nx_show_name(of != NULL ? of : "?", name));
            between = ", ";
        }
    }
    nx_text_add(&text, "; say which");
    char *why = nx_text_take(&text);
    int exit_code = nx_run_complain(why != NULL ? why : "", NX_EXIT_USAGE);
    free(why);
    return exit_code;
}

/* The incident given, or the only open one. */
int nx_run_incident(const struct nx_run *run, uint32_t *out) {
    json_t *document = NULL;
    size_t i = 0;
    size_t open_n = 0;
    const json_t *incident = NULL;
    *out = run->args->id;
    if (*out != 0) {
        return 0;
    }
    int exit_code = nx_run_get(run, "/v1/incidents", &document);
    const json_t *list = nx_doc_list(document, "incidents");
    json_array_foreach(list, i, incident) {
        if (nx_doc_time(incident, "closed") == NX_TIME_NONE &&
            json_object_get(incident, "audit") == NULL) {
            *out = (uint32_t)nx_doc_number(incident, "id");
            open_n++;
        }
    }
    if (exit_code == 0 && open_n == 0) {
        exit_code = nx_run_complain("no incident is open", NX_EXIT_UNKNOWN);
    } else if (exit_code == 0 && open_n > 1) {
        exit_code = many_open(list);
    }
    json_decref(document);
    return exit_code;
}

/* --- status and wait --- */

static int status_once(const struct nx_run *run, uint32_t id) {
    json_t *status = NULL;
    struct nx_text text;
    int exit_code = nx_run_status_made(run, id, &status);
    if (exit_code != 0) {
        return exit_code;
    }
    nx_text_init(&text);
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(status, false, &text);
    } else if (run->args->format == NX_FORMAT_JSONL) {
        nx_show_status_jsonl(status, &text);
    } else {
        nx_show_status(status, run->show, &text);
    }
    exit_code = nx_run_print(&text);
    exit_code = exit_code != 0 ? exit_code : nx_show_exit(status);
    json_decref(status);
    return exit_code;
}

static int run_status(const struct nx_run *run) {
    uint32_t id = 0;
    if (run->args->command == NX_CMD_WAIT) {
        return nx_run_wait(run);
    }
    int exit_code = nx_run_incident(run, &id);
    if (exit_code != 0) {
        return exit_code;
    }
    return run->args->watch ? nx_run_watch(run, id) : status_once(run, id);
}

static int dispatch(const struct nx_run *run) {
    switch (run->args->command) {
    case NX_CMD_INCIDENT_OPEN:
        return nx_run_open(run);
    case NX_CMD_INCIDENT_SHOW:
        return nx_run_show(run);
    case NX_CMD_INCIDENT_CLOSE:
        return nx_run_close(run);
    case NX_CMD_STATUS:
    case NX_CMD_WAIT:
        return run_status(run);
    case NX_CMD_REPORT:
        return nx_run_report(run);
    case NX_CMD_EVIDENCE:
        return nx_run_evidence(run);
    case NX_CMD_COMPLETE:
        return nx_run_complete(run);
    case NX_CMD_AUDIT:
    case NX_CMD_PREFLIGHT:
        return nx_run_audit(run);
    case NX_CMD_EXPLAIN:
        return nx_run_explain(run);
    case NX_CMD_RESOLVERS:
        return run->args->measure ? nx_run_measure(run) : nx_run_list(run);
    case NX_CMD_INCIDENT_LIST:
    case NX_CMD_AGENTS_LIST:
    case NX_CMD_AGENTS_LEDGER:
    case NX_CMD_NETWORKS:
    case NX_CMD_ALERTS_LIST:
    case NX_CMD_TOKENS_LIST:
    case NX_CMD_AGENTS_LOG:
    case NX_CMD_ENROL_LIST:
        return nx_run_list(run);
    case NX_CMD_ALERTS_TEST:
        return nx_run_alert_test(run);
    case NX_CMD_AGENTS_ACCEPT:
    case NX_CMD_AGENTS_REVOKE:
    case NX_CMD_AGENTS_REJECT:
    case NX_CMD_AGENTS_QUARANTINE:
    case NX_CMD_AGENTS_RELEASE:
    case NX_CMD_ENROL_CREATE:
    case NX_CMD_ENROL_REVOKE:
    case NX_CMD_TOKENS_CREATE:
    case NX_CMD_TOKENS_REVOKE:
        return nx_run_doors(run);
    case NX_CMD_AGENTS_LABEL:
    case NX_CMD_NETWORKS_LABEL:
        return nx_run_label(run);
    case NX_CMD_SCORE:
        return nx_run_score(run);
    case NX_CMD_INCIDENT_EXPORT:
        return nx_run_export(run);
    case NX_CMD_ESTIMATE:
    case NX_CMD_REPLAY:
    case NX_CMD_HELP:
    case NX_CMD_VERSION:
        break;
    }
    return NX_EXIT_INTERNAL;
}

static int print_constant(const char *string) {
    struct nx_text text;
    nx_text_init(&text);
    nx_text_add(&text, string);
    return nx_run_print(&text);
}

static int open_api(const struct nx_args *args, struct nx_api **out) {
    char file[NX_TOKEN_FILE_MAX];
    const char *token = getenv("NXCLEAR_TOKEN");
    if (args->token_file != NULL) {
        int exit_code = nx_run_read_token(args->token_file, file);
        if (exit_code != 0) {
            return exit_code;
        }
        token = file;
    }
    bool given = token != NULL && token[0] != '\0';
    return nx_api_new(args->api, given ? token : NULL, out) != 0
               ? nx_run_complain("out of memory", NX_EXIT_INTERNAL)
               : 0;
}

int nx_run(const struct nx_args *args, const struct nx_show *show,
           bool terminal) {
    struct nx_run run = {.args = args, .show = show, .terminal = terminal};
    if (args->command == NX_CMD_HELP) {
        struct nx_text help;
        nx_args_help_of(args->subject != NULL ? args->subject : "", &help);
        return nx_run_print(&help);
    }
    if (args->command == NX_CMD_VERSION) {
        return print_constant("nxclear " NX_VERSION "\n");
    }
    if (args->command == NX_CMD_ESTIMATE) {
        return nx_run_estimate(args);
    }
    if (args->command == NX_CMD_REPLAY) {
        return nx_run_replay(args, show);
    }
    int exit_code = open_api(args, &run.api);
    if (exit_code != 0) {
        return exit_code;
    }
    exit_code = dispatch(&run);
    nx_api_free(&run.api);
    return exit_code;
}
