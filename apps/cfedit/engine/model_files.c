#define _POSIX_C_SOURCE 200809L /* readlink */
#include "engine/model_files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDERS_MAX 3

/* The folder of the running executable, or NULL. */
static char *executable_folder(struct ce_run *run)
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
    return ce_text(run, "%s", path);
}

/* The folders of the shipped model; returns their number. */
static int shipped_folders(struct ce_run *run, const char *folders[FOLDERS_MAX])
{
    int n = 0;
    const char *here = executable_folder(run);
    if (here) {
        folders[n++] = ce_text(run, "%s/weights", here);
        folders[n++] = ce_text(run, "%s/../share/cfedit", here);
    }
#ifdef CE_DATADIR
    folders[n++] = CE_DATADIR;
#endif
    return n;
}

const char *ce_model_file(struct ce_run *run, const char *own, const char *name, bool required)
{
    const char *folders[FOLDERS_MAX];
    const char *from = "--model";
    const char *folder = run->paths.model;
    if (own)
        return own;
    if (!folder) {
        folder = getenv("CFEDIT_MODEL");
        from = "CFEDIT_MODEL";
        if (folder && !*folder)
            folder = NULL;
    }
    if (folder) {
        const char *path = ce_text(run, "%s/%s", folder, name);
        if (!path || access(path, F_OK) == 0)
            return path;
        if (required)
            lt_fail(run->ctx, LT_ERR_IO, "%s: there is no %s in the folder that %s names", folder,
                    name, from);
        return NULL;
    }
    const int n = shipped_folders(run, folders);
    for (int i = 0; i < n; i++) {
        const char *path = folders[i] ? ce_text(run, "%s/%s", folders[i], name) : NULL;
        if (path && access(path, F_OK) == 0)
            return path;
    }
    if (required)
        lt_fail(run->ctx, LT_ERR_IO,
                "the model's %s is not in %s; name its folder with --model or CFEDIT_MODEL", name,
                n > 0 && folders[0] ? folders[0] : "the program's folder");
    return NULL;
}
