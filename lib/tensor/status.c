/* Texts of status codes. */
#include "tensor/status.h"

const char *lt_status_string(lt_status status)
{
    switch (status) {
    case LT_OK: return "success";
    case LT_ERR_ARGUMENT: return "invalid argument";
    case LT_ERR_SHAPE: return "shapes do not fit";
    case LT_ERR_DTYPE: return "wrong element type";
    case LT_ERR_MEMORY: return "out of memory";
    case LT_ERR_IO: return "input/output error";
    case LT_ERR_FORMAT: return "malformed data";
    case LT_ERR_NUMERIC: return "not a finite number";
    case LT_ERR_UNSUPPORTED: return "not supported";
    case LT_ERR_MISSING: return "missing";
    }
    return "unknown status";
}
