#include "tests/simulator/table.h"

struct row {
    char name[40];
    struct sim_filter filter;
};

static void print_head(FILE *file) {
    fprintf(file, "%-24s %6s %6s %6s %8s %8s %8s %8s %8s %9s %9s %6s %6s\n", "",
            "n", "in 50", "in 90", "|e| med", "|e| 90 %", "bias", "w50 med",
            "w90 med", "CRPS", "now+TTL", "early", "told");
}

static void print_row(FILE *file, const struct sim_result *results, size_t n,
                      const char *name, const struct sim_filter *filter) {
    struct sim_figures f;

    sim_figures(results, n, filter, &f);
    if (f.forecasts_n == 0) {
        return;
    }
    fprintf(file,
            "%-24s %6u %6.3f %6.3f %8.2f %8.1f %8.1f %8.2f %8.1f %9.1f %9.1f "
            "%5.1f%% %6.1f\n",
            name, f.forecasts_n, f.cover50, f.cover90, f.error50_s, f.error90_s,
            f.bias_s, f.width50_s, f.width90_s, f.crps_s[SIM_OURS],
            f.crps_s[SIM_NOW_TTL], 100 * f.premature, f.told50_s);
}

static void print_main(FILE *file, const struct sim_result *results, size_t n) {
    struct sim_filter filter = SIM_ALL;

    print_row(file, results, n, "all", &filter);
    filter.verified = 1;
    print_row(file, results, n, "verified profile", &filter);
    filter.verified = 0;
    print_row(file, results, n, "unverified profile", &filter);
    filter = SIM_ALL;
    filter.horizon = SIM_FIRST;
    print_row(file, results, n, "first forecast", &filter);
    filter.horizon = SIM_MIDDLE;
    print_row(file, results, n, "half a W later", &filter);
    filter = SIM_ALL;
    filter.basis = NX_BASIS_COUNTDOWN;
    print_row(file, results, n, "countdown seen", &filter);
    filter.basis = NX_BASIS_PRIOR;
    print_row(file, results, n, "outage window", &filter);
}

static void print_classes(FILE *file, const struct sim_result *results,
                          size_t n, int verified) {
    struct sim_filter filter = SIM_ALL;

    fprintf(file, "%s profiles\n", verified ? "verified" : "unverified");
    filter.verified = verified;
    for (int i = 0; i < SIM_CLASS_N; i++) {
        filter.what = i;
        print_row(file, results, n, sim_class_text((unsigned)i), &filter);
    }
    filter.what = -1;
    for (int i = 0; i < SIM_SOFTWARE_N; i++) {
        filter.software = i;
        print_row(file, results, n, sim_software_text((unsigned)i), &filter);
    }
    filter.software = -1;
    for (int i = 0; i < SIM_INCIDENT_N; i++) {
        filter.incident = i;
        print_row(file, results, n, sim_incident_text((unsigned)i), &filter);
    }
    filter.incident = -1;
    filter.chain = 1;
    print_row(file, results, n, "chain", &filter);
}

static void print_sizes(FILE *file, const struct sim_result *results,
                        size_t n) {
    static const int K[][2] = {{1, 1}, {2, 2}, {3, 4}, {5, 16}};
    struct sim_filter filter = SIM_ALL;
    char name[40];

    for (size_t i = 0; i < sizeof(K) / sizeof(K[0]); i++) {
        filter.caches_lo = K[i][0];
        filter.caches_hi = K[i][1];
        snprintf(name, sizeof(name), "K %d..%d", K[i][0], K[i][1]);
        print_row(file, results, n, name, &filter);
    }
    filter = SIM_ALL;
    for (uint32_t w_s = 60; w_s < 86400; w_s = filter.w_hi) {
        filter.w_lo = w_s;
        filter.w_hi = w_s * 6;
        snprintf(name, sizeof(name), "W %u..%u s", w_s, filter.w_hi);
        print_row(file, results, n, name, &filter);
    }
}

void sim_print_coverage(FILE *file, const struct sim_result *results, size_t n,
                        bool by_class) {
    print_head(file);
    print_main(file, results, n);
    if (by_class) {
        print_classes(file, results, n, 1);
        print_classes(file, results, n, 0);
        fprintf(file, "all profiles\n");
        print_sizes(file, results, n);
    }
}

void sim_print_targets(FILE *file, const struct sim_figures *f) {
    fprintf(file,
            "targets %u, denied %u, cleared %u\n"
            "premature clear %.2f %% (dig loop %.2f %%), false recached %.2f "
            "%%, looks before the guard %u\n"
            "end to first good answer: median %.2f s, 95 %% %.1f s; to "
            "`clear`: median %.2f s, 95 %% %.1f s\n"
            "queries per target %.1f (dig loop %.1f)\n"
            "hard bound: %u forecasts, %u broken, %u unexplained\nPIT",
            f->targets_n, f->denied_n, f->cleared_n, 100 * f->premature,
            100 * f->dig_premature, 100 * f->false_recached, f->planted_n,
            f->delay50_s, f->delay95_s, f->told50_s, f->told95_s, f->queries,
            f->dig_queries, f->hard_n, f->hard_broken_n, f->hard_unexplained_n);
    for (unsigned i = 0; i < 10; i++) {
        fprintf(file, " %.3f", f->pit[i]);
    }
    fprintf(file, "\n");
}

void sim_print_models(FILE *file, const struct sim_figures *f) {
    static const char *const NAMES[SIM_MODEL_N] = {
        "nxclear",      "now + SOA.MINIMUM", "now + TTL of last reply",
        "restored + W", "without lateness",  "without unseen caches"};

    fprintf(file, "%-26s %10s %8s\n", "", "mean CRPS", "skill");
    for (unsigned i = 0; i < SIM_MODEL_N; i++) {
        fprintf(file, "%-26s %9.1fs %7.1f%%\n", NAMES[i], f->crps_s[i],
                100 * (1 - f->crps_s[SIM_OURS] / f->crps_s[i]));
    }
}
