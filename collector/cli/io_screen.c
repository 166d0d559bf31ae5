#include "collector/cli/io_screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "collector/cli/io_run.h"

#define US_PER_S INT64_C(1000000)
/* The other screen, no cursor, no wrapping; and back. */
#define ENTER_SCREEN "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE_SCREEN "\033[0m\033[?7h\033[?25h\033[?1049l"

static struct termios saved; /* what to go back to */
static volatile sig_atomic_t on_screen;
static volatile sig_atomic_t ended;   /* the signal that ends it */
static volatile sig_atomic_t resized; /* or brought back */

/* --- the terminal; async-signal-safe --- */

static void say(const char *text) {
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, text, len);
        if (n <= 0 && errno != EINTR) {
            return;
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static void leave(void) {
    if (on_screen != 0) {
        on_screen = 0;
        say(LEAVE_SCREEN);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    }
}

static void enter(void) {
    struct termios raw = saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    on_screen = 1;
    say(ENTER_SCREEN);
}

static void on_end(int number) {
    ended = number;
}

static void on_resize(int number) {
    (void)number;
    resized = 1;
}

/* Ctrl-Z: the shell must find its terminal as it was. */
static void on_stop(int number) {
    int before = errno;
    leave();
    (void)signal(number, SIG_DFL);
    (void)raise(number); /* takes effect when this handler returns */
    errno = before;
}

static void on_continue(int number);

static void catch_one(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

static void on_continue(int number) {
    int before = errno;
    (void)number;
    catch_one(SIGTSTP, on_stop);
    enter();
    resized = 1;
    errno = before;
}

static void catch_signals(void) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        catch_one(ends[i], on_end);
    }
    catch_one(SIGWINCH, on_resize);
    catch_one(SIGTSTP, on_stop);
    catch_one(SIGCONT, on_continue);
}

/* --- the loop --- */

struct view {
    const struct nx_run *run;
    uint32_t id;
    struct nx_screen screen;
    json_t *status;
    json_t *network; /* of screen.network; NULL */
    struct nx_api_error error;
    bool trouble;
    char keys[64]; /* read, not understood yet */
    size_t keys_n;
};

static void measure(struct nx_screen *screen) {
    struct winsize size;
    screen->rows = 24;
    screen->columns = 80;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
        size.ws_col > 0) {
        screen->rows = size.ws_row;
        screen->columns = size.ws_col;
    }
}

static void replace(json_t **document, json_t *fresh) {
    json_decref(*document);
    *document = fresh;
}

static void fetch_network(struct view *v) {
    struct nx_args args = *v->run->args;
    struct nx_run run = *v->run;
    json_t *fresh = NULL;
    args.network = v->screen.network;
    run.args = &args;
    if (v->screen.open &&
        nx_run_network_quietly(&run, v->id, &fresh, &v->error) == 0) {
        replace(&v->network, fresh);
    }
}

/* An exit code other than 0: it is no use to go on. */
static int fetch(struct view *v) {
    json_t *fresh = NULL;
    int failed = nx_run_status(v->run, v->id, &fresh, &v->error);
    v->trouble = failed != 0;
    if (failed == 0) {
        replace(&v->status, fresh);
        fetch_network(v);
    } else if ((v->status == NULL && v->error.again_s == 0) ||
               failed == NX_EXIT_USAGE || failed == NX_EXIT_NOPERM) {
        return failed;
    }
    return 0;
}

static void draw(struct view *v) {
    struct nx_text text;
    nx_text_init(&text);
    measure(&v->screen);
    nx_screen_render(&v->screen, v->run->show, v->status, v->network,
                     v->trouble ? v->error.why : NULL, &text);
    if (text.bytes != NULL && !text.failed) {
        say(text.bytes);
    }
    nx_text_fini(&text);
}

/* False: the end. */
static bool take_keys(struct view *v) {
    ssize_t n =
        read(STDIN_FILENO, v->keys + v->keys_n, sizeof v->keys - v->keys_n);
    bool go_on = n != 0; /* the terminal is gone */
    size_t at = 0;
    v->keys_n += n > 0 ? (size_t)n : 0;
    while (go_on && at < v->keys_n) {
        size_t used = 0;
        bool was_open = v->screen.open;
        enum nx_key key = nx_screen_key(v->keys + at, v->keys_n - at, &used);
        go_on = nx_screen_press(&v->screen, key, v->status);
        if (v->screen.open && !was_open) {
            replace(&v->network, NULL);
            fetch_network(v);
        }
        at += used;
    }
    v->keys_n = 0;
    return go_on;
}

/* Until a key, a signal, or the moment. False: the end. */
static bool wait_for_keys(struct view *v, int64_t until_us) {
    while (ended == 0) {
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        int64_t left_us = until_us - nx_run_mono_us();
        if (left_us <= 0) {
            return true;
        }
        int n = poll(&in, 1, (int)(left_us / 1000) + 1);
        if (n > 0) {
            if (!take_keys(v)) {
                return false;
            }
            draw(v);
        } else if (resized != 0) {
            resized = 0;
            say("\033[2J");
            draw(v);
        }
    }
    return false;
}

static bool is_closed(const json_t *status) {
    return nx_doc_time(json_object_get(status, "incident"), "closed") !=
           NX_TIME_NONE;
}

static int loop(struct view *v) {
    int exit_code = 0;
    do {
        int64_t next_us = nx_run_mono_us() + US_PER_S;
        bool trouble = v->trouble;
        exit_code = fetch(v);
        if (ended != 0 && v->trouble) { /* it is that which ended it */
            v->trouble = trouble;
            exit_code = 0;
        }
        if (exit_code != 0 || ended != 0) {
            break;
        }
        draw(v);
        if (is_closed(v->status) || !wait_for_keys(v, next_us)) {
            break;
        }
    } while (ended == 0);
    return exit_code;
}

int nx_run_screen(const struct nx_run *run, uint32_t id) {
    struct view v = {.run = run, .id = id};
    struct nx_text text;
    if (tcgetattr(STDIN_FILENO, &saved) != 0) {
        return nx_run_complain(strerror(errno), NX_EXIT_INTERNAL);
    }
    (void)atexit(leave);
    catch_signals();
    enter();
    nx_api_patience(run->api, &ended, NX_TIME_NONE);
    int exit_code = loop(&v);
    leave();
    if (exit_code != 0) {
        (void)nx_run_complain(v.error.why, exit_code);
    } else if (v.status == NULL) {
        exit_code = NX_EXIT_UNKNOWN; /* it was left before there was one */
    } else {
        /* What was seen last stays in the scrollback. */
        struct nx_show show = *run->show;
        show.columns = v.screen.columns;
        nx_text_init(&text);
        nx_show_status(v.status, &show, &text);
        exit_code = nx_run_print(&text);
        exit_code = exit_code != 0 ? exit_code
                    : v.trouble
                        ? nx_run_complain(v.error.why, NX_EXIT_UNAVAILABLE)
                        : nx_show_exit(v.status);
    }
    json_decref(v.status);
    json_decref(v.network);
    return exit_code;
}
