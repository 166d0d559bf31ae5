/* The agent's spool: opened, watched, closed, and what the log says of it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "agent/io_agent_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"

#define DISK_RETRY_US 30000000
#define CATCH_UP_US 1000000

#define TOO_NEW                                                                \
    "spool %s: written by a newer nxclear-agent: run that one, or move the "   \
    "folder away (its results are lost then)"

/* For the log; a reload may have taken it out of the configuration. */
static const char *path_of(const struct nx_agentd *a) {
    const char *path = a->setup.conf->spool_path;
    return path != NULL ? path : "(its old path)";
}

/* --- at work --- */

static void log_drops(const struct nx_agentd *a, uint64_t before) {
    struct nx_ledger ledger;
    nx_spool_ledger(a->spool, &ledger);
    if (ledger.dropped > before) {
        nx_log(NX_LOG_WARN,
               "no room, or too old: %llu results were dropped, oldest first "
               "(%llu in all)",
               (unsigned long long)(ledger.dropped - before),
               (unsigned long long)ledger.dropped);
    }
}

static void log_damage(struct nx_agentd *a) {
    uint64_t n = nx_spool_damaged(a->spool);
    if (n > a->spool_damaged_n) {
        nx_log(NX_LOG_ERROR,
               "spool %s: %llu results were damaged, or the disk failed to "
               "read them: reported as lost: check the disk",
               path_of(a), (unsigned long long)(n - a->spool_damaged_n));
        a->spool_damaged_n = n;
    }
}

/* Others are read meanwhile, so this is no state of the whole disk. */
static void log_unread(struct nx_agentd *a, bool given_up) {
    int err = NX_OK;
    size_t n = nx_spool_unread(a->spool, &err);
    if ((n > 0) == a->spool_unread) {
        return;
    }
    a->spool_unread = n > 0;
    if (n > 0) {
        nx_log(NX_LOG_ERROR,
               "spool %s: %zu of its files cannot be read: %s; the others go "
               "on; what the disk fails to read for a minute is reported as "
               "lost: check the disk",
               path_of(a), n, nx_strerror(err));
    } else if (!given_up) { /* else that is said */
        nx_log(NX_LOG_INFO, "spool %s: no file is left that cannot be read",
               path_of(a));
    }
}

static void log_reading(struct nx_agentd *a) {
    bool given_up = nx_spool_damaged(a->spool) > a->spool_damaged_n;
    log_damage(a);
    log_unread(a, given_up);
}

static void log_problem(struct nx_agentd *a) {
    int problem = nx_spool_problem(a->spool);
    if (problem == a->spool_problem) {
        return;
    }
    a->spool_problem = problem;
    if (problem == NX_OK) {
        nx_log(NX_LOG_INFO, "spool %s: can be written again", path_of(a));
        return;
    }
    nx_log(NX_LOG_ERROR,
           "spool %s: cannot be written: %s; results are kept in "
           "memory, the newest %u KiB of them",
           path_of(a), nx_strerror(problem), NX_SPOOL_MEMORY_BYTES / 1024);
}

static void arm_spool(struct nx_agentd *a) {
    int64_t at_us = nx_spool_tick_at(a->spool);
    if (at_us != INT64_MAX) {
        nx_agentd_arm(a->on_spool, at_us);
    }
}

void nx_agentd_spool_changed(struct nx_agentd *a, uint64_t dropped_before) {
    log_drops(a, dropped_before);
    log_problem(a);
    nx_uplink_flush(a->uplink);
    log_reading(a);
    arm_spool(a);
}

void nx_agentd_on_spool(evutil_socket_t fd, short what, void *arg) {
    struct nx_agentd *a = arg;
    struct nx_clock_sample now;
    struct nx_ledger before;
    (void)fd;
    (void)what;
    nx_spool_ledger(a->spool, &before);
    nx_uplink_clock(a->uplink, &now);
    nx_spool_tick(a->spool, &now);
    nx_agentd_spool_changed(a, before.dropped);
}

/* --- life --- */

/* no_disk: one was meant, which may be larger than the memory. */
static void spool_conf(const struct nx_agent_conf *conf, bool no_disk,
                       struct nx_spool_conf *out) {
    uint64_t max = conf->spool_max_bytes;
    *out = (struct nx_spool_conf){
        .max_bytes = no_disk && max > NX_SPOOL_MEMORY_BYTES
                         ? NX_SPOOL_MEMORY_BYTES
                         : max,
        .max_age_us = (int64_t)conf->spool_max_age_s * 1000000,
        .sync_always = conf->spool_sync_always,
        .sync_interval_us = (int64_t)conf->spool_sync_interval_s * 1000000,
        .batch_max_results = conf->batch_max_results};
}

static void log_found(const struct nx_agentd *a,
                      const struct nx_spool_found *found) {
    const char *path = a->setup.conf->spool_path;
    if (found->given_up > 0) {
        nx_log(NX_LOG_ERROR,
               "spool %s: its ledger is damaged, so the %llu results in it "
               "cannot be sent; they are reported as lost",
               path, (unsigned long long)found->given_up);
    }
    if (found->old) {
        nx_log(found->clean ? NX_LOG_INFO : NX_LOG_WARN,
               "spool %s: %llu results wait there%s", path,
               (unsigned long long)found->held,
               found->clean ? "" : "; the last run did not end well");
    }
    if (found->unsure > 0) {
        nx_log(NX_LOG_WARN,
               "spool %s: up to %llu results that were not written yet are "
               "lost, unless they had been sent",
               path, (unsigned long long)found->unsure);
    }
    if (found->too_large > 0) {
        nx_log(NX_LOG_ERROR,
               "spool %s: %llu results are in batches larger than a message "
               "may be (written by another version): reported as lost",
               path, (unsigned long long)found->too_large);
    }
    if (found->unread > 0) {
        nx_log(NX_LOG_ERROR,
               "spool %s: the disk fails to read %llu of its files; what "
               "cannot be read within a minute is reported as lost: check the "
               "disk",
               path, (unsigned long long)found->unread);
    }
    if (found->damaged > 0) {
        nx_log(NX_LOG_ERROR,
               "spool %s: %llu of its files are damaged; what cannot be read "
               "is reported as lost: check the disk",
               path, (unsigned long long)found->damaged);
    }
}

/* A spool that could not be made may have left its epoch in the ledger: no
 * other one may number by it, not even that in memory. */
static int new_in_folder(struct nx_agentd *a, struct nx_spool_folder *folder,
                         struct nx_spool **out, struct nx_spool_found *found) {
    struct nx_spool_conf conf;
    uint64_t epoch = 0;
    if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch)) {
        return NX_EIO;
    }
    spool_conf(a->setup.conf, false, &conf);
    return nx_spool_new(&conf, nx_spool_folder_disk(folder), epoch,
                        nx_spool_boot(), out, found);
}

static int open_in_folder(struct nx_agentd *a) {
    const char *path = a->setup.conf->spool_path;
    struct nx_spool_found found;
    char why[NX_SPOOL_WHY_MAX];
    int err = nx_spool_folder_open(path, &a->folder, why, sizeof(why));
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "%s", why);
        return err;
    }
    err = new_in_folder(a, a->folder, &a->spool, &found);
    if (err == NX_OK) {
        a->epoch = nx_spool_epoch(a->spool);
        log_found(a, &found);
        return NX_OK;
    }
    nx_spool_folder_close(&a->folder);
    if (err == NX_EVERSION) {
        nx_log(NX_LOG_ERROR, TOO_NEW, path);
    } else {
        nx_log(NX_LOG_ERROR,
               "spool %s: not all of it can be read or written: %s%s", path,
               nx_strerror(err),
               err == NX_EIO || err == NX_EFULL
                   ? ""
                   : "; nothing of it is given up: make all files "
                     "there the agent's own");
    }
    return err;
}

int nx_agentd_open_spool(struct nx_agentd *a) {
    struct nx_spool_conf conf;
    struct nx_spool_found found;
    bool meant = a->setup.conf->spool_path != NULL;
    int err = meant ? open_in_folder(a) : NX_ENOTFOUND;
    if (err != NX_EIO && err != NX_EFULL && err != NX_ENOTFOUND) {
        return err;
    }
    a->spool_disk_failed = meant;
    a->spool_disk_err = meant ? err : NX_OK;
    if (meant) {
        nx_log(NX_LOG_ERROR,
               "spool %s: the disk cannot be used: what is there stays there; "
               "until it works results are kept in memory only, the newest %u "
               "KiB of "
               "them: check the disk; tried again each %d s while connected",
               path_of(a), NX_SPOOL_MEMORY_BYTES / 1024,
               DISK_RETRY_US / 1000000);
        nx_agentd_arm(a->on_disk, nx_clock_mono_us() + DISK_RETRY_US);
    }
    spool_conf(a->setup.conf, meant, &conf);
    return nx_spool_new(&conf, NULL, a->epoch, nx_spool_boot(), &a->spool,
                        &found);
}

/* What it fails by, and that it works, is said when it changes. */
static bool disk_works(struct nx_agentd *a) {
    struct nx_spool_folder *folder = NULL;
    struct nx_spool *spool = NULL;
    struct nx_spool_found found;
    char why[NX_SPOOL_WHY_MAX] = "";
    int err = nx_spool_folder_open(a->setup.conf->spool_path, &folder, why,
                                   sizeof(why));
    if (err == NX_OK) {
        err = new_in_folder(a, folder, &spool, &found);
    }
    if (err == NX_OK) {
        err = nx_spool_close(spool);
    }
    nx_spool_free(&spool);
    nx_spool_folder_close(&folder);
    if (err != a->spool_disk_err && err == NX_OK) {
        log_found(a, &found);
        nx_log(NX_LOG_WARN, "spool %s: the disk works: beginning anew with it",
               path_of(a));
    } else if (err != a->spool_disk_err) {
        nx_log(NX_LOG_WARN, "spool %s: %s", path_of(a),
               why[0] != '\0' ? why : nx_strerror(err));
        a->again_said_us = 0;
    }
    a->spool_disk_err = err;
    return err == NX_OK;
}

/* Numbers and epoch of the spool there are others, so all begins anew, once
 * what is held in memory is delivered: it would be lost. Until what had to wait
 * for a connection has gone, the agent goes on asking. */
void nx_agentd_on_disk(evutil_socket_t fd, short what, void *arg) {
    struct nx_agentd *a = arg;
    (void)fd;
    (void)what;
    bool ready = nx_uplink_online(a->uplink) && nx_spool_caught_up(a->spool);
    nx_agentd_arm(a->on_disk,
                  nx_clock_mono_us() + (ready ? DISK_RETRY_US : CATCH_UP_US));
    if (a->draining || a->setup.conf->spool_path == NULL || !ready ||
        !disk_works(a)) {
        return;
    }
    nx_agentd_drain(a);
    a->again = true;
}

/* Where the spool is stays as it is: what it holds would be left behind. Who
 * has just mended the disk need not wait. */
void nx_agentd_configure_spool(struct nx_agentd *agent,
                               const struct nx_agent_conf *old) {
    struct nx_spool_conf conf;
    const char *a = old->spool_path;
    const char *b = agent->setup.conf->spool_path;
    struct nx_ledger before;
    nx_spool_ledger(agent->spool, &before);
    spool_conf(agent->setup.conf, agent->spool_disk_failed, &conf);
    nx_spool_configure(agent->spool, &conf);
    nx_agentd_spool_changed(agent, before.dropped);
    if (agent->spool_disk_failed) {
        if (agent->spool_disk_err != NX_OK) {
            agent->spool_disk_err = NX_ESTATE; /* what it is now is said */
        }
        nx_agentd_arm(agent->on_disk, 0);
    }
    if ((a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0)) {
        nx_log(NX_LOG_WARN,
               "spool.path: a change needs a restart; until then the spool "
               "stays %s%s",
               a != NULL ? "at " : "in memory", a != NULL ? a : "");
    }
}

void nx_agentd_close_spool(struct nx_agentd *a) {
    struct nx_ledger ledger;
    if (a->spool == NULL) {
        return;
    }
    if (a->uplink != NULL) { /* it ran */
        nx_spool_ledger(a->spool, &ledger);
        nx_log(NX_LOG_INFO,
               "ledger: %llu results produced, %llu acknowledged, %llu held, "
               "%llu dropped",
               (unsigned long long)ledger.produced,
               (unsigned long long)ledger.acked,
               (unsigned long long)ledger.held,
               (unsigned long long)ledger.dropped);
    }
    int err = nx_spool_close(a->spool);
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "spool %s: not all could be written: %s",
               path_of(a), nx_strerror(err));
    }
    nx_spool_free(&a->spool);
    nx_spool_folder_close(&a->folder);
}

/* --- to look at it --- */

static int print(const struct nx_spool *spool,
                 const struct nx_spool_found *found) {
    struct nx_ledger ledger;
    nx_spool_ledger(spool, &ledger);
    int n =
        printf("epoch %016" PRIx64 "\nnext_seq %" PRIu64 "\nproduced %" PRIu64
               "\nacked %" PRIu64 "\nheld %" PRIu64 "\ndropped %" PRIu64
               "\nunsure %" PRIu64 "\ndamaged_files %" PRIu64
               "\nunread_files %" PRIu64 "\nbytes %" PRIu64 "\nclean %s\n",
               nx_spool_epoch(spool), nx_spool_next_seq(spool), ledger.produced,
               ledger.acked, ledger.held, ledger.dropped, found->unsure,
               found->damaged, found->unread, nx_spool_disk_bytes(spool),
               found->clean ? "yes" : "no");
    return n > 0 && fflush(stdout) == 0 ? NX_OK : NX_EIO;
}

int nx_agent_print_ledger(const struct nx_agent_conf *conf, char *why,
                          size_t why_cap) {
    struct nx_spool_folder *folder = NULL;
    struct nx_spool *spool = NULL;
    struct nx_spool_found found;
    struct nx_spool_conf settings;
    if (conf->spool_path == NULL) {
        (void)snprintf(why, why_cap,
                       "there is no spool.path: results are in the agent's "
                       "memory only");
        return NX_ECONFIG;
    }
    int err = nx_spool_folder_look(conf->spool_path, &folder, why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    spool_conf(conf, false, &settings);
    err = nx_spool_new(&settings, nx_spool_folder_disk(folder), 0,
                       nx_spool_boot(), &spool, &found);
    if (err == NX_OK) {
        err = print(spool, &found);
    }
    if (err == NX_EVERSION) {
        (void)snprintf(why, why_cap, TOO_NEW, conf->spool_path);
    } else if (err != NX_OK) {
        (void)snprintf(why, why_cap, "spool %s: %s", conf->spool_path,
                       nx_strerror(err));
    }
    nx_spool_free(&spool);
    nx_spool_folder_close(&folder);
    return err;
}
