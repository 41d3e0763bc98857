/* Writes the corpus that every fuzz target starts from: FOLDER/TARGET/NAME, files as the program
 * itself and image libraries write them. */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include <jpeglib.h> /* wants stdio.h before it */

#include "cli/pictures/image_file.h"
#include "engine/directions/channels.h"
#include "fuzz/models.h"
#include "tensor/files/file.h"

static const char *folder;

static void give_up(const char *what)
{
    fprintf(stderr, "write_seeds: %s\n", what);
    exit(1);
}

/* The path FOLDER/TARGET/NAME; it lasts until the next call. */
static const char *path_of(const char *target, const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, target);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        give_up(path);
    snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);
    return path;
}

static void put(const char *target, const char *name, const void *data, size_t size)
{
    FILE *file = fopen(path_of(target, name), "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        give_up(name);
}

static void put_text(const char *target, const char *name, const char *text)
{
    put(target, name, text, strlen(text));
}

/* Turns the safetensors file TARGET/NAME into its header, with `choice` in front unless
 * negative. */
static void keep_header(lt_ctx *ctx, const char *target, const char *name, int choice)
{
    void *data;
    size_t size;
    if (lt_file_read(ctx, path_of(target, name), SIZE_MAX / 2, &data, &size) != LT_OK)
        give_up(lt_ctx_message(ctx));
    unsigned char *bytes = data;
    size_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | bytes[i];
    bytes[7] = (unsigned char)(choice < 0 ? 0 : choice);
    const size_t skip = choice < 0 ? 8 : 7;
    put(target, name, bytes + skip, 8 + length - skip);
    free(data);
}

static void write_tensors(lt_ctx *ctx)
{
    const lt_scope scope = lt_scope_open(ctx);
    const char *names[] = {"w", "half", "brain", "ids", "none"}, *keys[] = {"a", "b"},
               *values[] = {"", "\xc3\xa9\n"};
    lt_tensor *t[] = {lt_full(ctx, 2, (int64_t[]){3, 4}, 1.5f),
                      lt_full(ctx, 1, (int64_t[]){5}, 2.0f), lt_full(ctx, 1, (int64_t[]){2}, -1.0f),
                      lt_from_copy(ctx, LT_I64, 1, (int64_t[]){2}, (int64_t[]){1, 2}),
                      lt_zeros(ctx, 2, (int64_t[]){0, 3})};
    t[1] = lt_cast(ctx, t[1], LT_F16);
    t[2] = lt_cast(ctx, t[2], LT_BF16);
    if (lt_safetensors_write(ctx, path_of("safetensors", "five"), 5, names, t, 2, keys, values) ||
        lt_safetensors_write(ctx, path_of("safetensors", "one"), 1, names, t, 0, NULL, NULL) ||
        lt_safetensors_write(ctx, path_of("safetensors", "empty"), 0, NULL, NULL, 1, keys, values))
        give_up(lt_ctx_message(ctx));
    lt_scope_close(ctx, scope, NULL);
}

static void write_json(void)
{
    put_text("json", "all-kinds",
             "{\"a\":[1,-0.5e-3,true,false,null,\"\\u00e9\\ud83d\\ude00\\n\"],\"\":{\"b\":{}}}");
    put_text("json", "numbers", "[0,-1,9223372036854775807,1e308,1.0,123456789.125,1E+2]");
    put_text("json", "nested", "[[[[[[[[[[[[[[[[{\"a\":[[[[]]]]}]]]]]]]]]]]]]]]]");
    put_text("json", "text", "\"caf\xc3\xa9 \xf0\x9f\x98\x80 \\\"\\\\\\/\\b\\f\\r\\t\"");
}

/* PNGs of every kind of pixel that libpng's simple writer offers. */
static void write_png(void)
{
    static const struct {
        const char *name;
        png_uint_32 format;
    } kind[] = {{"gray.png", PNG_FORMAT_GRAY},
                {"gray-alpha.png", PNG_FORMAT_GA},
                {"rgb.png", PNG_FORMAT_RGB},
                {"rgba.png", PNG_FORMAT_RGBA},
                {"map.png", PNG_FORMAT_RGBA_COLORMAP},
                {"deep.png", PNG_FORMAT_LINEAR_RGB},
                {"deep-alpha.png", PNG_FORMAT_LINEAR_RGB_ALPHA}};
    unsigned char pixels[9 * 7 * 8], map[256 * 4], file[4096];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (unsigned char)(i * 37);
    for (size_t i = 0; i < sizeof map; i++)
        map[i] = (unsigned char)(i * 91);
    for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) {
        png_image image = {.version = PNG_IMAGE_VERSION,
                           .width = 9,
                           .height = 7,
                           .format = kind[i].format,
                           .colormap_entries = 256};
        png_alloc_size_t size = sizeof file;
        if (!png_image_write_to_memory(&image, file, &size, 0, pixels, 0, map))
            give_up(image.message);
        put("picture", kind[i].name, file, size);
    }
}

/* A JPEG of `components` components with a mark of its orientation. */
static void write_jpeg(const char *name, int components, J_COLOR_SPACE space, int progressive)
{
    /* Exif: little-endian TIFF with one entry, 0x112 (orientation) = 6. */
    static const unsigned char orientation[] =
        "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"
        "\x06\0\0\0\0\0\0\0";
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL, row[17 * 4];
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = 17;
    jpeg.image_height = 11;
    jpeg.input_components = components;
    jpeg.in_color_space = space;
    jpeg_set_defaults(&jpeg);
    if (progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, orientation, sizeof orientation - 1);
    while (jpeg.next_scanline < jpeg.image_height) {
        for (size_t i = 0; i < sizeof row; i++)
            row[i] = (unsigned char)(i * 13 + jpeg.next_scanline * 29);
        jpeg_write_scanlines(&jpeg, (JSAMPROW[]){row}, 1);
    }
    jpeg_finish_compress(&jpeg);
    put("picture", name, bytes, size);
    jpeg_destroy_compress(&jpeg);
    free(bytes);
}

static void write_pictures(lt_ctx *ctx)
{
    ce_image image;
    const ce_image_text texts[] = {{"Comment", "made by a test"}, {"Title", "caf\xc3\xa9"}};
    if (ce_image_create(ctx, 6, 5, &image) != LT_OK ||
        ce_image_write(ctx, path_of("picture", "ours.png"), &image, texts, 2) != LT_OK ||
        ce_image_write(ctx, path_of("picture", "ours.jpg"), &image, texts, 2) != LT_OK)
        give_up(lt_ctx_message(ctx));
    ce_image_free(&image);
    write_png();
    write_jpeg("gray.jpg", 1, JCS_GRAYSCALE, 0);
    write_jpeg("rgb.jpg", 3, JCS_RGB, 0);
    write_jpeg("progressive.jpg", 3, JCS_RGB, 1);
    write_jpeg("cmyk.jpg", 4, JCS_CMYK, 0);
}

static void write_merges(lt_ctx *ctx)
{
    static const char *const texts[] = {"a photo of a face with green lips",
                                        "a photo of the face with blue hair"};
    char *merges = NULL;
    size_t bytes = 0;
    unsigned char packed[4096];
    if (lt_bpe_train(ctx, texts, 2, 40, &merges, &bytes) != LT_OK)
        give_up(lt_ctx_message(ctx));
    put("merges", "plain", merges, bytes);
    z_stream stream = {.next_in = (unsigned char *)merges,
                       .avail_in = (uInt)bytes,
                       .next_out = packed,
                       .avail_out = sizeof packed};
    /* 16 more than the largest window asks zlib for gzip's own header. */
    if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&stream, Z_FINISH) != Z_STREAM_END)
        give_up("zlib");
    put("merges", "packed", packed, stream.total_out);
    deflateEnd(&stream);
    free(merges);
}

static void write_texts(void)
{
    put_text("text", "plain", "A photo of a face with green lips, isn't it?");
    put_text("text", "entities", "&lt;b&gt; &amp;amp; &#233; &#x1F600; &notit; &");
    put_text("text", "marks",
             "<|startoftext|>face<|endoftext|> 12 caf\xc3\xa9 \xe2\x80\x9cquoted\xe2\x80\x9d");
    put_text(
        "text", "wide",
        "\xef\xbc\xa6\xef\xbd\x81\xef\xbd\x83\xef\xbd\x85 \xef\xac\x81 e\xcc\x81 \x1b[31m \xc4\xb0\xc3\x9f");
    put_text(
        "options", "all",
        "--flag\n--text=face\n--integer\n12\n--real=0.25\n--choice\nadam\n--no-toggle\n-o\nx.png\n--list\na\n--list=b");
    put_text("options", "seeds",
             "--seeds\n1-4,9,20-22\n--json\n--quiet\n--threads=2\n--seed\n7\n--\n-x");
    put_text("options", "wrong", "--sedes\n1\n--integer=1e9\n--real=nan\n-z\n--\n");
    put_text("options", "largest", "--seeds=9223372036854775806-9223372036854775807");
}

static void write_headers(void)
{
    struct fuzz_training training;
    fuzz_training_begin(&training);
    struct ce_models *models = &training.models;
    lt_ctx *ctx = models->ctx;
    const char *latents = "latents", *z = "z";
    lt_tensor *w = method_latents(ctx, 3, 1), *row = lt_zeros(ctx, 2, (int64_t[]){3, METHOD_D});
    struct ce_channels channels = {0};
    lt_tensor *effect = lt_full(
        ctx, 2, (int64_t[]){lt_stylegan2_style_channels(models->generator, 1), METHOD_E}, 0.4f);
    if (ce_trainer_save(training.trainer, path_of("checkpoint", "fresh")) != LT_OK ||
        ce_trainer_step(training.trainer, NULL) != LT_OK ||
        ce_trainer_save(training.trainer, path_of("checkpoint", "trained")) != LT_OK ||
        ce_trainer_save_mapper(training.trainer, path_of("checkpoint", "mapper")) != LT_OK ||
        lt_safetensors_write(ctx, path_of("latents", "wplus"), 1, &latents, &w, 0, NULL, NULL) ||
        lt_safetensors_write(ctx, path_of("latents", "row"), 1, &latents, &w, 0, NULL, NULL) ||
        lt_safetensors_write(ctx, path_of("latents", "w"), 1, &latents, &row, 0, NULL, NULL) ||
        lt_safetensors_write(ctx, path_of("latents", "z"), 1, &z, &row, 0, NULL, NULL) ||
        lt_params_create(ctx, &channels.params) != LT_OK ||
        lt_params_add(ctx, channels.params, "effect.1", effect) != LT_OK ||
        ce_channels_save(models, &channels, path_of("channels", "one")) != LT_OK)
        give_up(lt_ctx_message(ctx));
    ce_channels_close(&channels);
    fuzz_training_end(&training);
}

/* Copies the safetensors file FROM/NAME to the seeds of the target `commands`, as its header with
 * the command line in front. */
static void put_command(lt_ctx *ctx, const char *from, const char *name, enum fuzz_line line)
{
    void *data;
    size_t size;
    char number[16];
    snprintf(number, sizeof number, "%d", (int)line);
    if (lt_file_read(ctx, path_of(from, name), SIZE_MAX / 2, &data, &size) != LT_OK)
        give_up(lt_ctx_message(ctx));
    put("commands", number, data, size);
    free(data);
    keep_header(ctx, "commands", number, (int)line);
}

static void write_networks(void)
{
    struct ce_models models;
    method_models_make(&models, CE_NEED_GENERATOR | CE_NEED_TEXT | CE_NEED_IDENTITY |
                                    CE_NEED_ENCODER | CE_NEED_VGG);
    const struct {
        const char *name;
        const lt_params *params;
        enum fuzz_line lines[4]; /* FUZZ_INFO, which is 0, ends them */
    } network[] = {{"generator",
                    models.generator_params,
                    {FUZZ_GENERATE, FUZZ_EDIT_GENERATOR, FUZZ_INVERT_GENERATOR}},
                   {"clip", models.clip_params, {FUZZ_EMBED, FUZZ_EDIT_CLIP}},
                   {"identity", models.identity_params, {FUZZ_EDIT_IDENTITY}},
                   {"encoder", models.encoder_params, {FUZZ_INVERT_ENCODER}},
                   {"vgg", models.vgg_params, {FUZZ_INVERT_VGG}}};
    for (int i = 0; i < 5; i++) {
        if (lt_params_save(models.ctx, network[i].params, path_of("networks", network[i].name),
                           LT_F16) != LT_OK)
            give_up(lt_ctx_message(models.ctx));
        for (const enum fuzz_line *line = network[i].lines; *line != FUZZ_INFO; line++)
            put_command(models.ctx, "networks", network[i].name, *line);
        keep_header(models.ctx, "networks", network[i].name, i);
    }
    put_command(models.ctx, "checkpoint", "mapper", FUZZ_APPLY);
    put_command(models.ctx, "channels", "one", FUZZ_EDIT_CHANNELS);
    method_models_free(&models);
}

int main(int argc, char **argv)
{
    lt_ctx *ctx;
    if (argc != 2) {
        fprintf(stderr, "usage: write_seeds FOLDER   (FOLDER exists)\n");
        return 2;
    }
    folder = argv[1];
    if (lt_ctx_create(&ctx) != LT_OK)
        return 1;
    write_tensors(ctx);
    write_json();
    write_pictures(ctx);
    write_merges(ctx);
    write_texts();
    write_headers();
    write_networks();
    for (int i = 0; i < 3; i++)
        keep_header(ctx, "checkpoint", (const char *[]){"fresh", "trained", "mapper"}[i], -1);
    keep_header(ctx, "channels", "one", -1);
    /* The bits of the choice: fuzz_latents.c. */
    keep_header(ctx, "latents", "wplus", 0);
    keep_header(ctx, "latents", "row", 0x21);
    keep_header(ctx, "latents", "w", 4);
    keep_header(ctx, "latents", "z", 2);
    lt_ctx_destroy(ctx);
    return 0;
}
