/* The table of words as JSON: the content of concepts.json (weights/world/README.md). */
#ifndef RICH_CONCEPTS_H
#define RICH_CONCEPTS_H

#include "tensor/files/json.h"

/* Writes one object: all words that captions of the rich world use, by kind. */
void rich_put_concepts(lt_json_writer *writer);

#endif
