#include "collector/io_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "collector/alert/io_courier.h"
#include "common/io_keys.h"

struct place {
    const char *file;
    const char *key;
    unsigned line; /* 0: the default */
};

static int refuse(const struct place *at, char *why, size_t why_cap,
                  const char *path, const char *reason) {
    char line[16] = "";
    if (at->line > 0) {
        (void)snprintf(line, sizeof line, "%u:", at->line);
    }
    (void)snprintf(why, why_cap, "%s:%s %s: %s: %s", at->file, line, at->key,
                   path, reason);
    return NX_ECONFIG;
}

static int check_folder(const struct place *at, const char *path, char *why,
                        size_t why_cap) {
    struct stat st;
    char *folder = strdup(path);
    int err = NX_OK;
    if (folder == NULL) {
        (void)snprintf(why, why_cap, "%s", nx_strerror(NX_ENOMEM));
        return NX_ENOMEM;
    }
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    const char *shown = slash == NULL ? "." : folder;
    if (stat(shown, &st) != 0) {
        err = refuse(at, why, why_cap, shown,
                     errno == ENOENT ? "no such folder; create it first"
                                     : strerror(errno));
    } else if (!S_ISDIR(st.st_mode)) {
        err = refuse(at, why, why_cap, shown, "not a folder");
    }
    free(folder);
    return err;
}

static int check_secrets(const char *file, const struct nx_collector_conf *conf,
                         char *why, size_t why_cap) {
    for (size_t i = 0; i < conf->alerts.receivers_n; i++) {
        const char *path = conf->alerts.receivers[i].secret_path;
        char secret[NX_COURIER_SECRET_MAX];
        char reason[NX_COURIER_WHY_MAX];
        size_t len = 0;
        if (path != NULL &&
            nx_courier_secret(path, secret, &len, reason) != 0) {
            (void)snprintf(why, why_cap,
                           "%s: alerts.receivers[%zu].secret_file: %s", file, i,
                           reason);
            return NX_ECONFIG;
        }
    }
    return NX_OK;
}

int nx_check(const char *file, const struct nx_collector_conf *conf, char *why,
             size_t why_cap) {
    const struct place store = {file, "store", conf->store_line};
    const struct place http = {file, "http.unix", conf->http_unix_line};
    struct nx_keypair keys;
    int err = nx_keys_read(conf->key_path, &keys, why, why_cap);
    nx_keys_wipe(&keys);
    if (err == NX_OK && conf->next_key_path != NULL) {
        err = nx_keys_read(conf->next_key_path, &keys, why, why_cap);
        nx_keys_wipe(&keys);
    }
    if (err == NX_OK) {
        err = check_folder(&store, conf->store_path, why, why_cap);
    }
    if (err == NX_OK) {
        err = check_folder(&http, conf->http_unix, why, why_cap);
    }
    if (err == NX_OK && strlen(conf->http_unix) >=
                            sizeof(((struct sockaddr_un *)0)->sun_path)) {
        err = refuse(&http, why, why_cap, conf->http_unix,
                     "longer than a socket's path may be (107 bytes)");
    }
    return err == NX_OK ? check_secrets(file, conf, why, why_cap) : err;
}

int nx_check_mail(const char *file, const struct nx_collector_conf *conf,
                  char *why, size_t why_cap) {
    for (size_t i = 0; i < conf->alerts.receivers_n; i++) {
        char reason[NX_COURIER_WHY_MAX];
        if (conf->alerts.receivers[i].kind == NX_RECEIVER_EMAIL &&
            nx_courier_sendmail(conf->alerts.sendmail, reason) != 0) {
            (void)snprintf(why, why_cap, "%s: alerts.receivers[%zu].email: %s",
                           file, i, reason);
            return NX_ECONFIG;
        }
    }
    return NX_OK;
}
