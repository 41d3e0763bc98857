/* Every test suite of the project: one function `Suite *suite_NAME(void)` in a file of its own,
 * named once in suites.inc. SUITE marks those of every run, FULL_SUITE the parity tests of
 * full-size networks, which take minutes. */
#ifndef TESTS_UNIT_SUITES_H
#define TESTS_UNIT_SUITES_H

#include <check.h>
#include <stdbool.h>

#define SUITE(name)      Suite *suite_##name(void);
#define FULL_SUITE(name) SUITE(name)
#include "unit/suites.inc"
#undef FULL_SUITE
#undef SUITE

#endif
