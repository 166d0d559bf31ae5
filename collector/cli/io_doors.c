/* Who may connect and who may ask: agents, tokens. */
#include "collector/cli/io_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/cli/request.h"

#define SECRET_MAX 320U /* a join string has 176 characters at most */

/* --- the own token --- */

static int token_problem(const char *path, const char *reason) {
    char shown[NX_API_WHY_MAX];
    char why[NX_API_WHY_MAX];
    (void)snprintf(why, sizeof why, "--token-file: %s: %s", path, reason);
    return nx_run_complain(nx_escape(why, shown, sizeof shown),
                           NX_EXIT_NO_INPUT);
}

int nx_run_read_token(const char *path, char *out) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = -1;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        n = read(fd, out, NX_TOKEN_FILE_MAX - 1);
    }
    int saved = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (n < 0) {
        return token_problem(path, strerror(saved));
    }
    if ((st.st_mode & 07) != 0) {
        return token_problem(path, "readable by everybody; run chmod o= on it");
    }
    out[n] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    return out[0] != '\0' ? 0 : token_problem(path, "empty");
}

/* --- agents --- */

/* "agent lyon-1 accepted: network lyon-office, role network" */
static void describe_agent(const json_t *agent, struct nx_text *text) {
    static const char *const keys[] = {"name", "state", "network", "role"};
    static const char *const before[] = {"agent ", " ", ": network ",
                                         ", role "};
    char cell[NX_CELL_MAX];
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = nx_doc_text(agent, keys[i]);
        nx_text_addf(text, "%s%s", before[i],
                     nx_show_text(value != NULL ? value : "-", cell));
    }
    nx_text_add(text, "\n");
}

/* --- what is made or ended --- */

/* A new secret stands alone on its line, for $(...). */
static void describe_secret(const json_t *made, const char *key,
                            struct nx_text *text) {
    const char *secret = nx_doc_text(made, key);
    char cell[SECRET_MAX];
    nx_text_addf(text, "%s\n",
                 nx_escape(secret != NULL ? secret : "-", cell, sizeof cell));
}

static void describe_token(const json_t *token, struct nx_text *text) {
    const char *name = nx_doc_text(token, "name");
    char cell[NX_CELL_MAX];
    if (json_object_get(token, "token") != NULL) {
        describe_secret(token, "token", text);
        return;
    }
    nx_text_addf(text, "token %s revoked\n",
                 nx_show_text(name != NULL ? name : "-", cell));
}

static void describe_enrolment(const json_t *enrolment, struct nx_text *text) {
    if (json_object_get(enrolment, "join") != NULL) {
        describe_secret(enrolment, "join", text);
        return;
    }
    nx_text_addf(text, "join string %" JSON_INTEGER_FORMAT " revoked\n",
                 nx_doc_number(enrolment, "id"));
}

struct change_rule {
    enum nx_command command;
    const char *path;
    json_t *(*body)(const struct nx_args *args);
    void (*describe)(const json_t *reply, struct nx_text *text);
};

static const struct change_rule changes[] = {
    {NX_CMD_AGENTS_ACCEPT, "/v1/agents/accept", nx_request_accept,
     describe_agent},
    {NX_CMD_AGENTS_REVOKE, "/v1/agents/revoke", nx_request_who, describe_agent},
    {NX_CMD_AGENTS_REJECT, "/v1/agents/reject", nx_request_who, describe_agent},
    {NX_CMD_AGENTS_QUARANTINE, "/v1/agents/quarantine", nx_request_who,
     describe_agent},
    {NX_CMD_AGENTS_RELEASE, "/v1/agents/release", nx_request_who,
     describe_agent},
    {NX_CMD_ENROL_CREATE, "/v1/enrolments", nx_request_enrol,
     describe_enrolment},
    {NX_CMD_ENROL_REVOKE, "/v1/enrolments/revoke", nx_request_id,
     describe_enrolment},
    {NX_CMD_TOKENS_CREATE, "/v1/tokens", nx_request_token, describe_token},
    {NX_CMD_TOKENS_REVOKE, "/v1/tokens/revoke", nx_request_who, describe_token},
};

static bool stands(const json_t *networks, const char *name) {
    size_t i = 0;
    const json_t *one = NULL;
    json_array_foreach(networks, i, one) {
        if (nx_doc_is(one, "network", name)) {
            return true;
        }
    }
    return false;
}

/* A network that is mistyped would look like one that is quiet. It may also be
 * one to come. */
static void warn_unknown(const struct nx_run *run, const json_t *token) {
    json_t *document = NULL;
    struct nx_api_error error;
    char cell[NX_CELL_MAX];
    size_t i = 0;
    const json_t *name = NULL;
    const json_t *wanted = json_object_get(token, "networks");
    if (json_array_size(wanted) == 0 ||
        nx_api_get(run->api, "/v1/networks", &document, &error) != 0) {
        return;
    }
    const json_t *known = nx_doc_list(document, "networks");
    json_array_foreach(wanted, i, name) {
        if (json_is_string(name) && !stands(known, json_string_value(name))) {
            (void)fprintf(stderr,
                          "nxclear: note: no agent stands in a network %s: of "
                          "it the token shows nothing\n",
                          nx_show_text(json_string_value(name), cell));
        }
    }
    json_decref(document);
}

int nx_run_doors(const struct nx_run *run) {
    const struct change_rule *rule = changes;
    json_t *reply = NULL;
    struct nx_text text;
    while (rule->command != run->args->command) {
        rule++;
    }
    int exit_code = nx_run_post(run, rule->path, rule->body(run->args), &reply);
    if (exit_code != 0) {
        return exit_code;
    }
    if (rule->command == NX_CMD_TOKENS_CREATE) {
        warn_unknown(run, reply);
    }
    nx_text_init(&text);
    if (run->args->format == NX_FORMAT_JSON) {
        nx_show_json(reply, false, &text);
    } else {
        rule->describe(reply, &text);
    }
    json_decref(reply);
    return nx_run_print(&text);
}
