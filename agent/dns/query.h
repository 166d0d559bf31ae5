/* The bytes of a query, in the shape stubs use: caches of front-ends differ by
 * shape (nxclear-estimator(7) 12.6), so nothing beyond what was asked for. */
#ifndef NX_AGENT_QUERY_H
#define NX_AGENT_QUERY_H

#include "common/obs.h"

#define NX_QUERY_MAX_BYTES 320U

/* Writes the query into out (NX_QUERY_MAX_BYTES) and returns its length. RD,
 * CD, AD and the class as question->flags say; always an OPT with
 * question->udp_bytes, DO only with NX_Q_DO, an empty NSID option only with
 * NX_Q_NSID. */
size_t nx_query_build(const struct nx_question *question, uint16_t id,
                      uint8_t *out);

#endif
