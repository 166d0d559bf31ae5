/* The commands that show a list. */
#include "collector/cli/io_run.h"

struct list_rule {
    enum nx_command command;
    const char *path;
    const char *key;
    void (*show)(const json_t *list, int64_t now_us, const struct nx_show *show,
                 struct nx_text *out);
};

static const struct list_rule lists[] = {
    {NX_CMD_INCIDENT_LIST, "/v1/incidents", "incidents", nx_show_incidents},
    {NX_CMD_AGENTS_LIST, "/v1/agents", "agents", nx_show_agents},
    {NX_CMD_AGENTS_LEDGER, "/v1/agents", "agents", nx_show_ledgers},
    {NX_CMD_ALERTS_LIST, "/v1/alerts", "alerts", nx_show_alerts},
    {NX_CMD_NETWORKS, "/v1/networks", "networks", nx_show_networks},
    {NX_CMD_RESOLVERS, "/v1/resolvers", "resolvers", nx_show_resolvers},
    {NX_CMD_AGENTS_LOG, "/v1/agents/log", "log", nx_show_door_log},
    {NX_CMD_ENROL_LIST, "/v1/enrolments", "enrolments", nx_show_enrolments},
    {NX_CMD_TOKENS_LIST, "/v1/tokens", "tokens", nx_show_tokens},
};

int nx_run_list(const struct nx_run *run) {
    const struct list_rule *rule = lists;
    json_t *document = NULL;
    struct nx_text text;
    while (rule->command != run->args->command) {
        rule++;
    }
    int exit_code = nx_run_get(run, rule->path, &document);
    if (exit_code != 0) {
        return exit_code;
    }
    const json_t *list = nx_doc_list(document, rule->key);
    int64_t now_us = nx_doc_time(document, "now");
    nx_text_init(&text);
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(document, false, &text);
    } else if (run->args->format == NX_FORMAT_JSONL) {
        nx_show_jsonl(list, NULL, &text);
    } else {
        rule->show(list, now_us != NX_TIME_NONE ? now_us : nx_run_wall_us(),
                   run->show, &text);
    }
    json_decref(document);
    return nx_run_print(&text);
}
