#include "collector/status/json_put.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define JSON_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY)

/* --- texts --- */

static bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7f;
}

/* C1 controls are two octets in UTF-8: c2 80 .. c2 9f. */
static bool has_control(const char *text) {
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (is_control(c) ||
            (c == 0xc2 && ((unsigned char)p[1] & 0xe0) == 0x80)) {
            return true;
        }
    }
    return false;
}

json_t *nx_json_text(const char *text) {
    json_t *plain = has_control(text) ? NULL : json_string(text);
    if (plain != NULL) {
        return plain;
    }
    struct nx_text escaped;
    nx_text_init(&escaped);
    nx_text_escaped(&escaped, text);
    json_t *value = escaped.bytes != NULL ? json_string(escaped.bytes) : NULL;
    nx_text_fini(&escaped);
    return value;
}

/* --- structure --- */

/* The last byte tells: strings end with a quote. */
static void separate(struct nx_text *out) {
    char last = out->len > 0 ? out->bytes[out->len - 1] : '[';
    if (last != '{' && last != '[' && last != ':') {
        nx_text_bytes(out, ",", 1);
    }
}

void nx_put_open(struct nx_text *out, char bracket) {
    separate(out);
    nx_text_bytes(out, &bracket, 1);
}

void nx_put_close(struct nx_text *out, char bracket) {
    nx_text_bytes(out, &bracket, 1);
}

void nx_put_key(struct nx_text *out, const char *key) {
    separate(out);
    nx_text_bytes(out, "\"", 1);
    nx_text_add(out, key);
    nx_text_bytes(out, "\":", 2);
}

/* --- values --- */

static void put_word(struct nx_text *out, const char *word) {
    separate(out);
    nx_text_add(out, word);
}

void nx_put_null(struct nx_text *out) {
    put_word(out, "null");
}

void nx_put_bool(struct nx_text *out, bool value) {
    put_word(out, value ? "true" : "false");
}

void nx_put_integer(struct nx_text *out, int64_t value) {
    char digits[NX_DIGITS_MAX];
    size_t len = nx_digits(value, digits);
    separate(out);
    nx_text_bytes(out, digits, len);
}

void nx_put_value(struct nx_text *out, json_t *value) {
    char *text = value != NULL ? json_dumps(value, JSON_FLAGS) : NULL;
    json_decref(value);
    if (text == NULL) {
        out->failed = true;
        return;
    }
    put_word(out, text);
    free(text);
}

/* What is rare is left to jansson. */
void nx_put_real(struct nx_text *out, double value) {
    if (value >= 1.0 && value <= 1.0) { /* most shares are all or nothing */
        put_word(out, "1.0");
    } else if (fpclassify(value) == FP_ZERO && !signbit(value)) {
        put_word(out, "0.0");
    } else {
        nx_put_value(out, json_real(value));
    }
}

static bool is_rare(unsigned char c) {
    return is_control(c) || c > 0x7e;
}

void nx_put_string(struct nx_text *out, const char *text) {
    const char *p = text;
    size_t len = 0;
    while (p[len] != '\0') {
        if (is_rare((unsigned char)p[len++])) {
            nx_put_value(out, nx_json_text(text));
            return;
        }
    }
    separate(out);
    nx_text_bytes(out, "\"", 1);
    for (size_t n = strcspn(p, "\"\\"); n < len; n = strcspn(p, "\"\\")) {
        const char escaped[2] = {'\\', p[n]};
        nx_text_bytes(out, p, n);
        nx_text_bytes(out, escaped, 2);
        p += n + 1;
        len -= n + 1;
    }
    nx_text_bytes(out, p, len);
    nx_text_bytes(out, "\"", 1);
}

void nx_put_member(struct nx_text *out, const char *key, const char *text) {
    nx_put_key(out, key);
    nx_put_string(out, text);
}

void nx_put_piece(struct nx_text *out, const struct nx_piece *key,
                  const struct nx_piece *value) {
    separate(out);
    nx_text_bytes(out, "\"", 1);
    nx_text_bytes(out, key->at, key->len);
    nx_text_bytes(out, "\":", 2);
    nx_text_bytes(out, value->at, value->len);
}

json_t *nx_put_read(struct nx_text *text) {
    json_t *value =
        text->failed || text->bytes == NULL
            ? NULL
            : json_loadb(text->bytes, text->len, JSON_DECODE_ANY, NULL);
    nx_text_fini(text);
    return value;
}
