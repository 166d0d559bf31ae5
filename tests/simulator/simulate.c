/* simulate: the tables of calibration over synthetic targets.
 *   --targets N   how many (10000)
 *   --set NAME    evaluation (default) or calibration: seeds that never meet
 *   --seed S      another series of the set (1)
 *   --by class    a row for each class, software, incident, K and W
 *   --missed      a line for each forecast outside its 90 % interval
 *   --slow        a line for each target called clear too early or a minute
 *                 after its end */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/sets.h"
#include "tests/simulator/table.h"

struct options {
    size_t targets_n;
    uint64_t seed;
    bool evaluation, by_class, missed, slow;
};

static int usage(void) {
    fprintf(stderr, "usage: simulate [--targets N] [--seed S] "
                    "[--set calibration|evaluation] [--by class]\n");
    return 64;
}

static bool parse(int argc, char **argv, struct options *o) {
    static const struct option OPTIONS[] = {
        {"targets", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},
        {"set", required_argument, NULL, 'S'},
        {"by", required_argument, NULL, 'b'},
        {"missed", no_argument, NULL, 'w'},
        {"slow", no_argument, NULL, 'l'},
        {NULL, 0, NULL, 0}};
    int c = 0;

    *o = (struct options){.targets_n = 10000, .seed = 1, .evaluation = true};
    while ((c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (c == 't') {
            o->targets_n = strtoul(optarg, NULL, 10);
        } else if (c == 's') {
            o->seed = strtoull(optarg, NULL, 10);
        } else if (c == 'S' && strcmp(optarg, "calibration") == 0) {
            o->evaluation = false;
        } else if (c == 'b' && strcmp(optarg, "class") == 0) {
            o->by_class = true;
        } else if (c == 'w') {
            o->missed = true;
        } else if (c == 'l') {
            o->slow = true;
        } else if (c != 'S' || strcmp(optarg, "evaluation") != 0) {
            return false;
        }
    }
    return optind == argc && o->targets_n > 0;
}

/* Forecasts outside their 90 % interval, one line each. */
static void print_missed(const struct sim_result *r, size_t index) {
    for (unsigned i = 0; i < SIM_HORIZON_N; i++) {
        const struct sim_score *s = &r->scores[i];
        if (!r->scored[i] || s->in90) {
            continue;
        }
        printf("%6zu %u %s %-18s %-12s %-16s K %2u%s W %6u %-16s error %9.1f "
               "pit %.3f width %.1f\n",
               index, i, r->verified ? "v" : "u",
               sim_software_text(r->software), sim_class_text(r->what),
               sim_incident_text(r->incident), r->caches_n,
               r->chain ? "+" : " ", r->w_s, nx_state_text(s->state),
               s->error_s, s->pit, s->width90_s);
    }
}

static void print_slow(const struct sim_result *r, size_t index) {
    const struct sim_outcome *o = &r->outcome;
    double told_s = o->clear_s - o->truth_s;

    if (o->premature || (o->denied_ever && o->cleared && told_s > 60)) {
        printf("%6zu %s %-18s %-12s %-16s K %2u%s W %6u looks %3u %s, `clear` "
               "after %.1f s, first good answer %.1f s\n",
               index, r->verified ? "v" : "u", sim_software_text(r->software),
               sim_class_text(r->what), sim_incident_text(r->incident),
               r->caches_n, r->chain ? "+" : " ", r->w_s, o->looks_n,
               o->premature ? "early" : "late", told_s,
               o->first_good_s - o->truth_s);
    }
}

int main(int argc, char **argv) {
    struct options o;
    struct sim_figures all;

    if (!parse(argc, argv, &o)) {
        return usage();
    }
    struct sim_result *results = calloc(o.targets_n, sizeof(*results));
    if (results == NULL) {
        return 70;
    }
    for (size_t i = 0; i < o.targets_n; i++) {
        sim_run(sim_set_seed(o.evaluation, o.seed), i, &results[i]);
        if (o.missed) {
            print_missed(&results[i], i);
        }
        if (o.slow) {
            print_slow(&results[i], i);
        }
    }
    sim_figures(results, o.targets_n, &SIM_ALL, &all);
    printf("%s seeds, series %llu\n",
           o.evaluation ? "evaluation" : "calibration",
           (unsigned long long)o.seed);
    sim_print_coverage(stdout, results, o.targets_n, o.by_class);
    sim_print_targets(stdout, &all);
    sim_print_models(stdout, &all);
    free(results);
    return 0;
}
