/* The sheets of networks, put together in one: each network is read at another
 * time, the forecast is made of all. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/status_sheet.h"
#include "common/memory.h"

static bool grow(void **list, size_t n, size_t size) {
    void *grown = realloc(*list, (n + 1) * size);
    if (grown != NULL) {
        *list = grown;
    }
    return grown != NULL;
}

bool nx_sheet_reserve(struct nx_sheet *all, size_t sites_n, size_t rows_n) {
    void *lists[] = {all->rows, all->rollup_targets, all->sites, all->members};
    bool grown =
        grow(&lists[0], rows_n, sizeof(*all->rows)) &&
        grow(&lists[1], rows_n + sites_n, sizeof(*all->rollup_targets)) &&
        grow(&lists[2], sites_n, sizeof(*all->sites)) &&
        grow(&lists[3], sites_n, sizeof(*all->members));
    all->rows = lists[0];
    all->rollup_targets = lists[1];
    all->sites = lists[2];
    all->members = lists[3];
    if (grown) {
        nx_memory_large(all->rows, (rows_n + 1) * sizeof(*all->rows));
        all->rows_cap = rows_n;
        all->sites_cap = sites_n;
    }
    return grown;
}

static bool room_for(struct nx_sheet *all, const struct nx_sheet *more) {
    size_t sites_n = all->sites_n + more->sites_n;
    size_t rows_n = all->rows_n + more->rows_n;
    return (sites_n <= all->sites_cap && rows_n <= all->rows_cap) ||
           nx_sheet_reserve(all, 2 * sites_n, 2 * rows_n);
}

static void copy_row(const struct nx_sheet_row *from, struct nx_sheet_row *to) {
    nx_target_view_copy(&from->view, &to->view);
    to->agent = from->agent;
    to->serves = from->serves;
    to->whose = from->whose;
    to->group = from->group;
}

bool nx_sheet_append(struct nx_sheet *all, const struct nx_sheet *more) {
    if (!room_for(all, more)) {
        return false;
    }
    for (size_t i = 0; i < more->sites_n; i++) {
        const struct nx_rollup_member *from = &more->members[i];
        all->sites[all->sites_n] = more->sites[i];
        all->sites[all->sites_n].first += all->rows_n;
        all->members[all->sites_n] = *from;
        memcpy(nx_sheet_targets(all, all->sites_n), from->targets,
               from->targets_n * sizeof(*from->targets));
        if (from->targets[from->targets_n - 1].verdict == &more->nobody) {
            all->nobody = more->nobody;
        }
        all->sites_n++;
    }
    for (size_t i = 0; i < more->rows_n; i++) {
        copy_row(&more->rows[i], &all->rows[all->rows_n]);
        all->rows_n++;
    }
    return true;
}

static void settle_site(struct nx_sheet *all, size_t i) {
    const struct nx_sheet_site *site = &all->sites[i];
    struct nx_rollup_member *member = &all->members[i];
    struct nx_rollup_target *target = nx_sheet_targets(all, i);
    member->targets = target;
    for (size_t k = site->first; k < site->first + site->n; k++) {
        const struct nx_sheet_row *row = &all->rows[k];
        if (row->serves) {
            (target++)->verdict = &row->view.verdict;
        }
    }
    if (target < member->targets + member->targets_n) {
        target->verdict = &all->nobody;
    }
}

void nx_sheet_settle(struct nx_sheet *all) {
    for (size_t i = 0; i < all->sites_n; i++) {
        settle_site(all, i);
    }
}
