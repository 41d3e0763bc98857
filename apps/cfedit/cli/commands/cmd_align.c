/* cfedit align: finds the faces of photos, straightens them and cuts them out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/console/inputs.h"
#include "cli/console/options.h"
#include "cli/console/stop.h"
#include "cli/inout/faces.h"
#include "cli/inout/many.h"
#include "cli/inout/output.h"
#include "cli/inout/photo_names.h"
#include "cli/inout/picture_list.h"
#include "cli/pictures/face_marks.h"
#include "engine/kinds.h"
#include "tensor/hash.h"

#define SIZE_MOST 4096

static const char about[] =
    "Finds the faces of photos, straightens each and cuts it out as the faces of FFHQ were, so that\n"
    "eyes and mouth lie where generators that were trained on FFHQ expect them. 'edit --image' and\n"
    "'invert --image' do it by themselves. With --json and without -o, faces are told and no\n"
    "picture is written. The detector is fetched by 'make face-detector'.";

static const char examples[] =
    "  cfedit align me.jpg -o me.png\n"
    "  cfedit align holidays --face all -o faces\n"
    "  cfedit align group.jpg --show -o marked.png\n"
    "  cfedit align me.jpg --json\n"
    "  cfedit align me.jpg --landmarks 310,402,480,398,395,500,330,590,465,588 -o me.png";

struct job {
    struct ce_run *run;
    struct ce_list photos;
    struct ce_face_options choice;
    const char *landmarks, *output;
    bool show, folder, writes;
    int64_t size;
    enum ce_replace replace;
    const char **names; /* of the photos, where results go to a folder */
    lt_face given;      /* the face of --landmarks */
    struct ce_models models;
    struct ce_many many;
    struct ce_json_list json;
};

/* ---- options ---- */

/* Reads five points x,y,x,y,... */
static int parse_landmarks(struct job *job)
{
    float *value = &job->given.landmark[0][0];
    const char *at = job->landmarks;
    int count = 0;
    for (; at && count < 2 * LT_FACE_LANDMARKS; count++) {
        const char *comma = strchr(at, ',');
        const char *part =
            ce_text(job->run, "%.*s", comma ? (int)(comma - at) : (int)strlen(at), at);
        double number;
        if (!part || !ce_parse_real(part, &number))
            break;
        value[count] = (float)number;
        at = comma ? comma + 1 : NULL;
    }
    if (at || count != 2 * LT_FACE_LANDMARKS)
        return ce_usage_error(job->run,
                              "--landmarks: '%s' is not five points x,y,x,y,...: left eye, right "
                              "eye, nose, left and right corner of the mouth",
                              job->landmarks);
    job->given.probability = 1.0f;
    for (int k = 0; k < 2; k++) {
        job->given.box[k] = job->given.box[k + 2] = job->given.landmark[0][k];
        for (int i = 1; i < LT_FACE_LANDMARKS; i++) {
            const float v = job->given.landmark[i][k];
            job->given.box[k] = v < job->given.box[k] ? v : job->given.box[k];
            job->given.box[k + 2] = v > job->given.box[k + 2] ? v : job->given.box[k + 2];
        }
    }
    return CE_PARSED;
}

static int parse(struct job *job, int argc, char **argv)
{
    struct ce_run *run = job->run;
    struct ce_option table[CE_FACES_OPTIONS + 4];
    size_t n = CE_FACES_OPTIONS;
    job->choice = ce_face_options_defaults();
    ce_faces_options(&job->choice, true, table);
    table[n++] = (struct ce_option)CE_OPT_TEXT(
        "landmarks", "X,Y,...", &job->landmarks,
        "where the face of a single photo is, in pixels: left eye, right eye, nose, left and right "
        "corner of the mouth, as they stand in the photo; no detector is needed then");
    table[n++] = (struct ce_option)CE_OPT_FLAG(
        "show", &job->show,
        "write each photo with boxes, landmarks and squares drawn into it, instead of the faces");
    table[n++] = (struct ce_option)CE_OPT_INT(
        "size", "N", &job->size, 0, SIZE_MOST,
        "pixels a side of the results; 0: as the model's generator has them");
    table[n++] = (struct ce_option)CE_OPT_OUT(
        "FILE|DIR", &job->output,
        "where the pictures go: a .png or .jpg file for a single one, or a folder, made if missing "
        "(default: aligned.png, or the folder aligned)");
    const struct ce_syntax syntax = {.usage = "[OPTION]... PHOTO...",
                                     .about = about,
                                     .examples = examples,
                                     .takes = CE_TAKES_GENERATOR | CE_TAKES_DETECTOR |
                                              CE_TAKES_OUTPUT | CE_TAKES_RESUME,
                                     .table = table,
                                     .count = n,
                                     .arguments = &job->photos,
                                     .files = true};
    int status = ce_options_parse(run, &syntax, argc, argv);
    if (status == CE_PARSED && job->photos.count == 0)
        return ce_usage_error(run, "say which photo");
    if (status == CE_PARSED)
        status = ce_faces_settle(run, &job->choice, true);
    if (status == CE_PARSED)
        status = ce_picture_list_expand(run, &job->photos);
    if (status == CE_PARSED && job->landmarks)
        status = job->photos.count == 1 ? parse_landmarks(job)
                                        : ce_usage_error(run, "--landmarks belong to one photo");
    return status;
}

/* ---- names of the results ---- */

/* The file of a photo's face, from 1; of its drawing, and of a face that is the only one, 0. */
static const char *file_of(const struct job *job, size_t photo, size_t face)
{
    if (!job->folder)
        return job->output;
    const char *name = face ? ce_text(job->run, "%s-face%zu.png", job->names[photo], face)
                            : ce_text(job->run, "%s.png", job->names[photo]);
    return name ? ce_path_in(job->run, job->output, name) : NULL;
}

static const char *mark_of(const struct job *job, size_t photo)
{
    const uint64_t hash = lt_hash_text(job->run->settings, job->photos.items[photo]);
    return ce_text(job->run, "%016llx", (unsigned long long)hash);
}

/* Whether a photo has several results. Their files are known only when its faces are. */
static bool has_several(const struct job *job)
{
    return job->choice.number == 0 && !job->show && !job->landmarks;
}

/* Finds the place of the results, and whether they may be written. */
static int check_outputs(struct job *job)
{
    struct ce_run *run = job->run;
    const size_t count = job->photos.count;
    job->writes = job->output || !run->json;
    if (!job->writes)
        return CE_PARSED;
    job->replace = job->output ? CE_REPLACE_NOTHING : CE_REPLACE_OWN;
    const int room = ce_pictures_room(run, job->output, has_several(job) ? 2 : (int64_t)count);
    if (room != CE_PARSED)
        return room;
    if (!job->output)
        job->output = count > 1 || has_several(job) ? "aligned/" : "aligned.png";
    job->folder = ce_is_picture_folder(job->output);
    if (job->folder && !(job->names = ce_photo_names(run, job->photos.items, count, NULL, NULL)))
        return ce_fail(run);
    lt_status status = LT_OK;
    for (size_t i = 0; i < count && status == LT_OK && !has_several(job); i++) {
        const char *file = file_of(job, i, 0), *mark = mark_of(job, i);
        status = file && mark ? ce_picture_allow(run, file, mark, job->replace)
                              : lt_ctx_status(run->ctx);
    }
    if (status == LT_OK && job->folder)
        status = ce_folder_make(run->ctx, job->output);
    if (status == LT_OK && !job->folder)
        status = ce_output_check(run, "-o", job->output, CE_REPLACE_CONTINUED);
    return status == LT_OK ? CE_PARSED : ce_fail(run);
}

/* ---- telling ---- */

static void put_numbers(lt_json_writer *w, const char *key, const double *number, int count)
{
    lt_json_put_key(w, key);
    lt_json_begin_array(w);
    for (int i = 0; i < count; i++)
        lt_json_put_double(w, number[i]);
    lt_json_end_array(w);
}

static void put_points(lt_json_writer *w, const char *key, double (*point)[2], int count)
{
    lt_json_put_key(w, key);
    lt_json_begin_array(w);
    for (int i = 0; i < count; i++) {
        lt_json_begin_array(w);
        lt_json_put_double(w, point[i][0]);
        lt_json_put_double(w, point[i][1]);
        lt_json_end_array(w);
    }
    lt_json_end_array(w);
}

/* One face as a member of the list of faces. */
static void put_face(lt_json_writer *w, const lt_face *face, const struct ce_quad *quad,
                     size_t number, const char *file)
{
    double box[4], corner[4][2], landmark[LT_FACE_LANDMARKS][2];
    for (int i = 0; i < 4; i++)
        box[i] = (double)face->box[i];
    for (int i = 0; i < LT_FACE_LANDMARKS; i++)
        for (int k = 0; k < 2; k++)
            landmark[i][k] = (double)face->landmark[i][k];
    ce_quad_corners(quad, corner);
    lt_json_begin_object(w);
    lt_json_put_key(w, "face");
    lt_json_put_int(w, (int64_t)number);
    lt_json_put_key(w, "probability");
    lt_json_put_double(w, (double)face->probability);
    put_numbers(w, "box", box, 4);
    put_points(w, "landmarks", landmark, LT_FACE_LANDMARKS);
    put_points(w, "quad", corner, 4);
    lt_json_put_key(w, "eye_distance");
    lt_json_put_double(w, ce_eye_distance(face->landmark));
    if (file) {
        lt_json_put_key(w, "file");
        lt_json_put_string(w, file);
    }
    lt_json_end_object(w);
}

/* The members of a photo in front of its faces. */
static void begin_photo(const struct job *job, lt_json_writer *w, const char *photo,
                        const ce_image *image)
{
    if (!job->run->json)
        return;
    lt_json_begin_object(w);
    lt_json_put_key(w, "photo");
    lt_json_put_string(w, photo);
    lt_json_put_key(w, "width");
    lt_json_put_int(w, image->width);
    lt_json_put_key(w, "height");
    lt_json_put_int(w, image->height);
    lt_json_put_key(w, "faces");
    lt_json_begin_array(w);
}

static void tell_face(const struct job *job, const char *photo, const struct ce_faces *faces,
                      size_t number, const char *file)
{
    const lt_face *face = &faces->face[number - 1];
    if (job->landmarks)
        printf("%s: %s, the face at the landmarks\n", file, photo);
    else
        printf("%s: %s, face %zu of %zu, probability %.3f, %.0f pixels between the eyes\n", file,
               photo, number, faces->count, (double)face->probability,
               ce_eye_distance(face->landmark));
    fflush(stdout);
}

/* ---- work ---- */

static lt_status write_result(struct job *job, size_t photo, const char *file,
                              const ce_image *image)
{
    struct ce_run *run = job->run;
    const char *mark = mark_of(job, photo);
    if (!mark || !file)
        return lt_ctx_status(run->ctx);
    const ce_image_text texts[] = {ce_image_origin(), {CE_MADE_BY, mark}};
    lt_status status = ce_picture_allow(run, file, mark, job->replace);
    return status == LT_OK ? ce_image_write(run->ctx, file, image, texts, job->folder ? 2 : 1)
                           : status;
}

/* Cuts out face `number` and writes it to `file`, unless an earlier run has. */
static lt_status write_face(struct job *job, size_t photo, const ce_image *image,
                            const struct ce_quad *quad, const char *file)
{
    lt_ctx *ctx = job->run->ctx;
    const char *mark = mark_of(job, photo);
    const struct ce_pixels pixels = {image->rgb, image->width, image->height};
    ce_image cut = {0};
    if (!file || !mark)
        return lt_ctx_status(ctx);
    if (ce_picture_is_made(job->run, file, mark))
        return LT_OK;
    lt_status status = ce_image_create(ctx, (int)job->size, (int)job->size, &cut);
    if (status == LT_OK && (status = ce_align_crop(ctx, &pixels, quad, (int)job->size, cut.rgb)))
        ce_blame_file(ctx, job->photos.items[photo]);
    if (status == LT_OK)
        status = write_result(job, photo, file, &cut);
    ce_image_free(&cut);
    return status;
}

/* Writes or draws the faces [first, last) of a photo, from 0, and tells them. */
static lt_status take_faces(struct job *job, size_t photo, ce_image *image,
                            const struct ce_faces *faces, size_t first, size_t last,
                            lt_json_writer *w)
{
    struct ce_run *run = job->run;
    const char *name = job->photos.items[photo];
    lt_status status = LT_OK;
    for (size_t i = first; i < last && status == LT_OK; i++) {
        const lt_face *face = &faces->face[i];
        struct ce_quad quad;
        const char *file = NULL;
        if ((status = ce_quad_of_face(run->ctx, face->landmark, &quad)))
            ce_blame_file(run->ctx, name);
        else if (job->writes && !job->show) {
            file = file_of(job, photo, has_several(job) ? i + 1 : 0);
            status = write_face(job, photo, image, &quad, file);
            if (status == LT_OK)
                ce_faces_warn(run, name, face);
        } else if (job->writes) {
            status = ce_face_marks_draw(run->ctx, image, face, &quad, (int)i + 1);
        }
        if (status == LT_OK && run->json)
            put_face(w, face, &quad, i + 1, file);
        else if (status == LT_OK && !job->show)
            tell_face(job, name, faces, i + 1, file);
    }
    return status;
}

/* Which faces of a photo are taken: [*first, *last). */
static lt_status choose(const struct job *job, const char *photo, const struct ce_faces *faces,
                        size_t *first, size_t *last)
{
    const size_t number = (size_t)job->choice.number;
    const bool all = job->show || !job->writes || number == 0;
    lt_ctx *ctx = job->run->ctx;
    *first = all ? 0 : number - 1;
    *last = all ? faces->count : number;
    if (!job->writes)
        return LT_OK;
    if (faces->count == 0)
        return lt_fail(ctx, LT_ERR_MISSING,
                       "%s: found no face of at least %.0f pixels; --min-face looks for smaller "
                       "ones, --landmarks says where it is",
                       photo, faces->least);
    if (*last > faces->count)
        return lt_fail(ctx, LT_ERR_MISSING, "%s: found %zu face%s, so there is no face %zu", photo,
                       faces->count, faces->count > 1 ? "s" : "", number);
    if (!all && faces->count > 1 && strcmp(job->choice.which, "largest") == 0)
        ce_note(job->run,
                "note: %s: found %zu faces, the largest is taken; --face N or --face all "
                "takes others",
                photo, faces->count);
    return LT_OK;
}

/* Finds the faces of a photo, or takes the one of --landmarks. */
static lt_status find(struct job *job, const ce_image *image, struct ce_faces *faces)
{
    if (!job->landmarks)
        return ce_faces_find(&job->models, &job->choice, image, faces);
    *faces = (struct ce_faces){.face = malloc(sizeof *faces->face)};
    if (!faces->face)
        return lt_fail(job->run->ctx, LT_ERR_MEMORY, "out of memory for a face");
    *faces->face = job->given;
    faces->count = 1;
    return LT_OK;
}

static lt_status align_photo(struct job *job, size_t photo, ce_image *image, lt_json_writer *w)
{
    lt_ctx *ctx = job->run->ctx;
    const char *name = job->photos.items[photo];
    struct ce_faces faces = {0};
    size_t first, last;
    lt_status status = ce_image_read(ctx, name, image);
    if (status == LT_OK)
        status = find(job, image, &faces);
    if (status == LT_OK)
        status = choose(job, name, &faces, &first, &last);
    if (status == LT_OK) {
        begin_photo(job, w, name, image);
        status = take_faces(job, photo, image, &faces, first, last, w);
    }
    if (status == LT_OK && job->writes && job->show) {
        const char *file = file_of(job, photo, 0);
        status = write_result(job, photo, file, image);
        if (status == LT_OK && !job->run->json)
            printf("%s: %s, %zu face%s\n", file, name, faces.count, faces.count == 1 ? "" : "s");
    }
    ce_faces_free(&faces);
    return status;
}

/* Aligns one photo and tells it. */
static lt_status take_photo(struct job *job, size_t photo)
{
    struct ce_run *run = job->run;
    ce_image image = {0};
    lt_json_writer *w = run->json ? lt_json_writer_create() : NULL;
    lt_status status = align_photo(job, photo, &image, w);
    ce_image_free(&image);
    if (status != LT_OK || !run->json) {
        lt_json_writer_free(w);
        return status;
    }
    lt_json_end_array(w);
    lt_json_end_object(w);
    return ce_json_list_put(run, &job->json, w);
}

static lt_status align_all(struct job *job)
{
    struct ce_run *run = job->run;
    lt_status status = LT_OK;
    ce_stop_catch(true);
    for (size_t i = 0; i < job->photos.count && status == LT_OK && !ce_stop_asked(); i++) {
        struct ce_block *mark = ce_mark(run);
        const lt_scope scope = lt_scope_open(run->ctx);
        status = take_photo(job, i);
        if (status == LT_OK)
            job->many.done++;
        else if (ce_many_skip(run, &job->many))
            status = LT_OK;
        lt_scope_close(run->ctx, scope, NULL);
        ce_release(run, mark);
    }
    ce_stop_catch(false);
    return status;
}

/* The members of the JSON value in front of the photos. */
static void begin_json(struct job *job)
{
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "size");
    if (job->writes && !job->show)
        lt_json_put_int(w, job->size);
    else
        lt_json_put_string(w, NULL);
    lt_json_end_object(w);
    job->json = (struct ce_json_list){.head = w, .key = "photos"};
}

static lt_status work(struct job *job)
{
    struct ce_run *run = job->run;
    const bool sized = !job->writes || job->show || job->size > 0;
    const unsigned needs =
        (sized ? 0u : CE_NEED_GENERATOR) | (job->landmarks ? 0u : CE_NEED_DETECTOR);
    if ((needs & CE_NEED_DETECTOR) && !ce_models_has(run->ctx, &run->paths, CE_NEED_DETECTOR))
        return lt_fail(run->ctx, LT_ERR_MISSING, "%s", CE_DETECTOR_MISSING);
    lt_status status = ce_models_open(run->ctx, &run->paths, needs, &job->models);
    if (status != LT_OK)
        return status;
    if (!sized)
        job->size = lt_stylegan2_describe(job->models.generator)->size;
    job->many =
        (struct ce_many){.verb = "aligned", .total = job->photos.count, .resumable = job->folder};
    begin_json(job);
    status = align_all(job);
    if (!run->json || !job->json.begun)
        return status;
    const lt_status told = ce_json_list_end(run, &job->json, NULL);
    return status == LT_OK ? told : status;
}

int ce_cmd_align(struct ce_run *run, int argc, char **argv)
{
    struct job job = {.run = run};
    int status = parse(&job, argc, argv);
    if (status == CE_PARSED)
        status = check_outputs(&job);
    if (status != CE_PARSED)
        return status;
    status = ce_many_end(run, &job.many, work(&job));
    lt_json_writer_free(job.json.head);
    ce_models_close(&job.models);
    return status;
}
