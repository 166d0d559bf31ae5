/* A recording played into an engine of its own, in virtual time. Pure. */
#ifndef NX_COLLECTOR_REPLAY_H
#define NX_COLLECTOR_REPLAY_H

#include "collector/replay/recording.h"

#define NX_REPLAY_GAP_MAX_US (INT64_C(400) * 86400 * 1000000)

struct nx_replay;

/* NX_ENOMEM. */
int nx_replay_new(const struct nx_recording_header *header,
                  struct nx_replay **out) NX_MUSTUSE;
void nx_replay_free(struct nx_replay **replay);

/* Lets time pass until record->at_us and then feeds it. NX_ERANGE: time jumps
 * by more than NX_REPLAY_GAP_MAX_US; NX_ENOTFOUND: of an agent that was not
 * introduced; NX_EEXISTS: opened twice; NX_ENOMEM. */
int nx_replay_feed(struct nx_replay *replay,
                   const struct nx_record *record) NX_MUSTUSE;

/* Lets time pass until at_us, with what is due then. NX_ERANGE as above. */
int nx_replay_until(struct nx_replay *replay, int64_t at_us) NX_MUSTUSE;

/* The engine as it stands, for status.h. */
struct nx_engine *nx_replay_engine(struct nx_replay *replay);
/* 0 until it is opened. */
uint32_t nx_replay_incident(const struct nx_replay *replay);
/* Time of the last record; NX_TIME_UNKNOWN before the first. */
int64_t nx_replay_now_us(const struct nx_replay *replay);

#endif
