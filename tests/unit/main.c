/* Runs every suite; `tests full` adds the full-size parity tests. Exit status 0 only if all passed.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parity/parity.h"
#include "unit/suites.h"

int main(int argc, char **argv)
{
    static Suite *(*const suites[])(void) = {
#define SUITE(name) suite_##name,
#include "unit/suites.inc"
#undef SUITE
    };
    SRunner *runner = srunner_create(NULL);
    const bool full = argc > 1 && strcmp(argv[1], "full") == 0;
    if (full) {
        parity_add_full(runner);
    } else {
        for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
            srunner_add_suite(runner, suites[i]());
        parity_add_fast(runner);
    }
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
