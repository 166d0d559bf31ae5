#include "collector/ingest/io_auth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/io_zap.h"
#include "collector/ingest/quiet.h"
#include "common/bucket.h"
#include "common/io_log.h"

#define LOG_EVERY_US 1000000
#define CROWD_LOG_US 60000000

struct entry {
    uint8_t key[NX_KEY_BYTES];
    uint32_t agent_id; /* 0: revoked, rejected or in quarantine */
    struct nx_bucket handshakes;
    struct nx_quiet quiet;
};

struct nx_auth {
    const struct nx_steady *clock;
    struct nx_zap *zap;
    struct entry *entries; /* ordered by key */
    size_t entries_n, entries_cap;
    struct nx_auth_pending pending[NX_AUTH_PENDING_MAX];
    size_t pending_n;
    uint64_t refused_n;
    uint64_t crowding_n;
    struct nx_quiet quiet;
};

/* Index of the key, or of the place where it belongs. */
static size_t entry_at(const struct nx_auth *auth, const uint8_t *key,
                       bool *found) {
    size_t lo = 0;
    size_t hi = auth->entries_n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = memcmp(auth->entries[mid].key, key, NX_KEY_BYTES);
        if (order == 0) {
            *found = true;
            return mid;
        }
        if (order < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    *found = false;
    return lo;
}

static struct nx_auth_pending *pending_find(struct nx_auth *auth,
                                            const char *key) {
    for (size_t i = 0; i < auth->pending_n; i++) {
        if (strcmp(auth->pending[i].key, key) == 0) {
            return &auth->pending[i];
        }
    }
    return NULL;
}

static void pending_remove(struct nx_auth *auth, size_t index) {
    auth->pending_n--;
    memmove(&auth->pending[index], &auth->pending[index + 1],
            (auth->pending_n - index) * sizeof(auth->pending[0]));
}

/* Room for one more: the key that was silent for longest gives its place. An
 * agent that is real comes back. */
static struct nx_auth_pending *pending_add(struct nx_auth *auth,
                                           const char *key) {
    if (auth->pending_n == NX_AUTH_PENDING_MAX) {
        size_t oldest = 0;
        for (size_t i = 1; i < auth->pending_n; i++) {
            if (auth->pending[i].last_us < auth->pending[oldest].last_us) {
                oldest = i;
            }
        }
        pending_remove(auth, oldest);
    }
    struct nx_auth_pending *pending = &auth->pending[auth->pending_n++];
    memset(pending, 0, sizeof(*pending));
    snprintf(pending->key, sizeof(pending->key), "%s", key);
    return pending;
}

static void refuse(struct nx_auth *auth, const uint8_t *key, bool known,
                   const char *address) {
    char text[NX_KEY_TEXT_MAX];
    int64_t now_us = nx_steady_wall_us(auth->clock);
    uint64_t held_n = 0;
    nx_z85_key_text(key, text);
    if (!known) {
        struct nx_auth_pending *pending = pending_find(auth, text);
        if (pending == NULL) {
            pending = pending_add(auth, text);
        }
        snprintf(pending->address, sizeof(pending->address), "%s", address);
        pending->last_us = now_us;
        pending->tries_n++;
    }
    if (nx_quiet_pass(&auth->quiet, now_us, LOG_EVERY_US, &held_n)) {
        nx_log(NX_LOG_WARN,
               "refused %s key %s from %s (%" PRIu64 " more refused since)",
               known ? "the banned" : "the unknown", text, address, held_n);
    }
}

/* An agent connects again after a second at the earliest, and less often each
 * time. Of one that comes more often no more than the burst and what is let in
 * until it has to speak are there at once. */
static bool crowds(struct nx_auth *auth, struct entry *entry,
                   const char *address) {
    static const struct nx_bucket_rate rate = {1, NX_AUTH_HANDSHAKES};
    int64_t now_us = nx_steady_wall_us(auth->clock);
    uint64_t held_n = 0;
    if (nx_bucket_take(&entry->handshakes, &rate, 1, now_us)) {
        return false;
    }
    auth->crowding_n++;
    if (nx_quiet_pass(&entry->quiet, now_us, CROWD_LOG_US, &held_n)) {
        nx_log(NX_LOG_WARN,
               "agent %" PRIu32 ": connects again and again, now from %s: let "
               "in once a second (%" PRIu64 " more since)",
               entry->agent_id, address, held_n);
    }
    return true;
}

static enum nx_zap_verdict judge(void *arg, const uint8_t *key,
                                 const char *address, char *user) {
    struct nx_auth *auth = arg;
    bool found = false;
    size_t index = key != NULL ? entry_at(auth, key, &found) : 0;
    uint32_t agent_id = found ? auth->entries[index].agent_id : 0;
    if (agent_id != 0 && crowds(auth, &auth->entries[index], address)) {
        return NX_ZAP_LATER;
    }
    if (agent_id != 0) {
        snprintf(user, NX_ZAP_USER_MAX, "%" PRIu32, agent_id);
        return NX_ZAP_ADMITTED;
    }
    auth->refused_n++;
    if (key != NULL) {
        refuse(auth, key, found, address);
    }
    return NX_ZAP_REFUSED;
}

int nx_auth_new(struct event_base *base, void *zmq,
                const struct nx_steady *clock, struct nx_auth **out) {
    struct nx_auth *auth = calloc(1, sizeof(*auth));
    if (auth == NULL) {
        return NX_ENOMEM;
    }
    auth->clock = clock;
    int err = nx_zap_new(base, zmq, judge, auth, &auth->zap);
    if (err != NX_OK) {
        nx_auth_free(&auth);
        return err;
    }
    *out = auth;
    return NX_OK;
}

void nx_auth_free(struct nx_auth **auth_p) {
    struct nx_auth *auth = *auth_p;
    if (auth == NULL) {
        return;
    }
    nx_zap_free(&auth->zap);
    free(auth->entries);
    free(auth);
    *auth_p = NULL;
}

static int entries_grow(struct nx_auth *auth) {
    if (auth->entries_n < auth->entries_cap) {
        return NX_OK;
    }
    size_t cap = auth->entries_cap == 0 ? 64 : 2 * auth->entries_cap;
    struct entry *grown = realloc(auth->entries, cap * sizeof(*grown));
    if (grown == NULL) {
        return NX_ENOMEM;
    }
    auth->entries = grown;
    auth->entries_cap = cap;
    return NX_OK;
}

/* Puts a key on the list; agent_id 0: as one to be refused. */
static int put(struct nx_auth *auth, const char *key, uint32_t agent_id) {
    uint8_t bytes[NX_KEY_BYTES];
    bool found = false;
    if (nx_z85_key_parse(key, bytes) != NX_OK) {
        return NX_EMALFORMED;
    }
    int err = entries_grow(auth);
    if (err != NX_OK) {
        return err;
    }
    size_t index = entry_at(auth, bytes, &found);
    struct entry *entry = &auth->entries[index];
    if (!found) {
        memmove(entry + 1, entry, (auth->entries_n - index) * sizeof(*entry));
        auth->entries_n++;
        *entry = (struct entry){.agent_id = 0};
        memcpy(entry->key, bytes, NX_KEY_BYTES);
    }
    entry->agent_id = agent_id;
    struct nx_auth_pending *pending = pending_find(auth, key);
    if (pending != NULL) {
        pending_remove(auth, (size_t)(pending - auth->pending));
    }
    return NX_OK;
}

int nx_auth_allow(struct nx_auth *auth, const char *key, uint32_t agent_id) {
    return put(auth, key, agent_id);
}

int nx_auth_deny(struct nx_auth *auth, const char *key) {
    return put(auth, key, 0);
}

void nx_auth_forget(struct nx_auth *auth, const char *key) {
    uint8_t bytes[NX_KEY_BYTES];
    bool found = false;
    if (nx_z85_key_parse(key, bytes) != NX_OK) {
        return;
    }
    size_t index = entry_at(auth, bytes, &found);
    if (found) {
        auth->entries_n--;
        memmove(&auth->entries[index], &auth->entries[index + 1],
                (auth->entries_n - index) * sizeof(auth->entries[0]));
    }
}

size_t nx_auth_pending(const struct nx_auth *auth,
                       const struct nx_auth_pending **out) {
    *out = auth->pending;
    return auth->pending_n;
}

uint64_t nx_auth_refused(const struct nx_auth *auth) {
    return auth->refused_n;
}

uint64_t nx_auth_crowding(const struct nx_auth *auth) {
    return auth->crowding_n;
}

const char *nx_auth_problem(const struct nx_auth *auth) {
    return nx_zap_problem(auth->zap);
}

uint64_t nx_auth_remade(const struct nx_auth *auth) {
    return nx_zap_remade(auth->zap);
}
