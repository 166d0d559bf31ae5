#include "common/z85.h"

#include <stddef.h>
#include <string.h>

static const char alphabet[86] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 ".-:+=^!/*?&<>()[]{}@%$#";

static int parse_group(const char *text, uint32_t *out) {
    uint64_t value = 0;
    for (int i = 0; i < 5; i++) {
        const char *at = strchr(alphabet, text[i]);
        if (at == NULL) {
            return NX_EMALFORMED;
        }
        value = value * 85 + (uint64_t)(at - alphabet);
    }
    if (value > UINT32_MAX) {
        return NX_EMALFORMED;
    }
    *out = (uint32_t)value;
    return NX_OK;
}

int nx_z85_key_parse(const char *text, uint8_t *out) {
    uint8_t key[NX_KEY_BYTES];
    if (strlen(text) != NX_KEY_TEXT_LEN) {
        return NX_EMALFORMED;
    }
    for (size_t g = 0; g < NX_KEY_BYTES / 4; g++) {
        uint32_t value = 0;
        int err = parse_group(text + 5 * g, &value);
        if (err != NX_OK) {
            return err;
        }
        for (size_t i = 0; i < 4; i++) {
            key[4 * g + i] = (uint8_t)(value >> (24 - 8 * i));
        }
    }
    if (out != NULL) {
        memcpy(out, key, sizeof(key));
    }
    return NX_OK;
}

char *nx_z85_key_text(const uint8_t key[NX_KEY_BYTES], char *out) {
    for (size_t g = 0; g < NX_KEY_BYTES / 4; g++) {
        uint32_t value = 0;
        for (size_t i = 0; i < 4; i++) {
            value = value << 8 | key[4 * g + i];
        }
        for (size_t i = 5; i-- > 0; value /= 85) {
            out[5 * g + i] = alphabet[value % 85];
        }
    }
    out[NX_KEY_TEXT_LEN] = '\0';
    return out;
}
