/* What `cfedit info` tells of a weight file. */
#ifndef CFEDIT_INFO_FILE_H
#define CFEDIT_INFO_FILE_H

#include "engine/kinds.h"
#include "cli/console/run.h"
#include "tensor/files/json.h"

#define CE_FACTS_MAX 16

/* A named number of a network, such as the "size" of a generator. */
struct ce_fact {
    const char *name;
    int64_t value;
};

struct ce_file_facts {
    lt_safetensors *file;
    enum ce_kind kind;
    uint64_t bytes;     /* of the tensors' data */
    int64_t parameters; /* elements of floating-point tensors */
    char dtypes[64];    /* "F32", "F16, U8" */
    const char *type;   /* of an encoder, by its published name; or NULL */
    struct ce_fact fact[CE_FACTS_MAX];
    size_t facts;
    const char
        *missing;     /* why no network can be made of the file; NULL: one can. The run's memory */
    const char *note; /* what a network made of it will lack; or NULL */
};

/* Reads a file. *facts is all zero before, and given to ce_file_facts_free() also after a failure.
 * A sound file that holds no complete network is not a failure: facts->missing tells. */
lt_status ce_file_facts_read(struct ce_run *run, const char *path, struct ce_file_facts *facts);
void ce_file_facts_free(struct ce_file_facts *facts);

/* Tell the facts on stdout, or add them to `w` as a JSON object. `tensors` lists every tensor;
 * files that are no networks have theirs listed in any case. */
void ce_file_facts_print(const struct ce_file_facts *facts, bool tensors);
void ce_file_facts_put(lt_json_writer *w, const struct ce_file_facts *facts, bool tensors);

#endif
