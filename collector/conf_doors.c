/* Where others connect: addresses to listen on, the enrolment port. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/conf_parts.h"

#define STRING(key, flags, type, member)                                       \
    CYAML_FIELD_STRING_PTR(key, flags, type, member, 1, NX_CONF_TEXT_MAX)

const cyaml_schema_field_t nx_conf_enrol_fields[] = {
    STRING("listen", CYAML_FLAG_POINTER, struct nx_conf_raw_enrol, listen),
    STRING("address", OPTIONAL_PTR, struct nx_conf_raw_enrol, address),
    CYAML_FIELD_END};

/* "192.0.2.1:5530", "[2001:db8::1]:5530" */
bool nx_conf_address_port(const char *text, struct nx_endpoint *out,
                          unsigned *port) {
    char host[64];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof(host)) {
        return false;
    }
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0') {
        return false;
    }
    *port = (unsigned)strtoul(colon + 1, NULL, 10);
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    bool bracket = host[0] == '[';
    return strpbrk(host, "@/") == NULL && *port <= UINT16_MAX &&
           bracket == (strchr(host, ':') != NULL) &&
           nx_endpoint_parse(host, out) == NX_OK;
}

bool nx_conf_is_listen(const char *text) {
    static const char scheme[] = "tcp://";
    struct nx_endpoint at;
    unsigned port = 0;
    char any[64];
    if (strncmp(text, scheme, sizeof(scheme) - 1) != 0) {
        return false;
    }
    text += sizeof(scheme) - 1;
    if (strncmp(text, "*:", 2) == 0) {
        snprintf(any, sizeof(any), "0.0.0.0%s", text + 1);
        text = any;
    }
    return nx_conf_address_port(text, &at, &port) && port > 0;
}

/* A join string must say where to go, so an address that is every address needs
 * the one that agents reach beside it. */
int nx_conf_take_enrol(const struct nx_conf_reader *r,
                       const struct nx_conf_raw_enrol *raw) {
    struct nx_endpoint at;
    if (!nx_conf_is_listen(raw->listen)) {
        return nx_yaml_error(r->doc, r->why, r->why_cap, "enrol.listen",
                             "\"%s\" is not tcp://ADDRESS:PORT", raw->listen);
    }
    for (size_t i = 0; i < r->out->listen_n; i++) {
        if (strcmp(r->out->listen[i], raw->listen) == 0) {
            return nx_yaml_error(
                r->doc, r->why, r->why_cap, "enrol.listen",
                "\"%s\" is the agents' port, too; take another", raw->listen);
        }
    }
    if (raw->address != NULL &&
        (strpbrk(raw->address, "@/[]") != NULL ||
         nx_endpoint_parse(raw->address, &at) != NX_OK)) {
        return nx_yaml_error(r->doc, r->why, r->why_cap, "enrol.address",
                             "\"%s\" is not an address", raw->address);
    }
    if (raw->address == NULL && (strstr(raw->listen, "//*:") != NULL ||
                                 strstr(raw->listen, "//0.0.0.0:") != NULL ||
                                 strstr(raw->listen, "//[::]:") != NULL)) {
        return nx_yaml_error(r->doc, r->why, r->why_cap, "enrol.listen",
                             "\"%s\" is every address: say in enrol.address "
                             "which one agents reach",
                             raw->listen);
    }
    int err = nx_conf_copy_text(raw->listen, &r->out->enrol_listen);
    return err == NX_OK && raw->address != NULL
               ? nx_conf_copy_text(raw->address, &r->out->enrol_address)
               : err;
}
