/* Key files, clocks and the log. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io_clock.h"
#include "common/io_keys.h"
#include "common/io_log.h"

static char folder[] = "/tmp/nx-keys-XXXXXX";
static char why[NX_KEYS_WHY_MAX];

static const char *path_of(const char *name) {
    static char path[sizeof(folder) + 64];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int setup(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int teardown(void **state) {
    static const char *const names[] = {"good",  "wide", "link", "text",
                                        "other", "fifo", "log"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unlink(path_of(names[i]));
    }
    return rmdir(folder);
}

static void expect_why(const char *name, const char *text) {
    char want[2 * NX_KEYS_WHY_MAX];
    (void)snprintf(want, sizeof(want), "%s: %s", path_of(name), text);
    assert_string_equal(why, want);
}

static void test_create_and_read(void **state) {
    (void)state;
    struct nx_keypair made;
    struct nx_keypair got;
    struct stat st;
    assert_int_equal(nx_keys_create(path_of("good"), &made, why, sizeof(why)),
                     NX_OK);
    assert_int_equal(stat(path_of("good"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(nx_keys_read(path_of("good"), &got, why, sizeof(why)),
                     NX_OK);
    assert_memory_equal(&made, &got, sizeof(made));
    assert_int_equal(nx_keys_create(path_of("good"), &got, why, sizeof(why)),
                     NX_EEXISTS);
    expect_why("good", "exists already; not overwritten");
    nx_keys_wipe(&got);
    static const struct nx_keypair zero;
    assert_memory_equal(&got, &zero, sizeof(zero));
}

static void write_text(const char *name, const char *text, mode_t mode) {
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path_of(name), mode), 0);
}

static void test_refused_files(void **state) {
    (void)state;
    struct nx_keypair keys;
    assert_int_equal(nx_keys_read(path_of("none"), &keys, why, sizeof(why)),
                     NX_EIO);
    expect_why("none", "No such file or directory");
    assert_int_equal(nx_keys_create(path_of("wide"), &keys, why, sizeof(why)),
                     NX_OK);
    static const unsigned modes[] = {0644, 0640, 0620, 0604, 0601};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        char text[NX_KEYS_WHY_MAX];
        assert_int_equal(chmod(path_of("wide"), modes[i]), 0);
        assert_int_equal(nx_keys_read(path_of("wide"), &keys, why, sizeof(why)),
                         NX_EDENIED);
        (void)snprintf(text, sizeof(text),
                       "readable by others (mode %04o); run chmod 600 %s",
                       modes[i], path_of("wide"));
        expect_why("wide", text);
    }
    assert_int_equal(chmod(path_of("wide"), 0400), 0);
    assert_int_equal(nx_keys_read(path_of("wide"), &keys, why, sizeof(why)),
                     NX_OK);
    char target[sizeof(folder) + 64];
    (void)snprintf(target, sizeof(target), "%s", path_of("wide"));
    assert_int_equal(symlink(target, path_of("link")), 0);
    assert_int_equal(nx_keys_read(path_of("link"), &keys, why, sizeof(why)),
                     NX_EIO);
    expect_why("link", "is a symbolic link");
    assert_int_equal(nx_keys_create(path_of("link"), &keys, why, sizeof(why)),
                     NX_EEXISTS);
    assert_int_equal(nx_keys_read(folder, &keys, why, sizeof(why)), NX_EDENIED);
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_int_equal(nx_keys_read(path_of("fifo"), &keys, why, sizeof(why)),
                     NX_EDENIED);
    expect_why("fifo", "not a regular file");
}

#define PUBLIC "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define SECRET "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"

/* systemd hands a credential over by an access control list: stat(2) shows
 * mode 0440, though only the service can read it. */
static void test_credentials_of_the_service_manager(void **state) {
    (void)state;
    struct nx_keypair keys;
    char beside[sizeof(folder) + 8];
    assert_int_equal(nx_keys_create(path_of("handed"), &keys, why, sizeof(why)),
                     NX_OK);
    assert_int_equal(chmod(path_of("handed"), 0440), 0);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    assert_int_equal(nx_keys_read(path_of("handed"), &keys, why, sizeof(why)),
                     NX_OK);
    static const unsigned modes[] = {0460, 0450, 0444, 0442, 0441};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(path_of("handed"), modes[i]), 0);
        assert_int_equal(
            nx_keys_read(path_of("handed"), &keys, why, sizeof(why)),
            NX_EDENIED);
    }
    assert_int_equal(chmod(path_of("handed"), 0440), 0);
    (void)snprintf(beside, sizeof(beside), "%.*s", (int)sizeof(folder) - 2,
                   folder);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", beside, 1), 0);
    assert_int_equal(nx_keys_read(path_of("handed"), &keys, why, sizeof(why)),
                     NX_EDENIED);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/tmp", 1), 0);
    assert_int_equal(nx_keys_read(path_of("handed"), &keys, why, sizeof(why)),
                     NX_EDENIED);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(unlink(path_of("handed")), 0);
}

static void test_refused_content(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "public: " PUBLIC "\n",
        "secret: " SECRET "\npublic: " PUBLIC "\n",
        "public: " PUBLIC "\nsecret: " SECRET "\nmore\n",
        "public: " PUBLIC "\nsecret: " SECRET,
        "public: " PUBLIC "\r\nsecret: " SECRET "\r\n",
        "public: short\nsecret: short\n",
    };
    struct nx_keypair keys;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_text("text", rows[i], 0600);
        assert_int_equal(nx_keys_read(path_of("text"), &keys, why, sizeof(why)),
                         NX_EMALFORMED);
        expect_why("text", "not a key file (expected the two lines `public: "
                           "<Z85>` and `secret: <Z85>`)");
    }
    write_text("text", "public: " PUBLIC "\nsecret: " SECRET "\n", 0600);
    assert_int_equal(nx_keys_read(path_of("text"), &keys, why, sizeof(why)),
                     NX_OK);
    write_text("text", "public: " PUBLIC "\nsecret: " PUBLIC "\n", 0600);
    assert_int_equal(nx_keys_read(path_of("text"), &keys, why, sizeof(why)),
                     NX_EMALFORMED);
    expect_why("text", "the public key does not belong to the secret key");
}

static void test_clocks(void **state) {
    (void)state;
    struct nx_steady steady;
    int64_t mono = nx_clock_mono_us();
    int64_t wall = nx_clock_wall_us();
    nx_steady_init(&steady);
    int64_t last = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t now = nx_steady_wall_us(&steady);
        assert_true(now >= last && now >= wall);
        assert_true(now - wall < 60000000);
        last = now;
    }
    assert_true(nx_clock_mono_us() >= mono);
}

/* --- the log, read back from a file --- */

static size_t capture(void (*say)(void), char *out, size_t cap) {
    int saved = dup(STDERR_FILENO);
    int fd = open(path_of("log"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(saved >= 0 && fd >= 0);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    say();
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    ssize_t n = read(fd, out, cap - 1);
    (void)close(fd);
    assert_true(n >= 0);
    out[n] = '\0';
    return (size_t)n;
}

static void say_odd_things(void) {
    errno = ENOENT;
    nx_log(NX_LOG_WARN, "name %s end", "a\nb\x1b[31m\xff\t\"\\");
    assert_int_equal(errno, ENOENT);
    nx_log(NX_LOG_DEBUG, "not shown");
    nx_log(NX_LOG_INFO, "%s", "");
}

static void test_log_escapes(void **state) {
    (void)state;
    char out[4096];
    assert_int_equal(setenv("JOURNAL_STREAM", "8:1", 1), 0);
    (void)capture(say_odd_things, out, sizeof(out));
    assert_string_equal(
        out, "<4>warning: name a\\010b\\027[31m\\255\\009\"\\ end\n<6>\n");
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    (void)capture(say_odd_things, out, sizeof(out));
    assert_int_equal(out[10], 'T');
    assert_non_null(strstr(out, "Z warning: name a\\010b"));
}

static void say_much(void) {
    static char text[3 * NX_LOG_LINE_MAX];
    memset(text, '\n', sizeof(text) - 1);
    nx_log(NX_LOG_ERROR, "%s", text);
    memset(text, 'x', sizeof(text) - 1);
    nx_log(NX_LOG_ERROR, "%s", text);
}

static void test_log_cuts(void **state) {
    (void)state;
    char out[8192];
    size_t n = capture(say_much, out, sizeof(out));
    const char *end = strchr(out, '\n');
    assert_non_null(end);
    assert_true((size_t)(end - out) < NX_LOG_LINE_MAX);
    assert_memory_equal(end - 3, "...", 3);
    assert_memory_equal(out + n - 4, "...\n", 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_and_read),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_credentials_of_the_service_manager),
        cmocka_unit_test(test_refused_content),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_log_escapes),
        cmocka_unit_test(test_log_cuts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
