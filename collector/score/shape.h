/* A forecast as it is kept: its distribution function at points between which
 * it is nearly straight. Stays what was shown, whatever a later version of the
 * estimator makes of the same looks. Pure. */
#ifndef NX_COLLECTOR_SHAPE_H
#define NX_COLLECTOR_SHAPE_H

#include "collector/infer/estimator.h"

#define NX_SHAPE_NODES_MAX 48U
#define NX_SHAPE_TEXT_MAX 4096U

/* f: the forecast. base, late: its two parts by themselves, before a denial was
 * seen and without an early end (nx_dist_split); 0 where there are none. */
struct nx_shape_node {
    int64_t at_us;
    double f, base, late;
};

struct nx_shape {
    int64_t from_us; /* the early hazard counts from here */
    uint8_t n;       /* at least 2; ascending, f from 0 to 1 */
    struct nx_shape_node node[NX_SHAPE_NODES_MAX];
};

/* dist->known must be true. */
void nx_shape_of(const struct nx_dist *dist, struct nx_shape *out);

/* Of any distribution function that rises from 0 at lo to 1 at hi; bends:
 * times at which it may turn, the later ones of too many are left out. Nodes
 * lie near its levels, and on both sides of a jump. base and late stay 0. */
#define NX_SHAPE_BENDS_MAX 24U
void nx_shape_of_cdf(double (*cdf)(const void *user, int64_t at_us),
                     const void *user, int64_t lo_us, int64_t hi_us,
                     const int64_t *bends_us, size_t bends_n,
                     struct nx_shape *out);

/* The three functions at a time; 0 before the first node, 1 (late and base: as
 * at the last node) after the last one. */
struct nx_shape_node nx_shape_at(const struct nx_shape *shape, int64_t at_us);

/* One line of text, times in microseconds from `zero_us` on. Returns out
 * (NX_SHAPE_TEXT_MAX). */
char *nx_shape_write(const struct nx_shape *shape, int64_t zero_us, char *out);
/* NX_EMALFORMED: not written by nx_shape_write. */
int nx_shape_read(const char *text, int64_t zero_us,
                  struct nx_shape *out) NX_MUSTUSE;

#endif
