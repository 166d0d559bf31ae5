/* A closed incident, as it was kept: its text is taken to pieces, some of them
 * at a time, once. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/board_parts.h"
#include "collector/status/status_text.h"
#include "common/hash.h"
#include "common/rfc3339.h"

#define COST_BYTES 16384U /* copied while one target is drawn */
#define READ_BYTES 512U   /* ... read as values */
#define PUT_PER_UNIT 4U   /* ... groups written */

void nx_board_kept_fini(struct nx_board_kept *kept) {
    nx_text_fini(&kept->head);
    nx_text_fini(&kept->groups_text);
    nx_kept_groups_free(&kept->groups);
    json_decref(kept->chosen);
    *kept = (struct nx_board_kept){0};
}

int nx_board_kept_begin(struct nx_board_entry *p, const char *text) {
    struct nx_board_kept *kept = &p->round.kept;
    *kept = (struct nx_board_kept){
        .text = text, .scan = {.at = text, .end = text + strlen(text)}};
    nx_text_init(&kept->head);
    nx_text_init(&kept->groups_text);
    nx_put_open(&kept->head, '{');
    nx_scan_enter(&kept->scan, '{');
    p->round.others = !p->made;
    if (nx_board_choice_narrows(p->choice)) {
        kept->chosen = json_array();
        if (kept->chosen == NULL) {
            return NX_ENOMEM;
        }
    }
    if (kept->scan.failed) {
        return NX_EMALFORMED;
    }
    return p->choice != NULL && p->choice->query.grouped
               ? nx_kept_groups_new(&p->choice->query, &kept->groups)
               : 0;
}

/* --- networks --- */

/* What a piece says, when it is a string; "" when it is none or is too long. */
static void read_string(const struct nx_piece *piece, char *out, size_t cap) {
    json_t *value = json_loadb(piece->at, piece->len, JSON_DECODE_ANY, NULL);
    const char *text = json_string_value(value);
    size_t len = text != NULL ? strlen(text) : 0;
    out[0] = '\0';
    if (len > 0 && len < cap) {
        memcpy(out, text, len + 1);
    }
    json_decref(value);
}

/* All but its targets; *network: who it is. */
static int lane_of(const struct nx_piece *site, struct nx_text *lane,
                   char *network) {
    struct nx_scan scan = {.at = site->at, .end = site->at + site->len};
    struct nx_piece key;
    struct nx_piece value;
    network[0] = '\0';
    nx_put_open(lane, '{');
    nx_scan_enter(&scan, '{');
    while (nx_scan_member(&scan, &key, &value)) {
        if (nx_piece_is(&key, "network")) {
            read_string(&value, network, NX_TEXT_LABEL_MAX);
        }
        if (!nx_piece_is(&key, "targets")) {
            nx_put_piece(lane, &key, &value);
        }
    }
    nx_put_close(lane, '}');
    return scan.failed || network[0] == '\0' ? NX_EMALFORMED
           : lane->failed                    ? NX_ENOMEM
                                             : 0;
}

/* As it is shown, if it is, until the texts are there. */
static struct nx_board_site *add_site(struct nx_board_entry *p,
                                      const char *network) {
    struct nx_board_round *round = &p->round;
    size_t n = round->sites_n;
    if (n == round->kept.cap) {
        size_t cap = n == 0 ? 64 : 2 * n;
        void *grown = realloc(round->sites, cap * sizeof(*round->sites));
        if (grown == NULL) {
            return NULL;
        }
        round->sites = grown;
        round->kept.cap = cap;
    }
    struct nx_board_site *site = &round->sites[round->sites_n++];
    *site = (struct nx_board_site){0};
    memcpy(site->network, network, strlen(network) + 1);
    if (n < p->shown.sites_n &&
        strcmp(p->shown.sites[n].network, network) == 0) {
        nx_board_take_texts(site, &p->shown.sites[n]);
    } else {
        round->others = true;
    }
    return site;
}

/* The lane as it is chosen by, with the targets if they count; NULL: it is not,
 * or *err. */
static json_t *chosen(const struct nx_board_choice *choice,
                      const struct nx_piece *piece, const struct nx_text *lane,
                      const char *network, int *err) {
    const struct nx_where *where = &choice->query.where;
    if (!nx_sight_covers(&choice->sight, network)) {
        return NULL;
    }
    json_t *site = where->resolver[0] != '\0'
                       ? json_loadb(piece->at, piece->len, 0, NULL)
                       : json_loadb(lane->bytes, lane->len, 0, NULL);
    if (site == NULL) {
        *err = NX_EMALFORMED;
        return NULL;
    }
    if (nx_status_kept_holds(where, site)) {
        (void)json_object_del(site, "targets");
        return site;
    }
    json_decref(site);
    return NULL;
}

/* True: it is to be shown. */
static bool choose(struct nx_board_entry *p, const struct nx_piece *piece,
                   const struct nx_text *lane, const char *network, int *err) {
    json_t *list = p->round.kept.chosen;
    if (list == NULL || *err != 0) {
        return *err == 0;
    }
    json_t *site = chosen(p->choice, piece, lane, network, err);
    if (site != NULL && !nx_json_add(list, site)) {
        *err = NX_ENOMEM;
    }
    return site != NULL && *err == 0;
}

/* By label the targets are not looked at. */
static int add_to_groups(struct nx_board_entry *p, const struct nx_piece *piece,
                         const struct nx_text *lane) {
    json_t *site = p->choice->query.by_resolver
                       ? json_loadb(piece->at, piece->len, 0, NULL)
                       : json_loadb(lane->bytes, lane->len, 0, NULL);
    int err = site != NULL ? nx_kept_groups_add(p->round.kept.groups, site)
                           : NX_EMALFORMED;
    json_decref(site);
    return err;
}

static int take_site(struct nx_board_entry *p, const struct nx_piece *piece) {
    const struct nx_board_round *round = &p->round;
    char network[NX_TEXT_LABEL_MAX];
    struct nx_text lane;
    nx_text_init(&lane);
    int err = lane_of(piece, &lane, network);
    if (err == 0 && round->sites_n > 0 &&
        strcmp(round->sites[round->sites_n - 1].network, network) == 0) {
        err = NX_EMALFORMED; /* each once */
    }
    bool shown = choose(p, piece, &lane, network, &err);
    if (shown && err == 0 && round->kept.groups != NULL) {
        err = add_to_groups(p, piece, &lane);
    }
    struct nx_board_site *site =
        shown && err == 0 ? add_site(p, network) : NULL;
    if (shown && err == 0 &&
        (site == NULL ||
         !nx_board_put_texts(site, nx_blob_of_bytes(lane.bytes, lane.len, ""),
                             nx_blob_of_bytes(piece->at, piece->len, "")))) {
        err = NX_ENOMEM;
    }
    nx_text_fini(&lane);
    p->round.at = p->round.sites_n;
    return err;
}

/* --- what is said of all of them --- */

static void put_incident(struct nx_board_entry *p, struct nx_engine *engine) {
    struct nx_board_kept *kept = &p->round.kept;
    kept->has_incident = true;
    nx_put_key(&kept->head, "incident");
    nx_put_value(&kept->head, nx_status_incident_head(nx_engine_incident(
                                  engine, p->shown.incident_id)));
}

static int take_member(struct nx_board_entry *p, struct nx_engine *engine,
                       const struct nx_piece *key,
                       const struct nx_piece *value) {
    struct nx_board_kept *kept = &p->round.kept;
    char then[NX_TIME_TEXT_MAX + 8];
    if (nx_piece_is(key, "now")) {
        read_string(value, then, sizeof(then));
        (void)!nx_time_parse(then, &p->round.as_of_us);
    } else if (nx_piece_is(key, "incident")) { /* closed since */
        put_incident(p, engine);
    } else if (!nx_piece_is(key, "as_of")) { /* not in older ones */
        nx_put_piece(&kept->head, key, value);
    }
    return kept->head.failed ? NX_ENOMEM : 0;
}

/* What is said of all, of those that are chosen. */
static int count_again(struct nx_board_kept *kept) {
    json_t *head = NULL;
    nx_put_close(&kept->head, '}');
    head = nx_put_read(&kept->head); /* frees the text */
    bool counted = head != NULL && nx_status_kept_count(head, kept->chosen);
    nx_text_init(&kept->head);
    nx_put_value(&kept->head, counted ? json_incref(head) : NULL);
    json_decref(head);
    if (kept->head.failed || kept->head.len == 0) {
        return NX_ENOMEM;
    }
    kept->head.len--; /* the bracket: as before */
    return 0;
}

/* NX_EAGAIN: there is more of them. */
static int put_groups(struct nx_board_entry *p, size_t budget) {
    struct nx_board_kept *kept = &p->round.kept;
    struct nx_text *text = &kept->groups_text;
    if (kept->groups == NULL) {
        return 0;
    }
    if (!nx_kept_groups_put(kept->groups, budget * PUT_PER_UNIT, text)) {
        return NX_EAGAIN;
    }
    struct nx_blob *groups =
        text->failed ? NULL : nx_blob_of_bytes(text->bytes, text->len, "");
    if (groups == NULL) {
        return NX_ENOMEM;
    }
    p->shown.groups_digest = nx_hash(groups->bytes, groups->len, 1);
    (void)nx_blob_put(&p->shown.groups, groups);
    return 0;
}

/* The next piece; 0: that was all. */
static int take_next(struct nx_board_entry *p, struct nx_engine *engine,
                     size_t *cost) {
    struct nx_board_kept *kept = &p->round.kept;
    struct nx_piece key;
    struct nx_piece value;
    int err = 0;
    *cost = 1;
    if (kept->in_networks && nx_scan_element(&kept->scan, &value)) {
        bool read = kept->groups != NULL && p->choice->query.by_resolver;
        *cost += value.len / (read ? READ_BYTES : COST_BYTES);
        err = take_site(p, &value);
    } else if (kept->in_networks) {
        kept->in_networks = false;
    } else if (!nx_scan_key(&kept->scan, &key)) {
        if (!kept->has_incident) {
            put_incident(p, engine);
        }
        if (kept->scan.failed || kept->head.failed) {
            return kept->scan.failed ? NX_EMALFORMED : NX_ENOMEM;
        }
        return kept->chosen != NULL ? count_again(kept) : 0;
    } else if (nx_piece_is(&key, "networks")) {
        nx_scan_enter(&kept->scan, '[');
        kept->in_networks = true;
    } else if (nx_scan_value(&kept->scan, &value)) {
        err = take_member(p, engine, &key, &value);
    }
    err = kept->scan.failed ? NX_EMALFORMED : err;
    return err != 0 ? err : NX_EAGAIN;
}

int nx_board_kept_on(struct nx_board_entry *p, struct nx_engine *engine,
                     size_t budget) {
    struct nx_board_kept *kept = &p->round.kept;
    int err = NX_EAGAIN;
    if (nx_engine_incident_kept(engine, p->shown.incident_id) != kept->text) {
        nx_board_round_fini(&p->round); /* newer ones took its place */
        return NX_EAGAIN;
    }
    while (err == NX_EAGAIN && budget > 0 && !kept->read) {
        size_t cost = 0;
        err = take_next(p, engine, &cost);
        kept->read = err == 0;
        budget -= cost < budget ? cost : budget;
    }
    return kept->read ? put_groups(p, budget) : err;
}
