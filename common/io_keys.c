#include "common/io_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define LABEL_LEN 8U /* "public: ", "secret: " */
#define LINE_LEN (LABEL_LEN + NX_KEY_TEXT_LEN + 1)
#define FILE_LEN (2 * LINE_LEN)

static int fail(int err, char *why, size_t why_cap, const char *path,
                const char *fmt, ...) NX_PRINTF(5, 6);

static int fail(int err, char *why, size_t why_cap, const char *path,
                const char *fmt, ...) {
    int n = snprintf(why, why_cap, "%s: ", path);
    if (n >= 0 && (size_t)n < why_cap) {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(why + n, why_cap - (size_t)n, fmt, args);
        va_end(args);
    }
    return err;
}

void nx_keys_wipe(struct nx_keypair *keys) {
    volatile char *p = (volatile char *)keys;
    for (size_t i = 0; i < sizeof(*keys); i++) {
        p[i] = 0;
    }
}

static void wipe_text(char *text, size_t len) {
    volatile char *p = text;
    for (size_t i = 0; i < len; i++) {
        p[i] = 0;
    }
}

static int write_file(int fd, const struct nx_keypair *keys) {
    char text[FILE_LEN + 1];
    (void)snprintf(text, sizeof(text), "public: %s\nsecret: %s\n",
                   keys->public_key, keys->secret_key);
    size_t done = 0;
    while (done < FILE_LEN) {
        ssize_t n = write(fd, text + done, FILE_LEN - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        done += (size_t)n;
    }
    wipe_text(text, sizeof(text));
    return done == FILE_LEN && fsync(fd) == 0 ? NX_OK : NX_EIO;
}

/* The name of a new file is in its folder: after a power cut the key must be
 * there, as its public part may be registered by then. */
static int sync_folder(const char *path) {
    const char *end = strrchr(path, '/');
    char folder[PATH_MAX] = ".";
    if (end != NULL && (size_t)(end - path) + 1 >= sizeof(folder)) {
        errno = ENAMETOOLONG;
        return NX_EIO;
    }
    if (end != NULL) {
        (void)snprintf(folder, sizeof(folder), "%.*s", (int)(end - path + 1),
                       path);
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return NX_EIO;
    }
    int err = fsync(fd) == 0 ? NX_OK : NX_EIO;
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return err;
}

int nx_keys_create(const char *path, struct nx_keypair *out, char *why,
                   size_t why_cap) {
    struct nx_keypair keys = {{0}, {0}};
    if (zmq_curve_keypair(keys.public_key, keys.secret_key) != 0) {
        return fail(NX_EIO, why, why_cap, path, "cannot make a key: %s",
                    zmq_strerror(errno));
    }
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, flags, 0600);
    if (fd < 0) {
        nx_keys_wipe(&keys);
        return fail(errno == EEXIST ? NX_EEXISTS : NX_EIO, why, why_cap, path,
                    "%s",
                    errno == EEXIST ? "exists already; not overwritten"
                                    : strerror(errno));
    }
    int err = write_file(fd, &keys);
    int saved = errno;
    if (close(fd) != 0 && err == NX_OK) {
        err = NX_EIO;
        saved = errno;
    }
    if (err == NX_OK) {
        err = sync_folder(path);
        saved = errno;
    }
    if (err != NX_OK) {
        (void)unlink(path);
        nx_keys_wipe(&keys);
        return fail(err, why, why_cap, path, "%s", strerror(saved));
    }
    *out = keys;
    nx_keys_wipe(&keys);
    return NX_OK;
}

/* systemd hands credentials over by an access control list where it cannot
 * give them away: the group's bits then show the list's mask, and only whom
 * the list names can read (systemd.exec(5), LoadCredential). */
static bool is_handed(const char *path) {
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t len = folder != NULL ? strlen(folder) : 0;
    return len > 0 && strncmp(path, folder, len) == 0 && path[len] == '/' &&
           strchr(path + len + 1, '/') == NULL;
}

static int check_mode(int fd, const char *path, char *why, size_t why_cap) {
    struct stat st;
    mode_t others = is_handed(path) ? 037 : 077;
    if (fstat(fd, &st) != 0) {
        return fail(NX_EIO, why, why_cap, path, "%s", strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return fail(NX_EDENIED, why, why_cap, path, "not a regular file");
    }
    if ((st.st_mode & others) != 0) {
        return fail(NX_EDENIED, why, why_cap, path,
                    "readable by others (mode %04o); run chmod 600 %s",
                    (unsigned)(st.st_mode & 07777), path);
    }
    return NX_OK;
}

/* Takes one `LABEL: <Z85>` line; false when it is none. */
static bool take_line(const char *text, const char *label, char *out) {
    if (strncmp(text, label, LABEL_LEN) != 0 || text[LINE_LEN - 1] != '\n') {
        return false;
    }
    memcpy(out, text + LABEL_LEN, NX_KEY_TEXT_LEN);
    out[NX_KEY_TEXT_LEN] = '\0';
    return nx_z85_key_parse(out, NULL) == NX_OK;
}

static int parse_file(const char *text, size_t len, const char *path,
                      struct nx_keypair *keys, char *why, size_t why_cap) {
    char derived[NX_KEY_TEXT_MAX];
    if (len != FILE_LEN || !take_line(text, "public: ", keys->public_key) ||
        !take_line(text + LINE_LEN, "secret: ", keys->secret_key)) {
        return fail(NX_EMALFORMED, why, why_cap, path,
                    "not a key file (expected the two lines `public: <Z85>` "
                    "and `secret: <Z85>`)");
    }
    if (zmq_curve_public(derived, keys->secret_key) != 0 ||
        strcmp(derived, keys->public_key) != 0) {
        return fail(NX_EMALFORMED, why, why_cap, path,
                    "the public key does not belong to the secret key");
    }
    return NX_OK;
}

static int read_fd(int fd, const char *path, struct nx_keypair *keys, char *why,
                   size_t why_cap) {
    int err = check_mode(fd, path, why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    char text[FILE_LEN + 2]; /* one more, to notice a longer file */
    size_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len < sizeof(text) - 1) {
        n = read(fd, text + len, sizeof(text) - 1 - len);
        if (n < 0 && errno == EINTR) {
            n = 1;
            continue;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        return fail(NX_EIO, why, why_cap, path, "%s", strerror(errno));
    }
    text[len] = '\0';
    err = parse_file(text, len, path, keys, why, why_cap);
    wipe_text(text, sizeof(text));
    return err;
}

int nx_keys_read(const char *path, struct nx_keypair *out, char *why,
                 size_t why_cap) {
    /* Non-blocking: a FIFO in its place must not hang the start. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return fail(NX_EIO, why, why_cap, path, "%s",
                    errno == ELOOP ? "is a symbolic link" : strerror(errno));
    }
    struct nx_keypair keys = {{0}, {0}};
    int err = read_fd(fd, path, &keys, why, why_cap);
    (void)close(fd);
    if (err == NX_OK) {
        *out = keys;
    }
    nx_keys_wipe(&keys);
    return err;
}
