/* The command `join`: string, key, question, configuration. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <sodium.h>

#include "agent/io_agent.h"
#include "agent/join/io_join.h"
#include "agent/join/joined.h"
#include "common/yaml.h"

#define PATH_TEXT_MAX 4096U
#define KEY_NAME "agent.key"
#define WHY_MAX (NX_YAML_WHY_MAX + PATH_TEXT_MAX)

static int complain(const char *why, int code) {
    (void)fprintf(stderr, "nxclear-agent: %s\n", why);
    return code;
}

/* --- the string --- */

static int read_string(const char *text, struct nx_join *out) {
    char line[2 * NX_JOIN_TEXT_MAX] = "";
    if (strcmp(text, "-") == 0) {
        size_t n = fread(line, 1, sizeof(line) - 1, stdin);
        line[n] = '\0';
        text = line;
    }
    int err = nx_join_parse(text, out);
    sodium_memzero(line, sizeof(line));
    switch (err) {
    case NX_OK:
        return EX_OK;
    case NX_EVERSION:
        return complain("this join string is for a newer nxclear-agent",
                        EX_DATAERR);
    case NX_EMISMATCH:
        return complain("the join string is damaged: copy all of it, from "
                        "nxj1 on",
                        EX_DATAERR);
    default:
        return complain("not a join string (they begin with nxj1; `nxclear "
                        "enrol create` prints one)",
                        EX_DATAERR);
    }
}

/* --- the key --- */

/* Key file and keys: those of the configuration if there is one, else beside
 * it, made if need be. conf: NULL when there is no file yet. */
static int get_keys(const char *conf_path, const struct nx_agent_conf *conf,
                    struct nx_keypair *keys) {
    char path[PATH_TEXT_MAX];
    char why[NX_KEYS_WHY_MAX];
    const char *slash = strrchr(conf_path, '/');
    int folder = slash != NULL ? (int)(slash - conf_path) + 1 : 0;
    (void)snprintf(path, sizeof(path), "%.*s%s", folder, conf_path, KEY_NAME);
    const char *at = conf != NULL ? conf->key : path;
    int err = access(at, F_OK) == 0
                  ? nx_keys_read(at, keys, why, sizeof(why))
                  : nx_keys_create(at, keys, why, sizeof(why));
    return err == NX_OK ? EX_OK : complain(why, EX_NOPERM);
}

/* --- the answer --- */

static int say_verdict(enum nx_join_verdict verdict) {
    switch (verdict) {
    case NX_JOIN_ACCEPTED:
        return complain("the collector's answer is incomplete", EX_PROTOCOL);
    case NX_JOIN_TOKEN:
        return complain("the collector does not take this join string: used, "
                        "expired or revoked; ask for another one",
                        EX_NOPERM);
    case NX_JOIN_KEY:
        return complain("the collector has shut out this key before (`nxclear "
                        "agents list` there says why); use another key",
                        EX_NOPERM);
    case NX_JOIN_LATER:
        return complain("the collector cannot take an agent now (its log says "
                        "why); try again later",
                        EX_TEMPFAIL);
    }
    return EX_SOFTWARE;
}

/* Nothing in it is secret, and the agent's user has to read what root wrote. */
#define CONF_MODE 0644

static int write_conf(const char *path, const struct nx_join_reply *reply) {
    struct nx_text text;
    nx_text_init(&text);
    nx_joined_conf(reply, KEY_NAME, &text);
    int fd = text.failed ? -1
                         : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                CONF_MODE);
    errno = fd >= 0 ? ENOSPC : errno; /* what a short write leaves unsaid */
    bool done = fd >= 0 &&
                write(fd, text.bytes, text.len) == (ssize_t)text.len &&
                fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (fd >= 0 && !done) {
        (void)unlink(path); /* the next join would read it */
    }
    nx_text_fini(&text);
    if (!done) {
        (void)fprintf(stderr,
                      "nxclear-agent: %s: %s; the key is accepted already: run "
                      "join again when that is mended\n",
                      path, strerror(saved));
        return EX_CANTCREAT;
    }
    return EX_OK;
}

/* A configuration is its owner's: what is missing in it is said, not written.
 */
static int compare_conf(const char *path, const struct nx_agent_conf *conf,
                        const struct nx_join_reply *reply) {
    struct nx_text text;
    if (!nx_joined_known(reply, conf)) {
        nx_text_init(&text);
        nx_joined_collectors(reply, &text);
        (void)printf("add to collectors in %s:\n%s", path,
                     text.failed ? "" : text.bytes);
        nx_text_fini(&text);
    }
    if (conf->policy.authority_role != reply->authority) {
        (void)printf("change in %s: role: %s\n", path,
                     reply->authority ? "authority" : "network");
    }
    return EX_OK;
}

static int finish(const char *conf_path, const struct nx_agent_conf *conf,
                  const struct nx_join_reply *reply) {
    if (reply->verdict != NX_JOIN_ACCEPTED || nx_joined_check(reply) != NX_OK) {
        return say_verdict(reply->verdict);
    }
    int code = conf != NULL ? compare_conf(conf_path, conf, reply)
                            : write_conf(conf_path, reply);
    if (code == EX_OK) {
        (void)printf("joined network %s as %s%s; start with: nxclear-agent -c "
                     "%s\n",
                     reply->network, reply->name,
                     reply->authority ? " (authority)" : "", conf_path);
    }
    return code == EX_OK && fflush(stdout) != 0 ? EX_IOERR : code;
}

int nx_join_run(const char *conf_path, const char *text) {
    struct nx_join join;
    struct nx_join_reply reply;
    struct nx_keypair keys;
    struct nx_agent_conf *conf = NULL;
    char why[WHY_MAX];
    int code = read_string(text, &join);
    if (code != EX_OK) {
        return code;
    }
    if (access(conf_path, F_OK) == 0 &&
        nx_agent_conf_load(conf_path, &conf, why, sizeof(why)) != NX_OK) {
        code = complain(why, EX_CONFIG);
    }
    if (code == EX_OK) {
        code = get_keys(conf_path, conf, &keys);
    }
    if (code == EX_OK) {
        code = nx_join_ask(&join, &keys, &reply, why, sizeof(why)) == NX_OK
                   ? finish(conf_path, conf, &reply)
                   : complain(why, EX_UNAVAILABLE);
        nx_keys_wipe(&keys);
    }
    sodium_memzero(&join, sizeof(join));
    nx_agent_conf_free(&conf);
    return code;
}
