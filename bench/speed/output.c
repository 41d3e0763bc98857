#include "bench/speed/output.h"

void output_open(struct output *out, const char *path)
{
    out->path = path;
    snprintf(out->temporary, sizeof out->temporary, "%s.tmp", path);
    out->file = fopen(out->temporary, "w");
}

bool output_close(struct output *out)
{
    const bool opened = out->file != NULL, written = opened && !ferror(out->file);
    if (opened && fclose(out->file) == 0 && written && rename(out->temporary, out->path) == 0)
        return true;
    if (opened)
        remove(out->temporary);
    fprintf(stderr, "bench: %s could not be written\n", out->path);
    return false;
}
