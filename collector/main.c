/* nxclear-collector: see nxclear-collector(8). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/api/io_http.h"
#include "collector/io_check.h"
#include "collector/io_service.h"
#include "collector/io_verify.h"
#include "common/io_keys.h"
#include "common/io_log.h"
#include "common/text.h"
#include "common/yaml.h"

enum {
    EXIT_OK = 0,
    EXIT_WRONG = 1,
    EXIT_USAGE = 64,
    EXIT_UNAVAILABLE = 69,
    EXIT_INTERNAL = 70,
    EXIT_NOPERM = 77,
    EXIT_CONFIG = 78,
};

#define FILES_WANTED 1024U
#define STOP_MAX_S 4U

static const char usage[] =
    "usage: nxclear-collector [-v] [-k] -c FILE   run in the foreground\n"
    "       nxclear-collector -n -c FILE          check the configuration\n"
    "       nxclear-collector --check -c FILE     look for damage in the "
    "store\n"
    "       nxclear-collector --rebuild [--without-damaged] -c FILE\n"
    "                                             make states from the stored "
    "log again\n"
    "       nxclear-collector keygen FILE         make a key, print its public "
    "part\n"
    "       nxclear-collector pubkey FILE         print the public part\n"
    "       nxclear-collector -h | -V             this text, the version\n"
    "  -v  say more; -k  check every page of the store first (slow)\n";

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"check", no_argument, NULL, 'C'},
    {"rebuild", no_argument, NULL, 'R'},
    {"without-damaged", no_argument, NULL, 'D'},
    {NULL, 0, NULL, 0}};

struct options {
    const char *config;
    bool check_only;
    bool verify;  /* --check */
    bool rebuild; /* --rebuild */
    bool without_damaged;
    bool check_store;
};

/* What runs. conf is what the service borrows. */
struct daemon {
    const struct options *options;
    struct event_base *base;
    struct nx_collector_conf *conf;
    struct nx_service *service;
    struct nx_http *http;
    struct event *signals[3];
    bool stopping; /* as somebody wanted */
};

static int exit_code(int err) {
    switch (err) {
    case NX_OK:
        return EXIT_OK;
    case NX_EDENIED:
        return EXIT_NOPERM;
    case NX_ECONFIG:
    case NX_EMALFORMED: /* no key file; another program's database */
    case NX_ELIMIT:
        return EXIT_CONFIG;
    case NX_ENOMEM:
        return EXIT_INTERNAL;
    default:
        return EXIT_UNAVAILABLE;
    }
}

/* --- configuration --- */

static int read_file(const char *path, uint8_t **out, size_t *len, char *why,
                     size_t why_cap) {
    uint8_t *text = malloc(NX_YAML_TEXT_MAX + 1);
    FILE *file = fopen(path, "re");
    size_t n = 0;
    int err = NX_OK;
    if (file != NULL && text != NULL) {
        n = fread(text, 1, NX_YAML_TEXT_MAX + 1, file);
    }
    if (file == NULL || text == NULL || ferror(file) != 0) {
        snprintf(why, why_cap, "%s: %s", path, strerror(errno));
        err = NX_ECONFIG;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (err != NX_OK) {
        free(text);
        return err;
    }
    *out = text;
    *len = n;
    return NX_OK;
}

static int load(const char *path, struct nx_collector_conf **out, char *why,
                size_t why_cap) {
    uint8_t *text = NULL;
    size_t len = 0;
    int err = read_file(path, &text, &len, why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    snprintf(why, why_cap, "%s: %s", path, nx_strerror(NX_ENOMEM));
    struct nx_collector_conf *conf = calloc(1, sizeof(*conf));
    err = conf == NULL
              ? NX_ENOMEM
              : nx_collector_conf_parse(path, text, len, conf, why, why_cap);
    free(text);
    if (err != NX_OK) {
        free(conf);
        return err;
    }
    *out = conf;
    return NX_OK;
}

/* A key that cannot be read is a matter of permission, like one that others
 * can read. */
static int check(const struct options *options,
                 const struct nx_collector_conf *conf, char *why,
                 size_t why_cap) {
    int err = nx_check(options->config, conf, why, why_cap);
    if (err == NX_OK && options->check_only) {
        err = nx_check_mail(options->config, conf, why, why_cap);
    }
    return err == NX_EIO ? NX_EDENIED : err;
}

static void conf_free(struct nx_collector_conf *conf) {
    if (conf != NULL) {
        nx_collector_conf_fini(conf);
        free(conf);
    }
}

/* --- keys --- */

static int key_command(const char *command, const char *path) {
    struct nx_keypair keys;
    char why[NX_KEYS_WHY_MAX];
    int err = strcmp(command, "keygen") == 0
                  ? nx_keys_create(path, &keys, why, sizeof(why))
                  : nx_keys_read(path, &keys, why, sizeof(why));
    if (err != NX_OK) {
        fprintf(stderr, "nxclear-collector: %s\n", why);
        return err == NX_EMALFORMED ? EXIT_CONFIG : EXIT_NOPERM;
    }
    puts(keys.public_key);
    nx_keys_wipe(&keys);
    return EXIT_OK;
}

/* --- running --- */

/* Each agent takes a descriptor. */
static void raise_files_limit(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return;
    }
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < FILES_WANTED) {
        nx_log(NX_LOG_WARN,
               "at most %llu open files: room for few agents; raise the limit "
               "(LimitNOFILE)",
               (unsigned long long)files.rlim_cur);
    }
}

/* Memory holds a secret key, files hold what an organisation is up to. */
static void harden(void) {
    (void)umask(0077);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)signal(SIGPIPE, SIG_IGN);
}

static void on_stop(evutil_socket_t number, short what, void *arg) {
    struct daemon *d = arg;
    (void)number;
    (void)what;
    nx_log(NX_LOG_INFO, "stopping");
    d->stopping = true;
    event_base_loopbreak(d->base);
}

static void on_reload(evutil_socket_t number, short what, void *arg) {
    struct daemon *d = arg;
    struct nx_collector_conf *conf = NULL;
    char why[NX_CONF_WHY_MAX];
    (void)number;
    (void)what;
    if (load(d->options->config, &conf, why, sizeof(why)) != NX_OK) {
        nx_log(NX_LOG_ERROR, "%s; the old configuration stays", why);
        return;
    }
    if (nx_service_reload(d->service, conf) != NX_OK) {
        conf_free(conf);
        return;
    }
    conf_free(d->conf);
    d->conf = conf;
    nx_log(NX_LOG_INFO, "configuration read again");
}

static int make_base(struct daemon *d) {
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return NX_ENOMEM;
    }
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    d->base = event_base_new_with_config(config);
    event_config_free(config);
    return d->base != NULL ? NX_OK : NX_ENOMEM;
}

static int catch_signals(struct daemon *d) {
    d->signals[0] = evsignal_new(d->base, SIGTERM, on_stop, d);
    d->signals[1] = evsignal_new(d->base, SIGINT, on_stop, d);
    d->signals[2] = evsignal_new(d->base, SIGHUP, on_reload, d);
    for (size_t i = 0; i < 3; i++) {
        if (d->signals[i] == NULL || event_add(d->signals[i], NULL) != 0) {
            return NX_ENOMEM;
        }
    }
    return NX_OK;
}

static int prepare(struct daemon *d) {
    int err = make_base(d);
    return err == NX_OK ? catch_signals(d) : err;
}

static int start(struct daemon *d, char *why, size_t why_cap) {
    int err = nx_service_new(d->base, d->conf, d->options->check_store,
                             &d->service, why, why_cap);
    if (err == NX_OK) {
        const struct nx_http_settings http = {
            .unix_path = d->conf->http_unix,
            .listen = d->conf->http_listen,
            .origin = d->conf->http_origin,
        };
        err = nx_http_new(d->base, d->service, &http, why, &d->http);
    }
    return err;
}

/* Everything is committed before the network is waited for; what is left may
 * be left to the kernel. */
static void on_too_slow(int number) {
    (void)number;
    _exit(EXIT_OK);
}

static void on_too_slow_failed(int number) {
    (void)number;
    _exit(EXIT_UNAVAILABLE);
}

static void stop(struct daemon *d) {
    (void)signal(SIGALRM, d->stopping ? on_too_slow : on_too_slow_failed);
    (void)alarm(STOP_MAX_S);
    nx_http_free(&d->http);
    nx_service_free(&d->service);
    for (size_t i = 0; i < 3; i++) {
        if (d->signals[i] != NULL) {
            event_free(d->signals[i]);
        }
    }
    if (d->base != NULL) {
        event_base_free(d->base);
    }
    conf_free(d->conf);
}

/* Where agents and operators find it. */
static void log_ready(const struct nx_collector_conf *conf, bool unread) {
    struct nx_text where;
    nx_text_init(&where);
    for (size_t i = 0; i < conf->listen_n && !unread; i++) {
        nx_text_addf(&where, "%s%s", i > 0 ? ", " : "", conf->listen[i]);
    }
    nx_text_addf(&where, "%s; operators at unix:%s",
                 unread ? "nowhere before the store can be read" : "",
                 conf->http_unix);
    if (conf->http_listen != NULL) {
        nx_text_addf(&where, ", http://%s", conf->http_listen);
    }
    char *text = nx_text_take(&where);
    nx_log(NX_LOG_INFO,
           "nxclear-collector " NX_VERSION " is ready: agents at %s",
           text != NULL ? text : "?");
    free(text);
}

/* The store as it is, without running. */
static int look_at_store(const struct options *options) {
    struct nx_collector_conf *conf = NULL;
    char why[NX_SERVICE_WHY_MAX] = "";
    unsigned problems_n = 0;
    int err = load(options->config, &conf, why, sizeof(why));
    if (err == NX_OK) {
        err = (options->without_damaged ? nx_rebuild_without_damaged
               : options->rebuild
                   ? nx_rebuild
                   : nx_verify)(conf, stdout, &problems_n, why, sizeof(why));
    }
    if (err != NX_OK) {
        fprintf(stderr, "%s\n", why);
    }
    conf_free(conf);
    return err != NX_OK     ? exit_code(err)
           : problems_n > 0 ? EXIT_WRONG
                            : EXIT_OK;
}

/* Until it is to stop, or to be started anew. */
static int serve(struct daemon *d) {
    log_ready(d->conf, nx_service_unread(d->service));
    if (event_base_dispatch(d->base) < 0) {
        nx_log(NX_LOG_ERROR, "cannot wait for events: %s", strerror(errno));
        return NX_EIO;
    }
    if (d->stopping) {
        return NX_OK;
    }
    if (!nx_service_reopen(d->service)) {
        return NX_EIO; /* it has said why */
    }
    nx_http_free(&d->http);
    nx_service_free(&d->service);
    return NX_OK;
}

static int run(const struct options *options) {
    struct daemon d = {.options = options};
    char why[NX_SERVICE_WHY_MAX] = "";
    int err = load(options->config, &d.conf, why, sizeof(why));
    if (err == NX_OK) {
        err = check(options, d.conf, why, sizeof(why));
    }
    if (err != NX_OK || options->check_only) {
        if (err != NX_OK) {
            fprintf(stderr, "%s\n", why);
        }
        conf_free(d.conf);
        return exit_code(err);
    }
    harden();
    raise_files_limit();
    err = prepare(&d);
    while (err == NX_OK && !d.stopping) {
        err = start(&d, why, sizeof(why));
        if (err == NX_OK) {
            err = serve(&d);
        }
    }
    if (err != NX_OK && d.http == NULL) { /* serve has said why itself */
        nx_log(NX_LOG_ERROR, "%s", why[0] != '\0' ? why : nx_strerror(err));
    }
    stop(&d);
    return exit_code(err);
}

int main(int argc, char **argv) {
    struct options options = {0};
    int option = 0;
    while ((option = getopt_long(argc, argv, "c:nvkhV", long_options, NULL)) !=
           -1) {
        if (option == 'c') {
            options.config = optarg;
        } else if (option == 'h') {
            return fputs(usage, stdout) < 0 ? EXIT_INTERNAL : EXIT_OK;
        } else if (option == 'V') {
            return puts("nxclear-collector " NX_VERSION) < 0 ? EXIT_INTERNAL
                                                             : EXIT_OK;
        } else if (option == 'n') {
            options.check_only = true;
        } else if (option == 'C') {
            options.verify = true;
        } else if (option == 'R') {
            options.rebuild = true;
        } else if (option == 'D') {
            options.without_damaged = true;
        } else if (option == 'v') {
            nx_log_set_level(NX_LOG_DEBUG);
        } else if (option == 'k') {
            options.check_store = true;
        } else {
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    argv += optind;
    if (argv[0] != NULL && argv[1] != NULL && argv[2] == NULL &&
        (strcmp(argv[0], "keygen") == 0 || strcmp(argv[0], "pubkey") == 0)) {
        return key_command(argv[0], argv[1]);
    }
    if (options.config == NULL || argv[0] != NULL ||
        options.check_only + options.verify + options.rebuild > 1 ||
        (options.without_damaged && !options.rebuild)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return options.verify || options.rebuild ? look_at_store(&options)
                                             : run(&options);
}
