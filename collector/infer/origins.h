/* How many caches stand behind a set of lines (nxclear-estimator(7) 5.9). Each
 * cache shows its own countdown; but one whose entry ran out fetches it again
 * and begins a new line. Two lines are surely of two caches only when both
 * entries were held at one time: the older was seen again after the younger, or
 * the younger was fetched before the older could end. */
#ifndef NX_COLLECTOR_ORIGINS_H
#define NX_COLLECTOR_ORIGINS_H

#include "collector/infer/chao.h"
#include "collector/infer/lines.h"

/* The fewest caches that explain the lines of entries that live ttl_s, with the
 * looks that each of them answered in counts[0..n); returns n <= set->n. An
 * entry may be replaced refresh_us before its end. */
size_t nx_origins_of_lines(const struct nx_line_set *set, int64_t ttl_s,
                           int64_t refresh_us, uint16_t *counts);

/* The caches that answer: the same for the positive looks of looks[first..n).
 * A record is refreshed before its
 * end in its last tenth (prefetch), or in the last 5 s and 1 % (12.5): such a
 * line is no proof. TTLs that stand still tell no caches apart: then s_obs is
 * 0. Of chains, the lines are the origins' above. */
void nx_origins_count(const struct nx_look *looks, size_t first, size_t n,
                      struct nx_chao *out);

#endif
