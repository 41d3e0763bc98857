#define _POSIX_C_SOURCE 200809L /* readlink */
#include "engine/model_files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/text.h"

/* The folder of the running executable, to be given to free(); NULL if the system does not tell. */
static char *executable_folder(lt_ctx *ctx)
{
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    return ce_copy(ctx, path);
}

/* The path of the file `name` in a folder, to be given to free(); NULL if there is none. */
static char *file_in(lt_ctx *ctx, const char *folder, const char *below, const char *name)
{
    char *path = ce_format(ctx, "%s%s/%s", folder, below, name);
    if (path && access(path, F_OK) != 0) {
        free(path);
        path = NULL;
    }
    return path;
}

char *ce_shipped_file(lt_ctx *ctx, const char *name, bool required)
{
    char *here = executable_folder(ctx);
    char *path = here ? file_in(ctx, here, "/weights", name) : NULL;
    if (!path && here)
        path = file_in(ctx, here, "/../share/cfedit", name);
#ifdef CE_DATADIR
    if (!path)
        path = file_in(ctx, CE_DATADIR, "", name);
#endif
    if (!path && required)
        lt_fail(ctx, LT_ERR_IO,
                "the model's %s is not in %s%s; name its folder with --model or CFEDIT_MODEL", name,
                here ? here : "the program's folder", here ? "/weights" : "");
    free(here);
    return path;
}

char *ce_model_file(lt_ctx *ctx, const struct ce_paths *paths, const char *own, const char *name,
                    bool required)
{
    const char *folder = paths->model, *from = "--model";
    if (own)
        return ce_copy(ctx, own);
    if (!folder) {
        folder = getenv("CFEDIT_MODEL");
        from = "CFEDIT_MODEL";
        if (folder && !*folder)
            folder = NULL;
    }
    if (!folder)
        return ce_shipped_file(ctx, name, required);
    char *path = file_in(ctx, folder, "", name);
    if (!path && required)
        lt_fail(ctx, LT_ERR_IO, "%s: there is no %s in the folder that %s names", folder, name,
                from);
    return path;
}
