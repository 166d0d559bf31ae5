#include "common/io_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"

/* The one global. */
static enum nx_log_level max_level = NX_LOG_INFO;

void nx_log_set_level(enum nx_log_level level) {
    max_level = level;
}

bool nx_log_enabled(enum nx_log_level level) {
    return level <= max_level;
}

static size_t put_prefix(enum nx_log_level level, char *out, size_t cap) {
    static const char *const words[] = {"error: ", "warning: ", "", "debug: "};
    static const int priorities[] = {3, 4, 6, 7}; /* sd-daemon(3) */
    int n = 0;
    if (getenv("JOURNAL_STREAM") != NULL) {
        n = snprintf(out, cap, "<%d>%s", priorities[level], words[level]);
        return (size_t)n;
    }
    struct timespec now = {0};
    struct tm utc = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &utc) == NULL) {
        memset(&utc, 0, sizeof(utc));
    }
    size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &utc);
    n = snprintf(out + len, cap - len, ".%03dZ %s",
                 (int)(now.tv_nsec / 1000000), words[level]);
    return len + (size_t)n;
}

static size_t escaped_len(const char *text) {
    size_t n = 0;
    for (const char *p = text; *p != '\0'; p++) {
        n += *p >= 0x20 && *p < 0x7f ? 1 : 4;
    }
    return n;
}

static void write_all(const char *line, size_t len) {
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, line, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; /* nobody to tell */
        }
        line += n;
        len -= (size_t)n;
    }
}

void nx_log(enum nx_log_level level, const char *fmt, ...) {
    if (!nx_log_enabled(level)) {
        return;
    }
    int saved = errno;
    char text[NX_LOG_LINE_MAX];
    char line[NX_LOG_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n >= 0) {
        size_t len = put_prefix(level, line, sizeof(line));
        nx_escape(text, line + len, sizeof(line) - len - 4);
        size_t shown = strlen(line + len);
        bool cut = (size_t)n >= sizeof(text) || shown < escaped_len(text);
        len += shown;
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%s\n",
                                cut ? "..." : "");
        write_all(line, len);
    }
    errno = saved;
}
