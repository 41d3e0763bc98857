/* The files that a run reads, by device and inode. */
#define _POSIX_C_SOURCE 200809L /* stat */
#include "cli/console/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "cli/console/run.h"
#include "engine/text.h"

struct ce_input {
    dev_t device;
    ino_t inode;
};

static int append(struct ce_run *run, const struct stat *file)
{
    /* The array grows at powers of two; the run frees the smaller ones at its end. */
    const size_t count = run->input_count;
    if ((count & (count - 1)) == 0) {
        struct ce_input *grown = ce_alloc(run, count ? 2 * count : 1, sizeof *grown);
        if (!grown)
            return ce_error(run, "out of memory for the list of input files");
        if (count)
            memcpy(grown, run->inputs, count * sizeof *grown);
        run->inputs = grown;
    }
    run->inputs[run->input_count++] = (struct ce_input){file->st_dev, file->st_ino};
    return CE_PARSED;
}

int ce_inputs_note(struct ce_run *run, const char *path)
{
    struct stat file;
    bool there = path && stat(path, &file) == 0;
    const char *colon = path && !there ? strrchr(path, ':') : NULL;
    int64_t index;
    if (colon && ce_parse_int(colon + 1, &index)) {
        const char *name = ce_text(run, "%.*s", (int)(colon - path), path);
        if (!name)
            return ce_error(run, "out of memory for the list of input files");
        there = stat(name, &file) == 0;
    }
    return there && !S_ISDIR(file.st_mode) ? append(run, &file) : CE_PARSED;
}

int ce_inputs_note_model(struct ce_run *run)
{
    const struct ce_paths *p = &run->paths;
    const struct {
        const char *own, *name;
    } files[] = {{p->generator, "generator.safetensors"}, {p->clip, "clip.safetensors"},
                 {p->identity, "identity.safetensors"},   {p->vgg, "vgg.safetensors"},
                 {p->encoder, "encoder.safetensors"},     {p->detector, "face.safetensors"},
                 {NULL, "channels.safetensors"},          {NULL, "concepts.json"}};
    int status = ce_inputs_note(run, p->bpe);
    if (status == CE_PARSED)
        status = ce_inputs_note(run, p->concepts);
    for (size_t i = 0; i < CE_COUNT(files) && status == CE_PARSED; i++) {
        char *path = ce_model_file(run->ctx, p, files[i].own, files[i].name, false);
        status = ce_inputs_note(run, path);
        free(path);
    }
    return status;
}

bool ce_inputs_have(const struct ce_run *run, const struct stat *file)
{
    for (size_t i = 0; i < run->input_count; i++)
        if (run->inputs[i].inode == file->st_ino && run->inputs[i].device == file->st_dev)
            return true;
    return false;
}
