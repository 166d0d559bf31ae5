/* What a story expects of the status document and of the plans. */
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "collector/status/status.h"
#include "common/rfc3339.h"
#include "tests/scenario/story.h"

struct check {
    struct story *story;
    const struct story_line *line;
    FILE *out;
    json_t *document;
    json_t *row; /* the target, network, ... */
    size_t i;    /* next word */
};

static json_t *document_of(struct story *s) {
    return nx_status_incident(s->world.engine, WORLD_INCIDENT,
                              WORLD_EPOCH_US + s->world.now_us);
}

static json_t *find_network(json_t *document, const char *name) {
    size_t i = 0;
    json_t *network = NULL;
    json_array_foreach(json_object_get(document, "networks"), i, network) {
        const char *is = json_string_value(json_object_get(network, "network"));
        if (is != NULL && strcmp(is, name) == 0) {
            return network;
        }
    }
    return NULL;
}

static json_t *find_target(json_t *document, const struct resolver *r) {
    char at[NX_ENDPOINT_TEXT_MAX];
    size_t i = 0;
    size_t j = 0;
    json_t *network = NULL;
    json_t *target = NULL;
    (void)nx_endpoint_text(&r->at, at);
    json_array_foreach(json_object_get(document, "networks"), i, network) {
        json_array_foreach(json_object_get(network, "targets"), j, target) {
            const char *is =
                json_string_value(json_object_get(target, "resolver"));
            if (is != NULL && strcmp(is, at) == 0) {
                return target;
            }
        }
    }
    return NULL;
}

static json_t *row_of(struct story *s, json_t *document, const char *subject) {
    const struct resolver *r = story_resolver(s, subject);
    return r != NULL ? find_target(document, r)
                     : find_network(document, subject);
}

bool story_is(struct story *s, const char *subject, const char *state) {
    json_t *document = document_of(s);
    const char *is = json_string_value(
        json_object_get(row_of(s, document, subject), "state"));
    bool same = is != NULL && strcmp(is, state) == 0;
    json_decref(document);
    return same;
}

/* --- saying what is wrong --- */

static void wrong(struct check *c, const char *what, const json_t *value) {
    char *text = value == NULL
                     ? NULL
                     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    story_problem(c->story, c->line, c->out, "%s is %.2000s", what,
                  text != NULL ? text : "absent");
    free(text);
}

static const char *take(struct check *c) {
    return c->i < c->line->n ? c->line->words[c->i++] : "";
}

static double story_seconds(const json_t *value) {
    int64_t us = 0;
    const char *text = json_string_value(value);
    if (text == NULL || nx_time_parse(text, &us) != 0) {
        return -1e18;
    }
    return (double)(us - WORLD_EPOCH_US) / 1e6;
}

/* --- one word and its value each; false: not understood --- */

static void check_time(struct check *c, const char *what, const json_t *value,
                       const char *span) {
    int64_t lo_us = 0;
    int64_t hi_us = 0;
    if (!story_span(span, &lo_us, &hi_us)) {
        story_problem(c->story, c->line, c->out, "%s: not a time: %s", what,
                      span);
        return;
    }
    double is = story_seconds(value);
    if (is < (double)lo_us / 1e6 - 0.001 || is > (double)hi_us / 1e6 + 0.001) {
        story_problem(c->story, c->line, c->out, "%s is %.3fs, not %s", what,
                      is, span);
    }
}

static void check_text(struct check *c, const char *key, const char *want) {
    const json_t *value = json_object_get(c->row, key);
    const char *is = json_string_value(value);
    if (is == NULL) {
        wrong(c, key, value);
        return;
    }
    for (size_t i = 0; is[i] != '\0' || want[i] != '\0'; i++) {
        char expected = want[i] == '_' ? ' ' : want[i];
        if (is[i] != expected) {
            wrong(c, key, value);
            return;
        }
    }
}

static void check_flag(struct check *c, const char *flag, bool wanted) {
    size_t i = 0;
    json_t *value = NULL;
    json_t *flags = json_object_get(c->row, "flags");
    bool found = false;
    json_array_foreach(flags, i, value) {
        found = found || strcmp(json_string_value(value), flag) == 0;
    }
    if (found != wanted) {
        wrong(c, "flags", flags);
    }
}

static void check_hard(struct check *c, const char *span, const char *reason) {
    json_t *hard = json_object_get(c->row, "hard");
    const char *is = json_string_value(json_object_get(hard, "reason"));
    check_time(c, "hard", json_object_get(hard, "at"), span);
    if (is == NULL || strcmp(is, reason) != 0) {
        wrong(c, "hard", hard);
    }
}

/* Does the 90 % interval hold this moment? */
static void check_inside(struct check *c, const char *word) {
    int64_t at_us = 0;
    json_t *clears = json_object_get(c->row, "clears");
    double lo = story_seconds(json_object_get(clears, "lo90"));
    double hi = story_seconds(json_object_get(clears, "hi90"));
    if (!story_time(word, &at_us) || (double)at_us / 1e6 < lo ||
        (double)at_us / 1e6 > hi) {
        story_problem(c->story, c->line, c->out,
                      "90 %% interval is %.3fs..%.3fs, without %s", lo, hi,
                      word);
    }
}

static void check_null(struct check *c, const char *key) {
    const json_t *value = json_object_get(c->row, key);
    if (!json_is_null(value)) {
        wrong(c, key, value);
    }
}

static void check_integer(struct check *c, const char *key, const char *want) {
    const json_t *value = json_object_get(c->row, key);
    if (!json_is_integer(value) || json_integer_value(value) != atoll(want)) {
        wrong(c, key, value);
    }
}

static void check_bool(struct check *c, const char *key, bool want) {
    const json_t *value = json_object_get(c->row, key);
    if (!json_is_boolean(value) || json_is_true(value) != want) {
        wrong(c, key, value);
    }
}

static bool check_clears(struct check *c, const char *word) {
    json_t *clears = json_object_get(c->row, "clears");
    if (strcmp(word, "until") == 0) {
        check_time(c, "clears.point", json_object_get(clears, "point"),
                   take(c));
    } else if (strcmp(word, "within") == 0) {
        check_inside(c, take(c));
    } else if (strcmp(word, "no-forecast") == 0) {
        check_null(c, "clears");
    } else if (strcmp(word, "hard") == 0) {
        const char *span = take(c);
        check_hard(c, span, take(c));
    } else if (strcmp(word, "no-hard") == 0) {
        check_null(c, "hard");
    } else {
        return false;
    }
    return true;
}

static bool check_authority(struct check *c, const char *word) {
    if (strcmp(word, "verified") == 0 || strcmp(word, "unverified") == 0) {
        check_bool(c, "verified", word[0] == 'v');
    } else if (strcmp(word, "good") == 0) {
        check_integer(c, "good", take(c));
    } else if (strcmp(word, "total") == 0) {
        check_integer(c, "total", take(c));
    } else if (strcmp(word, "restored") == 0) {
        check_time(c, "restored_hi", json_object_get(c->row, "restored_hi"),
                   take(c));
    } else if (strcmp(word, "w") == 0) {
        c->row = json_object_get(c->document, "negative");
        check_integer(c, "ttl_s", take(c));
        c->row = json_object_get(c->document, "authority");
    } else {
        return false;
    }
    return true;
}

static bool check_word(struct check *c, const char *word) {
    if (check_clears(c, word) || check_authority(c, word)) {
        return true;
    }
    if (strcmp(word, "flag") == 0) {
        check_flag(c, take(c), true);
    } else if (strcmp(word, "no-flag") == 0) {
        check_flag(c, take(c), false);
    } else if (strcmp(word, "reason") == 0 || strcmp(word, "basis") == 0) {
        check_text(c, word, take(c));
    } else if (strcmp(word, "since") == 0 || strcmp(word, "seen") == 0) {
        check_time(c, word, json_object_get(c->row, word), take(c));
    } else if (strcmp(word, "presumed") == 0) {
        check_bool(c, "presumed_clear", true);
    } else {
        return false;
    }
    return true;
}

static void check_words(struct check *c) {
    while (c->i < c->line->n) {
        const char *word = take(c);
        if (!check_word(c, word)) {
            story_problem(c->story, c->line, c->out, "not understood: %s",
                          word);
        }
    }
}

/* --- subjects --- */

static void expect_row(struct check *c, const char *subject) {
    c->row = row_of(c->story, c->document, subject);
    if (c->row == NULL) {
        story_problem(c->story, c->line, c->out, "nothing known of %s",
                      subject);
        return;
    }
    check_text(c, "state", take(c));
    check_words(c);
}

/* "plan NETWORK N": so many tasks. */
static void expect_plan(struct check *c) {
    const char *name = take(c);
    const struct world_agent *a = world_find(&c->story->world, name);
    uint32_t want = 0;
    size_t is = a != NULL ? world_tasks(&c->story->world, a) : SIZE_MAX;
    if (!story_number(take(c), &want) || is != want) {
        story_problem(c->story, c->line, c->out, "plan of %s has %zu tasks",
                      name, is);
    }
}

/* "asked R1 N..M": queries for the name so far. */
static void expect_asked(struct check *c) {
    const char *name = take(c);
    const struct resolver *r = story_resolver(c->story, name);
    uint32_t lo = 0;
    uint32_t hi = 0;
    if (r == NULL || !story_number(take(c), &lo) ||
        !story_number(take(c), &hi) || r->asked_n < lo || r->asked_n > hi) {
        story_problem(c->story, c->line, c->out, "%s was asked %u times", name,
                      r != NULL ? r->asked_n : 0);
    }
}

void story_expect(struct story *s, const struct story_line *line, FILE *out) {
    struct check c = {.story = s,
                      .line = line,
                      .out = out,
                      .document = document_of(s),
                      .i = 3};
    const char *subject = take(&c);
    if (c.document == NULL) {
        story_problem(s, line, out, "no status document");
    } else if (strcmp(subject, "outlook") == 0) {
        c.row = c.document;
        check_text(&c, "outlook", take(&c));
    } else if (strcmp(subject, "authority") == 0) {
        c.row = json_object_get(c.document, "authority");
        check_text(&c, "state", take(&c));
        check_words(&c);
    } else if (strcmp(subject, "plan") == 0) {
        expect_plan(&c);
    } else if (strcmp(subject, "asked") == 0) {
        expect_asked(&c);
    } else {
        expect_row(&c, subject);
    }
    json_decref(c.document);
}
