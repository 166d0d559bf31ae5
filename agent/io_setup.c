/* nx_agent_setup of io_agent.h: reading what the configuration names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/io_agent.h"
#include "agent/uplink/io_spool.h"
#include "common/yaml.h"

#define PATH_TEXT_MAX 4096U

/* The whole file, at most max bytes; NULL with why. */
static uint8_t *read_file(const char *path, size_t max, size_t *len, char *why,
                          size_t why_cap) {
    uint8_t *bytes = malloc(max + 1);
    int fd = bytes != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? 1 : -1;
    *len = 0;
    while (n > 0 && *len < max + 1) {
        n = read(fd, bytes + *len, max + 1 - *len);
        *len += n > 0 ? (size_t)n : 0;
    }
    int saved = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (n >= 0 && *len <= max) {
        return bytes;
    }
    if (n < 0) {
        (void)snprintf(why, why_cap, "%s: %s", path, strerror(saved));
    } else {
        (void)snprintf(why, why_cap, "%s: larger than %zu bytes", path, max);
    }
    free(bytes);
    return NULL;
}

/* `path` as seen from the folder of the configuration file. False: too long. */
static bool beside(const char *conf_path, const char *path, char *out,
                   size_t cap) {
    const char *slash = strrchr(conf_path, '/');
    size_t folder =
        path[0] == '/' || slash == NULL ? 0 : (size_t)(slash - conf_path) + 1;
    int n = snprintf(out, cap, "%.*s%s", (int)folder, conf_path, path);
    return n >= 0 && (size_t)n < cap;
}

/* The same for a path that a configuration owns. */
static int make_beside(const char *conf_path, char **path) {
    char full[PATH_TEXT_MAX];
    if (*path == NULL) {
        return NX_OK;
    }
    if (!beside(conf_path, *path, full, sizeof(full))) {
        return NX_ELIMIT;
    }
    char *copy = strdup(full);
    if (copy == NULL) {
        return NX_ENOMEM;
    }
    free(*path);
    *path = copy;
    return NX_OK;
}

/* A file of that name in the folder that the environment variable names: the
 * path in its place. */
static int find_handed(const char *variable, char **path) {
    char full[PATH_TEXT_MAX];
    const char *folder = getenv(variable);
    if (folder == NULL || (*path)[0] == '/') {
        return NX_OK;
    }
    int n = snprintf(full, sizeof(full), "%s/%s", folder, *path);
    if (n < 0 || (size_t)n >= sizeof(full) || access(full, F_OK) != 0) {
        return NX_OK;
    }
    char *copy = strdup(full);
    if (copy == NULL) {
        return NX_ENOMEM;
    }
    free(*path);
    *path = copy;
    return NX_OK;
}

/* What a service manager hands over and the configuration leaves open
 * (systemd.exec(5)): a key that only root can read, a folder for results. */
static int make_handed(struct nx_agent_conf *conf) {
    char full[PATH_TEXT_MAX];
    const char *state = getenv("STATE_DIRECTORY");
    int err = find_handed("CREDENTIALS_DIRECTORY", &conf->key);
    if (err != NX_OK || conf->spool_path != NULL || state == NULL) {
        return err;
    }
    int n = snprintf(full, sizeof(full), "%s/spool", state);
    if (n < 0 || (size_t)n >= sizeof(full)) {
        return NX_ELIMIT;
    }
    conf->spool_path = strdup(full);
    return conf->spool_path != NULL ? NX_OK : NX_ENOMEM;
}

static int make_paths(const char *conf_path, struct nx_agent_conf *conf) {
    int err = make_handed(conf);
    if (err == NX_OK) {
        err = make_beside(conf_path, &conf->key);
    }
    if (err == NX_OK) {
        err = make_beside(conf_path, &conf->root_hints);
    }
    if (err == NX_OK) {
        err = make_beside(conf_path, &conf->resolv_conf);
    }
    if (err == NX_OK) {
        err = make_beside(conf_path, &conf->resolved_conf);
    }
    if (err == NX_OK) {
        err = make_beside(conf_path, &conf->spool_path);
    }
    for (size_t i = 0; err == NX_OK && i < conf->resolvers_n; i++) {
        err = make_beside(conf_path, &conf->resolvers[i].tls_ca_file);
    }
    return err;
}

int nx_agent_conf_load(const char *path, struct nx_agent_conf **out, char *why,
                       size_t why_cap) {
    size_t len = 0;
    uint8_t *text = read_file(path, NX_YAML_TEXT_MAX, &len, why, why_cap);
    if (text == NULL) {
        return NX_ECONFIG;
    }
    struct nx_agent_conf *conf = NULL;
    int err = nx_agent_conf_parse(path, text, len, &conf, why, why_cap);
    free(text);
    if (err == NX_OK) {
        err = make_paths(path, conf);
        if (err != NX_OK) {
            (void)snprintf(why, why_cap, "%s: %s", path,
                           err == NX_ELIMIT ? "a path is too long"
                                            : nx_strerror(err));
            nx_agent_conf_free(&conf);
            return err;
        }
        *out = conf;
    }
    return err;
}

static int load_hints(const char *conf_path, const struct nx_agent_conf *conf,
                      struct nx_hints *out, char *why, size_t why_cap) {
    const char *path = conf->root_hints;
    size_t len = 0;
    unsigned line = 0;
    const char *reason = "";
    char unread[PATH_TEXT_MAX + 128];
    uint8_t *text =
        read_file(path, NX_HINTS_TEXT_MAX, &len, unread, sizeof(unread));
    if (text == NULL) {
        (void)snprintf(why, why_cap, "%s:%u: authority.root_hints: %s",
                       conf_path, conf->root_hints_line, unread);
        return NX_ECONFIG;
    }
    int err = nx_hints_parse((const char *)text, len, out, &line, &reason);
    free(text);
    if (err != NX_OK) {
        (void)snprintf(why, why_cap, "%s:%u: %s", path, line, reason);
    }
    return err == NX_OK || err == NX_ENOMEM ? err : NX_ECONFIG;
}

static int check_spool(const char *conf_path, const struct nx_agent_conf *conf,
                       char *why, size_t why_cap) {
    char reason[NX_SPOOL_WHY_MAX];
    if (conf->spool_path == NULL ||
        nx_spool_folder_check(conf->spool_path, reason, sizeof(reason)) ==
            NX_OK) {
        return NX_OK;
    }
    if (conf->spool_path_line == 0) {
        (void)snprintf(why, why_cap, "STATE_DIRECTORY: %s", reason);
    } else {
        (void)snprintf(why, why_cap, "%s:%u: %s", conf_path,
                       conf->spool_path_line, reason);
    }
    return NX_ECONFIG;
}

/* Who signed the servers' certificates: without the file no look would ever
 * succeed. */
static int check_named(const char *conf_path, const struct nx_agent_conf *conf,
                       char *why, size_t why_cap) {
    for (size_t i = 0; i < conf->resolvers_n; i++) {
        const char *path = conf->resolvers[i].tls_ca_file;
        FILE *file = path != NULL ? fopen(path, "re") : NULL;
        if (path != NULL && file == NULL) {
            (void)snprintf(why, why_cap,
                           "%s: resolvers.named[%zu].tls_ca_file: %s: %s",
                           conf_path, i, path, strerror(errno));
            return NX_ECONFIG;
        }
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    return NX_OK;
}

static int load_rest(const char *path, struct nx_agent_setup *setup, char *why,
                     size_t why_cap) {
    setup->hints = calloc(1, sizeof(*setup->hints));
    if (setup->hints == NULL) {
        (void)snprintf(why, why_cap, "out of memory");
        return NX_ENOMEM;
    }
    setup->own_root = setup->conf->root_hints != NULL;
    if (setup->own_root) {
        int err = load_hints(path, setup->conf, setup->hints, why, why_cap);
        if (err != NX_OK) {
            return err;
        }
    } else {
        nx_hints_builtin(setup->hints);
    }
    int err = check_spool(path, setup->conf, why, why_cap);
    err = err == NX_OK ? check_named(path, setup->conf, why, why_cap) : err;
    return err == NX_OK
               ? nx_keys_read(setup->conf->key, &setup->keys, why, why_cap)
               : err;
}

int nx_agent_setup_load(const char *path, struct nx_agent_setup *out, char *why,
                        size_t why_cap) {
    struct nx_agent_setup setup;
    memset(&setup, 0, sizeof(setup));
    int err = nx_agent_conf_load(path, &setup.conf, why, why_cap);
    if (err == NX_OK) {
        err = load_rest(path, &setup, why, why_cap);
    }
    if (err != NX_OK) {
        nx_agent_setup_fini(&setup);
        return err;
    }
    *out = setup;
    nx_keys_wipe(&setup.keys);
    return NX_OK;
}

void nx_agent_setup_fini(struct nx_agent_setup *setup) {
    nx_agent_conf_free(&setup->conf);
    free(setup->hints);
    setup->hints = NULL;
    nx_keys_wipe(&setup->keys);
}
