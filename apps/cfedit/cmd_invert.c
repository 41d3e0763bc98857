/* cfedit invert: a photo to its latent; announced, not there yet. */
#include "commands.h"
#include "options.h"

int ce_invert_unavailable(const struct ce_run *run)
{
    return ce_error(run, "inverting photos is not available yet; start from a generated picture "
                         "with --seed N or --latent FILE");
}

int ce_cmd_invert(struct ce_run *run, int argc, char **argv)
{
    const char *image = NULL;
    const struct ce_option table[] = {
        CE_OPT_TEXT("image", "FILE", &image, "a PNG or JPEG picture"),
    };
    const struct ce_syntax syntax = {
        .usage = "--image FILE",
        .about = "Finds the latent of a photo. Not available yet.",
        .takes = CE_TAKES_GENERATOR | CE_TAKES_DUMP,
        .table = table,
        .count = CE_COUNT(table),
    };
    const int status = ce_options_parse(run, &syntax, argc, argv);
    return status == CE_PARSED ? ce_invert_unavailable(run) : status;
}
