/* What is said about an incident for others to read, and to others. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/cli/complete.h"
#include "collector/cli/io_run.h"
#include "collector/cli/record.h"
#include "collector/cli/request.h"

int nx_run_network(const struct nx_run *run, uint32_t id, json_t **out) {
    struct nx_text path;
    nx_text_init(&path);
    nx_request_network(id, run->args->network, &path);
    char *bytes = nx_text_take(&path);
    int exit_code = bytes != NULL
                        ? nx_run_get(run, bytes, out)
                        : nx_run_complain("out of memory", NX_EXIT_INTERNAL);
    free(bytes);
    return exit_code;
}

int nx_run_network_quietly(const struct nx_run *run, uint32_t id, json_t **out,
                           struct nx_api_error *error) {
    struct nx_text path;
    nx_text_init(&path);
    nx_request_network(id, run->args->network, &path);
    char *bytes = nx_text_take(&path);
    int err =
        bytes != NULL ? nx_api_get(run->api, bytes, out, error) : NX_ENOMEM;
    free(bytes);
    return err;
}

int nx_run_explain(const struct nx_run *run) {
    json_t *network = NULL;
    struct nx_text text;
    uint32_t id = 0;
    int exit_code = nx_run_incident(run, &id);
    exit_code = exit_code != 0 ? exit_code : nx_run_network(run, id, &network);
    if (exit_code != 0) {
        return exit_code;
    }
    nx_text_init(&text);
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(network, false, &text);
    } else {
        nx_show_explain(network, run->show, &text);
    }
    json_decref(network);
    return nx_run_print(&text);
}

int nx_run_report(const struct nx_run *run) {
    char path[64];
    json_t *report = NULL;
    struct nx_text text;
    uint32_t id = 0;
    int exit_code = nx_run_incident(run, &id);
    (void)snprintf(path, sizeof path, "/v1/incidents/%" PRIu32 "/report", id);
    exit_code = exit_code != 0 ? exit_code : nx_run_get(run, path, &report);
    if (exit_code != 0) {
        return exit_code;
    }
    nx_text_init(&text);
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(report, false, &text);
    } else if (run->args->format == NX_FORMAT_HTML) {
        nx_record_html(report, &text);
    } else {
        nx_record_markdown(report, &text);
    }
    json_decref(report);
    return nx_run_print(&text);
}

int nx_run_alert_test(const struct nx_run *run) {
    json_t *list = NULL;
    struct nx_text text;
    int exit_code =
        nx_run_post(run, "/v1/alerts/test",
                    json_pack("{s:s*}", "receiver", run->args->subject), &list);
    if (exit_code != 0) {
        return exit_code;
    }
    nx_text_init(&text);
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(list, false, &text);
    } else {
        nx_text_add(&text, "queued; nxclear alerts list shows what becomes of "
                           "it\n");
    }
    json_decref(list);
    return nx_run_print(&text);
}

/* Nothing is said when the collector cannot be reached: that is no moment for
 * messages. */
static void add_words(const struct nx_run *run, const char *path,
                      const char *list, const char *key, struct nx_text *out) {
    struct nx_api_error error;
    json_t *document = NULL;
    size_t i = 0;
    const json_t *one = NULL;
    if (nx_api_get(run->api, path, &document, &error) != 0) {
        return;
    }
    json_array_foreach(json_object_get(document, list), i, one) {
        const json_t *word = json_object_get(one, key);
        if (json_is_integer(word)) {
            nx_text_addf(out, "%" JSON_INTEGER_FORMAT "\n",
                         json_integer_value(word));
        } else if (json_is_string(word)) {
            nx_text_escaped(out, json_string_value(word));
            nx_text_add(out, "\n");
        }
    }
    json_decref(document);
}

int nx_run_complete(const struct nx_run *run) {
    static const struct {
        unsigned what;
        const char *path, *list, *key;
    } rows[] = {
        {NX_COMPLETE_INCIDENTS, "/v1/incidents", "incidents", "id"},
        {NX_COMPLETE_NETWORKS, "/v1/networks", "networks", "network"},
        {NX_COMPLETE_AGENTS, "/v1/agents", "agents", "name"},
        {NX_COMPLETE_RECEIVERS, "/v1/alerts", "receivers", "name"},
    };
    struct nx_text text;
    nx_text_init(&text);
    unsigned more = nx_complete(run->args->words, run->args->words_n, &text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((more & rows[i].what) != 0) {
            add_words(run, rows[i].path, rows[i].list, rows[i].key, &text);
        }
    }
    return text.len > 0 ? nx_run_print(&text) : 0;
}
