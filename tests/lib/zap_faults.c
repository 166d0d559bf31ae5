/* Breaks the collector's handler of keys from outside: preloaded, it stands
 * between the program and libzmq. What to do is in the file that NX_ZAP_FAULT
 * names, for as long as it is there:
 *
 *   gone     the handler loses its name, and nobody can take it
 *   silent   it never hears of a request
 *   stuck    it cannot send its answers
 *   unasked  it cannot be asked whether it is well: there are no files; with
 *            one of the others ("silent-unasked") */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#define ENDPOINT "inproc://zeromq.zap.01"

static void *handler; /* the socket that has the name, or had it last */

/* The function that would have been called. */
static void real(const char *name, void *function) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    memcpy(function, &found, sizeof(found));
}

static int fault_is(const char *fault) {
    const char *path = getenv("NX_ZAP_FAULT");
    char said[32] = "";
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (file == NULL) {
        return 0;
    }
    size_t n = fread(said, 1, sizeof(said) - 1, file);
    (void)fclose(file);
    said[n] = '\0';
    return strstr(said, fault) != NULL;
}

int zmq_bind(void *s, const char *addr) {
    int (*bind)(void *, const char *) = NULL;
    int ours = strcmp(addr, ENDPOINT) == 0;
    real("zmq_bind", &bind);
    if (ours && fault_is("gone")) {
        errno = ENOMEM;
        return -1;
    }
    int rc = bind(s, addr);
    if (ours && rc == 0) {
        handler = s;
    }
    return rc;
}

int zmq_connect(void *s, const char *addr) {
    int (*connect)(void *, const char *) = NULL;
    real("zmq_connect", &connect);
    if (strcmp(addr, ENDPOINT) == 0 && fault_is("unasked")) {
        errno = EMFILE;
        return -1;
    }
    return connect(s, addr);
}

int zmq_getsockopt(void *s, int option, void *optval, size_t *optvallen) {
    int (*get)(void *, int, void *, size_t *) = NULL;
    real("zmq_getsockopt", &get);
    if (s == handler && option == ZMQ_EVENTS) {
        if (fault_is("gone")) {
            int (*unbind)(void *, const char *) = NULL;
            real("zmq_unbind", &unbind);
            (void)unbind(s, ENDPOINT);
        } else if (fault_is("silent")) {
            memset(optval, 0, sizeof(int));
            return 0;
        }
    }
    return get(s, option, optval, optvallen);
}

int zmq_msg_send(zmq_msg_t *msg, void *s, int flags) {
    int (*send)(zmq_msg_t *, void *, int) = NULL;
    real("zmq_msg_send", &send);
    if (s == handler && fault_is("stuck")) {
        errno = ENOMEM;
        return -1;
    }
    return send(msg, s, flags);
}
