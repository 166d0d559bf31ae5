/* Which items ask about which name and type. */
#include <stdlib.h>

#include "collector/engine/engine_priv.h"
#include "common/hash.h"

static unsigned topic_key(const uint8_t *name, uint16_t qtype, uint8_t *key,
                          unsigned *hash) {
    unsigned len = (unsigned)nx_dname_lower(name, key);
    key[len] = (uint8_t)(qtype >> 8);
    key[len + 1] = (uint8_t)(qtype & 0xff);
    *hash = (unsigned)nx_hash(key, len + 2, 0);
    return len + 2;
}

struct nx_topic *nx_topics_find(const struct nx_engine *engine,
                                const uint8_t *name, uint16_t qtype) {
    uint8_t key[NX_DNAME_MAX + 2];
    unsigned hash = 0;
    unsigned len = topic_key(name, qtype, key, &hash);
    struct nx_topic *found = NULL;
    HASH_FIND_BYHASHVALUE(hh, engine->topics, key, len, hash, found);
    return found;
}

int nx_topic_join(struct nx_engine *engine, struct nx_item *item) {
    struct nx_topic *topic =
        nx_topics_find(engine, item->spec->name, item->spec->qtype);
    if (topic == NULL) {
        unsigned hash = 0;
        topic = calloc(1, sizeof(*topic));
        if (topic == NULL) {
            return NX_ENOMEM;
        }
        topic->key_len =
            topic_key(item->spec->name, item->spec->qtype, topic->key, &hash);
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, engine->topics, topic->key,
                                    topic->key_len, hash, topic);
        if (topic->hh.tbl == NULL) {
            free(topic);
            return NX_ENOMEM;
        }
    }
    item->same = topic->items;
    topic->items = item;
    return 0;
}

void nx_topic_leave(struct nx_engine *engine, struct nx_item *item) {
    struct nx_topic *topic =
        nx_topics_find(engine, item->spec->name, item->spec->qtype);
    if (topic == NULL) {
        return;
    }
    struct nx_item **at = &topic->items;
    while (*at != NULL && *at != item) {
        at = &(*at)->same;
    }
    if (*at != NULL) {
        *at = item->same;
    }
    if (topic->items == NULL) {
        HASH_DELETE(hh, engine->topics, topic);
        free(topic);
    }
}
