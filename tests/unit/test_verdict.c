/* A copy of a verdict is as good as the verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/infer/verdict.h"
#include "tests/lib/dice.h"

static void fill(struct dice *dice, void *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((unsigned char *)out)[i] = (unsigned char)dice_below(dice, 256);
    }
}

/* All bytes but those behind the last line of each list. */
static void test_copy(void **state) {
    struct dice dice = {5};
    (void)state;
    for (unsigned k = 0; k < 300; k++) {
        struct nx_verdict from;
        struct nx_verdict to;
        fill(&dice, &from, sizeof(from));
        fill(&dice, &to, sizeof(to));
        from.lines_n = (uint8_t)dice_below(&dice, NX_LINES_MAX + 1);
        from.dist.lines_n = (uint8_t)dice_below(&dice, NX_LINES_MAX + 1);
        nx_verdict_copy(&from, &to);
        for (size_t i = from.lines_n; i < NX_LINES_MAX; i++) {
            memset(&from.lines[i], 0, sizeof(from.lines[i]));
            memset(&to.lines[i], 0, sizeof(to.lines[i]));
        }
        for (size_t i = from.dist.lines_n; i < NX_LINES_MAX; i++) {
            memset(&from.dist.lines[i], 0, sizeof(from.dist.lines[i]));
            memset(&to.dist.lines[i], 0, sizeof(to.dist.lines[i]));
        }
        assert_memory_equal(&from, &to, sizeof(from));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
