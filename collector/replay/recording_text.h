/* Words that the writer and the reader of recordings share. */
#ifndef NX_COLLECTOR_RECORDING_TEXT_H
#define NX_COLLECTOR_RECORDING_TEXT_H

#include <stdint.h>

/* By bit; "" is told by another member, NULL ends the list. */
extern const char *const nx_answer_flags[];
extern const char *const nx_question_flags[];

#define NX_MOMENT_TEXT_MAX 40U
/* As nx_time_text, to the microsecond; returns out. */
char *nx_moment_text(int64_t us, char *out);

#endif
