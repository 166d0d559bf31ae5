#include "agent/uplink/io_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"

#define NAME_MAX_ 32U
#define SEGMENT_SUFFIX ".seg"
#define LEDGER_NAME "ledger"
#define LOCK_NAME "lock"
#define LEDGER_SLOT_BYTES 4096 /* its own block of most disks */
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_SEED 0x6e787370U

struct nx_spool_folder {
    struct nx_spool_disk disk;
    int dir_fd;
    int lock_fd;
    int ledger_fd;
    bool look_only;
    /* The segment that is appended to, and the one that is read. */
    int write_fd;
    uint64_t write_id;
    bool write_new; /* its name is not synced yet */
    int read_fd;
    uint64_t read_id;
};

static int error_of(int number) {
    switch (number) {
    case ENOENT:
        return NX_ENOTFOUND;
    case ENOSPC:
    case EDQUOT:
        return NX_EFULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return NX_EDENIED;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return NX_ENOMEM;
    default:
        return NX_EIO;
    }
}

static void close_fd(int *fd) {
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void segment_name(uint64_t id, char out[NAME_MAX_]) {
    (void)snprintf(out, NAME_MAX_, "%016" PRIx64 SEGMENT_SUFFIX, id);
}

/* --- bytes --- */

static int write_all(int fd, const void *bytes, size_t len, off_t at) {
    const char *p = bytes;
    while (len > 0) {
        ssize_t n = at < 0 ? write(fd, p, len) : pwrite(fd, p, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_of(errno);
        }
        p += n;
        len -= (size_t)n;
        at += at < 0 ? 0 : n;
    }
    return NX_OK;
}

static int read_some(int fd, void *out, size_t len, off_t at, size_t *got) {
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, (char *)out + done, len - done, at + (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_of(errno);
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    *got = done;
    return NX_OK;
}

/* --- segments --- */

static int list(void *user, void (*visit)(void *arg, uint64_t id), void *arg) {
    const struct nx_spool_folder *f = user;
    int fd = openat(f->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        int err = error_of(errno);
        close_fd(&fd);
        return err;
    }
    errno = 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        char name[NAME_MAX_];
        uint64_t id = strtoull(e->d_name, NULL, 16);
        segment_name(id, name);
        if (strcmp(name, e->d_name) == 0) {
            visit(arg, id);
        }
        errno = 0;
    }
    int err = errno != 0 ? error_of(errno) : NX_OK;
    (void)closedir(dir);
    return err;
}

static int use_segment(struct nx_spool_folder *f, uint64_t id) {
    char name[NAME_MAX_];
    if (f->write_fd >= 0 && f->write_id == id) {
        return NX_OK;
    }
    close_fd(&f->write_fd);
    segment_name(id, name);
    f->write_fd = openat(f->dir_fd, name,
                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    f->write_id = id;
    f->write_new = true;
    return f->write_fd >= 0 ? NX_OK : error_of(errno);
}

static int append(void *user, uint64_t id, const void *bytes, size_t len) {
    struct nx_spool_folder *f = user;
    int err = f->look_only ? NX_EDENIED : use_segment(f, id);
    return err == NX_OK ? write_all(f->write_fd, bytes, len, -1) : err;
}

static int sync_segment(void *user, uint64_t id) {
    struct nx_spool_folder *f = user;
    if (f->write_fd < 0 || f->write_id != id) {
        return NX_EIO;
    }
    if (fdatasync(f->write_fd) != 0 ||
        (f->write_new && fsync(f->dir_fd) != 0)) {
        return error_of(errno);
    }
    f->write_new = false;
    return NX_OK;
}

static int read_segment(void *user, uint64_t id, uint64_t offset, void *out,
                        size_t len, size_t *got) {
    struct nx_spool_folder *f = user;
    if (f->read_fd < 0 || f->read_id != id) {
        char name[NAME_MAX_];
        close_fd(&f->read_fd);
        segment_name(id, name);
        f->read_fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        f->read_id = id;
        if (f->read_fd < 0) {
            return error_of(errno);
        }
    }
    int err = offset <= INT64_MAX - len
                  ? read_some(f->read_fd, out, len, (off_t)offset, got)
                  : NX_EIO;
    if (err != NX_OK) {
        close_fd(&f->read_fd); /* a later try begins anew */
    }
    return err;
}

static int remove_segment(void *user, uint64_t id) {
    struct nx_spool_folder *f = user;
    char name[NAME_MAX_];
    if (f->look_only) {
        return NX_OK;
    }
    if (f->write_id == id) {
        close_fd(&f->write_fd);
    }
    if (f->read_id == id) {
        close_fd(&f->read_fd);
    }
    segment_name(id, name);
    return unlinkat(f->dir_fd, name, 0) == 0 ? NX_OK : error_of(errno);
}

/* --- ledger --- */

static int ledger_read(void *user, unsigned slot,
                       uint8_t out[NX_LEDGER_BLOCK_BYTES]) {
    const struct nx_spool_folder *f = user;
    size_t got = 0;
    if (f->ledger_fd < 0) {
        return NX_ENOTFOUND;
    }
    int err = read_some(f->ledger_fd, out, NX_LEDGER_BLOCK_BYTES,
                        (off_t)slot * LEDGER_SLOT_BYTES, &got);
    return err == NX_OK && got < NX_LEDGER_BLOCK_BYTES ? NX_ENOTFOUND : err;
}

static int ledger_write(void *user, unsigned slot,
                        const uint8_t block[NX_LEDGER_BLOCK_BYTES]) {
    struct nx_spool_folder *f = user;
    if (f->look_only) {
        return NX_OK;
    }
    int err = write_all(f->ledger_fd, block, NX_LEDGER_BLOCK_BYTES,
                        (off_t)slot * LEDGER_SLOT_BYTES);
    return err == NX_OK && fdatasync(f->ledger_fd) != 0 ? error_of(errno) : err;
}

/* Both places are written once in full, so that a full disk cannot take them
 * away later. */
static int make_ledger(struct nx_spool_folder *f) {
    static const uint8_t nothing[2 * LEDGER_SLOT_BYTES];
    struct stat st;
    f->ledger_fd = openat(f->dir_fd, LEDGER_NAME,
                          O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->ledger_fd < 0 || fstat(f->ledger_fd, &st) != 0) {
        return error_of(errno);
    }
    int err = NX_OK;
    if (st.st_size < (off_t)sizeof(nothing)) {
        err = write_all(f->ledger_fd, nothing + st.st_size,
                        sizeof(nothing) - (size_t)st.st_size, st.st_size);
    }
    if (err == NX_OK && (fsync(f->ledger_fd) != 0 || fsync(f->dir_fd) != 0)) {
        err = error_of(errno);
    }
    return err;
}

/* --- folder --- */

static const char *advice(int err, int number) {
    if (number == EROFS) {
        return ": mount it writable again (remount,rw)";
    }
    switch (err) {
    case NX_EDENIED:
        return ": the agent's user must own it";
    case NX_EFULL:
        return ": free some space; the ledger needs 8 KiB";
    case NX_ESTATE:
        return ": another agent uses it; each needs a spool of its own";
    default:
        return "";
    }
}

static int lock(struct nx_spool_folder *f) {
    f->lock_fd = openat(f->dir_fd, LOCK_NAME,
                        O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->lock_fd < 0) {
        return error_of(errno);
    }
    if (flock(f->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? NX_ESTATE : error_of(errno);
    }
    return NX_OK;
}

static int open_files(struct nx_spool_folder *f, const char *path) {
    if (!f->look_only && mkdir(path, 0700) != 0 && errno != EEXIST) {
        return error_of(errno);
    }
    f->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->dir_fd < 0) {
        return error_of(errno);
    }
    if (f->look_only) {
        f->ledger_fd = openat(f->dir_fd, LEDGER_NAME, O_RDONLY | O_CLOEXEC);
        return f->ledger_fd >= 0 ? NX_OK : error_of(errno);
    }
    int err = lock(f);
    return err == NX_OK ? make_ledger(f) : err;
}

/* It is there and fails; what is not there may be a disk not mounted yet. The
 * kernel itself makes one read-only that failed. */
static bool disk_fails(int number) {
    return number == EIO || number == EUCLEAN || number == EBADMSG ||
           number == EROFS;
}

static int open_folder(const char *path, bool look_only,
                       struct nx_spool_folder **out, char *why,
                       size_t why_cap) {
    struct nx_spool_folder *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        (void)snprintf(why, why_cap, "out of memory");
        return NX_ENOMEM;
    }
    *f = (struct nx_spool_folder){.disk = {.user = f,
                                           .list = list,
                                           .append = append,
                                           .sync = sync_segment,
                                           .read = read_segment,
                                           .remove = remove_segment,
                                           .ledger_read = ledger_read,
                                           .ledger_write = ledger_write},
                                  .dir_fd = -1,
                                  .lock_fd = -1,
                                  .ledger_fd = -1,
                                  .look_only = look_only,
                                  .write_fd = -1,
                                  .read_fd = -1};
    int err = open_files(f, path);
    int number = errno;
    if (err == NX_EDENIED && disk_fails(number)) {
        err = NX_EIO;
    } else if (err == NX_ENOTFOUND || (err == NX_EIO && !disk_fails(number))) {
        err = NX_ECONFIG;
    }
    if (err != NX_OK) {
        (void)snprintf(why, why_cap, "spool %s: %s%s", path,
                       err == NX_ESTATE ? "locked" : strerror(number),
                       advice(err, number));
        nx_spool_folder_close(&f);
        return err;
    }
    *out = f;
    return NX_OK;
}

/* The folder that holds it must be there: making all of a path would hide a
 * disk that is not mounted. */
static bool parent_writable(const char *path) {
    char parent[NX_SPOOL_WHY_MAX];
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    (void)snprintf(parent, sizeof(parent), "%.*s", (int)len, path);
    return access(len > 0 ? parent : ".", W_OK | X_OK) == 0;
}

int nx_spool_folder_check(const char *path, char *why, size_t why_cap) {
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && !S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
    } else if (there ? access(path, R_OK | W_OK | X_OK) == 0
                     : errno == ENOENT && parent_writable(path)) {
        return NX_OK;
    }
    if (errno == EROFS) { /* nothing is wrong with the configuration */
        return NX_OK;
    }
    int err = error_of(errno);
    (void)snprintf(why, why_cap, "spool.path: %s: %s%s", path, strerror(errno),
                   there || err != NX_ENOTFOUND ? advice(err, errno)
                                                : ": make the folder above it");
    return err == NX_ENOTFOUND ? NX_EIO : err;
}

int nx_spool_folder_open(const char *path, struct nx_spool_folder **out,
                         char *why, size_t why_cap) {
    return open_folder(path, false, out, why, why_cap);
}

int nx_spool_folder_look(const char *path, struct nx_spool_folder **out,
                         char *why, size_t why_cap) {
    return open_folder(path, true, out, why, why_cap);
}

void nx_spool_folder_close(struct nx_spool_folder **folder) {
    struct nx_spool_folder *f = *folder;
    if (f != NULL) {
        close_fd(&f->write_fd);
        close_fd(&f->read_fd);
        close_fd(&f->ledger_fd);
        close_fd(&f->lock_fd);
        close_fd(&f->dir_fd);
        free(f);
        *folder = NULL;
    }
}

const struct nx_spool_disk *
nx_spool_folder_disk(struct nx_spool_folder *folder) {
    return &folder->disk;
}

uint64_t nx_spool_boot(void) {
    char text[64];
    uint64_t boot = 0;
    int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    close_fd(&fd);
    if (n > 0) {
        return nx_hash(text, (size_t)n, BOOT_SEED);
    }
    return getrandom(&boot, sizeof(boot), 0) == sizeof(boot) ? boot : 0;
}
