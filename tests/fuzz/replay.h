/* What every fuzz harness defines. */
#ifndef NX_TESTS_FUZZ_REPLAY_H
#define NX_TESTS_FUZZ_REPLAY_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
