#include "cli/inout/unknown_words.h"

#include "engine/sentence/wishes.h"

enum { MOST_NAMED = 8 };

lt_status ce_note_unknown_words(struct ce_run *run, const struct ce_models *models,
                                const char *text)
{
    struct ce_sentence sentence;
    const char *list = NULL;
    int count = 0;
    lt_status status = ce_sentence_read(run->ctx, models->concepts, text, &sentence);
    for (int word = -1; status == LT_OK && count < MOST_NAMED;) {
        word = ce_sentence_unknown(models->concepts, &sentence, word + 1);
        /* The last of very many words is the rest of the text. */
        if (word < 0 || word == CE_WORDS_MAX - 1)
            break;
        list = ce_text(run, "%s%s'%.*s'", list ? list : "", list ? ", " : "",
                       sentence.word[word].length, sentence.text + sentence.word[word].at);
        count++;
        status = list ? LT_OK : lt_ctx_status(run->ctx);
    }
    if (status == LT_OK && count > 0)
        ce_note(run,
                "note: this model does not know the word%s %s and may do something else; "
                "cfedit info --words lists what it knows",
                count > 1 ? "s" : "", list);
    ce_sentence_free(&sentence);
    return status;
}
