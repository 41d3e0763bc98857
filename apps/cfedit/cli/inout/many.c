/* Counting pictures, and the last line of a command that makes many. */
#include "cli/inout/many.h"

#include "cli/console/report.h"
#include "cli/console/stop.h"

bool ce_many_skip(struct ce_run *run, struct ce_many *many)
{
    if (lt_ctx_status(run->ctx) == LT_ERR_MEMORY)
        return false;
    ce_fail(run);
    lt_ctx_clear(run->ctx);
    many->bad++;
    return true;
}

int ce_many_end(struct ce_run *run, const struct ce_many *many, lt_status status)
{
    if (many->there > 0)
        ce_note(run, "note: %zu of %zu pictures were there already and were skipped", many->there,
                many->total);
    if (status != LT_OK)
        return ce_fail(run);
    if (ce_stop_asked() && many->there + many->done + many->bad < many->total) {
        ce_error(run, "stopped, %zu of %zu pictures are done%s", many->there + many->done,
                 many->total,
                 many->resumable ? "; continue with the same options and --resume" : "");
        return CE_INTERRUPTED;
    }
    if (many->bad > 0 && many->total > 1)
        ce_error(run, "%zu of %zu pictures could not be %s", many->bad, many->total, many->verb);
    return many->bad > 0 ? CE_ERROR : CE_OK;
}

lt_status ce_dump_room(struct ce_run *run, int64_t count, int64_t numbers)
{
    if (!run->dump || count <= CE_DUMP_MOST / (int64_t)sizeof(float) / numbers)
        return LT_OK;
    return lt_fail(run->ctx, LT_ERR_ARGUMENT,
                   "--dump: %lld pictures make %.1f GiB of tensors, which are collected in memory; "
                   "at most %lld GiB are; dump fewer pictures at a time",
                   (long long)count, (double)count * (double)numbers * 4.0 / 1073741824.0,
                   (long long)(CE_DUMP_MOST >> 30));
}
