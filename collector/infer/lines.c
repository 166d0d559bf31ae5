#include "collector/infer/lines.h"

static int64_t lo_s(enum nx_conv conv) {
    return conv == NX_CONV_F || conv == NX_CONV_U ? -1 : 0;
}

static int64_t hi_s(enum nx_conv conv) {
    return conv == NX_CONV_F ? 0 : 1;
}

struct nx_line nx_bracket(const struct nx_look *look, enum nx_conv conv) {
    struct nx_line line = {.looks_n = 1};

    line.a_us = look->tx_us + (look->r_s + lo_s(conv)) * NX_US_PER_S -
                (int64_t)look->eps_us;
    line.b_us = look->rx_us + (look->r_s + hi_s(conv)) * NX_US_PER_S +
                (int64_t)look->eps_us;
    return line;
}

/* A look on its way into a line. */
struct point {
    uint64_t group;
    int64_t x_us; /* middle of the look plus r: constant along a line */
    int64_t half_rtt_us;
    uint8_t index;
};

static struct point point_of(const struct nx_look *look, uint8_t index,
                             bool by_serial) {
    struct point point = {.index = index};

    point.x_us =
        look->tx_us + (look->rx_us - look->tx_us) / 2 + look->r_s * NX_US_PER_S;
    point.half_rtt_us = (look->rx_us - look->tx_us) / 2;
    point.group = (uint64_t)look->kind << 32 ^ look->nsid_hash;
    if (by_serial && (look->flags & NX_LOOK_SERIAL) != 0) {
        point.group ^=
            (uint64_t)look->soa_serial * UINT64_C(0x9e3779b97f4a7c15);
    }
    return point;
}

static bool before(const struct point *a, const struct point *b) {
    return a->group != b->group ? a->group < b->group : a->x_us < b->x_us;
}

/* Insertion: at most 64 points, and those of one line come nearly in order. */
static void sort_points(struct point *points, size_t n) {
    for (size_t i = 1; i < n; i++) {
        struct point point = points[i];
        size_t j = i;
        while (j > 0 && before(&point, &points[j - 1])) {
            points[j] = points[j - 1];
            j--;
        }
        points[j] = point;
    }
}

static void extend(struct nx_line_info *info, const struct nx_look *look,
                   uint8_t index) {
    info->first = index < info->first ? index : info->first;
    info->last = index > info->last ? index : info->last;
    info->r_min_s = look->r_s < info->r_min_s ? look->r_s : info->r_min_s;
    info->r_max_s = look->r_s > info->r_max_s ? look->r_s : info->r_max_s;
}

/* Intersects the brackets of points[0..n); their union when that is empty. */
static void close_line(const struct nx_look *looks, const struct point *points,
                       size_t n, const struct nx_line_rule *rule,
                       struct nx_line_info *info) {
    const struct nx_look *look = &looks[points[0].index];
    enum nx_conv conv = rule->conv;

    *info = (struct nx_line_info){.first = points[0].index,
                                  .last = points[0].index,
                                  .r_min_s = look->r_s,
                                  .r_max_s = look->r_s};
    for (size_t i = 1; i < n; i++) {
        extend(info, &looks[points[i].index], points[i].index);
    }
    if (conv == NX_CONV_U && info->r_min_s == 0 && info->r_max_s > 0) {
        conv = NX_CONV_F0;
    }
    struct nx_line all = nx_bracket(look, conv);
    info->line = all;
    for (size_t i = 1; i < n; i++) {
        struct nx_line one = nx_bracket(&looks[points[i].index], conv);
        info->line.a_us = nx_max64(info->line.a_us, one.a_us);
        info->line.b_us = nx_min64(info->line.b_us, one.b_us);
        all.a_us = nx_min64(all.a_us, one.a_us);
        all.b_us = nx_max64(all.b_us, one.b_us);
    }
    if (info->line.a_us >= info->line.b_us) {
        info->line = all;
        info->inconsistent = true;
    }
    info->line.is_union = conv == NX_CONV_U && !info->inconsistent;
    info->line.a_us -= rule->shift_us;
    info->line.b_us -= rule->shift_us;
    info->line.looks_n = (uint16_t)n;
}

static void sort_lines(struct nx_line_set *set) {
    for (size_t i = 1; i < set->n; i++) {
        struct nx_line_info info = set->at[i];
        size_t j = i;
        while (j > 0 && info.line.a_us < set->at[j - 1].line.a_us) {
            set->at[j] = set->at[j - 1];
            j--;
        }
        set->at[j] = info;
    }
}

void nx_lines_build(const struct nx_look *looks, const uint8_t *picked,
                    size_t picked_n, const struct nx_line_rule *rule,
                    struct nx_line_set *out) {
    struct point points[NX_LOOKS_MAX];
    size_t start = 0;

    out->n = 0;
    for (size_t i = 0; i < picked_n; i++) {
        points[i] = point_of(&looks[picked[i]], picked[i], rule->by_serial);
    }
    sort_points(points, picked_n);
    for (size_t i = 1; i <= picked_n; i++) {
        const struct point *first = &points[start];
        if (i < picked_n && points[i].group == first->group &&
            points[i].x_us - first->x_us <=
                NX_US_PER_S + first->half_rtt_us + points[i].half_rtt_us) {
            continue;
        }
        close_line(looks, first, i - start, rule, &out->at[out->n++]);
        start = i;
    }
    sort_lines(out);
}
