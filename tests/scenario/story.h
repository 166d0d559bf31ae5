/* Stories as text: tests/scenario/README.md is the manual of the language. */
#ifndef NX_TESTS_SCENARIO_STORY_H
#define NX_TESTS_SCENARIO_STORY_H

#include <stdio.h>

#include "tests/scenario/world.h"

#define STORY_LINES_MAX 200U
#define STORY_WORDS_MAX 24U
#define STORY_LINE_MAX 256U
#define STORY_NEVER_MAX 8U

/* A line, cut into words. words[0..n) are NUL-terminated. */
struct story_line {
    unsigned number;
    int64_t at_us; /* lines that begin with "at" */
    char text[STORY_LINE_MAX];
    char *words[STORY_WORDS_MAX];
    size_t n;
};

struct story {
    const char *path;
    struct world world;
    struct story_line lines[STORY_LINES_MAX];
    size_t lines_n;
    const struct story_line *never[STORY_NEVER_MAX];
    size_t never_n;
    unsigned problems_n;
};

/* Reads and plays; each problem is a line "FILE:LINE: what" on out. Returns
 * their number. */
unsigned story_play(const char *path, FILE *out);

/* "10s", "-2.5s", "500ms". */
bool story_time(const char *word, int64_t *out_us);
bool story_number(const char *word, uint32_t *out);
/* "598s..602s" or "600s". */
bool story_span(const char *word, int64_t *lo_us, int64_t *hi_us);

/* The resolver "R2", server "NS1" of the model; NULL: none. */
struct resolver *story_resolver(struct story *s, const char *word);
struct server *story_server(struct story *s, const char *word);

/* Reports a problem of a line. */
void story_problem(struct story *s, const struct story_line *line, FILE *out,
                   const char *format, ...) NX_PRINTF(4, 5);

/* act.c: the verbs that change the world. False: not one, or misused. */
bool story_act(struct story *s, const struct story_line *line);

/* expect.c: "expect SUBJECT ..."; reports what is not so. */
void story_expect(struct story *s, const struct story_line *line, FILE *out);
/* "never SUBJECT STATE": is it so now? */
bool story_is(struct story *s, const char *subject, const char *state);

#endif
