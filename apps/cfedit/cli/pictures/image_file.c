/* PNG files through libpng and JPEG files through libjpeg. Both libraries read from memory and
 * write through a callback, and report errors by longjmp(). */
#include "cli/pictures/image_file.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>

#include "autograd/ops.h"
#include "engine/public/cfedit.h"
#include "tensor/files/file.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)
#define JPEG_QUALITY   92
#define JPEG_MAX_SCANS 500
#define FREE_BYTES     ((size_t)64 << 20) /* of a picture in memory, whatever the file's size */
#define UNPACK_RATIO   256                /* bytes of a picture beyond those for each of the file */

lt_status ce_image_create(lt_ctx *ctx, int width, int height, ce_image *out)
{
    *out = (ce_image){0};
    if (width < 1 || height < 1 || width > CE_IMAGE_MAX_SIDE || height > CE_IMAGE_MAX_SIDE ||
        (int64_t)width * height > CE_IMAGE_MAX_PIXELS)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "picture of %d x %d pixels, at most %d a side and %d in all are possible",
                       width, height, CE_IMAGE_MAX_SIDE, CE_IMAGE_MAX_PIXELS);
    out->rgb = calloc((size_t)width * (size_t)height, 3);
    if (!out->rgb)
        return lt_fail(ctx, LT_ERR_MEMORY, "no memory for a picture of %d x %d pixels", width,
                       height);
    out->width = width;
    out->height = height;
    return LT_OK;
}

void ce_image_free(ce_image *image)
{
    free(image->rgb);
    *image = (ce_image){0};
}

/* The state of reading or writing one file. Local variables that change between setjmp() and
 * longjmp() would lose their values; members behind a pointer keep them. */
typedef struct codec {
    lt_ctx *ctx;
    const char *path;
    const uint8_t *data; /* input file */
    size_t size, at;
    int width, height, channels;
    uint8_t *pixels; /* width x height x channels */
    png_bytep *rows; /* into pixels */
    int orientation; /* EXIF, 1..8 */
    lt_file_writer *writer;
    lt_status status; /* a failure that is already recorded */
    char problem[JMSG_LENGTH_MAX > 256 ? JMSG_LENGTH_MAX : 256];
    jmp_buf jump;
} codec;

static lt_status check_size(codec *c, uint64_t width, uint64_t height)
{
    if (width < 1 || height < 1 || width > CE_IMAGE_MAX_SIDE || height > CE_IMAGE_MAX_SIDE ||
        width * height > CE_IMAGE_MAX_PIXELS)
        c->status = lt_fail(c->ctx, LT_ERR_FORMAT,
                            "%s: %llu x %llu pixels, at most %d a side and %d in all are read",
                            c->path, (unsigned long long)width, (unsigned long long)height,
                            CE_IMAGE_MAX_SIDE, CE_IMAGE_MAX_PIXELS);
    c->width = (int)width;
    c->height = (int)height;
    return c->status;
}

/* Takes memory for the pixels. A small file that unpacks to very many of them is refused: no photo
 * or drawing that means something shrinks so far. */
static lt_status take_pixels(codec *c)
{
    const size_t bytes = (size_t)c->width * (size_t)c->height * (size_t)c->channels;
    if (bytes > FREE_BYTES && bytes - FREE_BYTES > UNPACK_RATIO * c->size) {
        c->status =
            lt_fail(c->ctx, LT_ERR_FORMAT,
                    "%s: %d x %d pixels from %zu bytes; a picture of more than %d MiB is read "
                    "from at least one byte for every %d of it",
                    c->path, c->width, c->height, c->size, (int)(FREE_BYTES >> 20), UNPACK_RATIO);
        return c->status;
    }
    c->pixels = malloc(bytes);
    if (!c->pixels)
        c->status = lt_fail(c->ctx, LT_ERR_MEMORY, "%s: no memory for %d x %d pixels", c->path,
                            c->width, c->height);
    return c->status;
}

/* ---- EXIF ---- */

static unsigned exif_number(const uint8_t *p, int bytes, bool big)
{
    unsigned value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | p[big ? i : bytes - 1 - i];
    return value;
}

/* The EXIF orientation in a TIFF header and directory; 1, upright, if there is none. */
static int exif_orientation(const uint8_t *p, size_t size)
{
    if (size < 8)
        return 1;
    if (memcmp(p, "MM\0*", 4) != 0 && memcmp(p, "II*\0", 4) != 0)
        return 1;
    bool big = p[0] == 'M';
    size_t at = exif_number(p + 4, 4, big);
    if (at > size - 2)
        return 1;
    unsigned entries = exif_number(p + at, 2, big);
    at += 2;
    for (; entries > 0 && size - at >= 12; entries--, at += 12) {
        const uint8_t *entry = p + at;
        if (exif_number(entry, 2, big) != 0x112)
            continue;
        /* The tag must hold one value of type SHORT. */
        if (exif_number(entry + 2, 2, big) != 3 || exif_number(entry + 4, 4, big) != 1)
            return 1;
        unsigned value = exif_number(entry + 8, 2, big);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* ---- PNG ---- */

static void png_fail(png_structp png, png_const_charp message)
{
    codec *c = png_get_error_ptr(png);
    snprintf(c->problem, sizeof c->problem, "%s", message);
    longjmp(c->jump, 1);
}

static void png_ignore(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void png_take(png_structp png, png_bytep to, size_t count)
{
    codec *c = png_get_io_ptr(png);
    if (count > c->size - c->at)
        png_error(png, "the file is truncated");
    memcpy(to, c->data + c->at, count);
    c->at += count;
}

/* Turns RGBA into RGB in place, over a white background. */
static void drop_alpha(uint8_t *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned alpha = pixels[4 * i + 3];
        for (int k = 0; k < 3; k++)
            pixels[3 * i + k] =
                (uint8_t)((pixels[4 * i + k] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

/* Decodes into c->pixels. Everything here may longjmp(). */
static void png_decode(codec *c, png_structp png, png_infop info)
{
    png_set_read_fn(png, c, png_take);
    png_set_user_limits(png, 0x7fffffff,
                        0x7fffffff); /* check_size() refuses large pictures with a better message */
    /* Texts and profiles are not used, and unpack to any size: they are skipped unread. */
    static const png_byte unused[] = "tEXt\0zTXt\0iTXt\0iCCP\0sPLT";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, unused, sizeof unused / 5);
    png_set_chunk_malloc_max(png, 16u << 20);
    png_set_chunk_cache_max(png, 128);
    png_read_info(png, info);
    if (check_size(c, png_get_image_width(png, info), png_get_image_height(png, info)) != LT_OK)
        return;
    /* Deflate shrinks data at most 1032 to 1. A file too small for its picture is refused before
     * memory is taken. */
    if (png_get_rowbytes(png, info) * (size_t)c->height / 1040 > c->size)
        png_error(png, "the file is truncated");
    bool alpha = (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) != 0 ||
                 png_get_valid(png, info, PNG_INFO_tRNS) != 0;
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    c->channels = alpha ? 4 : 3;
    if (png_get_rowbytes(png, info) != (size_t)c->width * (size_t)c->channels)
        png_error(png, "unexpected pixel format");
    if (take_pixels(c) != LT_OK)
        return;
    c->rows = malloc((size_t)c->height * sizeof *c->rows);
    if (!c->rows)
        png_error(png, "out of memory");
    for (int y = 0; y < c->height; y++)
        c->rows[y] = c->pixels + (size_t)y * (size_t)c->width * (size_t)c->channels;
    png_read_image(png, c->rows);
    png_read_end(png, info);
    png_bytep exif = NULL;
    png_uint_32 exif_size = 0;
    if (png_get_eXIf_1(png, info, &exif_size, &exif) != 0)
        c->orientation = exif_orientation(exif, exif_size);
    if (alpha)
        drop_alpha(c->pixels, (size_t)c->width * (size_t)c->height);
}

static lt_status read_png(codec *c)
{
    png_infop info = NULL;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, c, png_fail, png_ignore);
    if (png)
        info = png_create_info_struct(png);
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return lt_fail(c->ctx, LT_ERR_MEMORY, "%s: no memory for libpng", c->path);
    }
    if (setjmp(c->jump) == 0)
        png_decode(c, png, info);
    else
        c->status = lt_fail(c->ctx, LT_ERR_FORMAT, "%s: damaged PNG: %s", c->path, c->problem);
    png_destroy_read_struct(&png, &info, NULL);
    free(c->rows);
    c->rows = NULL;
    return c->status;
}

/* ---- JPEG ---- */

typedef struct jpeg_errors {
    struct jpeg_error_mgr base; /* first: libjpeg hands back a pointer to it */
    codec *codec;
} jpeg_errors;

static void jpeg_fail(j_common_ptr jpeg)
{
    codec *c = ((jpeg_errors *)(void *)jpeg->err)->codec;
    jpeg->err->format_message(jpeg, c->problem);
    longjmp(c->jump, 1);
}

/* libjpeg warns of damage with level -1. Damage that loses pixels ends the decoding. Other warnings
 * are about mistakes that ordinary cameras make. */
static void jpeg_note(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC: jpeg_fail(jpeg); break;
    default: jpeg->err->num_warnings++;
    }
}

static void jpeg_print_nothing(j_common_ptr jpeg) { (void)jpeg; }

static struct jpeg_error_mgr *jpeg_errors_init(jpeg_errors *errors, codec *c)
{
    jpeg_std_error(&errors->base);
    errors->base.error_exit = jpeg_fail;
    errors->base.emit_message = jpeg_note;
    errors->base.output_message = jpeg_print_nothing;
    errors->codec = c;
    return &errors->base;
}

/* Limits the scans: a small file could ask for very many passes over a large picture. */
static void jpeg_count_scans(j_common_ptr jpeg)
{
    if (jpeg->is_decompressor &&
        ((j_decompress_ptr)(void *)jpeg)->input_scan_number > JPEG_MAX_SCANS) {
        codec *c = ((jpeg_errors *)(void *)jpeg->err)->codec;
        snprintf(c->problem, sizeof c->problem, "more than %d scans", JPEG_MAX_SCANS);
        longjmp(c->jump, 1);
    }
}

/* Turns CMYK into RGB in place. Adobe's programs, which write nearly all CMYK files, store the inks
 * inverted: 255 is none. Files without Adobe's marker do so too, so browsers do not ask for it. */
static void drop_black(uint8_t *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 3; k++)
            pixels[3 * i + k] =
                (uint8_t)(((unsigned)pixels[4 * i + k] * pixels[4 * i + 3] + 127) / 255);
}

static void jpeg_decode(codec *c, struct jpeg_decompress_struct *jpeg)
{
    jpeg->mem->max_memory_to_use = 1L << 30;
    jpeg_mem_src(jpeg, c->data, (unsigned long)c->size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    if (check_size(c, jpeg->image_width, jpeg->image_height) != LT_OK)
        return;
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && c->orientation == 1 && m->data_length > 6 &&
            memcmp(m->data, "Exif\0\0", 6) == 0)
            c->orientation = exif_orientation(m->data + 6, m->data_length - 6);
    /* A Huffman code takes at least one bit for each block's mean. A file too small for its picture
     * is refused before memory is taken. */
    uint64_t blocks = 0;
    for (int k = 0; k < jpeg->num_components; k++)
        blocks +=
            (uint64_t)jpeg->comp_info[k].width_in_blocks * jpeg->comp_info[k].height_in_blocks;
    if (!jpeg->arith_code && blocks / 8 > c->size)
        ERREXIT(jpeg, JERR_INPUT_EOF);
    bool inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    c->channels = inks ? 4 : 3;
    jpeg->dct_method = JDCT_ISLOW;
    if (take_pixels(c) != LT_OK) /* before libjpeg takes memory for coefficients */
        return;
    jpeg_start_decompress(jpeg);
    size_t stride = (size_t)c->width * (size_t)c->channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = c->pixels + (size_t)jpeg->output_scanline * stride;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    if (inks)
        drop_black(c->pixels, (size_t)c->width * (size_t)c->height);
}

static lt_status read_jpeg(codec *c)
{
    struct jpeg_decompress_struct jpeg = {0};
    struct jpeg_progress_mgr progress = {.progress_monitor = jpeg_count_scans};
    jpeg_errors errors;

    jpeg.err = jpeg_errors_init(&errors, c);
    if (setjmp(c->jump) == 0) {
        jpeg_create_decompress(&jpeg);
        jpeg.progress = &progress;
        jpeg_decode(c, &jpeg);
    } else {
        c->status = lt_fail(c->ctx, LT_ERR_FORMAT, "%s: damaged JPEG: %s", c->path, c->problem);
    }
    jpeg_destroy_decompress(&jpeg);
    return c->status;
}

/* ---- reading ---- */

/* Copies RGB pixels into a new `image`, turned upright. */
static lt_status turn(lt_ctx *ctx, const uint8_t *pixels, int width, int height, int orientation,
                      ce_image *image)
{
    bool swap = orientation >= 5;
    lt_status status = ce_image_create(ctx, swap ? height : width, swap ? width : height, image);
    if (status != LT_OK)
        return status;
    bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    for (int y = 0; y < image->height; y++) {
        for (int x = 0; x < image->width; x++) {
            int sx = swap ? y : x, sy = swap ? x : y;
            if (flip_x)
                sx = width - 1 - sx;
            if (flip_y)
                sy = height - 1 - sy;
            memcpy(image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x),
                   pixels + 3 * ((size_t)sy * (size_t)width + (size_t)sx), 3);
        }
    }
    return LT_OK;
}

/* The name of another picture format that the file seems to be in; NULL: none is known. */
static const char *other_kind(const uint8_t *p, size_t size)
{
    if (size >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0)
        return "a WebP picture";
    if (size >= 12 && memcmp(p + 4, "ftyp", 4) == 0)
        return "a HEIF or AVIF picture or a film";
    if (size >= 6 && (memcmp(p, "GIF87a", 6) == 0 || memcmp(p, "GIF89a", 6) == 0))
        return "a GIF picture";
    if (size >= 4 && (memcmp(p, "II*\0", 4) == 0 || memcmp(p, "MM\0*", 4) == 0))
        return "a TIFF picture";
    if (size >= 2 && memcmp(p, "BM", 2) == 0)
        return "a BMP picture";
    return NULL;
}

lt_status ce_image_read(lt_ctx *ctx, const char *path, ce_image *out)
{
    static const uint8_t png_magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t jpeg_magic[3] = {0xff, 0xd8, 0xff};
    void *data;
    lt_status status;

    *out = (ce_image){0};
    codec *c = calloc(1, sizeof *c);
    if (!c)
        return lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory", path);
    c->ctx = ctx;
    c->path = path;
    c->orientation = 1;
    status = lt_file_read(ctx, path, MAX_FILE_BYTES, &data, &c->size);
    if (status != LT_OK)
        goto done;
    c->data = data;
    if (c->size >= sizeof png_magic && memcmp(c->data, png_magic, sizeof png_magic) == 0) {
        status = read_png(c);
    } else if (c->size >= sizeof jpeg_magic &&
               memcmp(c->data, jpeg_magic, sizeof jpeg_magic) == 0) {
        status = read_jpeg(c);
    } else {
        const char *kind = other_kind(c->data, c->size);
        status = lt_fail(ctx, LT_ERR_FORMAT, "%s: not a PNG or JPEG file%s%s", path,
                         kind ? " but " : "", kind ? kind : "");
    }
    if (status == LT_OK && c->orientation != 1) {
        status = turn(ctx, c->pixels, c->width, c->height, c->orientation, out);
    } else if (status == LT_OK) {
        size_t count = (size_t)c->width * (size_t)c->height;
        /* Give back the memory of the fourth channel; if that fails, nothing is lost. */
        uint8_t *shrunk = c->channels == 4 ? realloc(c->pixels, 3 * count) : NULL;
        *out = (ce_image){c->width, c->height, shrunk ? shrunk : c->pixels};
        c->pixels = NULL;
    }
    free(data);
done:
    free(c->pixels);
    free(c);
    return status;
}

/* ---- writing ---- */

static void png_give(png_structp png, png_bytep from, size_t count)
{
    codec *c = png_get_io_ptr(png);
    c->status = lt_file_writer_write(c->writer, from, count);
    if (c->status != LT_OK)
        png_error(png, "write failed");
}

static void png_flush_nothing(png_structp png) { (void)png; }

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

static void png_encode(codec *c, png_structp png, png_infop info, const ce_image *image,
                       const ce_image_text *texts, size_t n_texts)
{
    png_set_write_fn(png, c, png_give, png_flush_nothing);
    png_set_IHDR(png, info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    for (size_t i = 0; i < n_texts; i++) {
        char key[80];
        png_text text = {0};
        snprintf(key, sizeof key, "%s", texts[i].key);
        text.compression =
            is_ascii(texts[i].text) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
        text.key = key;
        text.text = (png_charp)(uintptr_t)texts[i].text; /* libpng copies it */
        png_set_text(png, info, &text, 1);
    }
    png_write_info(png, info);
    for (int y = 0; y < image->height; y++)
        png_write_row(png, image->rgb + 3 * (size_t)y * (size_t)image->width);
    png_write_end(png, info);
}

static lt_status write_png(codec *c, const ce_image *image, const ce_image_text *texts,
                           size_t n_texts)
{
    png_infop info = NULL;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, c, png_fail, png_ignore);
    if (png)
        info = png_create_info_struct(png);
    if (!info) {
        png_destroy_write_struct(&png, NULL);
        return lt_fail(c->ctx, LT_ERR_MEMORY, "%s: no memory for libpng", c->path);
    }
    if (setjmp(c->jump) == 0)
        png_encode(c, png, info, image, texts, n_texts);
    else if (c->status == LT_OK)
        c->status = lt_fail(c->ctx, LT_ERR_ARGUMENT, "%s: %s", c->path, c->problem);
    png_destroy_write_struct(&png, &info);
    return c->status;
}

/* Where libjpeg writes: a buffer that goes to the file whenever it is full. */
typedef struct jpeg_target {
    struct jpeg_destination_mgr base; /* first */
    codec *codec;
    uint8_t buffer[65536];
} jpeg_target;

static void jpeg_target_start(j_compress_ptr jpeg)
{
    jpeg_target *target = (jpeg_target *)(void *)jpeg->dest;
    target->base.next_output_byte = target->buffer;
    target->base.free_in_buffer = sizeof target->buffer;
}

static void jpeg_target_give(j_compress_ptr jpeg, size_t count)
{
    jpeg_target *target = (jpeg_target *)(void *)jpeg->dest;
    codec *c = target->codec;
    c->status = lt_file_writer_write(c->writer, target->buffer, count);
    if (c->status != LT_OK)
        longjmp(c->jump, 1);
}

static boolean jpeg_target_full(j_compress_ptr jpeg)
{
    jpeg_target_give(jpeg, sizeof((jpeg_target *)0)->buffer);
    jpeg_target_start(jpeg);
    return TRUE;
}

static void jpeg_target_end(j_compress_ptr jpeg)
{
    jpeg_target *target = (jpeg_target *)(void *)jpeg->dest;
    jpeg_target_give(jpeg, sizeof target->buffer - target->base.free_in_buffer);
}

static void jpeg_encode(struct jpeg_compress_struct *jpeg, const ce_image *image,
                        const ce_image_text *texts, size_t n_texts)
{
    jpeg->image_width = (JDIMENSION)image->width;
    jpeg->image_height = (JDIMENSION)image->height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, JPEG_QUALITY, TRUE);
    jpeg->optimize_coding = TRUE;
    jpeg->comp_info[0].h_samp_factor = jpeg->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(jpeg, TRUE);
    for (size_t i = 0; i < n_texts; i++) {
        char comment[4096];
        int length = snprintf(comment, sizeof comment, "%s: %s", texts[i].key, texts[i].text);
        if (length >= (int)sizeof comment)
            length = (int)sizeof comment - 1;
        jpeg_write_marker(jpeg, JPEG_COM, (const JOCTET *)comment, (unsigned)length);
    }
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = image->rgb + 3 * (size_t)jpeg->next_scanline * (size_t)image->width;
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
}

static lt_status write_jpeg(codec *c, const ce_image *image, const ce_image_text *texts,
                            size_t n_texts)
{
    struct jpeg_compress_struct jpeg = {0};
    jpeg_errors errors;

    jpeg_target *target = calloc(1, sizeof *target);
    if (!target)
        return lt_fail(c->ctx, LT_ERR_MEMORY, "%s: no memory for libjpeg", c->path);
    target->codec = c;
    target->base.init_destination = jpeg_target_start;
    target->base.empty_output_buffer = jpeg_target_full;
    target->base.term_destination = jpeg_target_end;
    jpeg.err = jpeg_errors_init(&errors, c);
    if (setjmp(c->jump) == 0) {
        jpeg_create_compress(&jpeg);
        jpeg.dest = &target->base;
        jpeg_encode(&jpeg, image, texts, n_texts);
    } else if (c->status == LT_OK) {
        c->status = lt_fail(c->ctx, LT_ERR_ARGUMENT, "%s: %s", c->path, c->problem);
    }
    jpeg_destroy_compress(&jpeg);
    free(target);
    return c->status;
}

static bool wants_jpeg(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

lt_status ce_image_write(lt_ctx *ctx, const char *path, const ce_image *image,
                         const ce_image_text *texts, size_t n_texts)
{
    lt_status status;

    codec *c = calloc(1, sizeof *c);
    if (!c)
        return lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory", path);
    c->ctx = ctx;
    c->path = path;
    status = lt_file_writer_open(ctx, path, &c->writer);
    if (status != LT_OK)
        goto done;
    status = wants_jpeg(path) ? write_jpeg(c, image, texts, n_texts)
                              : write_png(c, image, texts, n_texts);
    if (status == LT_OK)
        status = lt_file_writer_commit(c->writer);
    else
        lt_file_writer_abandon(c->writer);
done:
    free(c);
    return status;
}

/* ---- tensors ---- */

lt_tensor *ce_image_to_tensor(lt_ctx *ctx, const ce_image *image)
{
    const int64_t shape[3] = {3, image->height, image->width};
    return lt_reshape(ctx, ce_picture_from_rgb(ctx, image->rgb, image->width, image->height), 3,
                      shape);
}

lt_status ce_image_from_tensor(lt_ctx *ctx, const lt_tensor *t, int64_t index, ce_image *out)
{
    *out = (ce_image){0};
    /* A tensor that is no picture is refused by ce_picture_to_rgb(), with a message. */
    if (t && lt_ndim(t) >= 3) {
        const int64_t height = lt_dim(t, -2), width = lt_dim(t, -1);
        const int most = CE_IMAGE_MAX_SIDE + 1; /* refused by ce_image_create() */
        const lt_status made = ce_image_create(ctx, width < most ? (int)width : most,
                                               height < most ? (int)height : most, out);
        if (made != LT_OK)
            return made;
    }
    const lt_status status = ce_picture_to_rgb(ctx, t, index, out->rgb);
    if (status != LT_OK)
        ce_image_free(out);
    return status;
}
