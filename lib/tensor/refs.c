/* References to tensors: who keeps values, shapes and gradients alive. */
#include <stdlib.h>

#include "tensor/tensor_impl.h"

static void storage_release(lt_storage *s)
{
    if (!s || --s->refs > 0)
        return;
    if (s->pool)
        lt_pool_free(s->pool, s->data);
    if (s->release)
        s->release(s->owner);
    free(s);
}

lt_tensor *lt_retain(lt_tensor *t)
{
    if (t)
        t->refs++;
    return t;
}

static void outline_free(lt_tensor *t)
{
    lt_release(t->grad);
    free(t);
}

void lt_release(lt_tensor *t)
{
    if (!t || --t->refs > 0)
        return;
    storage_release(t->storage);
    t->storage = NULL;
    t->data = NULL;
    if (t->outlines == 0)
        outline_free(t);
}

void lt_outline_retain(lt_tensor *t)
{
    if (t)
        t->outlines++;
}

void lt_outline_release(lt_tensor *t)
{
    if (t && --t->outlines == 0 && t->refs == 0)
        outline_free(t);
}
