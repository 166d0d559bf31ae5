/* Words that the writer and the reader of recordings share. */
#ifndef NX_COLLECTOR_RECORDING_TEXT_H
#define NX_COLLECTOR_RECORDING_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/replay/recording.h"

/* By bit; "" is told by another member, NULL ends the list. */
extern const char *const nx_answer_flags[];
extern const char *const nx_question_flags[];

#define NX_MOMENT_TEXT_MAX 40U
/* As nx_time_text, to the microsecond; returns out. */
char *nx_moment_text(int64_t us, char *out);

/* A record with its time and kind; a new reference. */
json_t *nx_record_begin(int64_t at_us, enum nx_record_kind kind);
/* Appends it as a line; takes the object. Incomplete: out has failed. */
void nx_record_end(json_t *object, bool complete, struct nx_text *out);

#endif
