/* Delta coding of shown TTLs (proto/README.md): a countdown is predicted from
 * the look before at the same question, so that its residual is almost always
 * -1, 0 or 1 and takes one octet. Arithmetic is modulo 2^32: lossless for any
 * TTL. Used by both directions of the codec. */
#ifndef NX_COMMON_CODEC_TTL_H
#define NX_COMMON_CODEC_TTL_H

#include <stdint.h>

/* Per question and kind of TTL; starts zeroed. */
struct nx_codec_ttl {
    int64_t rx_mono_us;
    uint32_t ttl_s;
};

static inline uint32_t nx_codec_ttl_predict(const struct nx_codec_ttl *before,
                                            int64_t rx_mono_us) {
    uint64_t elapsed_us = (uint64_t)rx_mono_us - (uint64_t)before->rx_mono_us;
    uint64_t elapsed_s = elapsed_us / 1000000U;
    return elapsed_s < before->ttl_s ? before->ttl_s - (uint32_t)elapsed_s : 0;
}

static inline int32_t nx_codec_ttl_pack(struct nx_codec_ttl *before,
                                        int64_t rx_mono_us, uint32_t ttl_s) {
    uint32_t residual = ttl_s - nx_codec_ttl_predict(before, rx_mono_us);
    before->rx_mono_us = rx_mono_us;
    before->ttl_s = ttl_s;
    return (int32_t)residual;
}

static inline uint32_t nx_codec_ttl_unpack(struct nx_codec_ttl *before,
                                           int64_t rx_mono_us,
                                           int32_t residual) {
    uint32_t ttl_s =
        (uint32_t)residual + nx_codec_ttl_predict(before, rx_mono_us);
    before->rx_mono_us = rx_mono_us;
    before->ttl_s = ttl_s;
    return ttl_s;
}

#endif
