#include "common/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256U

void nx_text_init(struct nx_text *text) {
    *text = (struct nx_text){0};
}

void nx_text_fini(struct nx_text *text) {
    free(text->bytes);
    nx_text_init(text);
}

/* Room for `more` bytes and a NUL. */
static bool reserve(struct nx_text *text, size_t more) {
    if (text->failed || more >= SIZE_MAX / 2 - text->len) {
        text->failed = true;
        return false;
    }
    size_t need = text->len + more + 1;
    if (need <= text->cap) {
        return true;
    }
    size_t cap = text->cap < FIRST_CAP ? FIRST_CAP : text->cap;
    while (cap < need) {
        cap *= 2;
    }
    char *bytes = realloc(text->bytes, cap);
    if (bytes == NULL) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->cap = cap;
    return true;
}

void nx_text_bytes(struct nx_text *text, const char *bytes, size_t len) {
    if (!reserve(text, len)) {
        return;
    }
    if (len > 0) {
        memcpy(text->bytes + text->len, bytes, len);
    }
    text->len += len;
    text->bytes[text->len] = '\0';
}

void nx_text_add(struct nx_text *text, const char *string) {
    nx_text_bytes(text, string, strlen(string));
}

void nx_text_addf(struct nx_text *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !reserve(text, (size_t)n)) {
        text->failed = true;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text->bytes + text->len, (size_t)n + 1, format, args);
    va_end(args);
    text->len += (size_t)n;
}

size_t nx_digits(int64_t value, char *out) {
    char backwards[NX_DIGITS_MAX];
    uint64_t left = value < 0 ? 0U - (uint64_t)value : (uint64_t)value;
    size_t n = 0;
    size_t len = 0;
    do {
        backwards[n++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0) {
        out[len++] = '-';
    }
    while (n > 0) {
        out[len++] = backwards[--n];
    }
    out[len] = '\0';
    return len;
}

/* Writes one octet into out (5 bytes), escaped if need be; its length. */
static size_t escape_octet(unsigned char c, char *out) {
    if (c >= 0x20 && c <= 0x7e) {
        out[0] = (char)c;
        out[1] = '\0';
        return 1;
    }
    out[0] = '\\';
    out[1] = (char)('0' + c / 100);
    out[2] = (char)('0' + c / 10 % 10);
    out[3] = (char)('0' + c % 10);
    out[4] = '\0';
    return 4;
}

void nx_text_escaped(struct nx_text *text, const char *string) {
    char octet[5];
    for (const char *p = string; *p != '\0'; p++) {
        size_t n = escape_octet((unsigned char)*p, octet);
        nx_text_bytes(text, octet, n);
    }
    nx_text_bytes(text, "", 0);
}

char *nx_text_take(struct nx_text *text) {
    nx_text_bytes(text, "", 0); /* an empty text is a text too */
    char *bytes = text->bytes;
    if (text->failed) {
        free(bytes);
        bytes = NULL;
    }
    nx_text_init(text);
    return bytes;
}

char *nx_escape(const char *string, char *out, size_t cap) {
    size_t len = 0;
    char octet[5];
    for (const char *p = string; *p != '\0'; p++) {
        size_t n = escape_octet((unsigned char)*p, octet);
        if (len + n >= cap) {
            break;
        }
        memcpy(out + len, octet, n);
        len += n;
    }
    if (cap > 0) {
        out[len] = '\0';
    }
    return out;
}
