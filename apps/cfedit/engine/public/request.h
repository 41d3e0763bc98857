/* From what a caller of the public interface asks for to what the engine works with. */
#ifndef CFEDIT_PUBLIC_REQUEST_H
#define CFEDIT_PUBLIC_REQUEST_H

#include "engine/methods.h"
#include "engine/public/model.h"

/* Puts the settings, the seed and the networks that the request asks for in place: settings of
 * `method` with the request's own on top. Errors: LT_ERR_ARGUMENT for an unknown setting, one that
 * the method does not use, or a value out of range; those of ce_model_need(). */
lt_status ce_request_prepare(ce_model *model, const ce_request *request,
                             const struct ce_method *method, struct ce_edit_settings *settings);

#endif
