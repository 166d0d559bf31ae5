/* What stays: status --watch and wait. Both ask once a second, so that the
 * countdown goes on while nothing changes. */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "collector/cli/io_run.h"
#include "collector/cli/io_screen.h"

#define US_PER_S INT64_C(1000000)

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&action.sa_mask); /* no SA_RESTART: sleep must end */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

/* Sleeps up to a moment, or to a signal. */
static void sleep_until(int64_t at_us) {
    struct timespec at = {.tv_sec = at_us / US_PER_S,
                          .tv_nsec = at_us % US_PER_S * 1000};
    if (stopped == 0) {
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
}

static bool is_closed(const json_t *status) {
    return nx_doc_time(json_object_get(status, "incident"), "closed") !=
           NX_TIME_NONE;
}

/* --- watch --- */

/* One block for a pipe or a file. */
static void add_block(const struct nx_run *run, const json_t *status,
                      struct nx_text *out) {
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(status, true, out);
    } else if (run->args->format == NX_FORMAT_JSONL) {
        nx_show_status_jsonl(status, out);
    } else {
        nx_show_status(status, run->show, out);
        nx_text_add(out, "\n");
    }
}

/* Shows what was just learnt; trouble: why there is nothing new, or NULL. */
static int show_now(const struct nx_run *run, const json_t *status,
                    const char *trouble, bool trouble_is_new) {
    struct nx_text text;
    nx_text_init(&text);
    if (trouble == NULL) {
        add_block(run, status, &text);
    } else if (trouble_is_new) {
        (void)fprintf(stderr, "nxclear: %s\n", trouble);
    }
    return nx_run_print(&text);
}

/* Asks again and again; *status is the newest document. What was seen last is
 * no answer while the collector does not give one. */
static int watch_loop(const struct nx_run *run, uint32_t id, json_t **status) {
    struct nx_api_error error;
    bool trouble = false;
    int64_t next_us = nx_run_mono_us();
    while (stopped == 0) {
        json_t *fresh = NULL;
        int failed = nx_run_status(run, id, &fresh, &error);
        if (failed != 0 && stopped != 0) {
            break; /* it is that which ended it */
        }
        if (failed == NX_EXIT_USAGE || failed == NX_EXIT_NOPERM ||
            (failed != 0 && *status == NULL && error.again_s == 0)) {
            (void)fprintf(stderr, "nxclear: %s\n", error.why);
            return failed; /* waiting would not help */
        }
        if (failed == 0) {
            json_decref(*status);
            *status = fresh;
        }
        int exit_code = show_now(run, *status, failed != 0 ? error.why : NULL,
                                 failed != 0 && !trouble);
        trouble = failed != 0;
        if (exit_code != 0 || is_closed(*status)) {
            return exit_code;
        }
        next_us += US_PER_S;
        if (next_us < nx_run_mono_us()) {
            next_us = nx_run_mono_us(); /* no hurry to catch up */
        }
        sleep_until(next_us);
    }
    return trouble ? NX_EXIT_UNAVAILABLE : 0;
}

int nx_run_watch(const struct nx_run *run, uint32_t id) {
    json_t *status = NULL;
    if (run->terminal && run->args->format == NX_FORMAT_TABLE &&
        isatty(STDIN_FILENO) != 0) {
        return nx_run_screen(run, id);
    }
    catch_signals();
    nx_api_patience(run->api, &stopped, NX_TIME_NONE);
    int exit_code = watch_loop(run, id, &status);
    if (exit_code == 0) {
        exit_code = nx_show_exit(status);
    }
    json_decref(status);
    return exit_code;
}

/* --- wait --- */

/* How the waiting stands. */
struct waiting {
    int64_t started_us;
    int64_t hopeful_us; /* when it was last clear or on schedule */
    int outlook;        /* newest exit code of a status */
    bool reached;       /* the collector answered at least once */
};

static bool is_over(const struct nx_args *args, const struct waiting *w) {
    int64_t now_us = nx_run_mono_us();
    return (args->timeout_us != NX_TIME_NONE &&
            now_us - w->started_us >= args->timeout_us) ||
           now_us - w->hopeful_us >= args->patience_us;
}

/* When to look again: in a second, or when time is up. */
static int64_t next_look(const struct nx_args *args, const struct waiting *w) {
    int64_t next_us = nx_run_mono_us() + US_PER_S;
    if (args->timeout_us != NX_TIME_NONE &&
        w->started_us + args->timeout_us < next_us) {
        next_us = w->started_us + args->timeout_us;
    }
    return next_us;
}

static bool timed_out(const struct nx_args *args, const struct waiting *w) {
    return args->timeout_us != NX_TIME_NONE &&
           nx_run_mono_us() - w->started_us >= args->timeout_us;
}

/* Scripts get the exit code, people this. */
static void say_why(const json_t *status, bool time_is_up) {
    struct nx_text text;
    nx_text_init(&text);
    nx_show_ended(status, time_is_up, &text);
    (void)fprintf(stderr, "nxclear: %s\n",
                  text.bytes != NULL ? text.bytes : "out of memory");
    nx_text_fini(&text);
}

/* true: the end, with *exit_code. */
static bool wait_step(const struct nx_run *run, uint32_t id, struct waiting *w,
                      int *exit_code) {
    struct nx_api_error error;
    json_t *status = NULL;
    int failed = nx_run_status(run, id, &status, &error);
    if (failed != 0 && stopped != 0) {
        return true;
    }
    if (failed == NX_EXIT_USAGE || failed == NX_EXIT_NOPERM ||
        (failed != 0 && !w->reached && error.again_s == 0)) {
        (void)fprintf(stderr, "nxclear: %s\n", error.why);
        *exit_code = failed;
        return true;
    }
    w->reached = true;
    w->outlook = failed != 0 ? failed : nx_show_exit(status);
    bool closed = failed == 0 && is_closed(status);
    if (w->outlook == NX_EXIT_CLEAR || w->outlook == NX_EXIT_WAITING) {
        w->hopeful_us = nx_run_mono_us();
    }
    *exit_code = w->outlook;
    bool end = w->outlook == NX_EXIT_CLEAR || closed || is_over(run->args, w);
    if (end && failed != 0) {
        (void)fprintf(stderr, "nxclear: %s\n", error.why);
    } else if (end && w->outlook != NX_EXIT_CLEAR) {
        say_why(status, timed_out(run->args, w));
    }
    json_decref(status);
    return end;
}

/* The time runs from the first request on, whatever it asks. */
int nx_run_wait(const struct nx_run *run) {
    struct waiting w = {.started_us = nx_run_mono_us(),
                        .outlook = NX_EXIT_UNKNOWN};
    uint32_t id = 0;
    w.hopeful_us = w.started_us;
    nx_api_patience(run->api, &stopped,
                    run->args->timeout_us != NX_TIME_NONE
                        ? w.started_us + run->args->timeout_us
                        : NX_TIME_NONE);
    int exit_code = nx_run_incident(run, &id);
    if (exit_code != 0) {
        return exit_code;
    }
    exit_code = NX_EXIT_UNKNOWN;
    catch_signals();
    while (!wait_step(run, id, &w, &exit_code)) {
        sleep_until(next_look(run->args, &w));
        if (stopped != 0) {
            break;
        }
    }
    return exit_code;
}
