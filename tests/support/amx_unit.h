/* Intel's matrix unit (AMX) in C. The tests' copies of amx*_kernels.c are compiled with this header
 * in front (gcc -include), so that the kernels run on processors without the unit. */
#ifndef TESTS_AMX_UNIT_H
#define TESTS_AMX_UNIT_H

void amx_unit_configure(const void *config);
void amx_unit_release(void);
void amx_unit_zero(int t);
void amx_unit_load(int t, const void *from, long stride);
void amx_unit_store(int t, void *to, long stride);
void amx_unit_multiply_int8(int c, int a, int b);

#define LT_AMX_EMULATED
#define _tile_loadd(t, from, stride) amx_unit_load(t, from, stride)
#define _tile_stored(t, to, stride)  amx_unit_store(t, to, stride)
#define _tile_zero(t)                amx_unit_zero(t)
#define _tile_dpbssd(c, a, b)        amx_unit_multiply_int8(c, a, b)
#define _tile_loadconfig(config)     amx_unit_configure(config)
#define _tile_release()              amx_unit_release()

#endif
