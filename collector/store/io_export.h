/* The recording of an incident, written from the store's log part by part, so
 * that whoever runs it can do something else in between. Up to the incident's
 * end, or to what is stored now. */
#ifndef NX_COLLECTOR_IO_EXPORT_H
#define NX_COLLECTOR_IO_EXPORT_H

#include "collector/replay/recording.h"
#include "collector/store/io_store.h"

struct nx_export;

/* Everything but the store is copied. */
struct nx_export_parts {
    struct nx_store *store; /* borrowed until _free */
    const struct nx_incident *incident;
    const struct nx_engine_settings *settings;
    const struct nx_agent_record *records;
    size_t records_n;
};

/* NX_ENOMEM, or an error of the store. */
int nx_export_new(const struct nx_export_parts *parts,
                  struct nx_export **out) NX_MUSTUSE;
void nx_export_free(struct nx_export **export);

/* Appends the next lines, some 100 kB or none. 1: there may be more; 0: that
 * was all; negative: error, the recording stays incomplete. */
int nx_export_next(struct nx_export *export, struct nx_text *out) NX_MUSTUSE;

#endif
