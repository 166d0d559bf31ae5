#include "collector/infer/clockstep.h"

#define LINES_MOST 32U /* with more, they are too dense to tell */
#define LEAST_US NX_US_PER_S

static int64_t middle(const struct nx_line_info *info) {
    return info->line.a_us + (info->line.b_us - info->line.a_us) / 2;
}

static bool is_near(int64_t a_us, int64_t b_us) {
    int64_t off_us = a_us - b_us;

    return off_us <= LEAST_US && off_us >= -LEAST_US;
}

static bool is_before(const struct nx_line_info *info, unsigned look) {
    return info->last < look;
}

/* Caches asked in turn, not one entry after the other. */
static bool is_beside(const struct nx_line_set *set, size_t line,
                      unsigned look) {
    for (size_t i = 0; i < set->n; i++) {
        const struct nx_line_info *a = &set->at[line];
        const struct nx_line_info *b = &set->at[i];
        if (i != line && is_before(a, look) == is_before(b, look) &&
            a->first <= b->last && b->first <= a->last) {
            return true;
        }
    }
    return false;
}

/* Does every line end before that look, alive, or begin with it or after? */
static bool is_break(const struct nx_look *looks, const struct nx_line_set *set,
                     unsigned look) {
    unsigned before_n = 0;

    for (size_t i = 0; i < set->n; i++) {
        const struct nx_line_info *info = &set->at[i];
        bool before = is_before(info, look);
        if ((!before && info->first < look) ||
            (before && info->line.b_us <= looks[look].tx_us) ||
            !is_beside(set, i, look)) {
            return false;
        }
        before_n += before ? 1U : 0U;
    }
    return before_n >= 2 && set->n - before_n >= 2;
}

static bool has_moved_from(const struct nx_line_set *set, unsigned look,
                           int64_t at_us) {
    for (size_t i = 0; i < set->n; i++) {
        if (is_before(&set->at[i], look) &&
            is_near(middle(&set->at[i]), at_us)) {
            return true;
        }
    }
    return false;
}

static bool is_step(const struct nx_line_set *set, unsigned look,
                    int64_t step_us) {
    if (is_near(step_us, 0)) {
        return false;
    }
    for (size_t i = 0; i < set->n; i++) {
        if (!is_before(&set->at[i], look) &&
            !has_moved_from(set, look, middle(&set->at[i]) - step_us)) {
            return false;
        }
    }
    return true;
}

/* The first line after the break is one of those before it, moved. */
static bool is_any_step(const struct nx_line_set *set, unsigned look) {
    const struct nx_line_info *after = NULL;

    for (size_t i = 0; i < set->n && after == NULL; i++) {
        after = is_before(&set->at[i], look) ? NULL : &set->at[i];
    }
    for (size_t i = 0; i < set->n && after != NULL; i++) {
        if (is_before(&set->at[i], look) &&
            is_step(set, look, middle(after) - middle(&set->at[i]))) {
            return true;
        }
    }
    return false;
}

static void drop_before(struct nx_line_set *set, unsigned look) {
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        if (!is_before(&set->at[i], look)) {
            set->at[n++] = set->at[i];
        }
    }
    set->n = n;
}

bool nx_step_restart(const struct nx_look *looks, struct nx_line_set *set) {
    if (set->n < 4 || set->n > LINES_MOST) {
        return false;
    }
    for (size_t i = 0; i < set->n; i++) {
        unsigned look = set->at[i].first;
        if (look > 0 && is_break(looks, set, look) && is_any_step(set, look)) {
            drop_before(set, look);
            return true;
        }
    }
    return false;
}
