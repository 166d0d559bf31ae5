#include "collector/ingest/agent_record.h"

#include <string.h>

const char *nx_agent_state_text(unsigned state) {
    switch ((enum nx_agent_state)state) {
    case NX_AGENT_PENDING:
        return "pending";
    case NX_AGENT_ACCEPTED:
        return "accepted";
    case NX_AGENT_REVOKED:
        return "revoked";
    case NX_AGENT_REJECTED:
        return "rejected";
    case NX_AGENT_QUARANTINED:
        return "quarantined";
    }
    return "unknown";
}

int nx_agent_state_parse(const char *text, uint8_t *out) {
    for (uint8_t s = NX_AGENT_PENDING; s <= NX_AGENT_QUARANTINED; s++) {
        if (strcmp(nx_agent_state_text(s), text) == 0) {
            *out = s;
            return NX_OK;
        }
    }
    return NX_EMALFORMED;
}

bool nx_agent_ever_accepted(const struct nx_agent_record *record) {
    return record->agent.network[0] != '\0';
}

static bool alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

bool nx_agent_label_valid(const char *label) {
    size_t len = strnlen(label, NX_TEXT_LABEL_MAX);
    if (len == 0 || len >= NX_TEXT_LABEL_MAX || !alphanumeric(label[0])) {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (!alphanumeric(label[i]) && strchr("._-", label[i]) == NULL) {
            return false;
        }
    }
    return true;
}

const char *nx_address_unmapped(const char *text) {
    static const char prefix[] = "::ffff:";
    const size_t len = sizeof(prefix) - 1;
    return strncmp(text, prefix, len) == 0 && strchr(text, '.') != NULL
               ? text + len
               : text;
}
