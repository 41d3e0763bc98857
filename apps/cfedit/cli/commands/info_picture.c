#include "cli/commands/info_picture.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/console/report.h"
#include "cli/inout/recipe.h"
#include "cli/pictures/image_texts.h"

static void put(lt_json_writer *w, const char *path, const ce_image *image,
                const struct ce_image_texts *texts)
{
    lt_json_begin_object(w);
    lt_json_put_key(w, "file");
    lt_json_put_string(w, path);
    lt_json_put_key(w, "kind");
    lt_json_put_string(w, "picture");
    lt_json_put_key(w, "width");
    lt_json_put_int(w, image->width);
    lt_json_put_key(w, "height");
    lt_json_put_int(w, image->height);
    lt_json_put_key(w, "texts");
    lt_json_begin_object(w);
    for (size_t i = 0; i < texts->count; i++) {
        lt_json_put_key(w, texts->text[i].key);
        lt_json_put_string(w, texts->text[i].text);
    }
    lt_json_end_object(w);
    lt_json_end_object(w);
}

/* Prints a text under its key in small letters; the command line comes last, see print(). */
static void print_text(const ce_image_text *text)
{
    char key[16];
    snprintf(key, sizeof key, "%s", text->key);
    for (char *c = key; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    printf("  ");
    ce_print_foreign(key, sizeof key);
    printf("%*s", strlen(key) < 10 ? (int)(10 - strlen(key)) : 1, "");
    ce_print_foreign(text->text, 400);
    putchar('\n');
}

static void print(const char *path, const ce_image *image, const struct ce_image_texts *texts)
{
    const char *command = NULL;
    printf("%s: a picture of %d x %d pixels\n", path, image->width, image->height);
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->text[i].key, CE_COMMAND_LINE) == 0)
            command = texts->text[i].text;
        else
            print_text(&texts->text[i]);
    if (!command)
        return;
    printf("  made again by\n    ");
    ce_print_foreign(command, strlen(command));
    putchar('\n');
}

lt_status ce_info_picture(struct ce_run *run, const char *path, lt_json_writer *writer)
{
    ce_image image = {0};
    struct ce_image_texts texts = {0};
    lt_status status = ce_image_read(run->ctx, path, &image);
    if (status == LT_OK)
        status = ce_image_texts_read(run->ctx, path, &texts);
    if (status == LT_OK && writer)
        put(writer, path, &image, &texts);
    else if (status == LT_OK)
        print(path, &image, &texts);
    ce_image_texts_free(&texts);
    ce_image_free(&image);
    return status;
}
