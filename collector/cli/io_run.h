/* The commands of nxclear: what is asked of the API, and what is printed. */
#ifndef NX_CLI_IO_RUN_H
#define NX_CLI_IO_RUN_H

#include "collector/cli/args.h"
#include "collector/cli/io_api.h"

/* Prints to stdout, problems to stderr as "nxclear: ...". terminal: stdout is
 * one, so --watch redraws in place. Returns the exit code. */
int nx_run(const struct nx_args *args, const struct nx_show *show,
           bool terminal);

/* --- shared by the commands (io_run.c, io_watch.c) --- */

struct nx_run {
    const struct nx_args *args;
    const struct nx_show *show;
    bool terminal;
    struct nx_api *api;
};

int nx_run_watch(const struct nx_run *run, uint32_t id);
int nx_run_wait(const struct nx_run *run);

/* Asks once for the status document; an exit code other than 0 with *error. */
int nx_run_status(const struct nx_run *run, uint32_t id, json_t **out,
                  struct nx_api_error *error);
/* The same for who does nothing else meanwhile: while the collector is making
 * it, asks again for some minutes. An exit code other than 0 was printed
 * about. */
int nx_run_status_made(const struct nx_run *run, uint32_t id, json_t **out);

/* A document of the API (a new reference); an exit code other than 0 was
 * printed about. */
int nx_run_get(const struct nx_run *run, const char *path, json_t **out);

/* The same of a change. body: taken; NULL when the command line had something
 * that is no text. */
int nx_run_post(const struct nx_run *run, const char *path, json_t *body,
                json_t **out);

/* The incident given, or the only open one; as above. */
int nx_run_incident(const struct nx_run *run, uint32_t *out);

int64_t nx_run_wall_us(void);
int64_t nx_run_mono_us(void);

/* io_incident.c */
int nx_run_open(const struct nx_run *run);
int nx_run_show(const struct nx_run *run);
int nx_run_close(const struct nx_run *run);
int nx_run_export(const struct nx_run *run);

/* io_list.c */
int nx_run_list(const struct nx_run *run);

/* io_record.c: what stays of an incident. */
int nx_run_explain(const struct nx_run *run);
int nx_run_report(const struct nx_run *run);
int nx_run_evidence(const struct nx_run *run); /* io_bundle.c */
int nx_run_complete(const struct nx_run *run);
/* The document of args->network; as nx_run_get. */
int nx_run_network(const struct nx_run *run, uint32_t id, json_t **out);
int nx_run_network_quietly(const struct nx_run *run, uint32_t id, json_t **out,
                           struct nx_api_error *error);
int nx_run_alert_test(const struct nx_run *run);

/* io_audit.c: audit and preflight. */
int nx_run_audit(const struct nx_run *run);

/* io_doors.c: agents, tokens. */
int nx_run_doors(const struct nx_run *run);
/* The first line of a file that others may not read; out: NX_TOKEN_FILE_MAX. An
 * exit code other than 0 was printed about. */
#define NX_TOKEN_FILE_MAX 256U
int nx_run_read_token(const char *path, char *out);

/* io_offline.c: estimate and replay; no collector is asked. */
int nx_run_estimate(const struct nx_args *args);
int nx_run_replay(const struct nx_args *args, const struct nx_show *show);

/* Prints why to stderr as "nxclear: why"; returns exit_code. */
int nx_run_complain(const char *why, int exit_code);

/* Writes the text to stdout and empties it; an exit code if that fails. */
int nx_run_print(struct nx_text *text);

int nx_run_label(const struct nx_run *run);
int nx_run_measure(const struct nx_run *run); /* io_measure.c */
int nx_run_score(const struct nx_run *run);

#endif
