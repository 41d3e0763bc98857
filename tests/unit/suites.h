/* Every test suite of the project, one function a file. */
#ifndef TESTS_SUITES_H
#define TESTS_SUITES_H

#include <check.h>
#include <stdbool.h>

#define SUITE(name) Suite *suite_##name(void);
#include "unit/suites.inc"
#undef SUITE

#endif
