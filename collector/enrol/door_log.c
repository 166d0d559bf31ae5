#include "collector/enrol/door_log.h"

#include "common/rfc3339.h"

static json_t *text_or_null(const char *text) {
    return text[0] == '\0' ? json_null() : json_string(text);
}

json_t *nx_door_entry_json(const struct nx_door_entry *entry) {
    char at[NX_TIME_TEXT_MAX];
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o}", "at", nx_time_text(entry->at_us, at),
        "who", entry->who, "action", entry->action, "subject",
        text_or_null(entry->subject), "key", text_or_null(entry->key), "detail",
        text_or_null(entry->detail));
}
