/* Small helpers for texts: formatted and copied strings, and numbers written in decimal. */
#ifndef CFEDIT_TEXT_H
#define CFEDIT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/context.h"

/* A formatted string, to be given to free(). NULL with LT_ERR_MEMORY in ctx on failure. */
char *ce_format(lt_ctx *ctx, const char *format, ...) LT_PRINTF(2, 3);

/* A copy of `text`, to be given to free(). NULL where `text` is NULL, or with LT_ERR_MEMORY in ctx
 * on failure. */
char *ce_copy(lt_ctx *ctx, const char *text);

/* The whole of `text` as a decimal integer or as a finite decimal number. False for anything else,
 * also for a value outside the type's range. */
bool ce_parse_int(const char *text, int64_t *value);
bool ce_parse_real(const char *text, double *value);

#endif
