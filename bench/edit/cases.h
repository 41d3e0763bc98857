/* What the benchmark edits, how, and on which portraits. */
#ifndef BENCH_EDIT_CASES_H
#define BENCH_EDIT_CASES_H

#include <stddef.h>

#include "bench/edit/measure_edit.h"
#include "engine/methods.h"

/* A sentence and what it asks for. */
struct edit_case {
    struct edit_target target;
    const char *text;
    bool ordinary; /* a colour that the generator has seen on the part */
    bool (*shows)(const struct world_attr *attr); /* the form that the sentence names; NULL: none */
};

/* 12 counterfactual ones, then 6 ordinary ones. */
const struct edit_case *edit_case_at(size_t i); /* NULL past the end */

enum edit_suite { SUITE_METHODS, SUITE_ABLATION, SUITE_TUNING, EDIT_SUITES };

/* A method with settings: "steps=50,lr=4" changes those of the method. */
struct edit_setting {
    const char *name; /* as the tables have it; unique within a suite */
    const char *method;
    const char *change; /* "" for the method as it is */
};

const struct edit_setting *edit_setting_at(enum edit_suite suite, size_t i); /* NULL past the end */
const struct edit_setting *edit_setting_find(enum edit_suite suite,
                                             const char *name); /* NULL where there is none */
/* What an ablation takes something from: the paper's objective, where its changes go on from there,
 * else the method as it is. */
const struct edit_setting *edit_setting_base(const struct edit_setting *setting);

/* The whole settings; false, with the offending word in bad[bad_cap], where `change` is wrong. */
bool edit_setting_make(const struct edit_setting *setting, struct ce_edit_settings *out, char *bad,
                       size_t bad_cap);
/* A number for the settings' values: results found with others are not taken for theirs. Values of
 * 0 do not count, so that results outlive a new setting that is off. */
unsigned long long edit_setting_mark(const struct ce_edit_settings *settings);

/* First seed, and how many portraits a case is edited on; those that do not fit a case are passed
 * over. */
long long edit_suite_first_seed(enum edit_suite suite);
int edit_suite_portraits(enum edit_suite suite);
/* Whether the ordinary cases belong to it. */
bool edit_suite_ordinary(enum edit_suite suite);

/* The attributes of the portrait that `cfedit --seed` draws. */
void edit_attributes_of_seed(long long seed, struct world_attr *attr);
/* Seeds of the portraits of a case: seeds[count]. */
void edit_case_seeds(const struct edit_case *c, long long first, int count, long long *seeds);

#endif
