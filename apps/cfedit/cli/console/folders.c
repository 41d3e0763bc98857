/* Folders that results go to. */
#define _POSIX_C_SOURCE 200809L /* mkdir, stat */
#include "cli/console/folders.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

bool ce_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

const char *ce_path_in(struct ce_run *run, const char *folder, const char *name)
{
    const size_t length = folder ? strlen(folder) : 0;
    return length && name
               ? ce_text(run, "%s%s%s", folder, folder[length - 1] != '/' ? "/" : "", name)
               : name;
}

lt_status ce_folder_make(lt_ctx *ctx, const char *path)
{
    char part[4096];
    const size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return lt_fail(ctx, LT_ERR_IO, "cannot make the folder '%.60s': the name is %s", path,
                       length ? "too long" : "empty");
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        /* A folder that exists is left alone: on a read-only disk, for example, mkdir() would fail
         * for it with another error than EEXIST. */
        if (!ce_is_folder(part) && mkdir(part, 0777) != 0)
            return lt_fail(ctx, LT_ERR_IO, "cannot make the folder %s: %s", part,
                           strerror(errno == EEXIST ? ENOTDIR : errno));
    }
    return LT_OK;
}
