/* What a weight file holds, as `cfedit info` tells it. */
#ifndef CFEDIT_INFO_FILE_H
#define CFEDIT_INFO_FILE_H

#include "engine/kinds.h"
#include "cli/console/run.h"
#include "tensor/files/json.h"

#define CE_FACTS_MAX 16

/* A named number of the network, such as "size" of a generator. */
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
    struct ce_fact fact[CE_FACTS_MAX];
    size_t facts;
    /* Why no network can be made of the file, or what it will lack; the run's. */
    const char *missing, *note;
};

/* Reads a file; *facts is zero before and freed with ce_file_facts_free() in any case. A file that
 * is sound but not a complete network is not a failure. */
lt_status ce_file_facts_read(struct ce_run *run, const char *path, struct ce_file_facts *facts);
void ce_file_facts_free(struct ce_file_facts *facts);

/* On stdout, and as a JSON object; `tensors` lists each of them,
 * which is always done for what is not a network. */
void ce_file_facts_print(const struct ce_file_facts *facts, bool tensors);
void ce_file_facts_put(lt_json_writer *w, const struct ce_file_facts *facts, bool tensors);

#endif
