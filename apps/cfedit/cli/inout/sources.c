/* The options that say which pictures are meant, and their latents. */
#include "cli/inout/sources.h"

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "cli/console/inputs.h"
#include "cli/console/report.h"
#include "cli/inout/photos.h"
#include "cli/inout/picture_list.h"
#include "cli/inout/seeds.h"
#include "engine/kinds.h"
#include "engine/latents.h"
#include "tensor/hash.h"

#define TRUNCATION_MOST 10.0
/* Below the range: the help shows no number. */
#define TRUNCATION_UNSET (-1000.0)

struct ce_sources ce_sources_defaults(unsigned kinds)
{
    return (struct ce_sources){.kinds = kinds,
                               .framing = ce_framing_defaults(),
                               .invert_steps = ce_invert_defaults().steps,
                               .truncation = TRUNCATION_UNSET};
}

size_t ce_sources_options(struct ce_sources *s, struct ce_option *out)
{
    size_t n = 0;
    out[n++] = (struct ce_option)CE_OPT_TEXT(
        "seeds", "LIST", &s->seeds_text,
        "the random pictures of several seeds, such as 1-16 or 3,5,9 (--seed N: of one seed). "
        "The picture of a seed depends on the seed and the truncation only");
    out[n - 1].aside = true;
    out[n++] = (struct ce_option)CE_OPT_FILE(
        "latents", "FILE[:I]", &s->latents,
        "the pictures of latents: a safetensors file with tensor latents, or a .npy or .npz file, "
        "(N, L, D) for W+ or (N, D) for W; :I takes only number I, counted from 0");
    out[n - 1].source = true;
    if (s->kinds & CE_SOURCE_Z)
        out[n++] = (struct ce_option)CE_OPT_FILE(
            "z", "FILE", &s->z,
            "the pictures of z vectors: a safetensors file with tensor z (N, Z)");
    if (s->kinds & CE_SOURCE_IMAGES) {
        out[n++] = (struct ce_option)CE_OPT_IMAGES(
            &s->images, "a photo, or all photos of a folder; their latents are found first, as by "
                        "'cfedit invert'; may be repeated");
        out[n++] = (struct ce_option)CE_OPT_INT(
            "invert-steps", "N", &s->invert_steps, 0, 1000000,
            "optimisation steps for the latent of a photo, see 'cfedit invert --help'");
        ce_framing_options(&s->framing, out + n);
        n += CE_FRAMING_OPTIONS;
    }
    struct ce_option truncation = CE_OPT_REAL(
        "truncation", "PSI", &s->truncation, -TRUNCATION_MOST, TRUNCATION_MOST,
        "distance of the latents from the generator's average: 1 as they are, nearer 0 safer and "
        "more alike (default: for seeds what the generator's file says, else 0.7; for files 1)");
    truncation.given = &s->truncation_given;
    out[n++] = truncation;
    return n;
}

int ce_sources_settle(struct ce_run *run, struct ce_sources *s, int64_t seed)
{
    const bool photos = s->images.count > 0;
    if ((s->latents != NULL) + (s->z != NULL) + (s->seeds_text != NULL) + photos + run->seed_given >
        1)
        return ce_usage_error(run, "only one of --seed, --seeds, --latents and %s can be given",
                              s->kinds & CE_SOURCE_Z ? "--z" : "--image");
    if (photos && s->truncation_given)
        return ce_usage_error(run,
                              "--truncation does not apply to photos; leave it out with --image");
    int status = ce_framing_settle(run, &s->framing);
    if (status == CE_PARSED)
        status = ce_picture_list_expand(run, &s->images);
    s->count = s->images.count;
    if (status == CE_PARSED && s->seeds_text)
        status = ce_seeds_parse(run, s->seeds_text, &s->seeds, &s->count);
    else if (status == CE_PARSED && !s->latents && !s->z && !photos)
        status = ce_seeds_one(run, seed, &s->seeds, &s->count);
    return status;
}

lt_status ce_sources_open(struct ce_run *run, const struct ce_models *models, struct ce_sources *s)
{
    enum ce_latents_form form = CE_LATENTS_WPLUS;
    if (!s->truncation_given)
        s->truncation = s->seeds ? models->truncation : 1.0;
    if (s->seeds || s->images.count > 0)
        return LT_OK;
    s->stored = s->z ? ce_latents_read_z(models, s->z)
                     : ce_latents_view_file(models, s->latents, false, &form);
    if (!s->stored)
        return lt_ctx_status(run->ctx);
    if (form == CE_LATENTS_ONE_WPLUS)
        ce_note(
            run,
            "note: %s has %d rows, one for each layer of the generator, so they are taken as one "
            "latent of W+",
            s->latents, lt_stylegan2_latents(models->generator));
    s->count = (size_t)lt_dim(s->stored, 0);
    return LT_OK;
}

static lt_tensor *take_photo(struct ce_run *run, const struct ce_models *models,
                             const struct ce_sources *s, size_t index, lt_tensor **photo)
{
    struct ce_invert_config config = ce_invert_defaults();
    struct ce_photos found;
    config.steps = (int)s->invert_steps;
    if (ce_photos_invert(run, models, &config, &s->framing, s->images.items + index, 1, &found) !=
        LT_OK)
        return NULL;
    *photo = found.x;
    return found.w;
}

/* Row `index` of the file, as W+. */
static lt_tensor *take_row(struct ce_run *run, const struct ce_models *models,
                           const struct ce_sources *s, size_t index)
{
    lt_ctx *ctx = run->ctx;
    lt_no_grad_begin(ctx);
    lt_tensor *row = lt_clone(ctx, lt_slice(ctx, s->stored, 0, (int64_t)index, 1));
    if (row && s->z)
        row = ce_latents_from_z(models, row, s->truncation);
    else if (row && s->truncation_given &&
             !(row = lt_stylegan2_truncate(ctx, models->generator, row, (float)s->truncation)))
        ce_blame_file(ctx, models->generator_path);
    lt_no_grad_end(ctx);
    return row;
}

lt_tensor *ce_sources_take(struct ce_run *run, const struct ce_models *models,
                           const struct ce_sources *s, size_t index, lt_tensor **photo)
{
    *photo = NULL;
    if (s->images.count > 0)
        return take_photo(run, models, s, index, photo);
    return s->seeds ? ce_latents_from_seeds(models, s->seeds + index, 1, s->truncation)
                    : take_row(run, models, s, index);
}

const char *ce_sources_mark(struct ce_run *run, const struct ce_sources *s, size_t index)
{
    uint64_t hash = run->settings;
    if (s->images.count > 0) {
        hash = lt_hash_text(hash, s->images.items[index]);
    } else {
        const int64_t number = s->seeds ? s->seeds[index] : (int64_t)index;
        hash = lt_hash(hash, &number, sizeof number);
    }
    return ce_text(run, "%016llx", (unsigned long long)hash);
}
