#include "agent/uplink/io_pins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME "collector.keys"
#define NEW_NAME "collector.keys.new"

static int fail(int err, const char *folder, const char *reason, char *why,
                size_t why_cap) {
    (void)snprintf(why, why_cap, "%s/" NAME ": %s", folder, reason);
    return err;
}

static int open_folder(const char *folder) {
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* As close(), but errno stays. */
static void close_fd(int fd) {
    int saved = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    errno = saved;
}

/* Negative: errno says why. */
static ssize_t read_all(int folder_fd, char *out, size_t cap) {
    int fd = openat(folder_fd, NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = fd >= 0 ? 1 : -1;
    while (n > 0 && len < cap) {
        n = read(fd, out + len, cap - len);
        len += n > 0 ? (size_t)n : 0;
    }
    close_fd(fd);
    return n < 0 ? -1 : (ssize_t)len;
}

int nx_pins_load(const char *folder, struct nx_pins *out, char *why,
                 size_t why_cap) {
    char text[NX_PINS_TEXT_MAX + 1]; /* one more, to notice a longer file */
    int folder_fd = open_folder(folder);
    ssize_t len = folder_fd < 0 ? -1 : read_all(folder_fd, text, sizeof(text));
    close_fd(folder_fd);
    if (len < 0 && errno == ENOENT) {
        *out = (struct nx_pins){.n = 0};
        return NX_OK;
    }
    if (len < 0) {
        return fail(NX_EIO, folder, strerror(errno), why, why_cap);
    }
    int err = (size_t)len <= NX_PINS_TEXT_MAX
                  ? nx_pins_parse(text, (size_t)len, out)
                  : NX_EMALFORMED;
    return err == NX_OK
               ? NX_OK
               : fail(err, folder,
                      err == NX_EVERSION ? "written by a newer nxclear-agent"
                                         : "damaged",
                      why, why_cap);
}

static bool write_new(int folder_fd, const char *text, size_t len) {
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(folder_fd, NEW_NAME, flags, 0600);
    ssize_t n = fd >= 0 ? write(fd, text, len) : -1;
    if (n >= 0 && (size_t)n < len) {
        errno = ENOSPC;
    }
    bool done = n == (ssize_t)len && fsync(fd) == 0;
    close_fd(fd);
    return done;
}

int nx_pins_store(const char *folder, const struct nx_pins *pins, char *why,
                  size_t why_cap) {
    char text[NX_PINS_TEXT_MAX];
    size_t len = nx_pins_text(pins, text);
    int folder_fd = open_folder(folder);
    bool done = folder_fd >= 0 && write_new(folder_fd, text, len) &&
                renameat(folder_fd, NEW_NAME, folder_fd, NAME) == 0 &&
                fsync(folder_fd) == 0;
    close_fd(folder_fd);
    return done ? NX_OK : fail(NX_EIO, folder, strerror(errno), why, why_cap);
}
