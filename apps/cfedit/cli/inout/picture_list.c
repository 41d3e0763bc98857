/* Folders among the pictures of a command line. */
#define _POSIX_C_SOURCE 200809L /* opendir */
#include "cli/inout/picture_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/inputs.h"
#include "cli/inout/output.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Appends the pictures of a folder, sorted by name. */
static int append_folder(struct ce_run *run, struct ce_list *list, const char *folder)
{
    const size_t before = list->count;
    int status = CE_PARSED;
    DIR *dir = opendir(folder);
    if (!dir)
        return ce_error(run, "cannot read the folder %s: %s", folder, strerror(errno));
    for (const struct dirent *entry; status == CE_PARSED && (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && ce_is_picture_name(entry->d_name)) {
            const char *path = ce_path_in(run, folder, ce_text(run, "%s", entry->d_name));
            status = !path                ? ce_fail(run)
                     : ce_is_folder(path) ? CE_PARSED
                                          : ce_list_append(run, list, path);
        }
    closedir(dir);
    if (status == CE_PARSED && list->count == before)
        return ce_error(run, "the folder %s has no .png or .jpg pictures", folder);
    if (status == CE_PARSED)
        qsort(list->items + before, list->count - before, sizeof *list->items, by_name);
    return status;
}

int ce_picture_list_expand(struct ce_run *run, struct ce_list *list)
{
    struct ce_list all = {0};
    int status = CE_PARSED;
    for (size_t i = 0; i < list->count && status == CE_PARSED; i++)
        status = ce_is_folder(list->items[i]) ? append_folder(run, &all, list->items[i])
                                              : ce_list_append(run, &all, list->items[i]);
    for (size_t i = 0; i < all.count && status == CE_PARSED; i++)
        status = ce_inputs_note(run, all.items[i]);
    if (status == CE_PARSED)
        *list = all;
    return status;
}
