/* What goes wrong, and how it ends. */
#include "agent/uplink/spool_priv.h"
#include "tests/ledger/world.h"

#define DAY_S 86400U
#define FEW_FAULTS_S 45U
#define YEAR_US (INT64_C(365) * 86400 * LED_S)

const char *led_fault_text(enum led_fault fault) {
    static const char *const texts[LED_FAULTS] = {
        [LED_LINK_LOST] = "connection lost",
        [LED_PARTITION] = "partition",
        [LED_REORDER] = "reordering",
        [LED_DUPLICATE] = "duplicates",
        [LED_LOSE] = "messages lost",
        [LED_COLLECTOR_KILL] = "collector killed",
        [LED_COLLECTOR_POWER] = "collector power cut",
        [LED_COLLECTOR_FULL] = "collector disk full",
        [LED_COLLECTOR_PAUSE] = "collector paused",
        [LED_COLLECTOR_BACKUP] = "collector put back",
        [LED_AGENT_KILL] = "agent killed",
        [LED_AGENT_POWER] = "agent power cut",
        [LED_AGENT_STOP] = "agent restarted",
        [LED_AGENT_PAUSE] = "agent suspended",
        [LED_WALL_JUMP] = "wall clock jumps",
        [LED_AGENT_FULL] = "agent disk full",
        [LED_AGENT_EIO] = "agent disk fails",
        [LED_DAMAGE] = "segments damaged",
        [LED_LEDGER_DAMAGE] = "ledger damaged"};
    return texts[fault];
}

/* Each world draws which faults it has: one with few of them goes further into
 * what these do. */
void led_faults_draw(struct led_world *w) {
    uint32_t chance = 1 + dice_below(&w->dice, 4);
    for (unsigned i = 0; i < LED_FAULTS; i++) {
        w->may[i] = dice_one_in(&w->dice, chance);
    }
    w->may[LED_LINK_LOST] = true; /* there is always one */
    w->fault_every_s = 1 + dice_below(&w->dice, 60);
    w->delay_us = 1000 + dice_below(&w->dice, 300000);
}

static int64_t some_s(struct led_world *w, uint32_t max_s) {
    return w->now_us + LED_S +
           (int64_t)dice_below(&w->dice, max_s * 1000) * 1000;
}

static void of_collector(struct led_world *w, enum led_fault fault) {
    struct led_collector *c = &w->collector;
    if (!c->up) {
        return;
    }
    if (fault == LED_COLLECTOR_FULL) {
        c->full = !c->full;
    } else if (fault == LED_COLLECTOR_PAUSE) {
        c->paused_until_us = some_s(w, 60);
    } else if (fault == LED_COLLECTOR_BACKUP) {
        if (dice_one_in(&w->dice, 3)) {
            led_collector_crash(w, false);
            led_collector_put_back(w);
        } else {
            led_backup(&w->oracle);
        }
    } else if (dice_one_in(&w->dice, 2)) {
        c->crash_at_commit = true;
    } else {
        led_collector_crash(w, fault == LED_COLLECTOR_POWER);
        c->clock_wrong_us +=
            dice_one_in(&w->dice, 4) ? dice_below(&w->dice, 3000) * 1000 : 0;
    }
}

static void of_disk(struct led_world *w, struct led_agent *a,
                    enum led_fault fault) {
    struct fake_disk *fake = &a->disk.fake;
    a->may_lose = true;
    if (fault == LED_AGENT_FULL) {
        fake->max_bytes =
            dice_one_in(&w->dice, 2) ? 0 : 20000 + dice_below(&w->dice, 200000);
    } else if (fault == LED_AGENT_EIO) {
        fake->error = dice_one_in(&w->dice, 2) ? NX_OK : NX_EIO;
        fake->ledger_error = dice_one_in(&w->dice, 2) ? NX_OK : NX_EIO;
    } else if (fault == LED_DAMAGE) {
        led_disk_damage(&a->disk);
    } else {
        led_disk_damage_ledger(&a->disk, dice_below(&w->dice, 2));
    }
}

/* Some calls of its disk later, or now. */
static void kill_agent(struct led_world *w, struct led_agent *a, bool power) {
    a->power = power;
    if (a->has_disk && dice_one_in(&w->dice, 2)) {
        a->disk.calls_left = 1 + dice_below(&w->dice, 12);
    } else if (a->up) {
        led_agent_crash(a, power);
    }
}

static void of_agent(struct led_world *w, struct led_agent *a,
                     enum led_fault fault) {
    int64_t jump_us = dice_below(&w->dice, 100000) * LED_S;
    /* A day costs a world its steps: where little else happens. */
    uint32_t long_s = w->fault_every_s > FEW_FAULTS_S ? DAY_S : 3000;
    if (fault == LED_LINK_LOST) {
        led_agent_lose_link(a);
    } else if (fault == LED_PARTITION) {
        a->apart_until_us = some_s(w, dice_one_in(&w->dice, 5) ? long_s : 60);
        led_agent_lose_link(a);
    } else if (fault == LED_AGENT_STOP) {
        led_agent_stop(a);
    } else if (fault == LED_AGENT_PAUSE) {
        a->paused_until_us = some_s(w, 300);
    } else if (fault == LED_WALL_JUMP) {
        a->wall_wrong_us = dice_one_in(&w->dice, 3)   ? jump_us - 10 * YEAR_US
                           : dice_one_in(&w->dice, 2) ? YEAR_US + jump_us
                                                      : 0;
    } else {
        kill_agent(w, a, fault == LED_AGENT_POWER);
    }
}

enum led_fault led_fault(struct led_world *w) {
    struct led_agent *a = &w->agents[dice_below(&w->dice, w->agents_n)];
    enum led_fault fault = (enum led_fault)dice_below(&w->dice, LED_FAULTS);
    if (!w->may[fault]) {
        fault = LED_LINK_LOST;
    }
    if (fault == LED_REORDER) {
        w->reorders = !w->reorders;
    } else if (fault == LED_DUPLICATE) {
        w->duplicates = !w->duplicates;
    } else if (fault == LED_LOSE) {
        w->loses = !w->loses;
    } else if (fault >= LED_COLLECTOR_KILL && fault <= LED_COLLECTOR_BACKUP) {
        of_collector(w, fault);
    } else if (fault >= LED_AGENT_FULL) {
        of_disk(w, a, fault);
    } else {
        of_agent(w, a, fault);
    }
    return fault;
}

/* Everything works from here on. */
void led_heal(struct led_world *w) {
    w->reorders = w->duplicates = w->loses = false;
    w->collector.full = false;
    w->collector.paused_until_us = 0;
    w->collector.crash_at_commit = false;
    for (unsigned i = 0; i < w->agents_n; i++) {
        struct led_agent *a = &w->agents[i];
        a->disk.fake.max_bytes = 0;
        a->disk.fake.error = a->disk.fake.ledger_error = NX_OK;
        a->disk.calls_left = 0;
        a->paused_until_us = 0;
        a->apart_until_us = 0;
    }
}
