/* What was found out about a name server itself, and the zone's negative TTL in
 * time, in the status document. */
#include "collector/audit/dnssec.h"
#include "collector/audit/server.h"
#include "collector/status/status_audit.h"
#include "collector/status/status_text.h"

static json_t *says_json(uint8_t says) {
    return says == NX_SAYS_NOTHING ? json_null()
                                   : json_boolean(says == NX_SAYS_YES);
}

/* Canonical RDATA: each a name. */
static json_t *names_json(const struct nx_paper *ns) {
    if (ns == NULL) {
        return json_null();
    }
    json_t *list = json_array();
    struct nx_rdata_list rdata = {ns->rdata, ns->rdata_len};
    const uint8_t *name = NULL;
    size_t len = 0;
    while (list != NULL && nx_rdata_next(&rdata, &name, &len)) {
        if (nx_dname_check(name, len) == 0 &&
            !nx_json_add(list, nx_json_name(name))) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

bool nx_status_put_server(json_t *object, const struct nx_status_audit *audit,
                          const struct nx_auth_server *s) {
    struct nx_server_paper paper = {.ns = NULL};
    bool answered = s->asked && s->outcome == NX_ANSWERED;
    if (audit->papers != NULL) {
        nx_server_paper_of(audit->papers, &s->at, &paper);
    }
    return nx_json_set(object, "aa",
                       answered ? json_boolean(s->aa) : json_null()) &&
           nx_json_set(object, "tcp", says_json(paper.tcp)) &&
           nx_json_set(object, "edns", says_json(paper.edns)) &&
           nx_json_set(object, "sizes", nx_json_sizes(paper.sized)) &&
           nx_json_set(object, "negative_ttl_s",
                       s->serial_known ? json_integer(s->w_s) : json_null()) &&
           nx_json_set(object, "ns", names_json(paper.ns));
}

json_t *nx_status_w_history(const struct nx_status_audit *audit) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < audit->w_n; i++) {
        if (!nx_json_add(list,
                         json_pack("{s:o, s:I}", "from",
                                   nx_json_time(audit->w[i].at_us), "ttl_s",
                                   (json_int_t)audit->w[i].w_s))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
