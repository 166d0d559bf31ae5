/* nxclear evidence: the recording of an incident into a folder or a tar. */
#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/cli/bundle.h"
#include "collector/cli/format.h"
#include "collector/cli/io_run.h"

#define PATH_MAX_BYTES 1024U
#define US_PER_S INT64_C(1000000)

static int64_t wall_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

/* --- the recording --- */

struct reading {
    struct nx_bundle *bundle;
    struct nx_recording_header header;
    struct nx_arena arena;
    bool complete;
};

static int take_line(struct reading *r, size_t number, const char *line,
                     size_t len) {
    struct nx_json_fault fault;
    struct nx_record record;
    int err = 0;
    nx_arena_reset(&r->arena);
    if (number == 0) {
        err = nx_recording_read_header(line, len, &r->header, &fault);
    } else {
        err = nx_recording_read(line, len, &r->arena, &record, &fault);
    }
    if (err == 0 && number > 0) {
        nx_bundle_record(r->bundle, &record);
        r->complete |= nx_record_is_whole_end(&record);
    }
    return err;
}

static int take_lines(struct reading *r, FILE *in) {
    char *line = NULL;
    size_t cap = 0;
    size_t number = 0;
    ssize_t len = 0;
    int err = 0;
    while (err == 0 && (len = getline(&line, &cap, in)) > 0) {
        if (line[len - 1] == '\n') {
            len--;
        }
        err = take_line(r, number++, line, (size_t)len);
    }
    free(line);
    return err == 0 && number == 0 ? NX_EMALFORMED : err;
}

static int read_recording(const struct nx_run *run, uint32_t id,
                          struct reading *r) {
    char path[64];
    struct nx_api_error error;
    FILE *file = tmpfile();
    void *memory = malloc(NX_RECORDING_ARENA_BYTES);
    int exit_code = 0;
    (void)snprintf(path, sizeof path, "/v1/incidents/%" PRIu32 "/recording",
                   id);
    if (file == NULL || memory == NULL) {
        exit_code = nx_run_complain(strerror(errno), NX_EXIT_INTERNAL);
    } else if (nx_api_download(run->api, path, file, &error) != 0) {
        exit_code = nx_run_complain(error.why, error.exit_code);
    } else {
        rewind(file);
        nx_arena_init(&r->arena, memory, NX_RECORDING_ARENA_BYTES);
        if (take_lines(r, file) != 0) {
            exit_code = nx_run_complain("the collector sent a recording that "
                                        "cannot be read",
                                        NX_EXIT_DATA);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    free(memory);
    return exit_code;
}

/* --- writing --- */

/* The same files give the same tar: sorted, owned by nobody in particular, as
 * old as the incident. */
static int write_entry(struct archive *tar, const struct nx_bundle_file *file,
                       int64_t at_us) {
    struct archive_entry *entry = archive_entry_new();
    int err = entry == NULL ? NX_ENOMEM : 0;
    if (err == 0) {
        archive_entry_set_pathname(entry, file->name);
        archive_entry_set_size(entry, (la_int64_t)file->text.len);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_mtime(entry, (time_t)(at_us / US_PER_S), 0);
        if (archive_write_header(tar, entry) != ARCHIVE_OK ||
            archive_write_data(tar, file->text.bytes, file->text.len) !=
                (la_ssize_t)file->text.len) {
            err = NX_EIO;
        }
    }
    archive_entry_free(entry);
    return err;
}

static int complain_at(const char *path, const char *why) {
    char shown[NX_CELL_MAX];
    char text[NX_API_WHY_MAX];
    (void)snprintf(text, sizeof text, "%s: %s", nx_show_text(path, shown),
                   why != NULL ? why : "cannot be written");
    return nx_run_complain(text, NX_EXIT_INTERNAL);
}

static int write_tar(const char *path, const struct nx_bundle_file *files,
                     size_t n, int64_t at_us) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return complain_at(path, strerror(errno));
    }
    struct archive *tar = archive_write_new();
    int exit_code = 0;
    int err = tar != NULL &&
                      archive_write_set_format_ustar(tar) == ARCHIVE_OK &&
                      archive_write_open_fd(tar, fd) == ARCHIVE_OK
                  ? 0
                  : NX_EIO;
    for (size_t i = 0; err == 0 && i < n; i++) {
        err = write_entry(tar, &files[i], at_us);
    }
    if (err == 0 && archive_write_close(tar) != ARCHIVE_OK) {
        err = NX_EIO;
    }
    if (err != 0) {
        exit_code =
            complain_at(path, tar != NULL ? archive_error_string(tar) : NULL);
    }
    (void)archive_write_free(tar);
    if (close(fd) != 0 && exit_code == 0) {
        exit_code = complain_at(path, strerror(errno));
    }
    if (exit_code != 0) {
        (void)unlink(path); /* half a bundle looks like one */
    }
    return exit_code;
}

static int make_folder(const char *path) {
    return mkdir(path, 0777) == 0 ? 0 : complain_at(path, strerror(errno));
}

static int write_file(const char *path, const struct nx_text *text) {
    FILE *out = fopen(path, "wxe");
    bool ok = out != NULL && fwrite(text->bytes != NULL ? text->bytes : "", 1,
                                    text->len, out) == text->len;
    if (out != NULL && fclose(out) != 0) {
        ok = false;
    }
    return ok ? 0 : complain_at(path, strerror(errno));
}

static int write_folder(const char *folder, const struct nx_bundle_file *files,
                        size_t n) {
    static const char *const inside[] = {"", "/resolvers", "/authority"};
    char path[PATH_MAX_BYTES];
    int exit_code = 0;
    for (size_t i = 0; exit_code == 0 && i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s%s", folder, inside[i]);
        exit_code = make_folder(path);
    }
    for (size_t i = 0; exit_code == 0 && i < n; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
        exit_code = write_file(path, &files[i].text);
    }
    return exit_code;
}

static bool is_tar(const char *path) {
    size_t len = strlen(path);
    return len > 4 && strcmp(path + len - 4, ".tar") == 0;
}

/* --- all of it --- */

/* The bundle goes to somebody else: what the operator noted stays here. */
static void add_documents(struct nx_bundle *bundle, json_t *network,
                          json_t *status) {
    struct nx_text text;
    const struct nx_show show = {.all = true};
    (void)json_object_del(json_object_get(network, "incident"), "note");
    (void)json_object_del(json_object_get(status, "incident"), "note");
    nx_text_init(&text);
    nx_show_explain(network, &show, &text);
    nx_bundle_add(bundle, "explain.txt", &text);
    nx_show_json(network, false, &text);
    nx_bundle_add(bundle, "network.json", &text);
    (void)json_object_del(status, "networks"); /* those of others */
    (void)json_object_del(status, "summary");
    (void)json_object_del(status, "outlook");
    nx_show_json(status, false, &text);
    nx_bundle_add(bundle, "authority.json", &text);
}

/* What a shell or a folder would take otherwise becomes '_'. */
static void name_tar(char *out, size_t cap, uint32_t id, const char *network) {
    int n = snprintf(out, cap, "nxclear-incident-%" PRIu32 "-", id);
    for (char *at = out + n; *network != '\0' && at < out + cap - 5;
         network++, at++) {
        bool plain = isalnum((unsigned char)*network) || *network == '-' ||
                     *network == '.';
        at[0] = plain ? *network : '_';
        at[1] = '\0';
    }
    (void)strcat(out, ".tar");
}

static int write_bundle(const struct nx_run *run, uint32_t id,
                        struct reading *r) {
    char made[PATH_MAX_BYTES];
    const char *path = run->args->output;
    size_t n = 0;
    nx_bundle_finish(r->bundle, &r->header.incident, wall_us(), r->complete);
    const struct nx_bundle_file *files = nx_bundle_files(r->bundle, &n);
    if (files == NULL) {
        return nx_run_complain("more than a bundle holds, or out of memory",
                               NX_EXIT_INTERNAL);
    }
    if (path == NULL) {
        name_tar(made, sizeof made, id, run->args->network);
        path = made;
    }
    if (strlen(path) + 200 > PATH_MAX_BYTES) {
        return complain_at(path, "the path is too long");
    }
    int exit_code =
        is_tar(path) ? write_tar(path, files, n, r->header.incident.opened_us)
                     : write_folder(path, files, n);
    if (exit_code == 0) {
        char shown[NX_CELL_MAX];
        struct nx_text text;
        nx_text_init(&text);
        nx_text_addf(&text, "%s: %zu files\n", nx_show_text(path, shown), n);
        exit_code = nx_run_print(&text);
    }
    return exit_code;
}

int nx_run_evidence(const struct nx_run *run) {
    struct reading r = {0};
    json_t *network = NULL;
    json_t *status = NULL;
    uint32_t id = 0;
    int exit_code = nx_run_incident(run, &id);
    exit_code = exit_code != 0 ? exit_code : nx_run_network(run, id, &network);
    exit_code =
        exit_code != 0 ? exit_code : nx_run_status_made(run, id, &status);
    if (exit_code == 0 && nx_bundle_new(run->args->network, &r.bundle) != 0) {
        exit_code = nx_run_complain("out of memory", NX_EXIT_INTERNAL);
    }
    exit_code = exit_code != 0 ? exit_code : read_recording(run, id, &r);
    if (exit_code == 0) {
        /* The recording's head was written when it was opened. */
        r.header.incident.closed_us =
            nx_doc_time(json_object_get(network, "incident"), "closed");
        add_documents(r.bundle, network, status);
        exit_code = write_bundle(run, id, &r);
    }
    nx_bundle_free(&r.bundle);
    json_decref(network);
    json_decref(status);
    return exit_code;
}
