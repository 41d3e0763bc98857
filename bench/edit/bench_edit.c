/* bench_edit, the benchmark of edits: edits portraits of fixed seeds by every method and measures
 * each edit against the renderer's truth. bench/edit/README.md says what is measured. */
#include <stdio.h>
#include <string.h>

#include "bench/edit/report.h"
#include "cli/console/options.h"
#include "cli/console/report.h"

static const char about[] =
    "Edits portraits of the shipped world by every method of 'cfedit edit', measures each edit against\n"
    "the picture that the renderer draws, and writes RESULTS.md and its sheets. An edit that is done is\n"
    "never done again, so the run can be interrupted at any time.";

static const char examples[] =
    "  bench_edit                                       methods and ablation, then the report\n"
    "  bench_edit --time-limit 30                       as much as half an hour allows\n"
    "  bench_edit --suite tuning                        the grids over the tuning portraits, into TUNING.md\n"
    "  bench_edit --try cf-clip:steps=50,lr=4 --targets lips,hair\n"
    "                                                   one more setting over the tuning portraits\n";

struct arguments {
    struct edit_plan plan;
    const char *suite, *attempt, *folder, *report_folder;
    int64_t portraits, workers;
    double minutes;
    bool report_only;
};

static int parse(struct ce_run *run, struct arguments *a, int argc, char **argv)
{
    *a = (struct arguments){
        .suite = "all", .folder = "build/bench-edit", .report_folder = "bench/edit", .workers = 2};
    const struct ce_option table[] = {
        CE_OPT_CHOICE("suite", "all|methods|ablation|tuning", &a->suite, "which settings to run"),
        CE_OPT_TEXT("try", "METHOD:NAME=VALUE,...", &a->attempt,
                    "run only this setting, over the tuning portraits, and print its table"),
        CE_OPT_REAL("time-limit", "MINUTES", &a->minutes, 0, 1e6,
                    "end after this time; 0: when every edit is done"),
        CE_OPT_INT("portraits", "N", &a->portraits, 0, 1000,
                   "portraits of each sentence, also in reports; 0: as many as each suite has"),
        CE_OPT_TEXT("method", "NAME", &a->plan.method, "run only settings of this method"),
        CE_OPT_TEXT("settings", "WORD,...", &a->plan.settings,
                    "run only settings whose name contains one of these words"),
        CE_OPT_TEXT("targets", "WORD,...", &a->plan.targets,
                    "run only sentences that contain one of these words"),
        CE_OPT_INT("workers", "N", &a->workers, 1, 256, "processes to run, each of one thread"),
        CE_OPT_TEXT("folder", "DIR", &a->folder, "where results and pictures are kept"),
        CE_OPT_TEXT("report-folder", "DIR", &a->report_folder,
                    "where RESULTS.md, TUNING.md and the sheets are written"),
        CE_OPT_FLAG("report", &a->report_only,
                    "only write the report, from the results that are there"),
    };
    const struct ce_syntax syntax = {.usage = "[OPTION]...",
                                     .about = about,
                                     .examples = examples,
                                     .takes = CE_TAKES_GENERATOR | CE_TAKES_CLIP,
                                     .table = table,
                                     .count = CE_COUNT(table)};
    const int status = ce_options_parse(run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    const bool all = strcmp(a->suite, "all") == 0;
    a->plan.suites[SUITE_METHODS] = !a->attempt && (all || strcmp(a->suite, "methods") == 0);
    a->plan.suites[SUITE_ABLATION] = !a->attempt && (all || strcmp(a->suite, "ablation") == 0);
    a->plan.suites[SUITE_TUNING] = !a->attempt && strcmp(a->suite, "tuning") == 0;
    a->plan.folder = a->folder;
    a->plan.portraits = (int)a->portraits;
    a->plan.workers = (int)a->workers;
    a->plan.minutes = a->minutes;
    return CE_PARSED;
}

static int check_method(struct ce_run *run, const char *method)
{
    return !method || ce_method_find(method)
               ? CE_PARSED
               : ce_usage_error(run, "--method: '%s' is not a method", method);
}

/* Reads the value of --try, "METHOD" or "METHOD:NAME=VALUE,...", into the plan. */
static int read_attempt(struct ce_run *run, struct arguments *a)
{
    const char *colon = strchr(a->attempt, ':');
    const int length = colon ? (int)(colon - a->attempt) : (int)strlen(a->attempt);
    char *method = ce_text(run, "%.*s", length, a->attempt);
    if (!method)
        return ce_fail(run);
    if (!ce_method_find(method))
        return ce_usage_error(run, "--try: '%s' is not a method", method);
    /* All attempts share one name: the mark of their values tells them apart. */
    a->plan.extra =
        (struct edit_setting){.name = "try", .method = method, .change = colon ? colon + 1 : ""};
    return CE_PARSED;
}

static lt_status report(struct ce_run *run, const struct arguments *a)
{
    if (a->plan.extra.name)
        return edit_report_setting(run, &a->plan, &a->plan.extra);
    if (a->plan.suites[SUITE_TUNING])
        return edit_report_tuning(run, &a->plan, a->report_folder);
    lt_status status = edit_report_write(run, &a->plan, a->report_folder);
    if (status == LT_OK)
        status = edit_sheets_write(run, &a->plan, a->report_folder);
    if (status == LT_OK)
        printf("%s/RESULTS.md\n", a->report_folder);
    return status;
}

int main(int argc, char **argv)
{
    struct ce_run run = {.command = "bench-edit"};
    struct arguments a;
    int code = parse(&run, &a, argc, argv);
    if (code == CE_PARSED)
        code = check_method(&run, a.plan.method);
    if (code == CE_PARSED && a.attempt)
        code = read_attempt(&run, &a);
    if (code == CE_PARSED) {
        long long left = 0;
        lt_status status = a.report_only ? LT_OK : edit_plan_run(&run, &a.plan, &left);
        if (status == LT_OK)
            status = report(&run, &a);
        if (status == LT_OK && left > 0)
            ce_note(&run, "%lld pieces of work are left; the same command goes on with them", left);
        code = status == LT_OK ? CE_OK : ce_fail(&run);
    }
    ce_run_end(&run);
    return code;
}
