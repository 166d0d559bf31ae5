#include "agent/dns/hints.h"

#include <string.h>

#define LINE_MAX_BYTES 1400U
#define FIELDS_MAX 6U

/* The fields of one line, cut in place. Returns how many; FIELDS_MAX also for
 * more. */
static size_t split(char *line, char *fields[FIELDS_MAX]) {
    size_t n = 0;
    char *save = NULL;
    line[strcspn(line, ";")] = '\0';
    for (char *f = strtok_r(line, " \t\r", &save); f != NULL && n < FIELDS_MAX;
         f = strtok_r(NULL, " \t\r", &save)) {
        fields[n++] = f;
    }
    return n;
}

static bool same_word(const char *a, const char *b) {
    size_t i = 0;
    for (; a[i] != '\0' && b[i] != '\0'; i++) {
        char upper = a[i];
        if (upper >= 'a' && upper <= 'z') {
            upper = (char)(upper - 'a' + 'A');
        }
        if (upper != b[i]) {
            return false;
        }
    }
    return a[i] == b[i];
}

static bool is_number(const char *text) {
    return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

static const char *add(struct nx_hints *out, const char *name,
                       size_t address_len, const char *address) {
    uint8_t wire[NX_DNAME_MAX];
    struct nx_endpoint e;
    if (nx_dname_parse(name, wire) != 0) {
        return "not a domain name";
    }
    if (nx_endpoint_parse(address, &e) != 0 || e.transport != NX_UDP ||
        e.address_len != address_len) {
        return "not an address of this type";
    }
    if (out->n == NX_HINTS_MAX) {
        return "too many root server addresses";
    }
    memcpy(out->names[out->n], wire, nx_dname_len(wire));
    e.layer = NX_LAYER_AUTHORITY;
    e.server_name = out->names[out->n];
    out->servers[out->n++] = e;
    return NULL;
}

/* NAME [TTL] [IN] TYPE RDATA. Returns what is wrong, or NULL. */
static const char *take_fields(struct nx_hints *out, char *fields[], size_t n) {
    size_t i = 1;
    if (i < n && is_number(fields[i])) {
        i++;
    }
    if (i < n && same_word(fields[i], "IN")) {
        i++;
    }
    if (n != i + 2) {
        return "expected NAME [TTL] [IN] TYPE ADDRESS";
    }
    if (same_word(fields[i], "NS")) {
        return NULL;
    }
    if (same_word(fields[i], "A")) {
        return add(out, fields[0], 4, fields[i + 1]);
    }
    if (same_word(fields[i], "AAAA")) {
        return add(out, fields[0], 16, fields[i + 1]);
    }
    return "only A, AAAA and NS are expected here";
}

static const char *take_line(struct nx_hints *out, const char *text,
                             size_t len) {
    char line[LINE_MAX_BYTES];
    char *fields[FIELDS_MAX];
    if (memchr(text, '\0', len) != NULL) {
        return "a NUL byte";
    }
    if (len >= sizeof(line)) {
        /* Comments may be as long as they like. */
        return text[0] == ';' ? NULL : "line too long";
    }
    memcpy(line, text, len);
    line[len] = '\0';
    size_t n = split(line, fields);
    return n > 0 ? take_fields(out, fields, n) : NULL;
}

int nx_hints_parse(const char *text, size_t len, struct nx_hints *out,
                   unsigned *line, const char **why) {
    unsigned number = 0;
    size_t at = 0;
    out->n = 0;
    while (at < len && len <= NX_HINTS_TEXT_MAX) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end != NULL ? (size_t)(end - text) - at : len - at;
        const char *wrong = take_line(out, text + at, n);
        number++;
        if (wrong != NULL) {
            *line = number;
            *why = wrong;
            return NX_ECONFIG;
        }
        at += n + 1;
    }
    if (out->n == 0) {
        *line = 0;
        *why = len > NX_HINTS_TEXT_MAX ? "larger than 64 KiB"
                                       : "no address of a root server";
        return NX_ECONFIG;
    }
    return 0;
}

void nx_hints_builtin(struct nx_hints *out) {
    /* https://www.iana.org/domains/root/servers, 2024 */
    static const char *const roots[][2] = {
        {"198.41.0.4", "2001:503:ba3e::2:30"},
        {"170.247.170.2", "2801:1b8:10::b"},
        {"192.33.4.12", "2001:500:2::c"},
        {"199.7.91.13", "2001:500:2d::d"},
        {"192.203.230.10", "2001:500:a8::e"},
        {"192.5.5.241", "2001:500:2f::f"},
        {"192.112.36.4", "2001:500:12::d0d"},
        {"198.97.190.53", "2001:500:1::53"},
        {"192.36.148.17", "2001:7fe::53"},
        {"192.58.128.30", "2001:503:c27::2:30"},
        {"193.0.14.129", "2001:7fd::1"},
        {"199.7.83.42", "2001:500:9f::42"},
        {"202.12.27.33", "2001:dc3::35"},
    };
    out->n = 0;
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        char name[] = "a.root-servers.net.";
        name[0] = (char)('a' + (int)i);
        (void)add(out, name, 4, roots[i][0]);
        (void)add(out, name, 16, roots[i][1]);
    }
}
