/* A port to listen at. */
#ifndef NX_TESTS_LIB_PORT_H
#define NX_TESTS_LIB_PORT_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* A TCP port of 127.0.0.1 that was free a moment ago; 0: there is none. */
static inline unsigned nx_test_free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = bind(fd, (struct sockaddr *)&at, len) == 0 &&
                 getsockname(fd, (struct sockaddr *)&at, &len) == 0;
    (void)close(fd);
    return bound ? ntohs(at.sin_port) : 0;
}

#endif
