/* Plays every tests/scenario/NAME.story; each is one test. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/scenario/story.h"

#define STORIES_MAX 100U

static void test_story(void **state) {
    const char *path = *state;
    assert_int_equal(story_play(path, stderr), 0);
}

static void test_stories_are_found(void **state) {
    const size_t *n = *state;
    assert_true(*n >= 12);
}

/* Mistakes in a story are found, and said with file and line. */
static void test_mistakes_are_reported(void **state) {
    char *said = NULL;
    size_t len = 0;
    (void)state;
    FILE *out = open_memstream(&said, &len);
    assert_non_null(out);
    unsigned n = story_play(NX_SOURCE_DIR "/tests/scenario/mistakes.txt", out);
    (void)fclose(out);
    assert_int_equal(n, 2);
    assert_non_null(strstr(said, "mistakes.txt:3: not understood: netwerk"));
    assert_non_null(strstr(said, "mistakes.txt:4: at TIME VERB ..."));
    free(said);
}

static void test_failed_expectation_is_reported(void **state) {
    char *said = NULL;
    size_t len = 0;
    (void)state;
    FILE *out = open_memstream(&said, &len);
    assert_non_null(out);
    unsigned n = story_play(NX_SOURCE_DIR "/tests/scenario/wrong.txt", out);
    (void)fclose(out);
    assert_int_equal(n, 1);
    assert_non_null(strstr(said, "wrong.txt:6: state is \"unknown\""));
    free(said);
}

int main(void) {
    static struct CMUnitTest tests[STORIES_MAX + 3];
    static size_t n;
    glob_t stories = {0};
    if (glob(NX_SOURCE_DIR "/tests/scenario/*.story", 0, NULL, &stories) != 0) {
        stories.gl_pathc = 0;
    }
    for (n = 0; n < stories.gl_pathc && n < STORIES_MAX; n++) {
        tests[n] =
            (struct CMUnitTest){.name = strrchr(stories.gl_pathv[n], '/') + 1,
                                .test_func = test_story,
                                .initial_state = stories.gl_pathv[n]};
    }
    tests[n] = (struct CMUnitTest){.name = "stories are found",
                                   .test_func = test_stories_are_found,
                                   .initial_state = &n};
    tests[n + 1] =
        (struct CMUnitTest)cmocka_unit_test(test_mistakes_are_reported);
    tests[n + 2] = (struct CMUnitTest)cmocka_unit_test(
        test_failed_expectation_is_reported);
    int failed = _cmocka_run_group_tests("scenarios", tests, n + 3, NULL, NULL);
    globfree(&stories);
    return failed;
}
