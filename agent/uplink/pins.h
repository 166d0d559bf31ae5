/* The keys that an agent believes of its collectors.
 *
 * The configuration names one key for each collector: the anchor. Over a
 * connection that this key authenticates, the collector announces all keys that
 * are its own, the present one first; from then on these take the place of the
 * anchor, and what is not among them any more is not believed any more, be it
 * the anchor. So a key is only ever followed by what somebody says who has it,
 * or one that it announced. An owner who writes another key into the
 * configuration begins anew. Pure; io_pins.h keeps them on the disk. */
#ifndef NX_AGENT_PINS_H
#define NX_AGENT_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/conf.h"
#include "common/codec.h"

#define NX_PINS_TEXT_MAX 2048U /* bytes of the file */

struct nx_pin {
    uint8_t anchor[NX_KEY_BYTES];
    struct nx_collector_keys keys; /* 1.. of them */
};

/* Zeroed: nothing but the configuration is believed. */
struct nx_pins {
    struct nx_pin list[NX_CONF_COLLECTORS_MAX];
    size_t n;
};

/* The keys to try for a collector, in this order; at least one. */
void nx_pins_keys(const struct nx_pins *pins,
                  const uint8_t anchor[NX_KEY_BYTES],
                  struct nx_collector_keys *out);

/* The collector of this anchor announced keys, over a connection that `used`
 * authenticated. *changed: pins are other ones now. On failure they stay:
 * NX_EDENIED: `used` is not among the keys; NX_EMALFORMED: none, or one twice;
 * NX_ELIMIT: no room for the anchor. */
int nx_pins_take(struct nx_pins *pins, const uint8_t anchor[NX_KEY_BYTES],
                 const uint8_t used[NX_KEY_BYTES],
                 const struct nx_collector_keys *keys,
                 bool *changed) NX_MUSTUSE;

/* Forgets anchors that the configuration does not name. */
void nx_pins_keep(struct nx_pins *pins, const struct nx_agent_conf *conf);

/* As text: a line "nxclear-pins 1", then for each anchor a line of it and its
 * keys in Z85, a space between. out: NX_PINS_TEXT_MAX bytes; returns the length
 * without NUL. */
size_t nx_pins_text(const struct nx_pins *pins, char *out);
/* NX_EMALFORMED: anything that _text does not write; NX_EVERSION: of a newer
 * agent. */
int nx_pins_parse(const char *text, size_t len, struct nx_pins *out) NX_MUSTUSE;

#endif
