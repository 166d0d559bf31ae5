/* nxclear-agent: options, signals, exit codes. */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/dns/io_lookup.h"
#include "agent/io_agent.h"
#include "agent/join/io_join.h"
#include "common/io_log.h"
#include "common/keyid.h"
#include "common/yaml.h"

#define WHY_MAX (NX_YAML_WHY_MAX + 4096U)

static const char usage[] =
    "usage: nxclear-agent [-v] -c FILE      run in the foreground\n"
    "       nxclear-agent -n -c FILE        check the configuration\n"
    "       nxclear-agent --ledger -c FILE  what the spool on the disk holds\n"
    "       nxclear-agent keygen FILE       make a key, print the public one\n"
    "       nxclear-agent pubkey FILE       print the public key of a file\n"
    "       nxclear-agent init FILE         make a key, print its names\n"
    "       nxclear-agent -c FILE join STRING\n"
    "                                       get it accepted; STRING: -: "
    "standard "
    "input\n"
    "       nxclear-agent -h | -V           this text, the version\n"
    "  -v  say more\n";

enum { OPTION_LEDGER = 256 };

static const struct option long_options[] = {
    {"ledger", no_argument, NULL, OPTION_LEDGER},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0}};

struct options {
    const char *conf_path;
    bool check_only;
    bool ledger_only;
};

static int exit_code(int err) {
    switch (err) {
    case NX_ECONFIG:
    case NX_ELIMIT:
    case NX_EMALFORMED: /* no key file */
    case NX_EVERSION:   /* the spool */
        return EX_CONFIG;
    case NX_EDENIED:
    case NX_EIO:
    case NX_EEXISTS:
        return EX_NOPERM; /* the key file */
    default:
        return EX_SOFTWARE;
    }
}

/* Few and small allocations: one arena, and large blocks go back to the
 * system at once instead of staying with the process. */
static void tune_malloc(void) {
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

/* --- keys --- */

static int run_keys(const char *command, const char *path) {
    struct nx_keypair keys;
    char why[NX_KEYS_WHY_MAX];
    int err = strcmp(command, "keygen") == 0
                  ? nx_keys_create(path, &keys, why, sizeof(why))
                  : nx_keys_read(path, &keys, why, sizeof(why));
    if (err != NX_OK) {
        (void)fprintf(stderr, "nxclear-agent: %s\n", why);
        return exit_code(err);
    }
    int n = printf("%s\n", keys.public_key);
    nx_keys_wipe(&keys);
    return n > 0 && fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

/* What people compare: see common/keyid.h. */
static int print_names(const struct nx_keypair *keys) {
    uint8_t key[NX_KEY_BYTES];
    char id[NX_KEY_ID_LEN + 1];
    char fingerprint[NX_KEY_FINGERPRINT_LEN + 1];
    if (nx_z85_key_parse(keys->public_key, key) != NX_OK) {
        return EX_SOFTWARE;
    }
    int n = printf("agent id     %s\nfingerprint  %s\npublic key   %s\n",
                   nx_key_id(key, id), nx_key_fingerprint(key, fingerprint),
                   keys->public_key);
    return n > 0 && fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

static int run_init(const char *path) {
    struct nx_keypair keys;
    char why[NX_KEYS_WHY_MAX];
    int err = nx_keys_create(path, &keys, why, sizeof(why));
    if (err != NX_OK) {
        (void)fprintf(stderr, "nxclear-agent: %s\n", why);
        return exit_code(err);
    }
    int code = print_names(&keys);
    nx_keys_wipe(&keys);
    return code;
}

/* --- running --- */

struct program {
    const struct options *options;
    struct nx_agentd *agent;
};

static void on_term(evutil_socket_t signal, short what, void *arg) {
    struct program *program = arg;
    (void)what;
    nx_log(NX_LOG_INFO, "%s: finishing",
           signal == SIGTERM ? "SIGTERM" : "SIGINT");
    nx_agentd_drain(program->agent);
}

static void on_hup(evutil_socket_t signal, short what, void *arg) {
    struct program *program = arg;
    struct nx_agent_setup setup;
    char why[WHY_MAX];
    (void)signal;
    (void)what;
    int err = nx_agent_setup_load(program->options->conf_path, &setup, why,
                                  sizeof(why));
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "%s (the old configuration stays)", why);
        return;
    }
    err = nx_agentd_reload(program->agent, &setup);
    if (err != NX_OK) {
        nx_agent_setup_fini(&setup);
        nx_log(NX_LOG_ERROR, "cannot take the new configuration: %s",
               nx_strerror(err));
        return;
    }
    nx_log(NX_LOG_INFO, "configuration read again");
}

/* True: there is another agent now. */
static bool begin_anew(struct event_base *base, struct program *program,
                       int *code) {
    struct nx_agent_setup setup;
    if (!nx_agentd_again(program->agent, &setup)) {
        return false;
    }
    nx_agentd_free(&program->agent);
    int err = nx_agentd_new(base, &setup, &program->agent);
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "cannot start: %s", nx_strerror(err));
        nx_agent_setup_fini(&setup);
        *code = EX_SOFTWARE;
    }
    return err == NX_OK;
}

static int loop(struct event_base *base, struct program *program) {
    struct event *events[] = {
        evsignal_new(base, SIGTERM, on_term, program),
        evsignal_new(base, SIGINT, on_term, program),
        evsignal_new(base, SIGHUP, on_hup, program),
    };
    size_t n = sizeof(events) / sizeof(events[0]);
    int code = EX_OK;
    for (size_t i = 0; i < n; i++) {
        if (events[i] == NULL || evsignal_add(events[i], NULL) != 0) {
            code = EX_SOFTWARE;
        }
    }
    do {
        if (code == EX_OK && event_base_dispatch(base) < 0) {
            nx_log(NX_LOG_ERROR, "cannot wait for events: %s", strerror(errno));
            code = EX_SOFTWARE;
        }
    } while (code == EX_OK && begin_anew(base, program, &code));
    for (size_t i = 0; i < n; i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    return code;
}

static struct event_base *new_base(void) {
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return NULL;
    }
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static int run(const struct options *options, struct nx_agent_setup *setup) {
    struct program program = {options, NULL};
    struct event_base *base = new_base();
    if (base == NULL) {
        nx_log(NX_LOG_ERROR, "cannot start: no event loop: %s",
               strerror(errno));
        nx_agent_setup_fini(setup);
        return EX_SOFTWARE;
    }
    nx_log(NX_LOG_INFO, "nxclear-agent %s, public key %s%s%s", NX_VERSION,
           setup->keys.public_key, setup->conf->network != NULL ? ", " : "",
           setup->conf->network != NULL ? setup->conf->network : "");
    if (setup->conf->policy.authority_role) {
        nx_log(NX_LOG_INFO,
               "role authority: the name servers of a zone are asked, found "
               "from the root servers%s%s; this host's resolvers are not",
               setup->own_root ? " in " : "",
               setup->own_root ? setup->conf->root_hints : "");
    }
    int code = EX_SOFTWARE;
    int err = nx_agentd_new(base, setup, &program.agent);
    if (err == NX_OK) {
        code = loop(base, &program);
        nx_agentd_free(&program.agent);
    } else {
        nx_log(NX_LOG_ERROR, "cannot start: %s", nx_strerror(err));
        code = err == NX_EVERSION ? exit_code(err) : code;
        nx_agent_setup_fini(setup);
    }
    event_base_free(base);
    return code;
}

static int run_daemon(const struct options *options) {
    struct nx_agent_setup setup;
    char why[WHY_MAX];
    int err = nx_agent_setup_load(options->conf_path, &setup, why, sizeof(why));
    if (err != NX_OK) {
        (void)fprintf(stderr, "%s\n", why); /* for editors, too: no time */
        return exit_code(err);
    }
    if (options->ledger_only) {
        err = nx_agent_print_ledger(setup.conf, why, sizeof(why));
        if (err != NX_OK) {
            (void)fprintf(stderr, "nxclear-agent: %s\n", why);
        }
    }
    if (options->check_only || options->ledger_only) {
        nx_agent_setup_fini(&setup);
        return err == NX_OK ? EX_OK : exit_code(err);
    }
    return run(options, &setup);
}

int main(int argc, char **argv) {
    struct options options = {NULL, false, false};
    int option = 0;
    if (argc == NX_LOOKUP_ARGC && strcmp(argv[1], NX_LOOKUP_ARGUMENT) == 0) {
        _exit(nx_lookup_child(argv[2], argv[3])); /* what NSS loaded stays */
    }
    tune_malloc();
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* keys do not go into cores */
    (void)signal(SIGPIPE, SIG_IGN);
    while ((option = getopt_long(argc, argv, "c:nvhV", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'c':
            options.conf_path = optarg;
            break;
        case 'n':
            options.check_only = true;
            break;
        case OPTION_LEDGER:
            options.ledger_only = true;
            break;
        case 'v':
            nx_log_set_level(NX_LOG_DEBUG);
            break;
        case 'h':
            return fputs(usage, stdout) < 0 ? EX_IOERR : EX_OK;
        case 'V':
            return puts("nxclear-agent " NX_VERSION) < 0 ? EX_IOERR : EX_OK;
        default:
            (void)fputs(usage, stderr);
            return EX_USAGE;
        }
    }
    if (argc - optind == 2 && options.conf_path == NULL &&
        (strcmp(argv[optind], "keygen") == 0 ||
         strcmp(argv[optind], "pubkey") == 0)) {
        return run_keys(argv[optind], argv[optind + 1]);
    }
    if (argc - optind == 2 && options.conf_path == NULL &&
        strcmp(argv[optind], "init") == 0) {
        return run_init(argv[optind + 1]);
    }
    if (argc - optind == 2 && options.conf_path != NULL &&
        strcmp(argv[optind], "join") == 0) {
        return nx_join_run(options.conf_path, argv[optind + 1]);
    }
    if (argc != optind || options.conf_path == NULL) {
        (void)fputs(usage, stderr);
        return EX_USAGE;
    }
    return run_daemon(&options);
}
