/* The floor of bench/status: libevent's HTTP server answers every request with
 * the same bytes, written in pieces as large as the collector's.
 *
 *   bench_static FILE PORT */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct bytes {
    char *at;
    size_t len;
};

static void answer(struct evhttp_request *request, void *arg) {
    const struct bytes *bytes = arg;
    struct evbuffer *body = evbuffer_new();
    if (body == NULL ||
        evbuffer_add_reference(body, bytes->at, bytes->len, NULL, NULL) != 0) {
        abort();
    }
    (void)evhttp_add_header(evhttp_request_get_output_headers(request),
                            "Content-Type", "application/json");
    evhttp_send_reply(request, 200, NULL, body);
    evbuffer_free(body);
}

static struct bufferevent *on_accept(struct event_base *base, void *arg) {
    struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
    (void)arg;
    if (bev != NULL) {
        (void)bufferevent_set_max_single_write(bev, 1U << 20);
    }
    return bev;
}

static int load(const char *path, struct bytes *out) {
    struct stat st;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &st) != 0 || st.st_size <= 0) {
        return -1;
    }
    out->len = (size_t)st.st_size;
    out->at = malloc(out->len);
    size_t n = out->at == NULL ? 0 : fread(out->at, 1, out->len, file);
    (void)fclose(file);
    return n == out->len ? 0 : -1;
}

int main(int argc, char **argv) {
    struct bytes bytes;
    if (argc != 3 || load(argv[1], &bytes) != 0) {
        fprintf(stderr, "usage: bench_static FILE PORT\n");
        return 64;
    }
    struct event_base *base = event_base_new();
    struct evhttp *http = base == NULL ? NULL : evhttp_new(base);
    if (http == NULL ||
        evhttp_bind_socket(http, "127.0.0.1",
                           (ev_uint16_t)strtoul(argv[2], NULL, 10)) != 0) {
        fprintf(stderr, "bench_static: cannot listen\n");
        return 1;
    }
    evhttp_set_bevcb(http, on_accept, NULL);
    evhttp_set_gencb(http, answer, &bytes);
    return event_base_dispatch(base) < 0 ? 1 : 0;
}
