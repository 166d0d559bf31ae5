#include "agent/uplink/pins.h"

#include <string.h>

#define HEAD_OF_ANY "nxclear-pins "
#define HEAD HEAD_OF_ANY "1\n"

_Static_assert(sizeof(HEAD) + NX_CONF_COLLECTORS_MAX *
                                  (1 + NX_COLLECTOR_KEYS_MAX) *
                                  NX_KEY_TEXT_MAX <=
                   NX_PINS_TEXT_MAX,
               "all fit the text");

/* Its index; pins->n: none. */
static size_t find(const struct nx_pins *pins, const uint8_t *anchor) {
    size_t i = 0;
    while (i < pins->n &&
           memcmp(pins->list[i].anchor, anchor, NX_KEY_BYTES) != 0) {
        i++;
    }
    return i;
}

/* Is it one of the first n? */
static bool among(const struct nx_collector_keys *keys, size_t n,
                  const uint8_t *key) {
    for (size_t i = 0; i < n; i++) {
        if (memcmp(keys->list[i], key, NX_KEY_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

void nx_pins_keys(const struct nx_pins *pins,
                  const uint8_t anchor[NX_KEY_BYTES],
                  struct nx_collector_keys *out) {
    size_t i = find(pins, anchor);
    if (i < pins->n) {
        *out = pins->list[i].keys;
        return;
    }
    memcpy(out->list[0], anchor, NX_KEY_BYTES);
    out->n = 1;
}

static bool all_differ(const struct nx_collector_keys *keys) {
    for (size_t i = 1; i < keys->n; i++) {
        if (among(keys, i, keys->list[i])) {
            return false;
        }
    }
    return true;
}

int nx_pins_take(struct nx_pins *pins, const uint8_t anchor[NX_KEY_BYTES],
                 const uint8_t used[NX_KEY_BYTES],
                 const struct nx_collector_keys *keys, bool *changed) {
    struct nx_collector_keys known;
    size_t i = find(pins, anchor);
    if (keys->n == 0 || keys->n > NX_COLLECTOR_KEYS_MAX || !all_differ(keys)) {
        return NX_EMALFORMED;
    }
    if (!among(keys, keys->n, used)) {
        return NX_EDENIED;
    }
    nx_pins_keys(pins, anchor, &known);
    *changed = known.n != keys->n ||
               memcmp(known.list, keys->list, keys->n * NX_KEY_BYTES) != 0;
    if (!*changed) {
        return NX_OK;
    }
    if (i == NX_CONF_COLLECTORS_MAX) {
        return NX_ELIMIT;
    }
    pins->n += i == pins->n ? 1 : 0;
    memcpy(pins->list[i].anchor, anchor, NX_KEY_BYTES);
    pins->list[i].keys = *keys;
    return NX_OK;
}

void nx_pins_keep(struct nx_pins *pins, const struct nx_agent_conf *conf) {
    size_t kept = 0;
    for (size_t i = 0; i < pins->n; i++) {
        char text[NX_KEY_TEXT_MAX];
        bool named = false;
        (void)nx_z85_key_text(pins->list[i].anchor, text);
        for (size_t k = 0; k < conf->collectors_n; k++) {
            named = named || strcmp(conf->collectors[k].key, text) == 0;
        }
        if (named) {
            pins->list[kept++] = pins->list[i];
        }
    }
    pins->n = kept;
}

/* --- as text --- */

size_t nx_pins_text(const struct nx_pins *pins, char *out) {
    size_t len = sizeof(HEAD) - 1;
    memcpy(out, HEAD, len);
    for (size_t i = 0; i < pins->n; i++) {
        const struct nx_pin *pin = &pins->list[i];
        (void)nx_z85_key_text(pin->anchor, out + len);
        len += NX_KEY_TEXT_LEN;
        for (size_t k = 0; k < pin->keys.n; k++) {
            out[len++] = ' ';
            (void)nx_z85_key_text(pin->keys.list[k], out + len);
            len += NX_KEY_TEXT_LEN;
        }
        out[len++] = '\n';
    }
    return len;
}

/* A key and the character behind it; *text moves behind both. False: no key. */
static bool take_key(const char **text, const char *end, uint8_t *out,
                     char *behind) {
    char word[NX_KEY_TEXT_MAX] = "";
    if (end - *text < (ptrdiff_t)NX_KEY_TEXT_MAX) {
        return false;
    }
    memcpy(word, *text, NX_KEY_TEXT_LEN);
    *behind = (*text)[NX_KEY_TEXT_LEN];
    *text += NX_KEY_TEXT_MAX;
    return nx_z85_key_parse(word, out) == NX_OK;
}

static bool take_line(const char **text, const char *end, struct nx_pin *pin) {
    struct nx_collector_keys *keys = &pin->keys;
    char behind = '\0';
    bool good = take_key(text, end, pin->anchor, &behind);
    while (good && behind == ' ' && keys->n < NX_COLLECTOR_KEYS_MAX) {
        good = take_key(text, end, keys->list[keys->n++], &behind);
    }
    return good && behind == '\n' && keys->n > 0 && all_differ(keys);
}

int nx_pins_parse(const char *text, size_t len, struct nx_pins *out) {
    struct nx_pins pins = {.n = 0};
    const char *end = text + len;
    const size_t head_len = sizeof(HEAD) - 1;
    const size_t any_len = sizeof(HEAD_OF_ANY) - 1;
    if (len < head_len || memcmp(text, HEAD, head_len) != 0) {
        return len > any_len && memcmp(text, HEAD_OF_ANY, any_len) == 0
                   ? NX_EVERSION
                   : NX_EMALFORMED;
    }
    text += head_len;
    while (text < end) {
        struct nx_pin *pin = &pins.list[pins.n];
        if (pins.n == NX_CONF_COLLECTORS_MAX || !take_line(&text, end, pin) ||
            find(&pins, pin->anchor) < pins.n) {
            return NX_EMALFORMED;
        }
        pins.n++;
    }
    *out = pins;
    return NX_OK;
}
