/* The preflight as a document: what was audited, what canary names measured in
 * each network, what follows from both. */
#include <stdlib.h>
#include <string.h>

#include "collector/cli/format.h"
#include "collector/cli/preflight.h"
#include "collector/profile/book.h"

#define US_PER_S INT64_C(1000000)

/* A resolver of a network; of a network without one that is known, one row. */
struct row {
    const char *network;
    const json_t *resolver; /* NULL: none is known */
    double weight;
    bool verified; /* measured, and not long ago */
    uint32_t nxdomain_s, nodata_s;
    uint32_t lives_s; /* the longer of them */
};

struct fleet {
    struct row *rows; /* those of a network stand together */
    size_t rows_n;
    uint32_t *lives_s; /* of each row */
    struct nx_preflight_network *networks;
    size_t networks_n;
    uint32_t longest_s;
};

struct soa {
    bool known;
    struct nx_preflight_negative negative;
    uint32_t w_s;
    uint32_t sent_s; /* ... of the SOA alone */
};

static uint32_t seconds_of(const json_t *object, const char *key) {
    json_int_t s = nx_doc_number(object, key);
    return s > 0 && s < UINT32_MAX ? (uint32_t)s : 0;
}

static struct soa soa_of(const json_t *status) {
    const json_t *negative = json_object_get(status, "negative");
    struct soa soa = {
        .known = json_is_integer(json_object_get(negative, "soa_ttl_s")),
        .negative = {.ttl_s = seconds_of(negative, "ttl_s"),
                     .soa_ttl_s = seconds_of(negative, "soa_ttl_s"),
                     .minimum_s = seconds_of(negative, "minimum_s"),
                     .sent_s = seconds_of(negative, "sent_s"),
                     .nsec_s = seconds_of(negative, "nsec_s")}};
    soa.w_s = nx_preflight_longest_s(&soa.negative);
    const struct nx_preflight_negative sent = {.ttl_s = soa.negative.ttl_s,
                                               .sent_s = soa.negative.sent_s};
    soa.sent_s = nx_preflight_longest_s(&sent);
    return soa;
}

/* --- networks --- */

/* No cap holds for a denial that is made from an NSEC record (RFC 8198). */
static uint32_t lives_s(const struct soa *soa, const json_t *habits,
                        const char *cap) {
    bool never = json_is_true(json_object_get(habits, "never_validates"));
    uint32_t s = nx_preflight_lives_s(soa->sent_s, seconds_of(habits, cap),
                                      seconds_of(habits, "floor_s"));
    return never || soa->negative.nsec_s < s ? s : soa->negative.nsec_s;
}

static void judge(struct row *row, const struct soa *soa, int64_t now_us) {
    int64_t measured_us = nx_doc_time(row->resolver, "measured");
    row->verified = measured_us != NX_TIME_NONE &&
                    now_us - measured_us <= NX_PROFILE_AGED_US;
    const json_t *habits = row->verified ? row->resolver : NULL;
    row->nxdomain_s = lives_s(soa, habits, "nxdomain_cap_s");
    row->nodata_s = lives_s(soa, habits, "nodata_cap_s");
    row->lives_s =
        row->nxdomain_s > row->nodata_s ? row->nxdomain_s : row->nodata_s;
}

static void add_row(struct fleet *fleet, const json_t *network,
                    const json_t *resolver, const struct soa *soa,
                    int64_t now_us) {
    struct row *row = &fleet->rows[fleet->rows_n];
    *row = (struct row){
        .network = nx_doc_text(network, "network"),
        .resolver = resolver,
        .weight = json_number_value(json_object_get(network, "weight"))};
    judge(row, soa, now_us);
    fleet->lives_s[fleet->rows_n++] = row->lives_s;
    fleet->longest_s =
        row->lives_s > fleet->longest_s ? row->lives_s : fleet->longest_s;
}

/* Where in the list, which is ordered by network, a network begins. */
static json_t *index_of(const json_t *list) {
    json_t *index = json_object();
    const json_t *resolver = NULL;
    size_t i = 0;
    json_array_foreach(list, i, resolver) {
        const char *network = nx_doc_text(resolver, "network");
        if (network != NULL && json_object_get(index, network) == NULL &&
            json_object_set_new(index, network, json_integer((json_int_t)i)) !=
                0) {
            json_decref(index);
            return NULL;
        }
    }
    return index;
}

/* Those that serve nobody hold no denial that a user gets. Where no agent is
 * there now, the ones that were known count. */
static bool counts(const json_t *resolver, bool served) {
    return !nx_doc_is(resolver, "use", "comparison") &&
           !(served && nx_doc_is(resolver, "use", "none"));
}

static void add_network(struct fleet *fleet, const json_t *network,
                        const json_t *list, const json_t *index,
                        const struct soa *soa, int64_t now_us) {
    const char *name = nx_doc_text(network, "network");
    const json_t *first = name != NULL ? json_object_get(index, name) : NULL;
    size_t before_n = fleet->rows_n;
    if (name == NULL ||
        (first == NULL && nx_doc_number(network, "resolvers") == 0)) {
        return; /* nobody asks a resolver there */
    }
    size_t i = first != NULL ? (size_t)json_integer_value(first)
                             : json_array_size(list);
    size_t end = i;
    bool served = false;
    for (; end < json_array_size(list) &&
           nx_doc_is(json_array_get(list, end), "network", name);
         end++) {
        served |= nx_doc_is(json_array_get(list, end), "use", "serving");
    }
    for (; i < end; i++) {
        const json_t *resolver = json_array_get(list, i);
        if (counts(resolver, served)) {
            add_row(fleet, network, resolver, soa, now_us);
        }
    }
    if (fleet->rows_n == before_n) {
        add_row(fleet, network, NULL, soa, now_us);
    }
    fleet->networks[fleet->networks_n++] =
        (struct nx_preflight_network){.weight = fleet->rows[before_n].weight,
                                      .lives_s = &fleet->lives_s[before_n],
                                      .lives_n = fleet->rows_n - before_n};
}

static void fleet_fini(struct fleet *fleet) {
    free(fleet->rows);
    free(fleet->lives_s);
    free(fleet->networks);
}

/* False: no memory. */
static bool fleet_init(struct fleet *fleet, const json_t *networks,
                       const json_t *resolvers, const struct soa *soa,
                       int64_t now_us) {
    const json_t *list = json_object_get(resolvers, "resolvers");
    const json_t *all = json_object_get(networks, "networks");
    const json_t *network = NULL;
    size_t networks_n = json_array_size(all) + 1;
    size_t rows_n = networks_n + json_array_size(list);
    size_t i = 0;
    json_t *index = index_of(list);
    *fleet = (struct fleet){
        .rows = calloc(rows_n, sizeof(struct row)),
        .lives_s = calloc(rows_n, sizeof(uint32_t)),
        .networks = calloc(networks_n, sizeof(struct nx_preflight_network))};
    if (index == NULL || fleet->rows == NULL || fleet->lives_s == NULL ||
        fleet->networks == NULL) {
        json_decref(index);
        fleet_fini(fleet);
        return false;
    }
    json_array_foreach(all, i, network) {
        add_network(fleet, network, list, index, soa, now_us);
    }
    json_decref(index);
    return true;
}

/* --- parts of the document --- */

/* A member of the resolver as it is there; null where nothing is known. */
static json_t *copy_of(const struct row *row, const char *key) {
    json_t *value = json_object_get(row->resolver, key);
    return value != NULL ? json_deep_copy(value) : json_null();
}

static json_t *row_json(const struct row *row, bool soa_known) {
    return json_pack(
        "{s:s, s:f, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
        "network", row->network, "weight", row->weight, "resolver",
        copy_of(row, "resolver"), "agent", copy_of(row, "agent"), "measured",
        copy_of(row, "measured"), "verified", row->verified ? 1 : 0,
        "nxdomain_cap_s", copy_of(row, "nxdomain_cap_s"), "nodata_cap_s",
        copy_of(row, "nodata_cap_s"), "floor_s", copy_of(row, "floor_s"),
        "chain", copy_of(row, "chain"), "nxdomain_lives_s",
        soa_known ? json_integer(row->nxdomain_s) : json_null(),
        "nodata_lives_s",
        soa_known ? json_integer(row->nodata_s) : json_null());
}

static json_t *rows_json(const struct fleet *fleet, bool soa_known) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < fleet->rows_n; i++) {
        if (json_array_append_new(list, row_json(&fleet->rows[i], soa_known)) !=
            0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Nobody told of a network: one that has the zone's negative TTL stands for
 * them. */
static json_t *accident_json(const struct fleet *fleet, uint32_t w_s,
                             uint32_t outage_s) {
    const struct nx_preflight_network any = {1.0, &w_s, 1};
    const struct nx_preflight_network *networks =
        fleet->networks_n > 0 ? fleet->networks : &any;
    size_t n = fleet->networks_n > 0 ? fleet->networks_n : 1;
    json_int_t s[4];
    static const double shares[4] = {0.5, 0.9, 0.99, 1.0};
    for (size_t i = 0; i < 4; i++) {
        s[i] = nx_preflight_clear_s(networks, n, outage_s, shares[i]);
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "outage_s",
                     (json_int_t)outage_s, "clear_50_s", s[0], "clear_90_s",
                     s[1], "clear_99_s", s[2], "clear_all_s", s[3]);
}

static json_t *accidents_json(const struct fleet *fleet, const struct soa *soa,
                              int64_t accident_us) {
    static const uint32_t usual_s[] = {60, 300, 900, 3600, 4 * 3600};
    json_t *list = json_array();
    bool one = accident_us != NX_TIME_NONE;
    size_t n = !soa->known ? 0 : one ? 1 : sizeof usual_s / sizeof usual_s[0];
    for (size_t i = 0; list != NULL && i < n; i++) {
        uint32_t s = one ? (uint32_t)((accident_us + US_PER_S - 1) / US_PER_S)
                         : usual_s[i];
        if (json_array_append_new(list, accident_json(fleet, soa->w_s, s)) !=
            0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool lower(json_t *list, const char *what, uint32_t from_s,
                  uint32_t to_s, uint32_t everywhere_s) {
    json_t *change = json_pack("{s:s, s:I, s:I, s:I}", "lower", what, "from_s",
                               (json_int_t)from_s, "to_s", (json_int_t)to_s,
                               "everywhere_s", (json_int_t)everywhere_s);
    return json_array_append_new(list, change) == 0;
}

/* What caches have they keep for its TTL. */
static bool lower_ttl(json_t *list, const char *what, uint32_t from_s,
                      uint32_t to_s) {
    return from_s <= to_s || lower(list, what, from_s, to_s, from_s);
}

static bool lower_negative(json_t *list, const struct fleet *fleet,
                           const struct soa *soa) {
    struct nx_preflight_change c[NX_PREFLIGHT_CHANGES];
    uint32_t longest_s = fleet->networks_n > 0 ? fleet->longest_s : soa->w_s;
    size_t n = !soa->known
                   ? 0
                   : nx_preflight_advise(&soa->negative, NX_PREFLIGHT_TARGET_S,
                                         longest_s, c);
    /* New denials have it as soon as every name server serves the new SOA;
     * resolvers that share one cached SOA (unbound) later. */
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        good = lower(list, c[i].what, c[i].from_s, NX_PREFLIGHT_TARGET_S,
                     longest_s);
    }
    return good;
}

/* What caches have of it they keep for the old TTL; and of the NS set some keep
 * the parent's, others the zone's (RFC 2181 section 5.4.1): neither TTL stands
 * in for the other. */
static json_t *advice_json(const json_t *authority, const struct fleet *fleet,
                           const struct soa *soa) {
    json_t *list = json_array();
    uint32_t parent_s = seconds_of(authority, "ns_ttl_s");
    uint32_t zone_s = seconds_of(authority, "zone_ns_ttl_s");
    uint32_t record_s = seconds_of(authority, "record_ttl_s");
    if (list != NULL && lower_negative(list, fleet, soa) &&
        lower_ttl(list, "NS TTL", zone_s, NX_PREFLIGHT_NS_S) &&
        lower_ttl(list, "NS TTL at the parent", parent_s, NX_PREFLIGHT_NS_S) &&
        lower_ttl(list, "record TTL", record_s, NX_PREFLIGHT_RECORD_S)) {
        return list;
    }
    json_decref(list);
    return NULL;
}

json_t *nx_preflight_document(const json_t *status, const json_t *networks,
                              const json_t *resolvers, int64_t accident_us) {
    json_t *authority = json_object_get(status, "authority");
    const struct soa soa = soa_of(status);
    struct fleet fleet;
    if (!fleet_init(&fleet, networks, resolvers, &soa, nx_doc_now(status))) {
        return NULL;
    }
    json_t *zone = json_object_get(resolvers, "canary_zone");
    json_t *document =
        json_pack("{s:O?, s:O?, s:O?, s:O?, s:o, s:o, s:o, s:o, s:O?}", "now",
                  json_object_get(status, "now"), "incident",
                  json_object_get(status, "incident"), "negative",
                  json_object_get(status, "negative"), "canary_zone", zone,
                  "w_s", soa.known ? json_integer(soa.w_s) : json_null(),
                  "networks", rows_json(&fleet, soa.known), "accidents",
                  accidents_json(&fleet, &soa, accident_us), "advice",
                  advice_json(authority, &fleet, &soa), "authority", authority);
    fleet_fini(&fleet);
    return document;
}
