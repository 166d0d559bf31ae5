/* A port to listen at. */
#ifndef NX_TESTS_LIB_PORT_H
#define NX_TESTS_LIB_PORT_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#define NX_TEST_PORTS_FROM 20000U
#define NX_TEST_PORTS_N 12000U

/* A TCP port of 127.0.0.1 that was free a moment ago; 0: there is none. Not one
 * that the kernel gives to connections (from 32768 on): it would soon be
 * somebody else's. Another one each time. */
static inline unsigned nx_test_free_port(void) {
    static unsigned next;
    if (next == 0 && getentropy(&next, sizeof(next)) != 0) {
        next = (unsigned)getpid();
    }
    for (unsigned i = 0; i < NX_TEST_PORTS_N; i++) {
        unsigned port = NX_TEST_PORTS_FROM + ++next % NX_TEST_PORTS_N;
        const struct sockaddr_in at = {.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)port),
                                       .sin_addr.s_addr =
                                           htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool bound = bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
        (void)close(fd);
        if (bound) {
            return port;
        }
    }
    return 0;
}

#endif
