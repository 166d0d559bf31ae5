/* What needs no collector: estimate and replay. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/cli/io_run.h"
#include "collector/replay/replay.h"
#include "collector/replay/vector.h"
#include "collector/status/status.h"
#include "common/rfc3339.h"

#define INPUT_MAX_BYTES (64U << 20)
#define BLOCK_BYTES 65536U
#define MOMENTS_MAX 100000U

static const char *name_of(const struct nx_args *args) {
    return args->subject != NULL ? args->subject : "standard input";
}

/* The names of files are escaped as everything that is no text of ours. */
static int complain_at(const struct nx_args *args, int exit_code,
                       const char *format, ...) NX_PRINTF(3, 4);

static int complain_at(const struct nx_args *args, int exit_code,
                       const char *format, ...) {
    char raw[NX_API_WHY_MAX];
    char why[NX_API_WHY_MAX];
    va_list list;
    int n = snprintf(raw, sizeof raw, "%.200s", name_of(args));
    va_start(list, format);
    (void)vsnprintf(raw + n, sizeof raw - (size_t)n, format, list);
    va_end(list);
    return nx_run_complain(nx_escape(raw, why, sizeof why), exit_code);
}

static FILE *open_input(const struct nx_args *args, int *exit_code) {
    FILE *in = args->subject == NULL ? stdin : fopen(args->subject, "rb");
    if (in == NULL) {
        *exit_code =
            complain_at(args, NX_EXIT_NO_INPUT, ": %s", strerror(errno));
    }
    return in;
}

static void close_input(const struct nx_args *args, FILE *in) {
    if (args->subject != NULL) {
        (void)fclose(in);
    }
}

/* --- estimate --- */

static int read_all(const struct nx_args *args, struct nx_text *out) {
    int exit_code = 0;
    char block[BLOCK_BYTES];
    FILE *in = open_input(args, &exit_code);
    if (in == NULL) {
        return exit_code;
    }
    size_t n = 0;
    while (out->len <= INPUT_MAX_BYTES && !out->failed &&
           (n = fread(block, 1, sizeof block, in)) > 0) {
        nx_text_bytes(out, block, n);
    }
    if (ferror(in) != 0) {
        exit_code =
            complain_at(args, NX_EXIT_NO_INPUT, ": %s", strerror(errno));
    } else if (out->failed) {
        exit_code = nx_run_complain("out of memory", NX_EXIT_INTERNAL);
    } else if (out->len > INPUT_MAX_BYTES) {
        exit_code = complain_at(args, NX_EXIT_DATA, ": more than %u MiB",
                                INPUT_MAX_BYTES >> 20);
    }
    close_input(args, in);
    return exit_code;
}

static int estimate(const struct nx_args *args, const json_t *document) {
    struct nx_json_fault fault;
    struct nx_text text;
    json_t *answer = nx_vector_estimate(document, &fault);
    if (answer == NULL) {
        return nx_run_complain(fault.why, NX_EXIT_DATA);
    }
    (void)args;
    nx_text_init(&text);
    nx_show_json(answer, false, &text);
    json_decref(answer);
    return nx_run_print(&text);
}

int nx_run_estimate(const struct nx_args *args) {
    struct nx_text input;
    json_error_t error;
    nx_text_init(&input);
    int exit_code = read_all(args, &input);
    if (exit_code != 0) {
        nx_text_fini(&input);
        return exit_code;
    }
    json_t *document = json_loadb(input.bytes != NULL ? input.bytes : "",
                                  input.len, JSON_REJECT_DUPLICATES, &error);
    nx_text_fini(&input);
    if (document == NULL) {
        return complain_at(args, NX_EXIT_DATA, ":%d:%d: %s", error.line,
                           error.column, error.text);
    }
    exit_code = estimate(args, document);
    json_decref(document);
    return exit_code;
}

/* --- replay --- */

struct player {
    const struct nx_args *args;
    const struct nx_show *show;
    struct nx_replay *replay;
    struct nx_arena arena;
    uintmax_t line_n;
    size_t at_i;      /* of args->at_us */
    int64_t every_us; /* next moment of --every; NX_TIME_NONE: none */
    unsigned moments_n;
    bool ended;                      /* the last record was seen */
    struct nx_recording_lacks lacks; /* as it says */
};

static int show_moment(struct player *p, int64_t at_us) {
    struct nx_text text;
    if (++p->moments_n > MOMENTS_MAX) {
        return nx_run_complain("too many moments to show", NX_EXIT_USAGE);
    }
    if (nx_replay_until(p->replay, at_us) != 0) {
        return nx_run_complain("--at: more than 400 days after the record "
                               "before",
                               NX_EXIT_USAGE);
    }
    json_t *status = nx_status_incident(nx_replay_engine(p->replay),
                                        nx_replay_incident(p->replay), at_us);
    if (status == NULL) {
        return nx_run_complain("out of memory", NX_EXIT_INTERNAL);
    }
    nx_text_init(&text);
    if (p->args->format == NX_FORMAT_JSON) {
        nx_show_json(status, true, &text);
    } else if (p->args->format == NX_FORMAT_JSONL) {
        nx_show_status_jsonl(status, &text);
    } else {
        nx_text_add(&text, p->moments_n > 1 ? "\n" : "");
        nx_show_moment(status, p->show, &text);
    }
    json_decref(status);
    return nx_run_print(&text);
}

/* Shows what is wanted of the time before until_us. */
static int show_before(struct player *p, int64_t until_us) {
    const struct nx_args *args = p->args;
    int exit_code = 0;
    while (exit_code == 0 && nx_replay_incident(p->replay) != 0) {
        int64_t at_us = INT64_MAX;
        if (p->at_i < args->at_n) {
            at_us = args->at_us[p->at_i];
        }
        bool every = p->every_us != NX_TIME_NONE && p->every_us < at_us;
        at_us = every ? p->every_us : at_us;
        if (at_us >= until_us) {
            return 0;
        }
        if (every) {
            p->every_us += args->every_us;
        } else {
            p->at_i++;
        }
        exit_code = show_moment(p, at_us);
    }
    return exit_code;
}

static int complain_line(const struct player *p, const char *why) {
    return complain_at(p->args, NX_EXIT_DATA, ":%ju: %s", p->line_n, why);
}

static int play_header(struct player *p, const char *line, size_t len) {
    struct nx_recording_header header;
    struct nx_json_fault fault;
    if (nx_recording_read_header(line, len, &header, &fault) != 0) {
        return complain_line(p, fault.why);
    }
    return nx_replay_new(&header, &p->replay) == 0
               ? 0
               : nx_run_complain("out of memory", NX_EXIT_INTERNAL);
}

static int play_record(struct player *p, const char *line, size_t len) {
    struct nx_record record;
    struct nx_json_fault fault;
    nx_arena_reset(&p->arena);
    if (nx_recording_read(line, len, &p->arena, &record, &fault) != 0) {
        return complain_line(p, fault.why);
    }
    int exit_code = show_before(p, record.at_us);
    if (exit_code != 0) {
        return exit_code;
    }
    int err = nx_replay_feed(p->replay, &record);
    if (err != 0) {
        return complain_line(p, nx_strerror(err));
    }
    if (record.kind == NX_RECORD_OPEN && p->args->every_us > 0) {
        p->every_us = record.at_us + p->args->every_us;
    }
    if (record.kind == NX_RECORD_END) {
        p->ended = true;
        p->lacks = record.u.lacks;
    }
    return 0;
}

/* What was shown is not all that was known then. */
static int tell_lacks(const struct player *p) {
    char before[NX_TIME_TEXT_MAX];
    if (p->lacks.before_us != NX_TIME_UNKNOWN) {
        return complain_at(p->args, NX_EXIT_DATA,
                           ": lacks what was received before %s",
                           nx_time_text(p->lacks.before_us, before));
    }
    return p->lacks.damaged_n == 0
               ? 0
               : complain_at(p->args, NX_EXIT_DATA,
                             ": lacks %ju messages that were damaged",
                             (uintmax_t)p->lacks.damaged_n);
}

/* Without any wish: how things stood in the end. */
static int finish(struct player *p) {
    const struct nx_args *args = p->args;
    if (p->replay == NULL) {
        return complain_at(args, NX_EXIT_DATA, ": empty");
    }
    if (nx_replay_incident(p->replay) == 0) {
        return complain_at(args, NX_EXIT_DATA, ": the incident is not opened");
    }
    int64_t now_us = nx_replay_now_us(p->replay);
    int exit_code = show_before(p, now_us + 1);
    p->every_us = NX_TIME_NONE;
    exit_code = exit_code != 0 ? exit_code : show_before(p, INT64_MAX);
    if (exit_code == 0 && args->at_n == 0 && args->every_us == 0) {
        exit_code = show_moment(p, now_us);
    }
    if (exit_code == 0 && !p->ended) {
        exit_code = complain_at(args, NX_EXIT_DATA,
                                ": breaks off after line %ju", p->line_n);
    }
    return exit_code == 0 && p->ended ? tell_lacks(p) : exit_code;
}

/* One line without its end into buffer (NX_RECORDING_LINE_MAX); a longer one
 * counts as one byte more. False: there is none. */
static bool read_line(FILE *in, char *buffer, size_t *len) {
    int c = getc_unlocked(in);
    *len = 0;
    for (; c != EOF && c != '\n'; c = getc_unlocked(in)) {
        if (*len == NX_RECORDING_LINE_MAX) {
            ++*len;
            return true;
        }
        buffer[(*len)++] = (char)c;
    }
    return c != EOF || *len > 0;
}

static int play_all(struct player *p, FILE *in, char *buffer) {
    size_t len = 0;
    int exit_code = 0;
    while (exit_code == 0 && read_line(in, buffer, &len)) {
        p->line_n++;
        exit_code = p->replay == NULL ? play_header(p, buffer, len)
                                      : play_record(p, buffer, len);
    }
    if (exit_code == 0 && ferror(in) != 0) {
        exit_code =
            complain_at(p->args, NX_EXIT_NO_INPUT, ": %s", strerror(errno));
    }
    return exit_code != 0 ? exit_code : finish(p);
}

int nx_run_replay(const struct nx_args *args, const struct nx_show *show) {
    struct player p = {.args = args, .show = show, .every_us = NX_TIME_NONE};
    int exit_code = 0;
    FILE *in = open_input(args, &exit_code);
    if (in == NULL) {
        return exit_code;
    }
    void *memory = malloc(NX_RECORDING_ARENA_BYTES);
    char *buffer = malloc(NX_RECORDING_LINE_MAX);
    if (memory == NULL || buffer == NULL) {
        exit_code = nx_run_complain("out of memory", NX_EXIT_INTERNAL);
    } else {
        nx_arena_init(&p.arena, memory, NX_RECORDING_ARENA_BYTES);
        exit_code = play_all(&p, in, buffer);
    }
    nx_replay_free(&p.replay);
    free(memory);
    free(buffer);
    close_input(args, in);
    return exit_code;
}
