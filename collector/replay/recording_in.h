/* Inside of the reader of recordings: its values. Faults stick, as json_in.h
 * says. */
#ifndef NX_COLLECTOR_RECORDING_IN_H
#define NX_COLLECTOR_RECORDING_IN_H

#include "collector/engine/ns_book.h"
#include "collector/profile/book.h"
#include "collector/replay/json_in.h"
#include "common/codec.h"

int64_t nx_take_moment(const struct nx_in *in, const char *key);
/* A 64-bit number as text. 0 when absent. */
uint64_t nx_take_digits(const struct nx_in *in, const char *key);
/* Printable ASCII; "" when absent. */
void nx_take_text(const struct nx_in *in, const char *key, char *out,
                  size_t cap);
uint16_t nx_take_type(const struct nx_in *in, const char *key);
void nx_take_clock(const struct nx_in *in, const char *key,
                   struct nx_clock_sample *out);
/* RDATA as a list of hexadecimal texts, into the form of nx_answer. */
void nx_take_rdata(const struct nx_in *in, const char *key,
                   struct nx_arena *arena, struct nx_answer *out);
void nx_take_endpoint(const struct nx_in *in, const char *key,
                      struct nx_arena *arena, struct nx_endpoint *out);
size_t nx_take_endpoints(const struct nx_in *list, size_t max,
                         struct nx_arena *arena,
                         const struct nx_endpoint **out);
/* A name in the arena, or NULL. */
const uint8_t *nx_take_name(const struct nx_in *in, const char *key,
                            struct nx_arena *arena);
/* Of hexadecimal digits; the number of octets, at most cap. */
size_t nx_take_hex(const struct nx_in *at, uint8_t *out, size_t cap);
/* Bits of texts[]. */
unsigned nx_take_flags(const struct nx_in *in, const char *key,
                       const char *const *texts);

/* recording_batch.c */
void nx_take_batch(const struct nx_in *in, struct nx_arena *arena,
                   struct nx_batch *out);

/* recording_resolver.c */
void nx_take_resolver(const struct nx_in *in, struct nx_arena *arena,
                      struct nx_book_row *out);

/* recording_zone.c: in the arena; NULL: a fault. */
const struct nx_ns_book_zone *nx_take_zone(const struct nx_in *in,
                                           struct nx_arena *arena);

#define NX_TAKE_SANE_US (INT64_C(1) << 60) /* no clock shows more */

#endif
