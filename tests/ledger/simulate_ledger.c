/* Worlds of many seeds: `simulate_ledger [FIRST [WORLDS [STEPS [MUTANT]]]]`
 * prints what happened in them and how fast; 1 when a rule was broken. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/ledger/world.h"

static double cpu_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t argument(int argc, char **argv, int i, uint64_t otherwise) {
    return i < argc ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    uint64_t first = argument(argc, argv, 1, 1);
    uint64_t worlds = argument(argc, argv, 2, 20);
    uint64_t steps = argument(argc, argv, 3, 100000);
    enum led_mutant mutant = (enum led_mutant)argument(argc, argv, 4, 0);
    struct led_figures f = {0};
    unsigned broken_n = 0;
    double began_s = cpu_s();
    for (uint64_t seed = first; seed < first + worlds; seed++) {
        char why[LED_WHY_MAX];
        if (!led_run(seed, mutant, steps, &f, why)) {
            printf("BROKEN: %s\n", why);
            broken_n++;
        }
    }
    double took_s = cpu_s() - began_s;
    for (unsigned i = 0; i < LED_FAULTS; i++) {
        printf("%-22s %8" PRIu64 "\n", led_fault_text((enum led_fault)i),
               f.faults_n[i]);
    }
    printf("%" PRIu64 " worlds, %" PRIu64 " steps, %.0f steps/s of CPU\n"
           "%" PRIu64 " results in the store, %" PRIu64 " reported lost\n"
           "%" PRIu64 " batches refused, %" PRIu64 " kept for an upgrade\n"
           "longest time to rest %" PRId64 " s\n%u worlds broke a rule\n",
           worlds, f.steps_n, (double)f.steps_n / took_s, f.stored_n, f.gaps_n,
           f.refused_n, f.kept_n, f.rest_max_us / LED_S, broken_n);
    return broken_n > 0;
}
