#include "agent/plan/deniers.h"

static size_t find(const struct nx_deniers *d, const struct nx_endpoint *at) {
    size_t i = 0;
    while (i < d->n && !nx_endpoint_same_server(&d->list[i].at, at)) {
        i++;
    }
    return i;
}

const struct nx_denier *nx_deniers_find(const struct nx_deniers *deniers,
                                        const struct nx_endpoint *at) {
    size_t i = find(deniers, at);
    return i < deniers->n ? &deniers->list[i] : NULL;
}

void nx_deniers_add(struct nx_deniers *deniers,
                    const struct nx_denier *denier) {
    size_t i = find(deniers, &denier->at);
    if (i == NX_DENIERS_MAX) {
        deniers->crowded = true;
        return;
    }
    struct nx_denier *d = &deniers->list[i];
    struct nx_denier sum = *denier;
    if (i < deniers->n) {
        sum.types |= d->types;
        sum.name = sum.name || d->name;
        sum.above |= d->above;
    } else {
        deniers->n++;
    }
    sum.at.server_name = NULL;
    *d = sum;
}

static void settle(struct nx_deniers *deniers, size_t i) {
    const struct nx_denier *d = &deniers->list[i];
    if (!d->name && d->types == 0 && d->above == 0) {
        deniers->list[i] = deniers->list[--deniers->n];
    }
}

void nx_deniers_remove(struct nx_deniers *deniers, const struct nx_endpoint *at,
                       uint16_t types) {
    size_t i = find(deniers, at);
    if (i < deniers->n) {
        struct nx_denier *d = &deniers->list[i];
        d->name = false;
        d->types = (uint16_t)(d->types & ~types);
        settle(deniers, i);
    }
}

void nx_deniers_remove_above(struct nx_deniers *deniers,
                             const struct nx_endpoint *at, uint64_t above) {
    size_t i = find(deniers, at);
    if (i < deniers->n) {
        deniers->list[i].above &= ~above;
        settle(deniers, i);
    }
}

void nx_deniers_expire(struct nx_deniers *deniers, int64_t now_mono_us) {
    size_t kept = 0;
    for (size_t i = 0; i < deniers->n; i++) {
        const struct nx_denier *d = &deniers->list[i];
        if (now_mono_us - d->at_us < (int64_t)NX_DENIERS_SILENT_S * 1000000) {
            deniers->list[kept++] = *d;
        }
    }
    deniers->n = kept;
    deniers->crowded = false;
}

bool nx_deniers_any(const struct nx_deniers *deniers, uint16_t types) {
    bool any = deniers->crowded;
    for (size_t i = 0; i < deniers->n; i++) {
        const struct nx_denier *d = &deniers->list[i];
        any = any || d->name || d->above != 0 || (d->types & types) != 0;
    }
    return any;
}
