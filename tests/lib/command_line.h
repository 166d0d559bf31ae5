/* For programs of tests that read commands from standard input. */
#ifndef NX_TESTS_LIB_COMMAND_LINE_H
#define NX_TESTS_LIB_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* A line without its end; false at the end of input, or when it does not fit.
 * Unbuffered: what stdio has read ahead poll does not see. */
static inline bool nx_test_read_line(char *line, size_t cap) {
    size_t n = 0;
    while (n + 1 < cap && read(STDIN_FILENO, line + n, 1) == 1) {
        if (line[n] == '\n') {
            line[n] = '\0';
            return true;
        }
        n++;
    }
    return false;
}

#endif
