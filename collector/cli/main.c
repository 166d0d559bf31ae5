/* nxclear: the operators' command. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/cli/args.h"
#include "collector/cli/io_run.h"

static int64_t wall_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* https://no-color.org: set and not empty. */
static bool colour_wanted(void) {
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

int main(int argc, char **argv) {
    struct nx_args args;
    char why[NX_ARGS_WHY_MAX];
    (void)setlocale(LC_CTYPE, "");
    size_t n = argc > 0 ? (size_t)argc - 1 : 0;
    if (nx_args_parse((const char *const *)argv + 1, n, getenv("NXCLEAR_API"),
                      wall_us(), &args, why) != 0) {
        const char *word = nx_args_word((const char *const *)argv + 1, n);
        (void)fprintf(stderr, "nxclear: %s\nTry nxclear %s%s--help.\n", why,
                      word != NULL ? word : "", word != NULL ? " " : "");
        return NX_EXIT_USAGE;
    }
    bool terminal = isatty(STDOUT_FILENO) != 0;
    const struct nx_show show = {
        .colour = terminal && colour_wanted(),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .all = args.all,
        .some = args.where_n > 0,
    };
    return nx_run(&args, &show, terminal);
}
