/* Status codes that every fallible libtensor call reports by value. */
#ifndef LT_TENSOR_STATUS_H
#define LT_TENSOR_STATUS_H

#ifdef __cplusplus
#define LT_BEGIN_DECLS extern "C" {
#define LT_END_DECLS   }
#else
#define LT_BEGIN_DECLS
#define LT_END_DECLS
#endif

#if defined(__GNUC__)
#define LT_API               __attribute__((visibility("default")))
#define LT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define LT_API
#define LT_PRINTF(fmt, args)
#endif

/* The library's version; the major number is the shared library's soname. */
#define LT_VERSION_MAJOR  0
#define LT_VERSION_MINOR  2
#define LT_VERSION_PATCH  0
#define LT_VERSION_STRING "0.2.0"

LT_BEGIN_DECLS

/* Values are pinned: new codes go at the end. */
typedef enum lt_status {
    LT_OK = 0,
    LT_ERR_ARGUMENT = 1,    /* an argument outside its documented range */
    LT_ERR_SHAPE = 2,       /* tensors whose shapes do not fit together */
    LT_ERR_DTYPE = 3,       /* an element type that the call does not take */
    LT_ERR_MEMORY = 4,      /* an allocation failed */
    LT_ERR_IO = 5,          /* a file could not be opened, read or written */
    LT_ERR_FORMAT = 6,      /* a file or text is not what it should be */
    LT_ERR_NUMERIC = 7,     /* NaN or infinity where none may be */
    LT_ERR_UNSUPPORTED = 8, /* valid, but not implemented */
    LT_ERR_MISSING = 9      /* a named tensor or key that is not there */
} lt_status;

/* A short English name of a status ("out of memory"); never NULL. */
LT_API const char *lt_status_string(lt_status status);

LT_END_DECLS

#endif
