#include "collector/engine/idn.h"

#include <idn2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_ascii(const char *text) {
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p >= 0x80) {
            return false;
        }
    }
    return true;
}

/* To A-labels; NULL: not valid. To be freed by idn2_free. */
static char *to_ascii(const char *text) {
    char *ascii = NULL;
    int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
    return idn2_to_ascii_8z(text, &ascii, flags) == IDN2_OK ? ascii : NULL;
}

int nx_idn_parse(const char *text, uint8_t *out) {
    if (is_ascii(text)) {
        return nx_dname_parse(text, out);
    }
    if (strlen(text) >= NX_IDN_TEXT_MAX || strchr(text, '\\') != NULL) {
        return NX_ENAME;
    }
    char *ascii = to_ascii(text);
    int err = ascii != NULL ? nx_dname_parse(ascii, out) : NX_ENAME;
    idn2_free(ascii);
    return err;
}

static bool has_a_label(const char *text) {
    for (const char *label = text; label != NULL;
         label = strchr(label, '.'), label = label != NULL ? label + 1 : NULL) {
        if (strncasecmp(label, "xn--", 4) == 0) {
            return true;
        }
    }
    return false;
}

/* In lower case and without the final dot. */
static bool plain_text(const uint8_t *name, char *out) {
    uint8_t lower[NX_DNAME_MAX]; /* Punycode keeps the case of letters */
    (void)nx_dname_lower(name, lower);
    size_t len = strlen(nx_dname_text(lower, out));
    if (len > 1) {
        out[len - 1] = '\0';
    }
    return strchr(out, '\\') == NULL && has_a_label(out);
}

static bool comes_back(const char *unicode, const char *ascii) {
    char *again = to_ascii(unicode);
    bool same = again != NULL && strcasecmp(again, ascii) == 0;
    idn2_free(again);
    return same;
}

bool nx_idn_text(const uint8_t *name, char out[NX_IDN_TEXT_MAX]) {
    char ascii[NX_DNAME_TEXT_MAX];
    char *unicode = NULL;
    if (!plain_text(name, ascii) ||
        idn2_to_unicode_8z8z(ascii, &unicode, 0) != IDN2_OK) {
        return false;
    }
    size_t len = strlen(unicode);
    bool fits = len < NX_IDN_TEXT_MAX && !is_ascii(unicode) &&
                comes_back(unicode, ascii);
    if (fits) {
        memcpy(out, unicode, len + 1);
    }
    idn2_free(unicode);
    return fits;
}
