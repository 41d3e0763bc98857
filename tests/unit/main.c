/* The program of all Check suites: `unit_tests [full] [--list]`. With "full" it runs the parity
 * tests of full-size networks instead of the usual suites; with "--list" it prints the names of the
 * suites and runs none. CK_RUN_SUITE=NAME runs one suite. The exit status is 0 only if all tests
 * passed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/suites.h"

static const struct suite {
    const char *name;
    Suite *(*make)(void);
    bool full;
} suites[] = {
#define SUITE(name)      {#name, suite_##name, false},
#define FULL_SUITE(name) {#name, suite_##name, true},
#include "unit/suites.inc"
#undef FULL_SUITE
#undef SUITE
};

int main(int argc, char **argv)
{
    bool full = false, list = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "full") == 0) {
            full = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            list = true;
        } else {
            fprintf(stderr, "%s: unknown argument %s; usage: unit_tests [full] [--list]\n", argv[0],
                    argv[i]);
            return EXIT_FAILURE;
        }
    }
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        if (suites[i].full != full)
            continue;
        if (list)
            puts(suites[i].name);
        else
            srunner_add_suite(runner, suites[i].make());
    }
    if (!list)
        srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
