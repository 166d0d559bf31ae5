#include "collector/replay/recording_in.h"

#include <string.h>

#include "collector/infer/facts.h"
#include "collector/replay/recording_text.h"
#include "common/rfc3339.h"
#include "common/rrtype.h"

#define FLAGS_MAX 16U

static void too_large(const struct nx_in *in) {
    nx_in_fail(in, "larger than the limit");
}

int64_t nx_take_moment(const struct nx_in *in, const char *key) {
    struct nx_in at = nx_in_member(in, key);
    const char *text = nx_in_text(in, key, NULL);
    int64_t us = NX_TIME_UNKNOWN;
    if (text != NULL && nx_time_parse(text, &us) != 0) {
        nx_in_fail(&at, "not a time (RFC 3339): \"%.40s\"", text);
    }
    return us;
}

uint64_t nx_take_digits(const struct nx_in *in, const char *key) {
    struct nx_in at = nx_in_member(in, key);
    const char *text = nx_in_text(in, key, "0");
    uint64_t value = 0;
    size_t i = 0;
    for (; text[i] >= '0' && text[i] <= '9'; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            break;
        }
        value = value * 10 + digit;
    }
    if (i == 0 || text[i] != '\0') {
        nx_in_fail(&at, "not a number of 64 bits as text: \"%.40s\"", text);
    }
    return value;
}

void nx_take_text(const struct nx_in *in, const char *key, char *out,
                  size_t cap) {
    struct nx_in at = nx_in_member(in, key);
    const char *text = nx_in_text(in, key, "");
    size_t len = strlen(text);
    if (len >= cap) {
        too_large(&at);
        len = 0;
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

uint16_t nx_take_type(const struct nx_in *in, const char *key) {
    struct nx_in at = nx_in_member(in, key);
    const char *text = nx_in_text(in, key, NULL);
    uint16_t type = 0;
    if (text == NULL) {
        nx_in_fail(&at, "missing");
    } else if (nx_rrtype_parse(text, &type) != 0) {
        nx_in_fail(&at, "not a record type: \"%.40s\"", text);
    }
    return type;
}

void nx_take_clock(const struct nx_in *in, const char *key,
                   struct nx_clock_sample *out) {
    struct nx_in at = nx_in_member(in, key);
    *out = (struct nx_clock_sample){0};
    if (!nx_in_is_object(&at)) {
        return;
    }
    out->mono_us = nx_in_integer(&at, "mono_us", INT64_MIN, INT64_MAX, 0);
    out->wall_us = nx_in_integer(&at, "wall_us", INT64_MIN, INT64_MAX, 0);
    out->offset_us = nx_in_integer(&at, "offset_us", INT64_MIN, INT64_MAX, 0);
    out->offset_error_us =
        (uint64_t)nx_in_integer(&at, "error_us", 0, INT64_MAX, 0);
    out->offset_known = nx_in_member(&at, "offset_us").value != NULL;
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t nx_take_hex(const struct nx_in *at, uint8_t *out, size_t cap) {
    const char *text = nx_in_text_here(at, "");
    size_t len = strlen(text);
    if (len % 2 != 0 || len / 2 > cap) {
        nx_in_fail(at, "an odd number of digits, or more than %zu octets", cap);
        return 0;
    }
    for (size_t i = 0; i < len; i += 2) {
        int high = digit_of(text[i]);
        int low = digit_of(text[i + 1]);
        if (high < 0 || low < 0) {
            nx_in_fail(at, "not hexadecimal");
            return 0;
        }
        out[i / 2] = (uint8_t)(high * 16 + low);
    }
    return len / 2;
}

void nx_take_rdata(const struct nx_in *in, const char *key,
                   struct nx_arena *arena, struct nx_answer *out) {
    uint8_t rdata[NX_ANSWER_RDATA_MAX];
    struct nx_in list = nx_in_member(in, key);
    size_t n = nx_in_size(&list, NX_ANSWER_RECORDS_MAX);
    size_t len = 0;
    for (size_t i = 0; i < n && !in->fault->failed; i++) {
        struct nx_in at = nx_in_element(&list, i);
        if (len + 2 > sizeof(rdata)) {
            too_large(&at);
            return;
        }
        size_t size =
            nx_take_hex(&at, rdata + len + 2, sizeof(rdata) - len - 2);
        rdata[len] = (uint8_t)(size >> 8);
        rdata[len + 1] = (uint8_t)size;
        len += 2 + size;
    }
    if (in->fault->failed || n == 0) {
        return;
    }
    out->rdata = nx_arena_copy(arena, rdata, len);
    out->rdata_len = (uint16_t)len;
    out->rdata_n = (uint8_t)n;
    if (out->rdata == NULL) {
        too_large(&list);
    }
}

const uint8_t *nx_take_name(const struct nx_in *in, const char *key,
                            struct nx_arena *arena) {
    uint8_t name[NX_DNAME_MAX];
    if (!nx_in_name(in, key, name)) {
        return NULL;
    }
    uint8_t *copy = nx_arena_copy(arena, name, nx_dname_len(name));
    if (copy == NULL) {
        too_large(in);
    }
    return copy;
}

void nx_take_endpoint(const struct nx_in *in, const char *key,
                      struct nx_arena *arena, struct nx_endpoint *out) {
    const char *const layers[] = {
        nx_layer_text(NX_LAYER_HOST), nx_layer_text(NX_LAYER_NETWORK),
        nx_layer_text(NX_LAYER_CONTROL), nx_layer_text(NX_LAYER_AUTHORITY),
        nx_layer_text(NX_LAYER_UPSTREAM)};
    struct nx_in at = nx_in_member(in, key);
    const char *text = nx_in_text(in, key, NULL);
    struct nx_endpoint parsed;
    *out = (struct nx_endpoint){0};
    if (text == NULL) {
        nx_in_fail(&at, "missing");
    } else if (nx_endpoint_parse(text, &parsed) != 0) {
        nx_in_fail(&at, "not an address such as 192.0.2.53@53: \"%.40s\"",
                   text);
    } else {
        *out = parsed;
    }
    out->layer = (uint8_t)nx_in_choice(in, "layer", layers, NX_LAYER_N,
                                       NX_LAYER_NETWORK);
    out->scope_id = nx_in_u32(in, "scope", 0);
    out->withheld = nx_in_bool(in, "withheld", false);
    out->server_name = nx_take_name(in, "server", arena);
}

size_t nx_take_endpoints(const struct nx_in *list, size_t max,
                         struct nx_arena *arena,
                         const struct nx_endpoint **out) {
    size_t n = nx_in_size(list, max);
    struct nx_endpoint *all = nx_arena_alloc(arena, n + 1, sizeof(*all));
    if (all == NULL) {
        too_large(list);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct nx_in at = nx_in_element(list, i);
        if (nx_in_is_object(&at)) {
            nx_take_endpoint(&at, "at", arena, &all[i]);
        }
    }
    *out = all;
    return list->fault->failed ? 0 : n;
}

unsigned nx_take_flags(const struct nx_in *in, const char *key,
                       const char *const *texts) {
    struct nx_in list = nx_in_member(in, key);
    size_t n = nx_in_size(&list, FLAGS_MAX);
    unsigned flags = 0;
    for (size_t i = 0; i < n; i++) {
        struct nx_in at = nx_in_element(&list, i);
        const char *text = nx_in_text_here(&at, "");
        unsigned bit = 0;
        while (texts[bit] != NULL &&
               (text[0] == '\0' || strcmp(texts[bit], text) != 0)) {
            bit++;
        }
        if (texts[bit] == NULL) {
            nx_in_fail(&at, "not a flag: \"%.40s\"", text);
            return 0;
        }
        flags |= 1U << bit;
    }
    return flags;
}
