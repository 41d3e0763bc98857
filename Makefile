# cfedit and libtensor. `make help` lists the targets.

CC       ?= gcc
CFLAGS   ?= -g
PREFIX   ?= /usr/local
BUILD    ?= build
LIBDIR   ?= $(PREFIX)/lib
INCDIR   ?= $(PREFIX)/include
BINDIR   ?= $(PREFIX)/bin
DATADIR  ?= $(PREFIX)/share/cfedit

VERSION  := $(shell sed -n 's/^\#define LT_VERSION_STRING "\(.*\)"/\1/p' lib/tensor/status.h)
SOMAJOR  := $(shell sed -n 's/^\#define LT_VERSION_MAJOR //p' lib/tensor/status.h)

WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
# Contraction is off so that results do not depend on how a compiler fuses; kernels ask for FMA by instruction set.
BASE     := -std=c11 -D_POSIX_C_SOURCE=200809L -fopenmp -ffp-contract=off -fno-math-errno -fno-trapping-math
LIBFLAGS := $(BASE) $(WARN) $(WERROR) -Ilib -fPIC -fvisibility=hidden -O3
APPFLAGS := $(BASE) $(WARN) $(WERROR) -Ilib -Iapps -I. -O2
# The image libraries are the program's, not the library's.
LIBS     := -lz -lm -ldl -lpthread
APPLIBS  := -lpng -ljpeg $(LIBS)

ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
ISAS := base
ISA_FLAGS_base :=
ifeq ($(ARCH),x86_64)
ISAS += avx2 avx512
ISA_FLAGS_avx2 := -mavx2 -mfma -mf16c -ffp-contract=fast
ISA_FLAGS_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512 -ffp-contract=fast
endif

# ---- sources: a file is found where its layer's folder is ----
LIB_SRC    := $(wildcard lib/tensor/*.c lib/autograd/*.c lib/nn/*.c)
KERNEL_SRC := $(filter %_kernels.c,$(LIB_SRC))
PLAIN_SRC  := $(filter-out %_kernels.c,$(LIB_SRC))
LIB_OBJ    := $(PLAIN_SRC:%.c=$(BUILD)/%.o) $(foreach i,$(ISAS),$(KERNEL_SRC:%.c=$(BUILD)/%.$(i).o))
APP_SRC    := $(wildcard apps/cfedit/*.c)
APP_OBJ    := $(APP_SRC:%.c=$(BUILD)/%.o)
APP_CORE   := $(filter-out $(BUILD)/apps/cfedit/main.o,$(APP_OBJ))
WORLD_SRC  := $(wildcard weights/world*.c weights/captions*.c)
WORLD_OBJ  := $(filter-out $(BUILD)/weights/world_sheet.o,$(WORLD_SRC:%.c=$(BUILD)/%.o))
TEST_SRC   := $(wildcard tests/*.c)
TEST_OBJ   := $(TEST_SRC:%.c=$(BUILD)/%.o)

LIB_A  := $(BUILD)/libtensor.a
LIB_SO := $(BUILD)/libtensor.so.$(VERSION)

.PHONY: all lib
all: cfedit lib

lib: $(LIB_A) $(LIB_SO)

cfedit: $(APP_OBJ) $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -fopenmp -o $@ $(APP_OBJ) $(LIB_A) $(APPLIBS)

$(LIB_A): $(LIB_OBJ)
	rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

$(LIB_SO): $(LIB_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -fopenmp -Wl,-soname,libtensor.so.$(SOMAJOR) -Wl,-z,defs -o $@ $(LIB_OBJ) $(LIBS)
	ln -sf libtensor.so.$(VERSION) $(BUILD)/libtensor.so.$(SOMAJOR)
	ln -sf libtensor.so.$(SOMAJOR) $(BUILD)/libtensor.so

define kernel_rule
$(BUILD)/lib/%_kernels.$(1).o: lib/%_kernels.c
	@mkdir -p $$(@D)
	$$(CC) $$(LIBFLAGS) $$(ISA_FLAGS_$(1)) $$(CPPFLAGS) $$(CFLAGS) -DLT_ISA_SUFFIX=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call kernel_rule,$(i))))

$(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(CC) $(LIBFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/apps/%.o: apps/%.c
	@mkdir -p $(@D)
	$(CC) $(APPFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/weights/%.o: weights/%.c
	@mkdir -p $(@D)
	$(CC) $(APPFLAGS) -O3 $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(APPFLAGS) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- the model that ships: trained here, with libtensor, on two cores (weights/README.md) ----
METHOD_OBJ := $(filter-out $(BUILD)/apps/cfedit/main.o $(BUILD)/apps/cfedit/cmd_%.o,$(APP_OBJ))
TRAIN_COMMON := $(BUILD)/weights/training.o $(WORLD_OBJ) $(METHOD_OBJ) $(LIB_A)

$(BUILD)/train_generator $(BUILD)/train_clip $(BUILD)/measure: $(BUILD)/%: $(BUILD)/weights/%.o $(TRAIN_COMMON)
	$(CC) $(CFLAGS) $(LDFLAGS) -fopenmp -o $@ $^ $(APPLIBS)

$(BUILD)/world_sheet: $(BUILD)/weights/world_sheet.o $(WORLD_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -fopenmp -o $@ $^ $(APPLIBS)
