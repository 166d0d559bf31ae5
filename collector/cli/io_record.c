/* What is said about an incident for others to read: explain. */
#include <stdlib.h>

#include "collector/cli/io_run.h"
#include "collector/cli/request.h"

static int get_network(const struct nx_run *run, uint32_t id, json_t **out) {
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

int nx_run_explain(const struct nx_run *run) {
    json_t *network = NULL;
    struct nx_text text;
    uint32_t id = 0;
    int exit_code = nx_run_incident(run, &id);
    exit_code = exit_code != 0 ? exit_code : get_network(run, id, &network);
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
