#include "common/base32.h"

char *nx_base32_text(const uint8_t *bytes, size_t len, char *out) {
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned held = 0; /* bits not written yet: the low `bits` of it */
    unsigned bits = 0;
    char *to = out;
    for (size_t i = 0; i < len; i++) {
        held = (held << 8 | bytes[i]) & 0xfffU;
        for (bits += 8; bits >= 5; bits -= 5) {
            *to++ = alphabet[held >> (bits - 5) & 31U];
        }
    }
    if (bits > 0) {
        *to++ = alphabet[held << (5 - bits) & 31U];
    }
    *to = '\0';
    return out;
}

static int value_of(char c) {
    if (c >= 'a' && c <= 'z') {
        return c - 'a';
    }
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

int nx_base32_parse(const char *text, size_t text_len, uint8_t *out, size_t cap,
                    size_t *len) {
    size_t n = text_len / 8 * 5 + text_len % 8 * 5 / 8;
    if (NX_BASE32_LEN(n) != text_len) {
        return NX_EMALFORMED;
    }
    if (n > cap) {
        return NX_ELIMIT;
    }
    unsigned held = 0;
    unsigned bits = 0;
    size_t at = 0;
    for (size_t i = 0; i < text_len; i++) {
        int value = value_of(text[i]);
        if (value < 0) {
            return NX_EMALFORMED;
        }
        held = (held << 5 | (unsigned)value) & 0xfffU;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out[at++] = (uint8_t)(held >> bits & 0xffU);
        }
    }
    if ((held & ((1U << bits) - 1U)) != 0) {
        return NX_EMALFORMED;
    }
    *len = n;
    return NX_OK;
}
