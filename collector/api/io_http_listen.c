/* Listening sockets for the API, with messages that tell what to do. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "collector/api/io_http_parts.h"

#define BACKLOG 128
#define SOCKET_MODE 0660

static int give_up(int fd, int *err, int code) {
    if (fd >= 0) {
        (void)close(fd);
    }
    *err = code;
    return -1;
}

/* Is there a folder to put the socket in? */
static bool parent_exists(const char *path, char *problem) {
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    struct stat st;
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        return true;
    }
    *slash = '\0';
    const char *shown = folder[0] == '\0' ? "/" : folder;
    if (stat(shown, &st) != 0) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX, "%s: %s; create it first",
                       shown, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX, "%s: not a folder", shown);
        return false;
    }
    return true;
}

/* Removes a socket file on which nobody answers. 0, or an error with text. */
static int remove_stale(const struct sockaddr_un *at, char *problem) {
    struct stat st;
    if (lstat(at->sun_path, &st) != 0) {
        return errno == ENOENT ? 0 : NX_EIO;
    }
    if (!S_ISSOCK(st.st_mode)) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX,
                       "%s: exists and is no socket; not touched",
                       at->sun_path);
        return NX_EEXISTS;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return NX_EIO;
    }
    int rc = connect(fd, (const struct sockaddr *)at, sizeof *at);
    int why = errno;
    (void)close(fd);
    /* EAGAIN: the backlog of a living server is full. */
    if (rc == 0 || why != ECONNREFUSED) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX,
                       "%s: somebody serves there already (%s)", at->sun_path,
                       rc == 0 ? "it answers" : strerror(why));
        return NX_EEXISTS;
    }
    return unlink(at->sun_path) == 0 ? 0 : NX_EIO;
}

int nx_http_listen_unix(const char *path, char *problem, int *err) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX,
                       "%.60s...: a socket path has at most %zu bytes", path,
                       sizeof at.sun_path - 1);
        return give_up(-1, err, NX_ECONFIG);
    }
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    if (!parent_exists(path, problem)) {
        return give_up(-1, err, NX_ECONFIG);
    }
    int code = remove_stale(&at, problem);
    if (code == NX_EEXISTS) {
        return give_up(-1, err, code);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The mask, not a later chmod: there must be no moment of 0777. */
    mode_t mask = umask(0777 & ~SOCKET_MODE);
    bool ok = fd >= 0 &&
              bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
              listen(fd, BACKLOG) == 0;
    int why = errno;
    (void)umask(mask);
    if (!ok) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX, "%s: %s", path,
                       strerror(why));
        return give_up(fd, err, NX_EIO);
    }
    return fd;
}

static bool is_loopback(const struct sockaddr_storage *at) {
    if (at->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)at;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)at;
    return at->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static unsigned port_of(int fd) {
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    memset(&at, 0, sizeof at);
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        return 0;
    }
    return ntohs(at.ss_family == AF_INET
                     ? ((const struct sockaddr_in *)&at)->sin_port
                     : ((const struct sockaddr_in6 *)&at)->sin6_port);
}

/* "127.0.0.1:8053", "[2001:db8::1]:8053". */
static bool parse_listen(const char *text, struct sockaddr_storage *at,
                         socklen_t *len) {
    char host[64];
    struct sockaddr_in *v4 = (struct sockaddr_in *)at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)at;
    const char *colon = strrchr(text, ':');
    bool brackets = text[0] == '[' && colon != NULL && colon[-1] == ']';
    size_t digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0' ||
        (size_t)(colon - text) >= sizeof host) {
        return false;
    }
    unsigned long port = strtoul(colon + 1, NULL, 10);
    (void)snprintf(host, sizeof host, "%.*s",
                   (int)(colon - text) - (brackets ? 2 : 0),
                   text + (brackets ? 1 : 0));
    memset(at, 0, sizeof *at);
    if (brackets) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *len = sizeof *v6;
        return port <= 65535 && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    *len = sizeof *v4;
    return port <= 65535 && inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

int nx_http_listen_tcp(const char *text, char *problem, unsigned *port,
                       enum nx_api_door *kind, int *err) {
    struct sockaddr_storage at;
    socklen_t len = 0;
    int on = 1;
    if (!parse_listen(text, &at, &len)) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX,
                       "%.60s: not ADDRESS:PORT, such as 127.0.0.1:8053 or "
                       "[::1]:8053",
                       text);
        return give_up(-1, err, NX_ECONFIG);
    }
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    IPPROTO_TCP);
    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&at, len) != 0 ||
        listen(fd, BACKLOG) != 0) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX, "%.60s: %s", text,
                       strerror(errno));
        return give_up(fd, err, NX_EIO);
    }
    *port = port_of(fd);
    *kind = is_loopback(&at) ? NX_API_LOOPBACK : NX_API_NETWORK;
    return fd;
}
