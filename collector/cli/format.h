/* Values of a document as people read them. Pure; every text that comes from
 * outside is escaped. */
#ifndef NX_CLI_FORMAT_H
#define NX_CLI_FORMAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/cli/args.h"

/* In which order networks are shown. */
enum nx_sort {
    NX_SORT_URGENCY, /* no forecast, the latest forecast, unknown, clear */
    NX_SORT_NAME,
    NX_SORT_DENIED, /* the largest share first */
    NX_SORT_N_,
};

/* How to show things. */
struct nx_show {
    enum nx_sort sort;
    bool colour;
    bool utf8;        /* "±" is understood */
    bool all;         /* clear networks too, however many */
    bool some;        /* --where chose the networks */
    unsigned columns; /* of the terminal; 0: no limit */
};

#define NX_CELL_MAX 96U /* bytes of one formatted value with the NUL */

/* A member as string; NULL when absent or null. Borrowed, not escaped. */
const char *nx_doc_text(const json_t *object, const char *key);
/* A member that is a time; NX_TIME_NONE when absent, null or malformed. */
int64_t nx_doc_time(const json_t *object, const char *key);

/* The document's own time; 0 when it has none. */
int64_t nx_doc_now(const json_t *document);
/* A member that is an integer; 0 when it is not. */
json_int_t nx_doc_number(const json_t *object, const char *key);
/* Is the member this string? */
bool nx_doc_is(const json_t *object, const char *key, const char *value);

/* The functions below write into out (NX_CELL_MAX) and return it. */

/* "20:09:32", with the date before it when it is not the UTC day of now.
 * up: rounds up to the second (a forecast must not come early). */
char *nx_show_clock(int64_t at_us, int64_t now_us, bool up, char *out);
/* "4:56", "1:02:03", "3 d 4 h", rounded up. */
char *nx_show_countdown(int64_t us, char *out);
/* "20 s", "12 min", "3 h", "2 d", rounded down. */
char *nx_show_age(int64_t us, char *out);
/* "8 min 22 s", "42 s", "3 h 5 min", "2 d 3 h". */
char *nx_show_duration(int64_t us, char *out);
/* "20:31:10 (in 12:04)", "20:31:10 (overdue 0:12)". */
char *nx_show_forecast(int64_t at_us, int64_t now_us, char *out);
/* The same of the median of a forecast: "20:31:10 (due)" until its 90 %
 * interval is over, too. */
char *nx_show_point(const json_t *clears, int64_t now_us, char *out);
/* A 90 % interval: "±1 s" when narrow and even, else "..20:39:32". */
char *nx_show_interval(const json_t *clears, int64_t now_us,
                       const struct nx_show *show, char *out);
/* "100 %", "?" when null. */
char *nx_show_percent(const json_t *ratio, char *out);
/* Any text from outside: escaped, cut with "...". */
char *nx_show_text(const char *text, char *out);
/* A string as above, or a number without needless zeros; else "-". */
char *nx_show_value(const json_t *value, char *out);
/* A domain name from outside: escaped, final dot dropped, cut with "...". */
char *nx_show_name(const char *name, char *out);

#endif
