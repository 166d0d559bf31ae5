/* Labels of networks and agents, set by command. */
#include "collector/cli/io_run.h"
#include "collector/cli/request.h"

/* "network lyon-office: site=lyon asn=64500 weight=120" */
static void describe_labels(const json_t *owner, const char *kind,
                            const char *name, struct nx_text *text) {
    char cell[NX_CELL_MAX];
    char pair[NX_CELL_MAX];
    nx_text_addf(text, "%s %s:", kind, nx_show_text(name, cell));
    for (unsigned k = 0; k < NX_LABEL_KEYS_N_; k++) {
        const char *key = nx_label_key_text(k);
        const json_t *value =
            k == NX_LABEL_WEIGHT
                ? json_object_get(owner, key)
                : json_object_get(json_object_get(owner, "labels"), key);
        if (value != NULL && !json_is_null(value)) {
            nx_text_addf(text, " %s=%s", key, nx_show_value(value, pair));
        }
    }
    nx_text_add(text, "\n");
}

int nx_run_label(const struct nx_run *run) {
    bool of_agent = run->args->command == NX_CMD_AGENTS_LABEL;
    const char *kind = of_agent ? "agent" : "network";
    json_t *owner = NULL;
    struct nx_text text;
    int exit_code =
        nx_run_post(run, of_agent ? "/v1/agents/label" : "/v1/networks/label",
                    nx_request_label(run->args, kind), &owner);
    if (exit_code != 0) {
        return exit_code;
    }
    nx_text_init(&text);
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(owner, false, &text);
    } else {
        describe_labels(owner, kind, run->args->subject, &text);
    }
    json_decref(owner);
    return nx_run_print(&text);
}
