#include "common/rrtype.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct named {
    uint16_t code;
    const char *name;
};

/* IANA "Resource Record (RR) TYPEs": those that people ask for. */
static const struct named types[] = {
    {1, "A"},           {2, "NS"},      {5, "CNAME"},   {6, "SOA"},
    {12, "PTR"},        {13, "HINFO"},  {15, "MX"},     {16, "TXT"},
    {17, "RP"},         {18, "AFSDB"},  {28, "AAAA"},   {29, "LOC"},
    {33, "SRV"},        {35, "NAPTR"},  {36, "KX"},     {37, "CERT"},
    {39, "DNAME"},      {43, "DS"},     {44, "SSHFP"},  {46, "RRSIG"},
    {47, "NSEC"},       {48, "DNSKEY"}, {50, "NSEC3"},  {51, "NSEC3PARAM"},
    {52, "TLSA"},       {53, "SMIMEA"}, {59, "CDS"},    {60, "CDNSKEY"},
    {61, "OPENPGPKEY"}, {62, "CSYNC"},  {63, "ZONEMD"}, {64, "SVCB"},
    {65, "HTTPS"},      {99, "SPF"},    {108, "EUI48"}, {109, "EUI64"},
    {256, "URI"},       {257, "CAA"},
};

static const struct named rcodes[] = {
    {0, "NOERROR"},    {1, "FORMERR"}, {2, "SERVFAIL"}, {3, "NXDOMAIN"},
    {4, "NOTIMP"},     {5, "REFUSED"}, {6, "YXDOMAIN"}, {7, "YXRRSET"},
    {8, "NXRRSET"},    {9, "NOTAUTH"}, {10, "NOTZONE"}, {16, "BADVERS"},
    {23, "BADCOOKIE"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "TYPE64": RFC 3597 section 5. */
static bool parse_generic(const char *text, uint16_t *out) {
    if (strncasecmp(text, "TYPE", 4) != 0 || text[4] == '\0') {
        return false;
    }
    uint32_t value = 0;
    for (const char *p = text + 4; *p != '\0'; p++) {
        if (*p < '0' || *p > '9') {
            return false;
        }
        value = value * 10 + (uint32_t)(*p - '0');
        if (value > UINT16_MAX) {
            return false;
        }
    }
    *out = (uint16_t)value;
    return true;
}

static bool is_data_type(uint16_t type) {
    return type != 0 && type != NX_TYPE_OPT && (type < 128 || type > 255);
}

int nx_rrtype_parse(const char *text, uint16_t *out) {
    uint16_t value = 0;
    if (parse_generic(text, &value)) {
        if (!is_data_type(value)) {
            return NX_ETYPE;
        }
        *out = value;
        return 0;
    }
    for (size_t i = 0; i < COUNT(types); i++) {
        if (strcasecmp(types[i].name, text) == 0) {
            *out = types[i].code;
            return 0;
        }
    }
    return NX_ETYPE;
}

bool nx_rrtype_is_private(uint16_t type) {
    return type >= NX_TYPE_PRIVATE_FIRST &&
           type < NX_TYPE_PRIVATE_FIRST + NX_TYPE_PRIVATE_N;
}

char *nx_rrtype_text(uint16_t type, char *out) {
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].code == type) {
            (void)snprintf(out, NX_RRTYPE_TEXT_MAX, "%s", types[i].name);
            return out;
        }
    }
    (void)snprintf(out, NX_RRTYPE_TEXT_MAX, "TYPE%u", (unsigned)type);
    return out;
}

const char *nx_rcode_text(unsigned rcode, char *out) {
    for (size_t i = 0; i < COUNT(rcodes); i++) {
        if (rcodes[i].code == rcode) {
            return rcodes[i].name;
        }
    }
    (void)snprintf(out, NX_RCODE_TEXT_MAX, "RCODE%u", rcode & 0xfffU);
    return out;
}
