/* GET /v1/score as a document (nxclear-api(7)). Pure. */
#ifndef NX_COLLECTOR_SCORE_DOCUMENT_H
#define NX_COLLECTOR_SCORE_DOCUMENT_H

#include "collector/score/learn.h"
#include "collector/score/tally.h"

struct nx_score_document {
    int64_t now_us;
    int64_t from_us, to_us; /* of the clearings; from: NX_TIME_UNKNOWN: all */
    uint32_t incident_id;   /* 0: every */
    struct nx_tally tally;  /* owned by the caller */
    struct nx_learning learning;
    uint64_t open_n, unresolved_n; /* targets */
};

/* New reference; NULL when out of memory. */
json_t *nx_score_json(struct nx_score_document *document);

#endif
