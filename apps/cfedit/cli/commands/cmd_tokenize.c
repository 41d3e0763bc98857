/* cfedit tokenize: token ids of texts. */
#include "cli/commands.h"
#include "engine/models.h"
#include "cli/console/options.h"
#include "cli/console/report.h"

static int tokenize(struct ce_run *run, const struct ce_models *models, const struct ce_list *texts)
{
    const size_t cap = (size_t)models->context_length;
    int32_t *ids = ce_alloc(run, cap, sizeof *ids);
    if (!ids)
        return ce_fail(run);
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_array(w);
    for (size_t i = 0; i < texts->count; i++) {
        size_t count;
        if (ce_models_tokenize(models, texts->items[i], i, ids, cap, &count) != LT_OK) {
            lt_json_writer_free(w);
            return ce_fail(run);
        }
        lt_json_begin_array(w);
        for (size_t j = 0; j < count; j++)
            lt_json_put_int(w, ids[j]);
        lt_json_end_array(w);
    }
    lt_json_end_array(w);
    return ce_print_json(run, w);
}

int ce_cmd_tokenize(struct ce_run *run, int argc, char **argv)
{
    struct ce_models models = {0};
    struct ce_list texts = {0};
    const struct ce_syntax syntax = {
        .usage = "[OPTION]... TEXT...",
        .about =
            "Prints a JSON list with one list of token ids for each text, from the start token to\n"
            "the end token, without padding. With --bpe no model is needed.",
        .examples = "  cfedit tokenize \"a photo of a face\"\n"
                    "  cfedit tokenize --bpe bpe_simple_vocab_16e6.txt.gz -- \"-- a dash\"",
        .takes = CE_TAKES_CLIP,
        .arguments = &texts,
    };
    int status = ce_options_parse(run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    if (!texts.count)
        return ce_usage_error(run, "no text given: write texts behind the options");
    status = ce_models_open(run->ctx, &run->paths, CE_NEED_TOKENIZER, &models) == LT_OK
                 ? tokenize(run, &models, &texts)
                 : ce_fail(run);
    ce_models_close(&models);
    return status;
}
