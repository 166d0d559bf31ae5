/* The file of the pinned keys (pins.h): "collector.keys" in the spool's folder.
 * Replaced as a whole and synced, so that a crash leaves the old one or the new
 * one. */
#ifndef NX_AGENT_IO_PINS_H
#define NX_AGENT_IO_PINS_H

#include "agent/uplink/pins.h"

#define NX_PINS_WHY_MAX 4352U /* a path and what is wrong */

/* folder: of the spool; it exists. No file: none are pinned. On failure why has
 * "PATH: reason": NX_EIO, NX_EMALFORMED, NX_EVERSION. */
int nx_pins_load(const char *folder, struct nx_pins *out, char *why,
                 size_t why_cap) NX_MUSTUSE;
/* On the disk when it returns 0. NX_EIO with why. */
int nx_pins_store(const char *folder, const struct nx_pins *pins, char *why,
                  size_t why_cap) NX_MUSTUSE;

#endif
