/* CRC-32C (Castagnoli), as in RFC 3720 appendix B.4: finds every burst of up to
 * 32 bits. Against accidents, not against people. */
#ifndef NX_COMMON_CRC32C_H
#define NX_COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of the bytes, continuing crc (0 to begin). */
uint32_t nx_crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
