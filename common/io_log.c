#include "common/io_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The one global (architecture.md, Conventions). */
static enum nx_log_level max_level = NX_LOG_INFO;

void nx_log_set_level(enum nx_log_level level) {
    max_level = level;
}

bool nx_log_enabled(enum nx_log_level level) {
    return level <= max_level;
}

static size_t put_escaped(unsigned char c, char *out) {
    if (c >= 0x20 && c < 0x7f) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = '\\';
    out[1] = (char)('0' + c / 100);
    out[2] = (char)('0' + c / 10 % 10);
    out[3] = (char)('0' + c % 10);
    return 4;
}

char *nx_log_escape(const char *text, char *out, size_t cap) {
    char one[4];
    size_t n = 0;
    size_t fits = 0; /* longest prefix that leaves room for "..." */
    const char *p = text;
    for (; *p != '\0'; p++) {
        size_t len = put_escaped((unsigned char)*p, one);
        if (n + len + 1 > cap) {
            break;
        }
        memcpy(out + n, one, len);
        n += len;
        fits = n + 4 <= cap ? n : fits;
    }
    if (*p != '\0' && cap >= 4) {
        memcpy(out + fits, "...", 3);
        n = fits + 3;
    }
    if (cap > 0) {
        out[n] = '\0';
    }
    return out;
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
        nx_log_escape(text, line + len, sizeof(line) - len - 1);
        len += strlen(line + len);
        line[len++] = '\n';
        write_all(line, len);
    }
    errno = saved;
}
