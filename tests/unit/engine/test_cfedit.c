/* The public interface of libcfedit, with the model that ships. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/public/cfedit.h"
#include "support/temp_dir.h"
#include "unit/suites.h"

static lt_ctx *ctx;
static ce_model *model;

static void set_up(void)
{
    ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK);
    lt_ctx_set_threads(ctx, 1);
    ck_assert_msg(ce_model_open(ctx, "weights", &model) == LT_OK, "%s", lt_ctx_message(ctx));
    temp_dir_make();
}

static void tear_down(void)
{
    ce_model_close(model);
    lt_ctx_destroy(ctx);
    temp_dir_remove();
}

/* Few and cheap steps; what they find does not matter here. */
static const ce_choice cheap[] = {{"steps", "2"},
                                  {"focus", "off"},
                                  {"templates", "2"},
                                  {"copies", "1"},
                                  {"contrast-lambda", "0"}};

static ce_request cheap_request(void)
{
    ce_request request = ce_request_defaults();
    request.target = "face with green lips";
    request.settings = cheap;
    request.setting_count = sizeof cheap / sizeof cheap[0];
    return request;
}

static double difference(const lt_tensor *a, const lt_tensor *b)
{
    double most = 0.0;
    ck_assert(lt_same_shape(a, b));
    for (int64_t i = 0; i < lt_numel(a); i++)
        most = fmax(most, fabs((double)(lt_f32(a)[i] - lt_f32(b)[i])));
    return most;
}

START_TEST(a_model_tells_what_it_is)
{
    const ce_model_info info = ce_model_describe(model);
    const lt_tensor *w = ce_faces(model, (int64_t[]){7, 8}, 2);
    ck_assert_str_eq(info.domain, "face");
    ck_assert_int_eq(lt_dim(w, 0), 2);
    ck_assert_int_eq(lt_dim(w, 1), info.latents);
    ck_assert_int_eq(lt_dim(w, 2), info.style_dim);
    ck_assert_int_eq(lt_dim(ce_draw(model, ce_faces(model, (int64_t[]){7}, 1)), 3), info.size);
    ck_assert_ptr_null(ce_faces(model, NULL, 0));
}
END_TEST

START_TEST(a_missing_model_is_told)
{
    ce_model *none = model;
    ck_assert_int_eq(ce_model_open(ctx, "no-such-folder", &none), LT_ERR_IO);
    ck_assert_ptr_null(none);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "no-such-folder"));
}
END_TEST

/* Writes `latents` of the shape as a file and reads it back; the shape that comes back. */
static const int64_t *latents_of(int ndim, const int64_t *shape, const char *row)
{
    char selection[256];
    const char *path = temp_path("latents.safetensors"), *name = "latents";
    lt_tensor *t = lt_zeros(ctx, ndim, shape);
    lt_f32(t)[0] = 1.0f;
    ck_assert_int_eq(lt_safetensors_write(ctx, path, 1, &name, &t, 0, NULL, NULL), LT_OK);
    snprintf(selection, sizeof selection, "%s%s", path, row);
    const lt_tensor *w = ce_latents_read(model, selection);
    return w ? lt_shape(w) : NULL;
}

START_TEST(latents_of_any_layout)
{
    const ce_model_info info = ce_model_describe(model);
    const int64_t l = info.latents, d = info.style_dim;
    /* One W+ latent without its first axis is not L latents of W. */
    ck_assert_int_eq(latents_of(2, (int64_t[]){l, d}, "")[0], 1);
    ck_assert_int_eq(latents_of(2, (int64_t[]){l - 1, d}, "")[0], l - 1);
    ck_assert_int_eq(latents_of(3, (int64_t[]){3, 1, d}, "")[0], 3);
    ck_assert_int_eq(latents_of(3, (int64_t[]){3, 1, d}, ":2")[1], l);
    ck_assert_int_eq(latents_of(3, (int64_t[]){2, l, d}, "")[0], 2);
    ck_assert_ptr_null(latents_of(3, (int64_t[]){2, l + 2, d}, ""));
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "generator of another size"));
}
END_TEST

START_TEST(pixels_there_and_back)
{
    uint8_t rgb[3 * 5 * 4], back[sizeof rgb];
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(4 * i + 3);
    const lt_tensor *picture = ce_picture_from_rgb(ctx, rgb, 5, 4);
    ck_assert_int_eq(lt_dim(picture, 1), 3);
    ck_assert_int_eq(lt_dim(picture, 2), 4);
    ck_assert_int_eq(lt_dim(picture, 3), 5);
    ck_assert_int_eq(ce_picture_to_rgb(ctx, picture, 0, back), LT_OK);
    ck_assert_mem_eq(rgb, back, sizeof rgb);
    ck_assert_int_eq(ce_picture_to_rgb(ctx, picture, 1, back), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
    ck_assert_ptr_null(ce_picture_from_rgb(ctx, rgb, 0, 4));
    lt_ctx_clear(ctx);
    ck_assert_int_eq(ce_picture_to_rgb(ctx, NULL, 0, back), LT_ERR_ARGUMENT);
}
END_TEST

START_TEST(an_edit_changes_the_picture_and_strength_0_does_not)
{
    ce_request request = cheap_request();
    ce_edited one = {0}, none = {0};
    lt_tensor *w = ce_faces(model, (int64_t[]){7}, 1);
    ck_assert_msg(ce_edit_latents(model, &request, w, &one) == LT_OK, "%s", lt_ctx_message(ctx));
    ck_assert(difference(one.before, one.after) > 0.01);
    ck_assert(difference(one.before, ce_draw(model, w)) == 0.0);
    ck_assert(isfinite(one.match_before) && isfinite(one.match_after));
    request.strength = 0.0f;
    ck_assert_int_eq(ce_edit_latents(model, &request, w, &none), LT_OK);
    ck_assert(difference(none.before, none.after) == 0.0);
    ce_edited_free(&one);
    ce_edited_free(&none);
}
END_TEST

struct heard {
    int64_t calls, last, all, stop_at;
};

static bool hear(void *user, int64_t step, int64_t steps, const char *stage, double loss)
{
    struct heard *h = user;
    if (stage)
        return true;
    ck_assert_int_eq(step, h->last + 1);
    ck_assert(isfinite(loss));
    h->calls++;
    h->last = step;
    h->all = steps;
    return h->calls != h->stop_at;
}

START_TEST(the_watch_is_told_of_each_step_and_can_stop)
{
    struct heard heard = {0}, stopping = {.stop_at = 1};
    ce_request request = cheap_request();
    ce_edited edited = {0};
    lt_tensor *w = ce_faces(model, (int64_t[]){7}, 1);
    request.watch = hear;
    request.user = &heard;
    ck_assert_int_eq(ce_edit_latents(model, &request, w, &edited), LT_OK);
    ck_assert_int_eq(heard.calls, 2);
    ck_assert_int_eq(heard.all, 2);
    ce_edited_free(&edited);
    request.user = &stopping;
    ck_assert_int_eq(ce_edit_latents(model, &request, w, &edited), LT_OK);
    ck_assert_int_eq(stopping.calls, 1);
    ck_assert(difference(edited.before, edited.after) > 0.0);
    ce_edited_free(&edited);
}
END_TEST

/* A request that must be refused with LT_ERR_ARGUMENT and a message that holds `told`. */
static void refused(const ce_request *request, const char *told)
{
    ce_edited edited = {0};
    lt_ctx_clear(ctx);
    lt_tensor *w = ce_faces(model, (int64_t[]){7}, 1);
    ck_assert_int_eq(ce_edit_latents(model, request, w, &edited), LT_ERR_ARGUMENT);
    ck_assert_msg(strstr(lt_ctx_message(ctx), told) != NULL, "%s", lt_ctx_message(ctx));
    ce_edited_free(&edited);
}

START_TEST(bad_requests_are_told)
{
    ce_request request = ce_request_defaults();
    refused(&request, "no target");
    request.target = "face";
    request.method = "magic";
    refused(&request, "magic");
    request.method = NULL;
    request.setting_count = 1;
    request.settings = &(ce_choice){"stepps", "2"};
    refused(&request, "stepps");
    request.settings = &(ce_choice){"steps", "0"};
    refused(&request, "whole number from 1");
    request.settings = &(ce_choice){"focus", "maybe"};
    refused(&request, "off|on");
    request.settings = &(ce_choice){"alpha", "2"};
    refused(&request, "has no setting 'alpha'");
    request.settings = &(ce_choice){"lr", "nan"};
    refused(&request, "lr");
    ce_edited edited = {0};
    lt_ctx_clear(ctx);
    request.setting_count = 0;
    ck_assert_int_eq(ce_edit_latents(model, &request, lt_zeros(ctx, 2, (int64_t[]){1, 3}), &edited),
                     LT_ERR_SHAPE);
}
END_TEST

START_TEST(methods_and_settings_are_listed)
{
    size_t n = 0;
    ck_assert_str_eq(ce_method_at(0), "cf-clip");
    while (ce_method_at(n))
        n++;
    ck_assert_uint_ge(n, 6);
    for (n = 0; ce_setting_name(n); n++)
        ck_assert_ptr_nonnull(ce_setting_help(ce_setting_name(n)));
    ck_assert_uint_gt(n, 20);
    ck_assert_ptr_null(ce_setting_help("no such setting"));
}
END_TEST

START_TEST(a_picture_is_inverted)
{
    struct heard heard = {0};
    ce_inverted found = {0};
    ce_inversion how = ce_inversion_defaults();
    lt_tensor *picture = ce_draw(model, ce_faces(model, (int64_t[]){11}, 1));
    how.steps = 2;
    how.watch = hear;
    how.user = &heard;
    ck_assert_msg(ce_invert(model, &how, picture, &found) == LT_OK, "%s", lt_ctx_message(ctx));
    ck_assert_int_eq(heard.calls, 2);
    ck_assert(isfinite(found.psnr) && found.psnr > 5.0);
    ck_assert(difference(found.picture, ce_draw(model, found.latents)) == 0.0);
    ce_inverted_free(&found);
    ck_assert_int_eq(ce_invert(model, &how, lt_zeros(ctx, 2, (int64_t[]){3, 3}), &found),
                     LT_ERR_SHAPE);
}
END_TEST

START_TEST(a_mapper_is_trained_and_applied)
{
    static const ce_choice few[] = {{"templates", "2"}, {"copies", "1"}, {"coarse-mapper", "on"}};
    struct heard heard = {0};
    ce_request request = ce_request_defaults();
    ce_edited edited[2] = {{0}};
    lt_tensor *w = ce_faces(model, (int64_t[]){1, 2}, 2);
    const char *path = temp_path("green.safetensors");
    request.target = "face with green lips";
    request.settings = few;
    request.setting_count = 3;
    request.watch = hear;
    request.user = &heard;
    ck_assert_msg(ce_train_mapper(model, &request, w, 2, path) == LT_OK, "%s", lt_ctx_message(ctx));
    ck_assert_int_eq(heard.calls, 2);
    ck_assert_msg(ce_apply_mapper(model, path, NULL, w, 1.0f, edited) == LT_OK, "%s",
                  lt_ctx_message(ctx));
    for (int i = 0; i < 2; i++) {
        ck_assert(difference(edited[i].before, edited[i].after) > 0.0);
        ce_edited_free(&edited[i]);
    }
    ck_assert_int_eq(ce_apply_mapper(model, "no-such-file", NULL, w, 1.0f, edited), LT_ERR_IO);
}
END_TEST

Suite *suite_cfedit(void)
{
    Suite *s = suite_create("cfedit");
    TCase *c = tcase_create("public interface");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_model_tells_what_it_is);
    tcase_add_test(c, a_missing_model_is_told);
    tcase_add_test(c, latents_of_any_layout);
    tcase_add_test(c, pixels_there_and_back);
    tcase_add_test(c, an_edit_changes_the_picture_and_strength_0_does_not);
    tcase_add_test(c, the_watch_is_told_of_each_step_and_can_stop);
    tcase_add_test(c, bad_requests_are_told);
    tcase_add_test(c, methods_and_settings_are_listed);
    tcase_add_test(c, a_picture_is_inverted);
    tcase_add_test(c, a_mapper_is_trained_and_applied);
    suite_add_tcase(s, c);
    return s;
}
