/* The sentences, settings and portraits of the benchmark. */
#ifndef BENCH_EDIT_CASES_H
#define BENCH_EDIT_CASES_H

#include <stddef.h>

#include "bench/edit/measure_edit.h"
#include "engine/methods.h"

/* A sentence, and the part and colour that it asks for. */
struct edit_case {
    struct edit_target target;
    const char *text;
    bool ordinary; /* the generator has seen this colour on this part */
    /* Whether a portrait has the form that the sentence names ("long"); NULL: it names none. */
    bool (*shows)(const struct world_attr *attr);
};

/* Case i of 12 counterfactual and then 6 ordinary ones; NULL past the end. */
const struct edit_case *edit_case_at(size_t i);

enum edit_suite { SUITE_METHODS, SUITE_ABLATION, SUITE_TUNING, EDIT_SUITES };

/* A method, and the settings that differ from the method's own: "steps=50,lr=4". */
struct edit_setting {
    const char *name; /* heading of the row in tables; unique within a suite */
    const char *method;
    const char *change; /* "": the method's own settings */
};

/* Setting i of a suite; NULL past the end. */
const struct edit_setting *edit_setting_at(enum edit_suite suite, size_t i);
/* The setting of that name, or NULL. */
const struct edit_setting *edit_setting_find(enum edit_suite suite, const char *name);
/* The setting with which an ablation is compared: the paper's objective if the ablation changes
 * that, else the method's own settings. */
const struct edit_setting *edit_setting_base(const struct edit_setting *setting);

/* Makes all values of a setting. False if `change` is wrong; the offending word is in
 * bad[bad_cap]. */
bool edit_setting_make(const struct edit_setting *setting, struct ce_edit_settings *out, char *bad,
                       size_t bad_cap);
/* A number that identifies the values of settings, so that results of other values are not mistaken
 * for theirs. Values of 0 do not enter, so that results stay valid when a new setting, which is
 * off, is added to the program. */
unsigned long long edit_setting_mark(const struct ce_edit_settings *settings);

/* The first seed of a suite, and the number of portraits of each case. Seeds whose portraits do not
 * fit a case are passed over. */
long long edit_suite_first_seed(enum edit_suite suite);
int edit_suite_portraits(enum edit_suite suite);
/* Whether a suite has the ordinary cases, too. */
bool edit_suite_ordinary(enum edit_suite suite);

/* The attributes of the portrait that `cfedit --seed` draws. */
void edit_attributes_of_seed(long long seed, struct world_attr *attr);
/* Writes the seeds of the first portraits of a case, from `first` on, into seeds[count]. */
void edit_case_seeds(const struct edit_case *c, long long first, int count, long long *seeds);

#endif
