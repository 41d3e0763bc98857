#include "engine/sentence/concepts.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/files/file.h"
#include "tensor/files/json_reader.h"

enum { MOST_BYTES = 4 << 20 };

/* What is read, and from where. */
struct reading {
    lt_ctx *ctx;
    const char *path;
    struct ce_concepts *to;
};

static lt_status wrong(const struct reading *r, const char *what)
{
    return lt_fail(r->ctx, LT_ERR_FORMAT, "%s: %s", r->path, what);
}

static lt_status no_memory(const struct reading *r)
{
    return lt_fail(r->ctx, LT_ERR_MEMORY, "out of memory for %s", r->path);
}

/* Reads an array of non-empty strings; a missing one counts as empty. */
static lt_status read_phrases(const struct reading *r, const lt_json *list, const char *what,
                              struct ce_phrases *out)
{
    const size_t count = lt_json_count(list);
    if (!list)
        return LT_OK;
    if (lt_json_type(list) != LT_JSON_ARRAY)
        return lt_fail(r->ctx, LT_ERR_FORMAT, "%s: '%s' is not a list", r->path, what);
    out->text = calloc(count + 1, sizeof *out->text);
    if (!out->text)
        return no_memory(r);
    for (size_t i = 0; i < count; i++) {
        out->text[i] = lt_json_string(lt_json_at(list, i), NULL);
        if (!out->text[i] || !*out->text[i])
            return lt_fail(r->ctx, LT_ERR_FORMAT, "%s: '%s' has a member that is not a word",
                           r->path, what);
    }
    out->count = (int)count;
    return LT_OK;
}

static lt_status read_parts(const struct reading *r, const lt_json *list)
{
    struct ce_concepts *c = r->to;
    const size_t count = lt_json_count(list);
    lt_status status = LT_OK;
    c->parts = calloc(count + 1, sizeof *c->parts);
    if (!c->parts)
        return no_memory(r);
    for (size_t i = 0; i < count && status == LT_OK; i++) {
        const lt_json *from = lt_json_at(list, i);
        struct ce_part_words *part = &c->parts[c->part_count++];
        part->name = lt_json_string(lt_json_get(from, "name"), NULL);
        part->counted = lt_json_bool(lt_json_get(from, "counted"), false);
        status = read_phrases(r, lt_json_get(from, "names"), "names", &part->names);
        if (status == LT_OK && (!part->name || !*part->name || part->names.count == 0))
            status = wrong(r, "a part without a name");
    }
    return status;
}

static lt_status read_trait(const struct reading *r, const char *kind, const lt_json *from,
                            struct ce_trait_words *trait)
{
    trait->kind = kind;
    trait->name = lt_json_string(lt_json_get(from, "name"), NULL);
    trait->of = lt_json_string(lt_json_get(from, "of"), NULL);
    trait->opposite = -1;
    if (!trait->name || !*trait->name)
        return lt_fail(r->ctx, LT_ERR_FORMAT, "%s: a member of '%s' has no name", r->path, kind);
    lt_status status =
        read_phrases(r, lt_json_get(from, "adjectives"), "adjectives", &trait->adjectives);
    if (status == LT_OK)
        status = read_phrases(r, lt_json_get(from, "with"), "with", &trait->with);
    if (status == LT_OK)
        status = read_phrases(r, lt_json_get(from, "without"), "without", &trait->without);
    return status;
}

/* Opposites are names, of a trait that may come later; they are looked up when all are read. The
 * opposite is of the same kind, and where several have that name, of the same noun. */
static lt_status find_opposite(const struct reading *r, const char *name,
                               struct ce_trait_words *trait)
{
    const struct ce_concepts *c = r->to;
    for (int i = 0; i < c->trait_count; i++) {
        const struct ce_trait_words *t = &c->traits[i];
        if (strcmp(t->name, name) != 0 || strcmp(t->kind, trait->kind) != 0 || t == trait)
            continue;
        const bool same_noun = t->of && trait->of && strcmp(t->of, trait->of) == 0;
        if (trait->opposite < 0 || same_noun)
            trait->opposite = i;
    }
    if (trait->opposite >= 0)
        return LT_OK;
    return lt_fail(r->ctx, LT_ERR_FORMAT, "%s: '%s' has the opposite '%s', which is not there",
                   r->path, trait->name, name);
}

static bool is_trait_kind(const char *kind)
{
    return strcmp(kind, "color") != 0 && strcmp(kind, "part") != 0;
}

static lt_status read_traits(const struct reading *r, const lt_json *kinds)
{
    struct ce_concepts *c = r->to;
    size_t total = 0;
    for (size_t k = 0; k < lt_json_count(kinds); k++)
        total +=
            is_trait_kind(lt_json_key(kinds, k, NULL)) ? lt_json_count(lt_json_at(kinds, k)) : 0;
    lt_status status = LT_OK;
    c->traits = calloc(total + 1, sizeof *c->traits);
    const char **opposite = calloc(total + 1, sizeof *opposite);
    if (!c->traits || !opposite)
        status = no_memory(r);
    for (size_t k = 0; k < lt_json_count(kinds); k++) {
        const char *kind = lt_json_key(kinds, k, NULL);
        const lt_json *list = lt_json_at(kinds, k);
        for (size_t i = 0; is_trait_kind(kind) && i < lt_json_count(list) && status == LT_OK; i++) {
            const lt_json *from = lt_json_at(list, i);
            opposite[c->trait_count] = lt_json_string(lt_json_get(from, "opposite"), NULL);
            status = read_trait(r, kind, from, &c->traits[c->trait_count++]);
        }
    }
    for (int i = 0; i < c->trait_count && status == LT_OK; i++)
        if (opposite[i])
            status = find_opposite(r, opposite[i], &c->traits[i]);
    free(opposite);
    return status;
}

static lt_status read_all(const struct reading *r, const lt_json *root)
{
    const lt_json *kinds = lt_json_get(root, "kinds");
    if (lt_json_type(kinds) != LT_JSON_OBJECT)
        return wrong(r, "has no 'kinds'; a file of concepts has the words of a model there");
    if (lt_json_number(lt_json_get(root, "version"), 1.0) > 1.0)
        return wrong(r, "a later version of the file than this program reads");
    r->to->domain = lt_json_string(lt_json_get(root, "domain"), NULL);
    lt_status status = read_phrases(r, lt_json_get(kinds, "color"), "color", &r->to->colors);
    if (status == LT_OK)
        status = read_parts(r, lt_json_get(kinds, "part"));
    if (status == LT_OK)
        status = read_traits(r, kinds);
    if (status == LT_OK)
        status = read_phrases(r, lt_json_get(root, "words"), "words", &r->to->words);
    return status;
}

lt_status ce_concepts_load(lt_ctx *ctx, const char *path, struct ce_concepts **out)
{
    void *text = NULL;
    size_t length = 0;
    lt_json *root = NULL;
    *out = NULL;
    struct ce_concepts *c = calloc(1, sizeof *c);
    if (!c)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for %s", path);
    lt_status status = lt_file_read(ctx, path, MOST_BYTES, &text, &length);
    if (status == LT_OK)
        status = lt_json_parse(ctx, path, text, length, &root);
    free(text);
    c->owner = root;
    if (status == LT_OK)
        status = read_all(&(struct reading){ctx, path, c}, root);
    if (status != LT_OK) {
        ce_concepts_free(c);
        return status;
    }
    *out = c;
    return LT_OK;
}

void ce_concepts_free(struct ce_concepts *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->part_count; i++)
        free(c->parts[i].names.text);
    for (int i = 0; i < c->trait_count; i++) {
        free(c->traits[i].adjectives.text);
        free(c->traits[i].with.text);
        free(c->traits[i].without.text);
    }
    free(c->parts);
    free(c->traits);
    free(c->colors.text);
    free(c->words.text);
    lt_json_free(c->owner);
    free(c);
}
