/* Found edits at other strengths, without another search. */
#ifndef CFEDIT_STRENGTH_H
#define CFEDIT_STRENGTH_H

#include "engine/edit_result.h"
#include "engine/models.h"

/* Draws a found edit at a strength: 0 gives the source, 1 the edit as it was found, and any other
 * number the point on the straight line through both, w + strength * (w_hat - w). In StyleSpace the
 * line goes through the styles of both. `found` stays as it is, and *result shares its source
 * picture. *result is given to ce_edit_result_free(), also after a failure. */
lt_status ce_strength_draw(const struct ce_models *models, const struct ce_edit_result *found,
                           float strength, struct ce_edit_result *result);

#endif
