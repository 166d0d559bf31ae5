#include "tests/scenario/story.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PACE_US (US_PER_S / 2)

void story_problem(struct story *s, const struct story_line *line, FILE *out,
                   const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(out, "%s:%u: ", s->path, line->number);
    vfprintf(out, format, args);
    fprintf(out, "\n");
    va_end(args);
    s->problems_n++;
}

/* --- words --- */

bool story_time(const char *word, int64_t *out_us) {
    char *end = NULL;
    double value = strtod(word, &end);
    double unit = strcmp(end, "s") == 0 ? 1e6 : 1e3;
    if (end == word || (strcmp(end, "s") != 0 && strcmp(end, "ms") != 0)) {
        return false;
    }
    *out_us = (int64_t)(value * unit + (value < 0 ? -0.5 : 0.5));
    return true;
}

bool story_number(const char *word, uint32_t *out) {
    char *end = NULL;
    unsigned long value = strtoul(word, &end, 10);
    if (end == word || *end != '\0' || value > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

bool story_span(const char *word, int64_t *lo_us, int64_t *hi_us) {
    char first[STORY_LINE_MAX];
    const char *dots = strstr(word, "..");
    if (dots == NULL) {
        *hi_us = 0;
        return story_time(word, lo_us) && story_time(word, hi_us);
    }
    size_t len = (size_t)(dots - word);
    memcpy(first, word, len);
    first[len] = '\0';
    return story_time(first, lo_us) && story_time(dots + 2, hi_us);
}

static size_t index_of(const char *word, const char *prefix) {
    uint32_t n = 0;
    size_t len = strlen(prefix);
    if (strncmp(word, prefix, len) != 0 || !story_number(word + len, &n)) {
        return SIZE_MAX;
    }
    return n == 0 ? SIZE_MAX : n - 1;
}

struct resolver *story_resolver(struct story *s, const char *word) {
    size_t i = index_of(word, "R");
    return i < s->world.model.resolvers_n ? &s->world.model.resolvers[i] : NULL;
}

struct server *story_server(struct story *s, const char *word) {
    size_t i = index_of(word, "NS");
    return i < s->world.model.servers_n ? &s->world.model.servers[i] : NULL;
}

/* --- reading --- */

static bool split(struct story_line *line) {
    char *comment = strchr(line->text, '#');
    char *rest = NULL;
    if (comment != NULL) {
        *comment = '\0';
    }
    line->n = 0;
    for (char *word = strtok_r(line->text, " \t\r\n", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r\n", &rest)) {
        if (line->n == STORY_WORDS_MAX) {
            return false;
        }
        line->words[line->n++] = word;
    }
    return true;
}

/* False at the end of the file. */
static bool next_line(struct story *s, FILE *in, unsigned *number, FILE *out) {
    struct story_line *line = &s->lines[s->lines_n];
    if (fgets(line->text, sizeof(line->text), in) == NULL) {
        return false;
    }
    line->number = ++*number;
    if (!split(line)) {
        story_problem(s, line, out, "too many words");
    }
    if (line->n > 0) {
        s->lines_n++;
    }
    return true;
}

static void read_lines(struct story *s, FILE *in, FILE *out) {
    unsigned number = 0;
    while (s->lines_n < STORY_LINES_MAX && next_line(s, in, &number, out)) {
    }
    if (s->lines_n == STORY_LINES_MAX) {
        story_problem(s, &s->lines[STORY_LINES_MAX - 1], out,
                      "a story has less than %u lines", STORY_LINES_MAX);
    }
}

/* --- what stands before the first "at" --- */

static bool set_network(struct story *s, const struct story_line *line) {
    struct world_agent *a = world_agent(&s->world, line->words[1], false);
    for (size_t i = 2; a != NULL && i < line->n; i++) {
        struct resolver *r = story_resolver(s, line->words[i]);
        if (r == NULL) {
            if (index_of(line->words[i], "R") != s->world.model.resolvers_n) {
                return false; /* R1, R2, ... in order */
            }
            r = model_resolver(&s->world.model);
        }
        if (r == NULL) {
            return false;
        }
        a->resolvers[a->resolvers_n++] = r;
    }
    return a != NULL && line->n > 2;
}

static bool set_servers(struct story *s, const struct story_line *line) {
    uint32_t n = 0;
    bool made = story_number(line->words[1], &n) && n > 0;
    for (uint32_t i = 0; made && i < n; i++) {
        made = model_server(&s->world.model) != NULL;
    }
    return made;
}

static bool set_never(struct story *s, const struct story_line *line) {
    if (s->never_n == STORY_NEVER_MAX || line->n != 3) {
        return false;
    }
    s->never[s->never_n++] = line;
    return true;
}

static bool set_up(struct story *s, const struct story_line *line) {
    const char *verb = line->words[0];
    struct nx_engine_settings *settings = &s->world.settings;
    if (line->n < 2) {
        return false;
    }
    if (strcmp(verb, "network") == 0) {
        return set_network(s, line);
    }
    if (strcmp(verb, "servers") == 0) {
        return set_servers(s, line);
    }
    if (strcmp(verb, "auditor") == 0) {
        return world_agent(&s->world, line->words[1], true) != NULL;
    }
    if (strcmp(verb, "settle") == 0) {
        return story_time(line->words[1], &settings->settle_us);
    }
    if (strcmp(verb, "silent-after") == 0) {
        return story_time(line->words[1], &settings->diagnosis.silent_after_us);
    }
    if (strcmp(verb, "expecting") == 0) {
        return nx_incident_expect(&s->world.incident.items[0],
                                  line->words[1]) == 0;
    }
    return strcmp(verb, "never") == 0 && set_never(s, line);
}

/* Gives every "at" line its time; all others take effect now. */
static void prepare(struct story *s, FILE *out) {
    for (size_t i = 0; i < s->lines_n; i++) {
        struct story_line *line = &s->lines[i];
        bool timed = strcmp(line->words[0], "at") == 0;
        if (timed &&
            (line->n < 3 || !story_time(line->words[1], &line->at_us))) {
            story_problem(s, line, out, "at TIME VERB ...");
        } else if (!timed && !set_up(s, line)) {
            story_problem(s, line, out, "not understood: %s", line->words[0]);
        }
    }
}

/* --- playing --- */

static void watch_never(struct story *s, FILE *out) {
    for (size_t i = 0; i < s->never_n; i++) {
        const struct story_line *line = s->never[i];
        if (story_is(s, line->words[1], line->words[2])) {
            story_problem(s, line, out, "%s is %s at %.1fs", line->words[1],
                          line->words[2],
                          (double)s->world.now_us / (double)US_PER_S);
        }
    }
}

static void run_until(struct story *s, const struct story_line *line,
                      FILE *out) {
    unsigned before = s->problems_n;
    while (s->world.now_us < line->at_us && s->problems_n == before) {
        int64_t next_us = s->world.now_us + PACE_US;
        int err =
            world_run(&s->world, next_us < line->at_us ? next_us : line->at_us);
        if (err != 0) {
            story_problem(s, line, out, "before this: %s", nx_strerror(err));
        }
        watch_never(s, out);
    }
}

static void play_line(struct story *s, const struct story_line *line,
                      FILE *out) {
    if (line->at_us < s->world.now_us) {
        story_problem(s, line, out, "goes back in time");
        return;
    }
    run_until(s, line, out);
    if (strcmp(line->words[2], "expect") == 0) {
        story_expect(s, line, out);
    } else if (!story_act(s, line)) {
        story_problem(s, line, out, "not understood: %s", line->words[2]);
    }
}

static void play(struct story *s, FILE *out) {
    bool started = false;
    for (size_t i = 0; i < s->lines_n && s->problems_n == 0; i++) {
        const struct story_line *line = &s->lines[i];
        if (strcmp(line->words[0], "at") != 0) {
            continue;
        }
        if (!started) {
            started = true;
            s->world.now_us = line->at_us;
            int err = world_start(&s->world);
            if (err != 0) {
                story_problem(s, line, out, "start: %s", nx_strerror(err));
                return;
            }
        }
        play_line(s, line, out);
    }
    if (!started) {
        fprintf(out, "%s: nothing happens\n", s->path);
        s->problems_n++;
    }
}

unsigned story_play(const char *path, FILE *out) {
    struct story *s = calloc(1, sizeof(*s));
    FILE *in = fopen(path, "r");
    if (s == NULL || in == NULL) {
        fprintf(out, "%s: cannot be read\n", path);
        free(s);
        if (in != NULL) {
            (void)fclose(in);
        }
        return 1;
    }
    s->path = path;
    world_init(&s->world);
    read_lines(s, in, out);
    (void)fclose(in);
    prepare(s, out);
    if (s->problems_n == 0) {
        play(s, out);
    }
    world_fini(&s->world);
    unsigned problems_n = s->problems_n;
    free(s);
    return problems_n;
}
