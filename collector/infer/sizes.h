/* Do large answers get through? A question that was not answered, or cut, is
 * asked again with several EDNS sizes (RFC 6891 section 6.2.3): what each of
 * them brought, and what they say together. Pure. */
#ifndef NX_COLLECTOR_SIZES_H
#define NX_COLLECTOR_SIZES_H

#include <stdbool.h>
#include <stdint.h>

struct nx_answer;

#define NX_SIZES_N 3U
extern const uint16_t nx_sizes_bytes[NX_SIZES_N]; /* 512, 1232, 4096 */

/* What a question with one size brought. */
enum nx_sized {
    NX_SIZED_NONE,  /* not asked, or it says nothing */
    NX_SIZED_LOST,  /* no reply */
    NX_SIZED_CUT,   /* truncated, and TCP gave nothing better */
    NX_SIZED_TCP,   /* truncated, then whole over TCP */
    NX_SIZED_WHOLE, /* it fitted */
};
#define NX_SIZED_MAX NX_SIZED_WHOLE
const char *nx_sized_text(unsigned sized); /* "lost" */

/* Index of that size in nx_sizes_bytes, -1: none of them. */
int nx_sizes_index(uint16_t udp_bytes);

enum nx_sized nx_sized_of(const struct nx_answer *answer);

/* What all say together. */
struct nx_sizes {
    uint16_t limit_bytes; /* larger answers are lost over UDP; 0: not seen */
    bool tcp;             /* ... and come over TCP */
};

/* The answer is known to be larger than a size (it was cut there), and with the
 * next one no reply comes. Where the small one fits as well, or a larger one
 * brings a reply, the loss has nothing to do with sizes; where none brings a
 * reply, nobody answers. */
void nx_sizes_judge(const uint8_t sized[NX_SIZES_N], struct nx_sizes *out);

#endif
