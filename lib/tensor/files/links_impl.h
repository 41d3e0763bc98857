/* Symbolic links of outputs. Private to lib/tensor/files. */
#ifndef LT_TENSOR_LINKS_IMPL_H
#define LT_TENSOR_LINKS_IMPL_H

/* The name of the file that `path` stands for, which need not be there, with symbolic links
 * followed: a new string, or NULL with errno set. */
char *lt_follow_links(const char *path);

#endif
