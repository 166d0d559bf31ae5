/* Times as people and JSON write them (RFC 3339), always UTC when written.
 * Microseconds since 1970-01-01T00:00:00Z without leap seconds (POSIX). */
#ifndef NX_COMMON_RFC3339_H
#define NX_COMMON_RFC3339_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define NX_TIME_TEXT_MAX 32U /* "2026-11-20T20:01:10.123Z" and the NUL */

/* "2026-11-20T20:01:10Z", "...10.123456+01:00": the whole text. T and Z in
 * either case, a space for T; more than six decimals are cut. Years 1970 to
 * 9999; second 60 counts as 59. NX_EMALFORMED, NX_ERANGE. */
int nx_time_parse(const char *text, int64_t *out_us) NX_MUSTUSE;

/* Writes with milliseconds (rounded down), at most year 9999; out has
 * NX_TIME_TEXT_MAX bytes. Returns out. */
char *nx_time_text(int64_t us, char *out);

/* A civil date to days since 1970-01-01 (proleptic Gregorian), and back. */
int64_t nx_days_from_civil(int64_t year, unsigned month, unsigned day);
void nx_civil_from_days(int64_t days, int64_t *year, unsigned *month,
                        unsigned *day);

#endif
