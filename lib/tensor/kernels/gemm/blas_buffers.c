/* Each thread that computes a product in OpenBLAS needs a buffer. OpenBLAS maps a new one when none
 * is free. Where that fails, its versions up to 0.3.29 try again for ever, and later ones end the
 * process (OpenMathLib/OpenBLAS issue 5289). Under a limit, all buffers are therefore mapped before
 * the first product, and no more threads are let in than there are buffers. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include "tensor/kernels/gemm/blas_buffers_impl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tensor/cpu.h"

#define BUFFER_BYTES ((size_t)128 << 20) /* of OpenBLAS on x86-64 (BUFFER_SIZE) */
enum { BUFFERS_MOST = 16 };

/* `limited` is written once by lt_blas_buffers_reserve(); `idle` is guarded by `lock`. */
static struct {
    bool limited;
    int idle; /* buffers that no product uses */
    pthread_mutex_t lock;
    pthread_cond_t given;
} buffers = {.lock = PTHREAD_MUTEX_INITIALIZER, .given = PTHREAD_COND_INITIALIZER};

static bool is_limited(void)
{
    struct rlimit space, data;
    return (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) ||
           (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY);
}

static bool has_room(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    return p != MAP_FAILED && munmap(p, bytes) == 0;
}

/* How many buffers may be mapped: one for each core, as long as they leave half of the room to
 * everything else. */
static int count_affordable(void)
{
    const int cores = lt_cpu_cores();
    int n = cores < BUFFERS_MOST ? cores : BUFFERS_MOST;
    while (n > 0 && !has_room(2 * (size_t)n * BUFFER_BYTES))
        n--;
    return n;
}

bool lt_blas_buffers_reserve(void *lib)
{
    void *(*allocate)(int) = NULL;
    void (*release)(void *) = NULL;
    void *held[BUFFERS_MOST];
    if (!is_limited())
        return true;
    /* dlsym() gives an object pointer; POSIX makes the conversion defined. */
    void *const symbol[] = {dlsym(lib, "blas_memory_alloc"), dlsym(lib, "blas_memory_free")};
    memcpy(&allocate, &symbol[0], sizeof allocate);
    memcpy(&release, &symbol[1], sizeof release);
    const int n = allocate && release ? count_affordable() : 0;
    for (int i = 0; i < n; i++)
        held[i] = allocate(0);
    /* A released buffer stays mapped, and the next product takes it. */
    for (int i = 0; i < n; i++)
        release(held[i]);
    buffers.limited = true;
    buffers.idle = n;
    return n > 0;
}

void lt_blas_buffers_take(void)
{
    if (!buffers.limited)
        return;
    pthread_mutex_lock(&buffers.lock);
    while (buffers.idle == 0)
        pthread_cond_wait(&buffers.given, &buffers.lock);
    buffers.idle--;
    pthread_mutex_unlock(&buffers.lock);
}

void lt_blas_buffers_give(void)
{
    if (!buffers.limited)
        return;
    pthread_mutex_lock(&buffers.lock);
    buffers.idle++;
    pthread_cond_signal(&buffers.given);
    pthread_mutex_unlock(&buffers.lock);
}
