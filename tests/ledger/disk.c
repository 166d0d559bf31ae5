/* A disk on which the agent may die in the middle of a call. */
#include "tests/ledger/world.h"

/* True: the agent dies in this call, which may be half done. */
static bool dies(struct led_disk *d) {
    d->dead = d->dead || (d->calls_left > 0 && --d->calls_left == 0);
    return d->dead;
}

static int append(void *user, uint64_t id, const void *bytes, size_t len) {
    struct led_disk *d = user;
    if (d->dead) {
        return NX_EIO;
    }
    if (dies(d)) {
        size_t part = dice_below(d->dice, (uint32_t)len + 1);
        (void)fake_append(&d->fake, id, bytes, part);
        return NX_EIO;
    }
    return fake_append(&d->fake, id, bytes, len);
}

static int sync_segment(void *user, uint64_t id) {
    struct led_disk *d = user;
    if (d->dead || (dies(d) && dice_one_in(d->dice, 2))) {
        return NX_EIO;
    }
    if (d->lies) {
        return fake_find(&d->fake, id) != NULL ? d->fake.error : NX_EIO;
    }
    int err = fake_sync(&d->fake, id);
    return d->dead ? NX_EIO : err;
}

static int remove_segment(void *user, uint64_t id) {
    struct led_disk *d = user;
    if (d->dead || (dies(d) && dice_one_in(d->dice, 2))) {
        return NX_EIO;
    }
    return fake_remove(&d->fake, id);
}

static int list(void *user, void (*visit)(void *arg, uint64_t id), void *arg) {
    struct led_disk *d = user;
    return fake_list(&d->fake, visit, arg);
}

static int read_segment(void *user, uint64_t id, uint64_t offset, void *out,
                        size_t len, size_t *got) {
    struct led_disk *d = user;
    return fake_read(&d->fake, id, offset, out, len, got);
}

static int ledger_read(void *user, unsigned slot,
                       uint8_t out[NX_LEDGER_BLOCK_BYTES]) {
    struct led_disk *d = user;
    return fake_ledger_read(&d->fake, slot, out);
}

static int ledger_write(void *user, unsigned slot,
                        const uint8_t block[NX_LEDGER_BLOCK_BYTES]) {
    struct led_disk *d = user;
    if (d->dead) {
        return NX_EIO;
    }
    if (!dies(d)) {
        int err = fake_ledger_write(&d->fake, slot, block);
        d->damaged[slot] = d->damaged[slot] && err != NX_OK;
        return err;
    }
    if (dice_one_in(d->dice, 2)) { /* it was the last that it did ... */
        (void)fake_ledger_write(&d->fake, slot, block);
        if (dice_one_in(d->dice, 2)) { /* ... in part */
            led_disk_damage_ledger(d, slot);
        }
    }
    return NX_EIO;
}

struct nx_spool_disk led_disk_functions(struct led_disk *d) {
    return (struct nx_spool_disk){.user = d,
                                  .list = list,
                                  .append = append,
                                  .sync = sync_segment,
                                  .read = read_segment,
                                  .remove = remove_segment,
                                  .ledger_read = ledger_read,
                                  .ledger_write = ledger_write};
}

/* fake_power_cut takes no argument for it */
static _Thread_local struct dice *cut_dice;

static uint32_t cut_below(uint32_t n) {
    return dice_below(cut_dice, n);
}

void led_disk_crash(struct led_disk *d, bool power) {
    if (power) {
        cut_dice = d->dice;
        fake_power_cut(&d->fake, cut_below);
    }
    d->dead = false;
    d->calls_left = 0;
}

static void flip(struct led_disk *d, uint8_t *bytes, size_t len) {
    for (unsigned i = dice_below(d->dice, 3); i < 3 && len > 0; i++) {
        bytes[dice_below(d->dice, (uint32_t)len)] ^=
            (uint8_t)(1U << dice_below(d->dice, 8));
    }
}

void led_disk_damage(struct led_disk *d) {
    if (d->fake.files_n > 0) {
        struct fake_file *f =
            &d->fake.files[dice_below(d->dice, (uint32_t)d->fake.files_n)];
        flip(d, f->bytes, f->len);
        f->damaged = true;
        if (dice_one_in(d->dice, 4)) {
            f->len = dice_below(d->dice, (uint32_t)f->len + 1);
            f->synced_len = f->synced_len < f->len ? f->synced_len : f->len;
        }
    }
}

void led_disk_damage_ledger(struct led_disk *d, unsigned slot) {
    flip(d, d->fake.ledger[slot], NX_LEDGER_BLOCK_BYTES);
    d->damaged[slot] = true;
}

bool led_disk_damaged(const struct led_disk *d) {
    bool any = d->damaged[0] || d->damaged[1];
    for (size_t i = 0; i < d->fake.files_n; i++) {
        any = any || d->fake.files[i].damaged;
    }
    return any;
}
