/* Pictures as tensors and as 8-bit pixels. */
#include <math.h>

#include "engine/public/cfedit.h"

enum { MAX_SIDE = 1 << 20 };

lt_tensor *ce_picture_from_rgb(lt_ctx *ctx, const uint8_t *rgb, int width, int height)
{
    if (!rgb || width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE) {
        lt_fail(ctx, LT_ERR_ARGUMENT, "picture: %d x %d pixels, expected sides from 1 to %d", width,
                height, MAX_SIDE);
        return NULL;
    }
    lt_tensor *picture = lt_empty(ctx, LT_F32, 4, (int64_t[]){1, 3, height, width});
    if (!picture)
        return NULL;
    float *to = lt_f32(picture);
    const size_t plane = (size_t)width * (size_t)height;
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < plane; i++)
            to[k * plane + i] = (float)rgb[3 * i + k] / 127.5f - 1.0f;
    return picture;
}

static uint8_t to_byte(float value)
{
    if (!(value > -1.0f)) /* NaN too */
        return 0;
    return value >= 1.0f ? 255 : (uint8_t)lrintf((value + 1.0f) * 127.5f);
}

lt_status ce_picture_to_rgb(lt_ctx *ctx, const lt_tensor *pictures, int64_t index, uint8_t *rgb)
{
    char shape[96];
    if (!pictures)
        return lt_ctx_status(ctx) != LT_OK
                   ? lt_ctx_status(ctx)
                   : lt_fail(ctx, LT_ERR_ARGUMENT, "picture: the tensor is NULL");
    const int ndim = lt_ndim(pictures);
    if (lt_type(pictures) != LT_F32)
        return lt_fail(ctx, LT_ERR_DTYPE, "picture: the tensor is %s, expected F32",
                       lt_dtype_name(lt_type(pictures)));
    if ((ndim != 3 && ndim != 4) || lt_dim(pictures, -3) != 3)
        return lt_fail(ctx, LT_ERR_SHAPE,
                       "picture: the tensor is %s, expected (3, H, W) or (N, 3, H, W)",
                       lt_shape_string(pictures, shape, sizeof shape));
    const int64_t count = ndim == 4 ? lt_dim(pictures, 0) : 1;
    if (index < 0 || index >= count)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "picture: index %lld, the tensor %s holds %lld",
                       (long long)index, lt_shape_string(pictures, shape, sizeof shape),
                       (long long)count);
    const int64_t *stride = lt_strides(pictures) + (ndim - 3);
    const int64_t height = lt_dim(pictures, -2), width = lt_dim(pictures, -1);
    const float *from = lt_data(pictures);
    if (ndim == 4)
        from += index * lt_strides(pictures)[0];
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int64_t k = 0; k < 3; k++)
                *rgb++ = to_byte(from[k * stride[0] + y * stride[1] + x * stride[2]]);
    return LT_OK;
}
