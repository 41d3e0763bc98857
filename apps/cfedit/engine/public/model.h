/* What a ce_model of the public interface is made of. */
#ifndef CFEDIT_PUBLIC_MODEL_H
#define CFEDIT_PUBLIC_MODEL_H

#include "engine/models.h"
#include "engine/public/cfedit.h"

struct ce_model {
    struct ce_models models;
    struct ce_paths paths; /* owned copies: networks are opened when they are first needed */
};

/* Opens those of the networks that `needs` names (CE_NEED_ bits) which are not open yet. */
lt_status ce_model_need(ce_model *model, unsigned needs);

#endif
