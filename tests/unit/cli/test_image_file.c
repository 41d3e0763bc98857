/* Picture files and tensors of pictures. Test files are made with libpng and
 * libjpeg directly. */
#include <check.h>
#include <math.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <jpeglib.h>
#include <png.h>

#include "cli/pictures/image_file.h"
#include "unit/suites.h"
#include "support/temp_dir.h"
#include "tensor/files/file.h"

static lt_ctx *ctx;

static void set_up(void)
{
    ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK);
    temp_dir_make();
}

static void tear_down(void)
{
    temp_dir_remove();
    lt_ctx_destroy(ctx);
}

static lt_status read_image(const char *path, ce_image *image)
{
    lt_ctx_clear(ctx);
    return ce_image_read(ctx, path, image);
}

static void make_gradient(int width, int height, ce_image *image)
{
    ck_assert_int_eq(ce_image_create(ctx, width, height, image), LT_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *p = image->rgb + 3 * (y * width + x);
            p[0] = (uint8_t)(x * 255 / width);
            p[1] = (uint8_t)(y * 255 / height);
            p[2] = (uint8_t)((x + y) * 255 / (width + height));
        }
}

/* ---- PNG ---- */

/* A sample of the test pattern, below 2^depth. */
static unsigned sample(int x, int y, int channel, int depth)
{
    unsigned value = (unsigned)(x * 7919 + y * 104729 + channel * 1299709 + x * y * 31);
    return (value ^ value >> 7) & ((1u << depth) - 1);
}

static unsigned over_white(unsigned value, unsigned alpha)
{
    return (unsigned)floor((value * alpha + 255.0 * (255 - alpha)) / 255.0 + 0.5);
}

static unsigned to_8_bits(unsigned value, int depth)
{
    return (unsigned)floor(value * 255.0 / ((1u << depth) - 1) + 0.5);
}

enum { WIDTH = 13, HEIGHT = 11 };

/* Writes the pattern; with `key`, palettes get an alpha table and the other
 * kinds a transparent colour, that of pixel (3, 2). */
static void write_pattern(const char *path, int type, int depth, bool interlaced, bool key)
{
    int channels = type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_PALETTE ? 1
                   : type == PNG_COLOR_TYPE_GRAY_ALPHA                           ? 2
                   : type == PNG_COLOR_TYPE_RGB                                  ? 3
                                                                                 : 4;
    FILE *f = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    ck_assert(f && png && info && setjmp(png_jmpbuf(png)) == 0);
    png_init_io(png, f);
    png_set_IHDR(png, info, WIDTH, HEIGHT, depth, type,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_gAMA(png, info, 1.0); /* not to be applied */
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[256];
        png_byte alpha[256];
        for (int i = 0; i < 1 << depth; i++) {
            palette[i] =
                (png_color){(png_byte)(i * 37), (png_byte)(255 - i), (png_byte)(i * 11 + 5)};
            alpha[i] = (png_byte)(255 - i * 3);
        }
        png_set_PLTE(png, info, palette, 1 << depth);
        if (key)
            png_set_tRNS(png, info, alpha, 1 << depth, NULL);
    } else if (key) {
        png_color_16 color = {.red = (png_uint_16)sample(3, 2, 0, depth),
                              .green = (png_uint_16)sample(3, 2, 1, depth),
                              .blue = (png_uint_16)sample(3, 2, 2, depth),
                              .gray = (png_uint_16)sample(3, 2, 0, depth)};
        png_set_tRNS(png, info, NULL, 0, &color);
    }
    png_write_info(png, info);
    png_set_packing(png);
    png_byte data[HEIGHT][WIDTH * 8];
    png_bytep rows[HEIGHT];
    for (int y = 0; y < HEIGHT; y++) {
        png_byte *to = rows[y] = data[y];
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < channels; c++) {
                unsigned value = sample(x, y, c, depth);
                if (depth == 16)
                    *to++ = (png_byte)(value >> 8);
                *to++ = (png_byte)value;
            }
    }
    png_write_image(png, rows);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(f);
}

static void expected_pixel(int x, int y, int type, int depth, bool key, unsigned rgb[3])
{
    unsigned alpha = 255;
    if (type == PNG_COLOR_TYPE_PALETTE) {
        unsigned i = sample(x, y, 0, depth);
        rgb[0] = i * 37 & 255;
        rgb[1] = 255 - i;
        rgb[2] = (i * 11 + 5) & 255;
        alpha = key ? (255 - i * 3) & 255 : 255;
    } else {
        bool color = (type & PNG_COLOR_MASK_COLOR) != 0;
        bool same = true;
        for (int c = 0; c < 3; c++) {
            unsigned value = sample(x, y, color ? c : 0, depth);
            rgb[c] = to_8_bits(value, depth);
            same = same && value == sample(3, 2, color ? c : 0, depth);
        }
        if (type & PNG_COLOR_MASK_ALPHA)
            alpha = to_8_bits(sample(x, y, color ? 3 : 1, depth), depth);
        else if (key && same)
            alpha = 0;
    }
    for (int c = 0; c < 3; c++)
        rgb[c] = over_white(rgb[c], alpha);
}

START_TEST(every_kind_of_png_is_read)
{
    static const struct {
        int type, depths[6];
    } kinds[] = {
        {PNG_COLOR_TYPE_GRAY, {1, 2, 4, 8, 16, 0}}, {PNG_COLOR_TYPE_PALETTE, {1, 2, 4, 8, 0}},
        {PNG_COLOR_TYPE_RGB, {8, 16, 0}},           {PNG_COLOR_TYPE_GRAY_ALPHA, {8, 16, 0}},
        {PNG_COLOR_TYPE_RGB_ALPHA, {8, 16, 0}},
    };
    const char *path = temp_path("kind.png");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (int variant = 0; variant < 4; variant++) {
            bool interlaced = variant & 1, key = variant & 2;
            if (key && (kinds[k].type & PNG_COLOR_MASK_ALPHA))
                continue;
            for (const int *depth = kinds[k].depths; *depth; depth++) {
                ce_image image;
                write_pattern(path, kinds[k].type, *depth, interlaced, key);
                ck_assert_msg(read_image(path, &image) == LT_OK, "%s", lt_ctx_message(ctx));
                ck_assert_int_eq(image.width, WIDTH);
                ck_assert_int_eq(image.height, HEIGHT);
                for (int y = 0; y < HEIGHT; y++)
                    for (int x = 0; x < WIDTH; x++) {
                        unsigned rgb[3];
                        expected_pixel(x, y, kinds[k].type, *depth, key, rgb);
                        const uint8_t *p = image.rgb + 3 * (y * WIDTH + x);
                        if (p[0] != rgb[0] || p[1] != rgb[1] || p[2] != rgb[2])
                            ck_abort_msg(
                                "type %d depth %d variant %d at (%d, %d): %d %d %d, not %u %u %u",
                                kinds[k].type, *depth, variant, x, y, p[0], p[1], p[2], rgb[0],
                                rgb[1], rgb[2]);
                    }
                ce_image_free(&image);
            }
        }
    }
}
END_TEST

START_TEST(png_round_trips_with_its_texts)
{
    static const ce_image_text texts[] = {{"Software", "cfedit"},
                                          {"Comment", "--target \"gr\xc3\xbcn\""}};
    ce_image image, back;
    const char *path = temp_path("a.png");
    make_gradient(97, 61, &image);
    ck_assert_int_eq(ce_image_write(ctx, path, &image, texts, 2), LT_OK);
    ck_assert_int_eq(read_image(path, &back), LT_OK);
    ck_assert_int_eq(back.width, 97);
    ck_assert_int_eq(back.height, 61);
    ck_assert_mem_eq(back.rgb, image.rgb, 97 * 61 * 3);

    FILE *f = fopen(path, "rb");
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_textp found;
    int count;
    ck_assert(f && setjmp(png_jmpbuf(png)) == 0);
    png_init_io(png, f);
    png_read_info(png, info);
    ck_assert_int_eq((int)png_get_text(png, info, &found, &count), 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(found[i].key, texts[i].key);
        ck_assert_str_eq(found[i].text, texts[i].text);
    }
    png_destroy_read_struct(&png, &info, NULL);
    fclose(f);
    ce_image_free(&image);
    ce_image_free(&back);
    ck_assert_ptr_null(back.rgb);
}
END_TEST

START_TEST(very_even_large_pictures_are_read)
{
    ce_image image, back;
    const char *path = temp_path("a.png");
    ck_assert_int_eq(ce_image_create(ctx, 3000, 2000, &image), LT_OK);
    ck_assert_int_eq(ce_image_write(ctx, path, &image, NULL, 0), LT_OK);
    ck_assert_int_eq(read_image(path, &back), LT_OK);
    ce_image_free(&back);
    path = temp_path("a.jpg");
    ck_assert_int_eq(ce_image_write(ctx, path, &image, NULL, 0), LT_OK);
    ck_assert_int_eq(read_image(path, &back), LT_OK);
    ce_image_free(&back);
    ce_image_free(&image);
}
END_TEST

/* ---- JPEG ---- */

typedef struct jpeg_kind {
    J_COLOR_SPACE space; /* of `pixels` */
    int components;
    bool progressive, adobe;
    int orientation; /* 0: no EXIF */
    bool big_endian;
} jpeg_kind;

static void write_jpeg_kind(const char *path, const uint8_t *pixels, int width, int height,
                            jpeg_kind kind)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, f);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = kind.components;
    jpeg.in_color_space = kind.space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 95, TRUE);
    if (kind.progressive)
        jpeg_simple_progression(&jpeg);
    if (kind.space == JCS_CMYK)
        jpeg.write_Adobe_marker = kind.adobe;
    jpeg_start_compress(&jpeg, TRUE);
    if (kind.orientation) {
        uint8_t big[] =
            "Exif\0\0MM\0*\0\0\0\10\0\2\1\0\0\4\0\0\0\1\0\0\0\5\1\22\0\3\0\0\0\1\0\0\0\0\0\0\0\0";
        uint8_t little[] =
            "Exif\0\0II*\0\10\0\0\0\2\0\0\1\4\0\1\0\0\0\5\0\0\0\22\1\3\0\1\0\0\0\0\0\0\0\0\0\0\0";
        big[6 + 8 + 2 + 12 + 9] = little[6 + 8 + 2 + 12 + 8] = (uint8_t)kind.orientation;
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, kind.big_endian ? big : little, sizeof big - 1);
    }
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)pixels +
                       (size_t)jpeg.next_scanline * (size_t)width * (size_t)kind.components;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(f);
}

static double mean_difference(const ce_image *a, const ce_image *b)
{
    double sum = 0;
    ck_assert_int_eq(a->width, b->width);
    ck_assert_int_eq(a->height, b->height);
    int count = a->width * a->height * 3;
    for (int i = 0; i < count; i++)
        sum += abs(a->rgb[i] - b->rgb[i]);
    return sum / count;
}

START_TEST(jpeg_round_trips_closely)
{
    static const ce_image_text texts[] = {{"Comment", "seed 1"}};
    ce_image image, back;
    make_gradient(97, 61, &image);
    const char *path = temp_path("a.JPG");
    ck_assert_int_eq(ce_image_write(ctx, path, &image, texts, 1), LT_OK);
    ck_assert_int_eq(read_image(path, &back), LT_OK);
    ck_assert_double_lt(mean_difference(&image, &back), 1.5);
    ce_image_free(&back);
    path = temp_path("p.jpeg");
    write_jpeg_kind(path, image.rgb, 97, 61,
                    (jpeg_kind){.space = JCS_RGB, .components = 3, .progressive = true});
    ck_assert_int_eq(read_image(path, &back), LT_OK);
    ck_assert_double_lt(mean_difference(&image, &back), 3);
    ce_image_free(&back);
    ce_image_free(&image);
}
END_TEST

START_TEST(grey_and_ink_jpegs_become_rgb)
{
    uint8_t grey[16 * 16], inks[16 * 16 * 4];
    const char *path = temp_path("a.jpg");
    ce_image image;
    memset(grey, 77, sizeof grey);
    write_jpeg_kind(path, grey, 16, 16, (jpeg_kind){.space = JCS_GRAYSCALE, .components = 1});
    ck_assert_int_eq(read_image(path, &image), LT_OK);
    for (int i = 0; i < 16 * 16 * 3; i++)
        ck_assert_int_le(abs(image.rgb[i] - 77), 1);
    ce_image_free(&image);

    /* Cyan 20 %, magenta 60 %, yellow 100 %, key 25 %. */
    static const double cover[4] = {0.2, 0.6, 1.0, 0.25};
    for (int adobe = 0; adobe < 2; adobe++) {
        for (int i = 0; i < 16 * 16 * 4; i++)
            inks[i] = (uint8_t)lrint(255 * (1 - cover[i % 4]));
        write_jpeg_kind(path, inks, 16, 16,
                        (jpeg_kind){.space = JCS_CMYK, .components = 4, .adobe = adobe});
        ck_assert_int_eq(read_image(path, &image), LT_OK);
        for (int i = 0; i < 16 * 16 * 3; i++)
            ck_assert_int_le(abs(image.rgb[i] - (int)lrint(255 * (1 - cover[i % 3]) * 0.75)), 3);
        ce_image_free(&image);
    }
}
END_TEST

START_TEST(exif_orientation_is_applied)
{
    /* Where the stored first row's first and last pixel are shown, from the
     * EXIF specification: 0 upper left, 1 upper right, 2 lower left, 3 lower
     * right. */
    static const int first[9] = {0, 0, 1, 3, 2, 0, 1, 3, 2};
    static const int last[9] = {1, 1, 0, 2, 3, 2, 3, 1, 0};
    enum { W = 48, H = 32 };
    static uint8_t pixels[H][W][3];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int k = 0; k < 3; k++) /* red upper left, green upper right, blue below */
                pixels[y][x][k] = (y < 16 ? (x < 16 ? 0 : x >= 32 ? 1 : 3) : 2) == k ? 230 : 20;
    const char *path = temp_path("a.jpg");
    for (int n = 0; n <= 8; n++) {
        for (int big = 0; big < 2; big++) {
            ce_image image;
            write_jpeg_kind(
                path, pixels[0][0], W, H,
                (jpeg_kind){
                    .space = JCS_RGB, .components = 3, .orientation = n, .big_endian = big});
            ck_assert_int_eq(read_image(path, &image), LT_OK);
            ck_assert_int_eq(image.width, n >= 5 ? H : W);
            ck_assert_int_eq(image.height, n >= 5 ? W : H);
            for (int corner = 0; corner < 4; corner++) {
                int x = corner % 2 ? image.width - 5 : 4, y = corner / 2 ? image.height - 5 : 4;
                const uint8_t *p = image.rgb + 3 * (y * image.width + x);
                ck_assert_msg((p[0] > 128) == (corner == first[n]), "orientation %d corner %d", n,
                              corner);
                ck_assert_msg((p[1] > 128) == (corner == last[n]), "orientation %d corner %d", n,
                              corner);
            }
            ce_image_free(&image);
        }
    }
}
END_TEST

/* ---- damage ---- */

/* Files of several kinds for the two tests below; returns how many. */
static int make_files(void *data[6], size_t size[6])
{
    ce_image image;
    const char *path = temp_path("seed");
    make_gradient(90, 70, &image);
    for (int i = 0; i < 6; i++) {
        if (i == 0)
            write_pattern(path, PNG_COLOR_TYPE_RGB_ALPHA, 16, true, false);
        else if (i == 1)
            write_pattern(path, PNG_COLOR_TYPE_PALETTE, 4, false, true);
        else if (i == 2)
            ck_assert_int_eq(
                ce_image_write(ctx, path, &image, &(ce_image_text){"Comment", "text"}, 1), LT_OK);
        else
            write_jpeg_kind(path, image.rgb, 90, image.height,
                            (jpeg_kind){.space = i == 5 ? JCS_CMYK : JCS_RGB,
                                        .components = i == 5 ? 4 : 3,
                                        .progressive = i == 4,
                                        .orientation = i == 3 ? 6 : 0,
                                        .adobe = true});
        if (i == 4) /* the four-component file takes fewer rows from the same pixels */
            image.height = 50;
        ck_assert_int_eq(lt_file_read(ctx, path, 1 << 20, &data[i], &size[i]), LT_OK);
    }
    ce_image_free(&image);
    return 6;
}

START_TEST(truncated_files_are_refused)
{
    void *data[6];
    size_t size[6];
    int count = make_files(data, size);
    const char *path = temp_path("cut");
    for (int i = 0; i < count; i++) {
        for (size_t length = 0; length < size[i]; length += 37) {
            ce_image image;
            temp_write(path, data[i], length);
            ck_assert_msg(read_image(path, &image) == LT_ERR_FORMAT, "file %d cut to %zu of %zu", i,
                          length, size[i]);
            ck_assert_ptr_null(image.rgb);
            ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), path));
        }
        free(data[i]);
    }
}
END_TEST

START_TEST(mutations_never_crash)
{
    void *data[6];
    size_t size[6];
    int count = make_files(data, size), accepted = 0;
    const char *path = temp_path("mutant");
    uint32_t state = 99;
    for (int round = 0; round < 3000; round++) {
        int i = round % count;
        uint8_t *bytes = malloc(size[i]);
        memcpy(bytes, data[i], size[i]);
        for (int m = 0; m < 1 + round % 4; m++) {
            state = state * 1664525u + 1013904223u;
            size_t range = round % 2 && size[i] > 600 ? 600 : size[i];
            size_t at = (state >> 8) % range;
            state = state * 1664525u + 1013904223u;
            bytes[at] =
                round % 3 ? (uint8_t)(state >> 24) : (uint8_t)(bytes[at] ^ 1u << (state >> 29));
        }
        temp_write(path, bytes, size[i]);
        free(bytes);
        ce_image image;
        lt_status status = read_image(path, &image);
        ck_assert_msg(status == LT_OK || status == LT_ERR_FORMAT, "%s", lt_ctx_message(ctx));
        ck_assert((status == LT_OK) == (image.rgb != NULL));
        accepted += status == LT_OK;
        ce_image_free(&image);
    }
    ck_assert_int_gt(accepted, 50);
    for (int i = 0; i < count; i++)
        free(data[i]);
}
END_TEST

static uint32_t chunk_crc(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

START_TEST(impossible_sizes_are_refused_before_memory_is_taken)
{
    static const struct {
        uint32_t width, height;
        const char *message;
    } cases[] = {
        {0, 1, "PNG"},
        {16385, 1, "16385 x 1 pixels"},
        {1, 16385, "pixels"},
        {16384, 16384, "pixels"},
        {10001, 10000, "pixels"},
        {10000, 10000, "truncated"},
        {0x7fffffff, 0x7fffffff, "pixels"},
    };
    ce_image image;
    make_gradient(16, 16, &image);
    const char *path = temp_path("size.png");
    void *data;
    size_t size;
    ck_assert_int_eq(ce_image_write(ctx, path, &image, NULL, 0), LT_OK);
    ce_image_free(&image);
    ck_assert_int_eq(lt_file_read(ctx, path, 1 << 20, &data, &size), LT_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *bytes = data;
        for (int k = 0; k < 4; k++) {
            bytes[16 + k] = (uint8_t)(cases[i].width >> (24 - 8 * k));
            bytes[20 + k] = (uint8_t)(cases[i].height >> (24 - 8 * k));
        }
        uint32_t crc = chunk_crc(bytes + 12, 17);
        for (int k = 0; k < 4; k++)
            bytes[29 + k] = (uint8_t)(crc >> (24 - 8 * k));
        temp_write(path, data, size);
        ck_assert_int_eq(read_image(path, &image), LT_ERR_FORMAT);
        ck_assert_msg(strstr(lt_ctx_message(ctx), cases[i].message) != NULL, "%s",
                      lt_ctx_message(ctx));
    }
    free(data);

    /* The same for JPEG: the size stands in the frame header. */
    make_gradient(16, 16, &image);
    path = temp_path("size.jpg");
    ck_assert_int_eq(ce_image_write(ctx, path, &image, NULL, 0), LT_OK);
    ce_image_free(&image);
    ck_assert_int_eq(lt_file_read(ctx, path, 1 << 20, &data, &size), LT_OK);
    uint8_t *bytes = data, *frame = NULL;
    for (size_t i = 0; i + 9 < size && !frame; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc0)
            frame = bytes + i;
    ck_assert_ptr_nonnull(frame);
    for (int round = 0; round < 2; round++) {
        memcpy(frame + 5, round ? "\x27\x10\x27\x10" : "\x40\x01\x40\x01", 4);
        temp_write(path, data, size);
        ck_assert_int_eq(read_image(path, &image), LT_ERR_FORMAT);
        ck_assert_ptr_nonnull(
            strstr(lt_ctx_message(ctx), round ? "damaged JPEG" : "16385 x 16385"));
    }
    free(data);
}
END_TEST

/* Begins a PNG file of one layer of 8 bits or fewer; ended by end_png(). */
static FILE *begin_png(const char *path, int width, int height, int depth, int type,
                       png_structp *png, png_infop *info)
{
    FILE *f = fopen(path, "wb");
    *png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    *info = png_create_info_struct(*png);
    ck_assert(f && *png && *info);
    png_init_io(*png, f);
    png_set_IHDR(*png, *info, (png_uint_32)width, (png_uint_32)height, depth, type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    return f;
}

static void end_png(FILE *f, png_structp png, png_infop info)
{
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(f);
}

/* A black picture of 1 bit a pixel: kilobytes that would take a gigabyte. */
START_TEST(small_files_of_large_pictures_are_refused)
{
    enum { SIDE = 9000 };
    static uint8_t row[SIDE];
    ce_image image;
    const char *path = temp_path("large.png");
    png_structp png;
    png_infop info;
    FILE *f = begin_png(path, SIDE, SIDE, 1, PNG_COLOR_TYPE_GRAY, &png, &info);
    png_write_info(png, info);
    for (int y = 0; y < SIDE; y++)
        png_write_row(png, row);
    end_png(f, png, info);
    ck_assert_int_eq(read_image(path, &image), LT_ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "9000 x 9000 pixels from"));
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "more than 64 MiB"));
}
END_TEST

/* Phones and editors put the orientation into PNG files, too, before or after the pixels. */
START_TEST(exif_orientation_of_png_is_applied)
{
    static png_byte exif[] = "MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0\0";
    static const png_byte pixels[2][3] = {{255, 0, 0}, {0, 0, 255}};
    ce_image image;
    const char *path = temp_path("turned.png");
    for (int late = 0; late < 2; late++) {
        png_structp png;
        png_infop info;
        FILE *f = begin_png(path, 2, 1, 8, PNG_COLOR_TYPE_RGB, &png, &info);
        if (!late)
            png_set_eXIf_1(png, info, sizeof exif - 1, exif);
        png_write_info(png, info);
        png_write_row(png, pixels[0]);
        if (late)
            png_set_eXIf_1(png, info, sizeof exif - 1, exif);
        end_png(f, png, info);
        ck_assert_int_eq(read_image(path, &image), LT_OK);
        /* Orientation 6: what is stored left is shown above. */
        ck_assert_int_eq(image.width, 1);
        ck_assert_int_eq(image.height, 2);
        ck_assert_mem_eq(image.rgb, pixels, 6);
        ce_image_free(&image);
    }
}
END_TEST

/* Forty texts of 12 MiB each, packed to 12 KB each. */
START_TEST(texts_of_png_are_not_unpacked)
{
    enum { LETTERS = 12 << 20, TEXTS = 40, MOST_KB = 100 << 10 };
    char *letters = malloc(LETTERS + 1);
    memset(letters, 'a', LETTERS);
    letters[LETTERS] = '\0';
    static const png_byte pixel[3] = {1, 2, 3};
    png_text text = {.compression = PNG_TEXT_COMPRESSION_zTXt,
                     .key = (char *)(uintptr_t) "Comment",
                     .text = letters,
                     .text_length = LETTERS};
    const char *path = temp_path("texts.png");
    png_structp png;
    png_infop info;
    FILE *f = begin_png(path, 1, 1, 8, PNG_COLOR_TYPE_RGB, &png, &info);
    png_set_text(png, info, &text, 1);
    png_write_info(png, info);
    png_write_row(png, pixel);
    end_png(f, png, info);
    free(letters);

    /* The one text again and again, before the pixels. */
    void *data;
    size_t size, at = 8;
    ck_assert_int_eq(lt_file_read(ctx, path, 1 << 20, &data, &size), LT_OK);
    const uint8_t *bytes = data;
    while (at < size && memcmp(bytes + at + 4, "zTXt", 4) != 0)
        at += 12 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3] | (size_t)bytes[at + 1] << 16);
    ck_assert_uint_lt(at, size);
    const size_t chunk = 12 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    f = fopen(path, "wb");
    fwrite(bytes, 1, at, f);
    for (int i = 0; i < TEXTS; i++)
        fwrite(bytes + at, 1, chunk, f);
    fwrite(bytes + at + chunk, 1, size - at - chunk, f);
    fclose(f);
    free(data);

    struct rusage before, after;
    ce_image image;
    getrusage(RUSAGE_SELF, &before);
    ck_assert_msg(read_image(path, &image) == LT_OK, "%s", lt_ctx_message(ctx));
    getrusage(RUSAGE_SELF, &after);
    ck_assert_mem_eq(image.rgb, pixel, 3);
    ce_image_free(&image);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, MOST_KB);
}
END_TEST

START_TEST(other_files_are_named)
{
    ce_image image;
    const char *path = temp_path("file");
    temp_write(path, "GIF89a......", 12);
    ck_assert_int_eq(read_image(path, &image), LT_ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "GIF"));
    temp_write(path, "RIFF....WEBPVP8 ", 16);
    ck_assert_int_eq(read_image(path, &image), LT_ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "WebP"));
    temp_write(path, "", 0);
    ck_assert_int_eq(read_image(path, &image), LT_ERR_FORMAT);
    ck_assert_int_eq(read_image(temp_path("nowhere"), &image), LT_ERR_IO);
    ck_assert_int_eq(read_image(temp_dir, &image), LT_ERR_IO);
}
END_TEST

START_TEST(failed_writes_leave_nothing)
{
    static const char *const names[] = {"no/a.png", "no/a.jpg"};
    ce_image image;
    make_gradient(300, 300, &image);
    for (size_t i = 0; i < 2; i++) {
        lt_ctx_clear(ctx);
        ck_assert_int_eq(ce_image_write(ctx, temp_path(names[i]), &image, NULL, 0), LT_ERR_IO);
    }
    ck_assert_int_eq(temp_dir_count(), 0);
    if (access("/dev/full", W_OK) == 0) {
        lt_ctx_clear(ctx);
        ck_assert_int_eq(ce_image_write(ctx, "/dev/full", &image, NULL, 0), LT_ERR_IO);
        ck_assert_int_eq(symlink("/dev/full", temp_path("full.jpg")), 0);
        lt_ctx_clear(ctx);
        ck_assert_int_eq(ce_image_write(ctx, temp_path("full.jpg"), &image, NULL, 0), LT_ERR_IO);
    }
    ce_image_free(&image);
    lt_ctx_clear(ctx);
    ck_assert_int_eq(ce_image_create(ctx, 0, 5, &image), LT_ERR_ARGUMENT);
}
END_TEST

/* ---- tensors ---- */

START_TEST(pictures_survive_tensors)
{
    ce_image image, back;
    make_gradient(37, 23, &image);
    for (int i = 0; i < 256; i++)
        image.rgb[i] = (uint8_t)i;
    lt_tensor *t = ce_image_to_tensor(ctx, &image);
    ck_assert_int_eq(lt_ndim(t), 3);
    ck_assert_int_eq(lt_dim(t, 1), 23);
    ck_assert_int_eq(lt_dim(t, 2), 37);
    ck_assert_float_eq(lt_f32(t)[0], -1.0f);
    ck_assert_float_eq(lt_f32(t)[85], 1.0f); /* red of pixel 85 is 255 */
    ck_assert_int_eq(ce_image_from_tensor(ctx, t, 0, &back), LT_OK);
    ck_assert_mem_eq(back.rgb, image.rgb, 37 * 23 * 3);
    ce_image_free(&back);
    ce_image_free(&image);
}
END_TEST

START_TEST(tensors_are_clamped_rounded_and_sliced)
{
    /* (2, 3, 1, 2) */
    const float values[12] = {0, 0, 0, 0, 0, 0, -7, 7, NAN, 0.4f / 127.5f - 1, 1.6f / 127.5f - 1,
                              0};
    lt_tensor *t = lt_from_copy(ctx, LT_F32, 4, (int64_t[]){2, 3, 1, 2}, values);
    ce_image image;
    ck_assert_int_eq(ce_image_from_tensor(ctx, t, 1, &image), LT_OK);
    const uint8_t expected[6] = {0, 0, 2, 255, 0, 128};
    ck_assert_int_eq(image.width, 2);
    ck_assert_int_eq(image.height, 1);
    ck_assert_mem_eq(image.rgb, expected, 6);
    ce_image_free(&image);
    /* The two pixels exchanged, through a view of one row upside down. */
    lt_tensor *turned = lt_view(ctx, t, 3, (int64_t[]){3, 2, 1}, (int64_t[]){2, 1, 2}, 6);
    ck_assert_int_eq(ce_image_from_tensor(ctx, turned, 0, &image), LT_OK);
    ck_assert_int_eq(image.height, 2);
    ck_assert_mem_eq(image.rgb, expected, 6);
    ce_image_free(&image);

    ck_assert_int_eq(ce_image_from_tensor(ctx, t, 2, &image), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
    ck_assert_int_eq(ce_image_from_tensor(ctx, lt_zeros(ctx, 3, (int64_t[]){2, 3, 3}), 0, &image),
                     LT_ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "(2, 3, 3)"));
    lt_ctx_clear(ctx);
    ck_assert_int_eq(ce_image_from_tensor(ctx, lt_cast(ctx, t, LT_F16), 0, &image), LT_ERR_DTYPE);
    lt_ctx_clear(ctx);
    ck_assert_int_eq(ce_image_from_tensor(ctx, NULL, 0, &image), LT_ERR_ARGUMENT);
}
END_TEST

Suite *suite_image_file(void)
{
    Suite *s = suite_create("image_file");
    TCase *tc = tcase_create("image_file");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, every_kind_of_png_is_read);
    tcase_add_test(tc, png_round_trips_with_its_texts);
    tcase_add_test(tc, very_even_large_pictures_are_read);
    tcase_add_test(tc, jpeg_round_trips_closely);
    tcase_add_test(tc, grey_and_ink_jpegs_become_rgb);
    tcase_add_test(tc, exif_orientation_is_applied);
    tcase_add_test(tc, truncated_files_are_refused);
    tcase_add_test(tc, mutations_never_crash);
    tcase_add_test(tc, impossible_sizes_are_refused_before_memory_is_taken);
    tcase_add_test(tc, small_files_of_large_pictures_are_refused);
    tcase_add_test(tc, exif_orientation_of_png_is_applied);
    tcase_add_test(tc, texts_of_png_are_not_unpacked);
    tcase_add_test(tc, other_files_are_named);
    tcase_add_test(tc, failed_writes_leave_nothing);
    tcase_add_test(tc, pictures_survive_tensors);
    tcase_add_test(tc, tensors_are_clamped_rounded_and_sliced);
    suite_add_tcase(s, tc);
    return s;
}
