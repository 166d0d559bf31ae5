/* What will happen, ordered by time, and the network in it. */
#include <stdlib.h>
#include <string.h>

#include "tests/ledger/world.h"

static bool before(const struct led_event *a, const struct led_event *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void led_at(struct led_world *w, int64_t at_us, enum led_event_kind kind,
            uint32_t of, uint32_t life, struct led_message *message) {
    struct led_queue *q = &w->queue;
    if (q->n == q->cap) {
        q->cap = q->cap * 2 + 256;
        q->heap = realloc(q->heap, q->cap * sizeof(*q->heap));
        if (q->heap == NULL) {
            abort();
        }
    }
    const struct led_event event = {.at_us =
                                        at_us > w->now_us ? at_us : w->now_us,
                                    .order = q->order++,
                                    .kind = kind,
                                    .of = of,
                                    .life = life,
                                    .message = message};
    size_t i = q->n++;
    while (i > 0 && before(&event, &q->heap[(i - 1) / 2])) {
        q->heap[i] = q->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->heap[i] = event;
}

bool led_next(struct led_world *w, struct led_event *out) {
    struct led_queue *q = &w->queue;
    if (q->n == 0) {
        return false;
    }
    *out = q->heap[0];
    const struct led_event last = q->heap[--q->n];
    size_t i = 0;
    for (size_t child = 1; child < q->n; child = 2 * i + 1) {
        if (child + 1 < q->n && before(&q->heap[child + 1], &q->heap[child])) {
            child++;
        }
        if (!before(&q->heap[child], &last)) {
            break;
        }
        q->heap[i] = q->heap[child];
        i = child;
    }
    q->heap[i] = last;
    w->now_us = out->at_us;
    return true;
}

/* In order within a connection unless messages may overtake: the later ones
 * only wait longer. */
static int64_t arrives_us(struct led_world *w) {
    if (w->quiet || !w->reorders) {
        return w->now_us + w->delay_us;
    }
    int64_t late_us = dice_one_in(&w->dice, 50) ? 20 * w->delay_us : 0;
    return w->now_us + late_us +
           dice_below(&w->dice, (uint32_t)(2 * w->delay_us));
}

static struct led_message *copy_of(const struct led_message *m) {
    struct led_message *copy = malloc(sizeof(*m) + m->len);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, m, sizeof(*m) + m->len);
    return copy;
}

static void put(struct led_world *w, enum led_event_kind kind, unsigned agent,
                struct led_message *m) {
    if (!w->quiet && w->loses && dice_one_in(&w->dice, 20)) {
        free(m);
        return;
    }
    uint32_t life = kind == LED_EV_UP ? w->collector.life : m->connection;
    if (!w->quiet && w->duplicates && dice_one_in(&w->dice, 20)) {
        led_at(w, arrives_us(w), kind, agent, life, copy_of(m));
    }
    led_at(w, arrives_us(w), kind, agent, life, m);
}

void led_send_up(struct led_agent *a, struct led_message *m) {
    m->connection = a->connection;
    put(a->world, LED_EV_UP, a->index, m);
}

void led_send_down(struct led_world *w, unsigned agent,
                   const struct led_message *m) {
    struct led_message *copy = copy_of(m);
    copy->order = ++w->downs_n;
    put(w, LED_EV_DOWN, agent, copy);
}

void led_wire_free(struct led_world *w) {
    for (size_t i = 0; i < w->queue.n; i++) {
        free(w->queue.heap[i].message);
    }
    free(w->queue.heap);
}
