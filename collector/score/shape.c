#include "collector/score/shape.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

/* Where the function is taken: dense in the tails, where a late end hides. */
static const double levels[] = {0.002, 0.005, 0.01, 0.025, 0.05, 0.1,  0.17,
                                0.25,  0.33,  0.42, 0.5,   0.58, 0.67, 0.75,
                                0.83,  0.9,   0.95, 0.965, 0.98, 0.99, 0.995};
#define LEVELS_N (sizeof(levels) / sizeof(levels[0]))
#define NEAR 0.1 /* part of a level, or of what is left above it */

struct source {
    double (*cdf)(const void *user, int64_t at_us);
    const void *user;
};

/* Where it is looked for, and the function there. */
struct bracket {
    int64_t lo_us, hi_us;
    double lo, hi;
};

static void look_at(const struct source *from, struct bracket *in, double p,
                    int64_t at_us) {
    double f = from->cdf(from->user, at_us);
    if (f >= p) {
        in->hi_us = at_us;
        in->hi = f;
    } else {
        in->lo_us = at_us;
        in->lo = f;
    }
}

static int64_t inside(const struct bracket *in, double at_us) {
    double most_us = (double)(in->hi_us - in->lo_us - 1);
    double past_us = at_us < 1.0 ? 1.0 : at_us > most_us ? most_us : at_us;
    return in->lo_us + (int64_t)past_us;
}

/* Nodes say how much it is there: they need not be at a level, but near. */
static double near(double p) {
    return (p < 0.5 ? p : 1.0 - p) * NEAR;
}

static bool is_open(const struct bracket *in, double p) {
    return in->hi_us - in->lo_us > 1 && in->hi - p > near(p);
}

/* Until hi is the smallest time with cdf >= p, or near it. Between its few
 * bends the function is nearly straight: a line between the ends meets p close
 * by, and a step across from there, of a root of the range, gets it from both
 * sides. Where it does not, the range is halved. */
static void narrow(const struct source *from, double p, struct bracket *in) {
    while (is_open(in, p)) {
        double range_us = (double)(in->hi_us - in->lo_us);
        double step_us = sqrt(range_us);
        double aim = p + near(p) / 2;
        double to_us = in->hi > in->lo
                           ? range_us * (aim - in->lo) / (in->hi - in->lo)
                           : range_us / 2;
        int64_t guess_us = inside(in, to_us);
        look_at(from, in, p, guess_us);
        bool before = in->lo_us == guess_us;
        if (is_open(in, p)) {
            look_at(
                from, in, p,
                inside(in, before ? step_us
                                  : (double)(in->hi_us - in->lo_us) - step_us));
        }
        if (is_open(in, p) && (double)(in->hi_us - in->lo_us) > range_us / 2) {
            look_at(from, in, p, in->lo_us + (in->hi_us - in->lo_us) / 2);
        }
    }
}

/* Times, each once, in ascending order, and the function there. */
struct times {
    int64_t at_us[NX_SHAPE_NODES_MAX];
    double f[NX_SHAPE_NODES_MAX];
    size_t n;
};

static bool has(const struct times *t, int64_t at_us) {
    for (size_t k = 0; k < t->n; k++) {
        if (t->at_us[k] == at_us) {
            return true;
        }
    }
    return false;
}

static void put(struct times *t, int64_t at_us, double f) {
    size_t i = t->n;
    if (t->n == NX_SHAPE_NODES_MAX || has(t, at_us)) {
        return;
    }
    for (; i > 0 && t->at_us[i - 1] > at_us; i--) {
        t->at_us[i] = t->at_us[i - 1];
        t->f[i] = t->f[i - 1];
    }
    t->at_us[i] = at_us;
    t->f[i] = f;
    t->n++;
}

/* Where the function jumps, the microsecond before counts, too. */
static void put_levels(struct times *t, const struct source *from,
                       int64_t lo_us, int64_t hi_us) {
    struct bracket in = {lo_us, hi_us, 0.0, 1.0};
    for (size_t i = 0; i < LEVELS_N; i++) {
        if (in.lo >= levels[i]) {
            continue; /* a jump went past it */
        }
        narrow(from, levels[i], &in);
        put(t, in.hi_us, in.hi);
        if (in.hi - levels[i] > 0.05) {
            put(t, in.lo_us, in.lo);
        }
        in = (struct bracket){in.hi_us, hi_us, in.hi, 1.0};
    }
}

void nx_shape_of_cdf(double (*cdf)(const void *user, int64_t at_us),
                     const void *user, int64_t lo_us, int64_t hi_us,
                     const int64_t *bends_us, size_t bends_n,
                     struct nx_shape *out) {
    const struct source from = {cdf, user};
    struct times t = {.n = 0};
    double f = 0.0;
    memset(out, 0, sizeof(*out));
    hi_us = hi_us > lo_us ? hi_us : lo_us + 1;
    put(&t, lo_us, 0.0);
    put(&t, hi_us, 1.0);
    put_levels(&t, &from, lo_us, hi_us);
    for (size_t i = 0; i < bends_n; i++) {
        if (bends_us[i] > lo_us && bends_us[i] < hi_us &&
            !has(&t, bends_us[i])) {
            put(&t, bends_us[i], cdf(user, bends_us[i]));
        }
    }
    for (size_t i = 0; i < t.n; i++) {
        f = t.f[i] > f ? t.f[i] : f;
        out->node[i].at_us = t.at_us[i];
        out->node[i].f = f;
    }
    out->n = (uint8_t)t.n;
}

static double dist_cdf(const void *user, int64_t at_us) {
    const struct nx_dist *dist = user;
    return nx_dist_cdf(dist, at_us);
}

/* Ends of the lines (the later ones decide), and of all that stands beside. */
static size_t bends_of(const struct nx_dist *dist, int64_t *out) {
    const int64_t beside_us[] = {dist->extend_a_us,  dist->extend_b_us,
                                 dist->early_a_us,   dist->early_b_us,
                                 dist->prior_a_us,   dist->prior_b_us,
                                 dist->renewed_a_us, dist->from_us};
    size_t n = sizeof(beside_us) / sizeof(beside_us[0]);
    memcpy(out, beside_us, sizeof(beside_us));
    for (size_t i = dist->lines_n; i > 0 && n + 2 <= NX_SHAPE_BENDS_MAX; i--) {
        out[n++] = dist->lines[i - 1].a_us;
        out[n++] = dist->lines[i - 1].b_us;
    }
    for (size_t i = 0; i < dist->caps_n && n < NX_SHAPE_BENDS_MAX; i++) {
        out[n++] = dist->caps[i].b_us;
    }
    return n;
}

void nx_shape_of(const struct nx_dist *dist, struct nx_shape *out) {
    struct nx_dist bare = *dist;
    int64_t bends_us[NX_SHAPE_BENDS_MAX];
    int64_t lo_us = 0;
    int64_t hi_us = 0;
    nx_dist_span(dist, &lo_us, &hi_us);
    nx_shape_of_cdf(dist_cdf, dist, lo_us, hi_us, bends_us,
                    bends_of(dist, bends_us), out);
    out->from_us = dist->from_us;
    bare.cut = 0;
    bare.lambda_early_per_s = 0;
    for (size_t i = 0; i < out->n; i++) {
        struct nx_dist_parts parts;
        nx_dist_split(&bare, out->node[i].at_us, &parts);
        out->node[i].base = parts.base;
        out->node[i].late = parts.late;
    }
}

static double between(double a, double b, double part) {
    return a + (b - a) * part;
}

struct nx_shape_node nx_shape_at(const struct nx_shape *shape, int64_t at_us) {
    const struct nx_shape_node *last = &shape->node[shape->n - 1];
    if (at_us < shape->node[0].at_us) {
        return (struct nx_shape_node){.at_us = at_us};
    }
    if (at_us >= last->at_us) {
        return (struct nx_shape_node){at_us, 1.0, last->base, last->late};
    }
    size_t i = 1;
    while (shape->node[i].at_us <= at_us) {
        i++;
    }
    const struct nx_shape_node *a = &shape->node[i - 1];
    const struct nx_shape_node *b = &shape->node[i];
    double part = (double)(at_us - a->at_us) / (double)(b->at_us - a->at_us);
    return (struct nx_shape_node){at_us, between(a->f, b->f, part),
                                  between(a->base, b->base, part),
                                  between(a->late, b->late, part)};
}

/* --- text: "FROM;AT,F,BASE,LATE;..." --- */

#define SHARE_MAX 9U /* ",0.123456" */
_Static_assert(NX_DIGITS_MAX + NX_SHAPE_NODES_MAX *
                                   (1 + NX_DIGITS_MAX + 3 * SHARE_MAX) <
                   NX_SHAPE_TEXT_MAX,
               "room for every shape");

/* In millionths; most shares are all or nothing, and there are 100 in a
 * shape. */
static size_t write_share(double p, char *out) {
    uint32_t millionths = p > 0.0 && p < 1.0 ? (uint32_t)(p * 1e6 + 0.5) : 0;
    size_t len = 2;
    if (millionths == 0 || millionths >= 1000000) {
        memcpy(out, p >= 0.5 ? ",1" : ",0", 2);
        return len;
    }
    memcpy(out, ",0.", 3);
    for (len = 3; millionths > 0; len++) {
        out[len] = (char)('0' + millionths / 100000);
        millionths = millionths % 100000 * 10;
    }
    return len;
}

char *nx_shape_write(const struct nx_shape *shape, int64_t zero_us, char *out) {
    size_t len = nx_digits(shape->from_us - zero_us, out);
    for (size_t i = 0; i < shape->n; i++) {
        const struct nx_shape_node *node = &shape->node[i];
        out[len++] = ';';
        len += nx_digits(node->at_us - zero_us, out + len);
        len += write_share(node->f, out + len);
        len += write_share(node->base, out + len);
        len += write_share(node->late, out + len);
    }
    out[len] = '\0';
    return out;
}

static bool is_share(double p) {
    return p >= 0.0 && p <= 1.0;
}

static bool take_node(const char **at, int64_t zero_us,
                      struct nx_shape *shape) {
    struct nx_shape_node *node = &shape->node[shape->n];
    const struct nx_shape_node *before = shape->n > 0 ? node - 1 : NULL;
    int used = 0;
    if (shape->n == NX_SHAPE_NODES_MAX ||
        sscanf(*at, ";%18" SCNd64 ",%15lf,%15lf,%15lf%n", &node->at_us,
               &node->f, &node->base, &node->late, &used) != 4 ||
        !is_share(node->f) || !is_share(node->base) || !is_share(node->late)) {
        return false;
    }
    node->at_us += zero_us;
    if (before != NULL &&
        (node->at_us <= before->at_us || node->f < before->f)) {
        return false;
    }
    *at += used;
    shape->n++;
    return true;
}

int nx_shape_read(const char *text, int64_t zero_us, struct nx_shape *out) {
    struct nx_shape shape = {.n = 0};
    int used = 0;
    if (sscanf(text, "%18" SCNd64 "%n", &shape.from_us, &used) != 1) {
        return NX_EMALFORMED;
    }
    shape.from_us += zero_us;
    text += used;
    while (*text != '\0') {
        if (!take_node(&text, zero_us, &shape)) {
            return NX_EMALFORMED;
        }
    }
    if (shape.n < 2 || shape.node[0].f > 0.0 ||
        shape.node[shape.n - 1].f < 1.0) {
        return NX_EMALFORMED;
    }
    *out = shape;
    return 0;
}
