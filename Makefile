# cfedit and libtensor. `make help` lists the targets.

CC       ?= gcc
CFLAGS   ?= -g
PREFIX   ?= /usr/local
BUILD    ?= build
LIBDIR   ?= $(PREFIX)/lib
INCDIR   ?= $(PREFIX)/include
BINDIR   ?= $(PREFIX)/bin
DATADIR  ?= $(PREFIX)/share/cfedit

VERSION  := $(shell sed -n 's/^\#define LT_VERSION_STRING *"\(.*\)"/\1/p' lib/tensor/status.h)
SOMAJOR  := $(shell sed -n 's/^\#define LT_VERSION_MAJOR *//p' lib/tensor/status.h)

WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
# Contraction is off so that results do not depend on how a compiler fuses; kernels ask for FMA by instruction set.
BASE     := -std=c11 -D_POSIX_C_SOURCE=200809L -pthread -fopenmp-simd -ffp-contract=off -fno-math-errno -fno-trapping-math
LIBFLAGS := $(BASE) $(WARN) $(WERROR) -Ilib -fPIC -fvisibility=hidden -O3
APPFLAGS := $(BASE) $(WARN) $(WERROR) -Ilib -Iapps/cfedit -I. -O2
ENGINEFLAGS := $(BASE) $(WARN) $(WERROR) -Ilib -Iapps/cfedit -fPIC -fvisibility=hidden -O2
# The image libraries are the program's, not the libraries'.
LIBS     := -lz -lm -ldl -lpthread
APPLIBS  := -lpng -ljpeg $(LIBS)

AMX_KERNEL_SRC := $(shell find lib -name "amx*_kernels.c")
ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
ISAS := base
ISA_FLAGS_base :=
ifeq ($(ARCH),x86_64)
ISAS += avx2 avx512
ISA_FLAGS_avx2 := -mavx2 -mfma -mf16c -ffp-contract=fast
ISA_FLAGS_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512 -ffp-contract=fast
# Compilers know AMX since GCC 11 and Clang 11.
ISA_FLAGS_amx := $(ISA_FLAGS_avx512) -mprfchw -mamx-tile -mamx-int8
ifeq ($(shell $(CC) $(ISA_FLAGS_amx) -x c -c /dev/null -o /dev/null 2>/dev/null && uname -s),Linux)
AMX_SRC  := $(AMX_KERNEL_SRC)
LIBFLAGS += -DLT_AMX
endif
endif

# AMX kernels on any processor, for the tests: the unit's instructions are functions of amx_unit.h.
ISA_FLAGS_emulated := -Itests -include support/amx_unit.h
EMULATED_OBJ := $(AMX_KERNEL_SRC:%.c=$(BUILD)/%.emulated.o)

# ---- sources: a file is found where its layer's folder is ----
LIB_SRC    := $(sort $(shell find lib -name '*.c'))
KERNEL_SRC := $(filter-out $(AMX_KERNEL_SRC),$(filter %_kernels.c,$(LIB_SRC)))
PLAIN_SRC  := $(filter-out %_kernels.c,$(LIB_SRC))
LIB_OBJ    := $(PLAIN_SRC:%.c=$(BUILD)/%.o) $(foreach i,$(ISAS),$(KERNEL_SRC:%.c=$(BUILD)/%.$(i).o)) $(AMX_SRC:%.c=$(BUILD)/%.amx.o)
objects_in = $(patsubst %.c,$(BUILD)/%.o,$(sort $(shell find $(1) -name '*.c')))
ENGINE_OBJ   := $(call objects_in,apps/cfedit/engine)
PICTURES_OBJ := $(call objects_in,apps/cfedit/cli/pictures)
CONSOLE_OBJ  := $(call objects_in,apps/cfedit/cli/console)
COMMANDS_OBJ := $(call objects_in,apps/cfedit/cli/commands apps/cfedit/cli/inout)
MAIN_OBJ     := $(BUILD)/apps/cfedit/cli/main.o
APP_OBJ      := $(ENGINE_OBJ) $(PICTURES_OBJ) $(CONSOLE_OBJ) $(COMMANDS_OBJ) $(MAIN_OBJ)
BENCH_EDIT_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard bench/edit/*.c))
WORLD_OBJ  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard weights/world/*.c weights/world/rich/*.c))
BENCH_OBJ  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard bench/speed/*.c))
TEST_OBJ   := $(call objects_in,tests) $(EMULATED_OBJ)
PUBLIC     := tensor/status.h tensor/hash.h tensor/memory.h tensor/context.h tensor/tensor.h tensor/rng.h tensor/kernels/gemm/blas.h tensor/kernels/gemm/in_use.h tensor/files/file.h tensor/files/numpy.h \
              tensor/files/json.h tensor/files/safetensors.h autograd/tape.h autograd/ops.h nn/params.h nn/optim.h \
              nn/models/stylegan2.h nn/models/clip.h nn/models/irse50.h nn/models/encoder.h nn/models/vgg19.h nn/models/mtcnn.h nn/text/tokenizer.h

LIB_A     := $(BUILD)/libtensor.a
LIB_SO    := $(BUILD)/libtensor.so.$(VERSION)
ENGINE_A  := $(BUILD)/libcfedit.a
ENGINE_SO := $(BUILD)/libcfedit.so.$(VERSION)
# Parts of the program that other programs of this repository use too; they are not installed.
PICTURES_A := $(BUILD)/libpictures.a
CONSOLE_A  := $(BUILD)/libconsole.a
COMMANDS_A := $(BUILD)/libcommands.a

.PHONY: all lib
all: cfedit lib

lib: $(LIB_A) $(LIB_SO) $(ENGINE_A) $(ENGINE_SO)

cfedit $(BUILD)/cfedit: $(MAIN_OBJ) $(COMMANDS_A) $(CONSOLE_A) $(PICTURES_A) $(ENGINE_A) $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(APPLIBS)

$(LIB_A): $(LIB_OBJ)
$(ENGINE_A): $(ENGINE_OBJ)
$(PICTURES_A): $(PICTURES_OBJ)
$(CONSOLE_A): $(CONSOLE_OBJ)
$(COMMANDS_A): $(COMMANDS_OBJ)
$(LIB_A) $(ENGINE_A) $(PICTURES_A) $(CONSOLE_A) $(COMMANDS_A):
	rm -f $@
	$(AR) rcs $@ $^

$(ENGINE_SO): $(ENGINE_OBJ) $(LIB_SO)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -pthread -Wl,-soname,libcfedit.so.$(SOMAJOR) -Wl,-z,defs -o $@ $(ENGINE_OBJ) -L$(BUILD) -ltensor -lm
	ln -sf libcfedit.so.$(VERSION) $(BUILD)/libcfedit.so.$(SOMAJOR)
	ln -sf libcfedit.so.$(SOMAJOR) $(BUILD)/libcfedit.so

$(LIB_SO): $(LIB_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -pthread -Wl,-soname,libtensor.so.$(SOMAJOR) -Wl,-z,defs -o $@ $(LIB_OBJ) $(LIBS)
	ln -sf libtensor.so.$(VERSION) $(BUILD)/libtensor.so.$(SOMAJOR)
	ln -sf libtensor.so.$(SOMAJOR) $(BUILD)/libtensor.so

define kernel_rule
$(BUILD)/lib/%_kernels.$(1).o: lib/%_kernels.c
	@mkdir -p $$(@D)
	$$(CC) $$(LIBFLAGS) $$(ISA_FLAGS_$(1)) $$(CPPFLAGS) $$(CFLAGS) -DLT_ISA_SUFFIX=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach i,$(ISAS) amx emulated,$(eval $(call kernel_rule,$(i))))

$(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(CC) $(LIBFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The one file that knows where an installed model lies; it is made anew when that place changes.
$(BUILD)/datadir: FORCE
	@mkdir -p $(@D)
	@echo '$(DATADIR)' | cmp -s - $@ || echo '$(DATADIR)' > $@
.PHONY: FORCE
FORCE:
$(BUILD)/apps/cfedit/engine/model_files.o: $(BUILD)/datadir
$(BUILD)/apps/cfedit/engine/model_files.o: private CPPFLAGS += -DCE_DATADIR=\"$(DATADIR)\"

$(BUILD)/apps/cfedit/engine/%.o: apps/cfedit/engine/%.c
	@mkdir -p $(@D)
	$(CC) $(ENGINEFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/apps/%.o: apps/%.c
	@mkdir -p $(@D)
	$(CC) $(APPFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/weights/%.o: weights/%.c
	@mkdir -p $(@D)
	$(CC) $(APPFLAGS) -O3 $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(APPFLAGS) -Itests $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- the model that ships: trained here, with libtensor, on two cores (weights/README.md) ----
TRAIN_COMMON := $(patsubst %,$(BUILD)/weights/%.o,training training_state generator_training clip_training measuring rich_mapping) $(WORLD_OBJ) $(PICTURES_A) $(ENGINE_A) $(LIB_A)

$(BUILD)/train_generator $(BUILD)/train_rich_generator $(BUILD)/train_rich_clip $(BUILD)/train_clip $(BUILD)/measure: $(BUILD)/%: $(BUILD)/weights/%.o $(TRAIN_COMMON)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(APPLIBS)

$(BUILD)/measure_rich: $(BUILD)/weights/measure_rich.o $(BUILD)/weights/measure_generator.o $(BUILD)/weights/measure_clip.o $(TRAIN_COMMON)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(APPLIBS)

$(BUILD)/world_sheet: $(BUILD)/weights/world_sheet.o $(WORLD_OBJ) $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(APPLIBS)

$(BUILD)/rich_sheet: $(BUILD)/weights/rich_sheet.o $(WORLD_OBJ) $(PICTURES_A) $(ENGINE_A) $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(APPLIBS)

# Contact sheets of the drawn portraits: $(BUILD)/world-*.png and $(BUILD)/rich-*.png.
.PHONY: world-sheet
world-sheet: $(BUILD)/world_sheet $(BUILD)/rich_sheet
	$(BUILD)/world_sheet $(BUILD)/world > $(BUILD)/world-captions.txt
	$(BUILD)/rich_sheet $(BUILD)/rich

# The training runs side by side, one core each; interrupted, it continues where it was.
.PHONY: weights measure channels
weights: $(BUILD)/train_generator $(BUILD)/train_clip $(BUILD)/measure
	@mkdir -p $(BUILD)/weights
	$(BUILD)/train_clip & clip=$$!; $(BUILD)/train_generator; generator=$$?; wait $$clip && exit $$generator
	$(MAKE) channels
	$(MAKE) measure

# The model of the rich world, which is to follow the one that ships: its networks side by side, one
# core each, in stages of which each starts from the one before (weights/README.md). Interrupted, it
# continues where it was. The figures of weights/rich are those of these stages.
RICH := $(BUILD)/weights/rich
rich_stage = $(BUILD)/train_rich_$(1) --batch $(2) --size $(3) --steps $(4) --lr $(5) $(if $(6),--from $(RICH)/$(1)-$(6)) \
    --out $(RICH)/$(1)-$(3).safetensors --checkpoint $(RICH)/$(1)-$(3).state --log $(RICH)/$(1)-$(3).jsonl
.PHONY: weights-rich weights-rich-generator weights-rich-clip
weights-rich: $(BUILD)/train_rich_generator $(BUILD)/train_rich_clip $(BUILD)/measure_rich
	$(MAKE) -j2 weights-rich-generator weights-rich-clip
	$(BUILD)/measure_rich --generator $(RICH)/generator-256.safetensors --clip $(RICH)/clip-224.safetensors --sheet $(RICH)/samples.png
weights-rich-generator: $(BUILD)/train_rich_generator
	@mkdir -p $(RICH)
	$(call rich_stage,generator,4,64,12000,0.03)
	$(call rich_stage,generator,4,128,3600,0.02,64.safetensors)
	$(call rich_stage,generator,4,256,4500,0.015,128.safetensors)
weights-rich-clip: $(BUILD)/train_rich_clip
	@mkdir -p $(RICH)
	$(call rich_stage,clip,32,112,12000,0.001)
	$(call rich_stage,clip,32,224,8000,0.0005,112.state)

# Measures the effects of the style channels on CLIP, which the method global-directions needs.
channels: cfedit
	rm -f weights/channels.safetensors
	./cfedit edit --model weights --method global-directions --channels weights/channels.safetensors --target "face with blue hair" --seed 1 --overwrite -o $(BUILD)/channels.png

measure: $(BUILD)/measure
	$(BUILD)/measure --sheet weights/samples.png

# ---- a first edit ----
.PHONY: demo setup
setup:
	@tools/setup.sh

demo: setup
	@$(MAKE) --no-print-directory -s -j$$(nproc) cfedit
	./cfedit edit "green lips" --seed 7 --overwrite -o demo.png
	@echo "before and after, side by side: $$PWD/demo.png"

# ---- tests ----
JOBS := -j$$(nproc)
# Objects of programs with their own main().
DUMP_OBJ   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/parity/method_dump*.c))
TEST_MAINS := $(BUILD)/tests/parity/formula_weights.o $(BUILD)/tests/parity/compare_golden.o $(BUILD)/tests/parity/write_inputs.o $(DUMP_OBJ) $(BUILD)/tests/cli/make_tiny_model.o
# tests/fuzz and tests/faults are programs of their own, too.
UNIT_OBJ   := $(filter-out $(TEST_MAINS) $(BUILD)/tests/fuzz/% $(BUILD)/tests/faults/%,$(TEST_OBJ))
FORMULA_OBJ := $(BUILD)/tests/parity/formula.o $(BUILD)/tests/parity/formula_models.o

$(BUILD)/unit_tests: $(UNIT_OBJ) $(filter-out %/bench_edit.o,$(BENCH_EDIT_OBJ)) $(WORLD_OBJ) $(COMMANDS_A) $(CONSOLE_A) $(PICTURES_A) $(ENGINE_A) $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -Wl,--wrap=_mark_point -o $@ $^ -lcheck $$(pkg-config --libs-only-l check 2>/dev/null) $(APPLIBS) -lrt

$(BUILD)/formula_weights: $(BUILD)/tests/parity/formula_weights.o $(FORMULA_OBJ) $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)
$(BUILD)/compare_golden $(BUILD)/write_inputs: $(BUILD)/%: $(BUILD)/tests/parity/%.o $(FORMULA_OBJ) $(BUILD)/tests/parity/golden.o $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)
$(BUILD)/method_dump: $(DUMP_OBJ) $(CONSOLE_A) $(ENGINE_A) $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(APPLIBS)
$(BUILD)/make_tiny_model: $(BUILD)/tests/cli/make_tiny_model.o $(ENGINE_A) $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(APPLIBS)

# The merge list of OpenAI's tokenizer, for the tests that need the published vocabulary.
MERGE_LIST := $(abspath $(BUILD))/bpe_simple_vocab_16e6.txt.gz
.PHONY: merge-list
merge-list:
	@tools/merge_list.sh $(MERGE_LIST)
ifneq ($(wildcard $(MERGE_LIST)),)
export CFEDIT_BPE ?= $(MERGE_LIST)
endif

# The face detector beside the model, for `cfedit align` and photos (docs/model-files.md).
MODEL ?= weights
.PHONY: face-detector
face-detector:
	@tools/face_detector.sh $(MODEL)/face.safetensors

.PHONY: check test test-all test-unit test-cli test-parity test-faces test-convert test-install test-sanitize test-threads test-warnings test-layers test-full
# Seconds, for use while working.
check test-unit: $(BUILD)/unit_tests
	sh tests/unit/run.sh $(BUILD)/unit_tests

PARITY_TOOLS := $(BUILD)/formula_weights $(BUILD)/write_inputs $(BUILD)/compare_golden
test-cli: cfedit $(BUILD)/make_tiny_model $(BUILD)/bench_cfedit
	CFEDIT=./cfedit TINY=$(BUILD)/make_tiny_model sh tests/cli/run.sh

test-parity: cfedit $(PARITY_TOOLS)
	BUILD=$(BUILD) sh tests/parity/cli_parity.sh

# Faces against facenet-pytorch's own code. Needs PyTorch, and files that are fetched once; skipped by name without them.
test-faces: cfedit
	CFEDIT=./cfedit BUILD=$(BUILD) sh tests/parity/faces.sh

# Needs Python and NumPy; counted as skipped where they are missing.
test-convert: cfedit
	CFEDIT=./cfedit sh tests/convert/run.sh

test-install: all
	BUILD=$(BUILD) sh tests/install.sh

# Kernels of all instruction sets and the emulated AMX ones are sanitized too: CFLAGS reach each of them.
SANITIZE := -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
test-sanitize:
	$(MAKE) $(JOBS) BUILD=$(BUILD)-sanitize CFLAGS="$(SANITIZE)" $(BUILD)-sanitize/unit_tests
	ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1 CK_EXCLUDE_TAGS=slow CK_TIMEOUT_MULTIPLIER=5 \
	    sh tests/unit/run.sh $(BUILD)-sanitize/unit_tests

# Hostile bytes (tests/fuzz): libFuzzer programs, which clang builds with sanitizers in a folder of their own.
# `make fuzz SECONDS=600` fuzzes for about ten minutes in all; `make fuzz-short` runs the corpus and a few seconds more.
FUZZ_TARGETS := safetensors json picture merges text options checkpoint channels latents networks commands
FUZZ_FLAGS   := -g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -Wno-pass-failed
FUZZ_HELPERS := $(BUILD)/tests/fuzz/fuzz_file.o $(BUILD)/tests/fuzz/models.o $(BUILD)/tests/support/method_fixture.o \
                $(BUILD)/tests/support/random_weights.o $(BUILD)/tests/support/nn_check.o
FUZZ_LINK    := -pthread -Wl,--wrap=_mark_point
FUZZ_LIBS    := $(FUZZ_HELPERS) $(COMMANDS_A) $(CONSOLE_A) $(PICTURES_A) $(ENGINE_A) $(LIB_A)
SECONDS ?= 600
.PHONY: fuzz fuzz-short
$(FUZZ_TARGETS:%=$(BUILD)/fuzz_%): $(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(FUZZ_LIBS)
	$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer $(FUZZ_LINK) -o $@ $^ -lcheck $$(pkg-config --libs-only-l check 2>/dev/null) $(APPLIBS)
$(BUILD)/write_seeds: $(BUILD)/tests/fuzz/write_seeds.o $(FUZZ_LIBS)
	$(CC) $(CFLAGS) $(LDFLAGS) $(FUZZ_LINK) -o $@ $^ -lcheck $$(pkg-config --libs-only-l check 2>/dev/null) $(APPLIBS)
# $(call fuzz_for,SECONDS): where this machine can, builds the targets; runs them, or says that they are skipped
define fuzz_for
	@if sh tests/fuzz/run.sh --can-build; then $(MAKE) --no-print-directory -s $(JOBS) BUILD=$(BUILD)-fuzz CC=clang CFLAGS="$(FUZZ_FLAGS)" \
	    $(FUZZ_TARGETS:%=$(BUILD)-fuzz/fuzz_%) $(BUILD)-fuzz/write_seeds; fi
	@FUZZ="$(FUZZ_TARGETS)" BUILD=$(BUILD)-fuzz sh tests/fuzz/run.sh $(1)
endef
fuzz:
	$(call fuzz_for,$(SECONDS))
fuzz-short:
	$(call fuzz_for,25)

# ThreadSanitizer over the team of threads, the loops that it runs, and the program. test-threads-short leaves out the
# suites of convolutions, which take most of the time; the program convolves, too.
THREAD_SUITES      := team resample ops_elementwise ops_dense ops_norm ops_shape tape optim stylegan2 trainer
LONG_THREAD_SUITES := conv winograd
define test_threads
	@if ! printf 'int main(void) { return 0; }\n' | clang -x c -fsanitize=thread -o /dev/null - >/dev/null 2>&1; then \
	    echo "skip threads: clang or its ThreadSanitizer is missing"; echo "0 passed, 0 failed, 1 skipped"; exit 0; fi; \
	$(MAKE) --no-print-directory -s $(JOBS) BUILD=$(BUILD)-tsan CC=clang CFLAGS="-g -O1 -fsanitize=thread" \
	    $(BUILD)-tsan/unit_tests $(BUILD)-tsan/cfedit && BUILD=$(BUILD)-tsan sh tests/threads.sh $(1)
endef
.PHONY: test-threads-short
test-threads:
	$(call test_threads,$(THREAD_SUITES) $(LONG_THREAD_SUITES))
test-threads-short:
	$(call test_threads,$(THREAD_SUITES))

# Failing allocations and calls on files, signals, limits of memory, and damaged model files, these with sanitizers where
# clang has them (tests/faults). FAULTS holds other parts and options: FAULTS="--times 10 stops" runs ten times as many trials of signals.
FAULTS ?= alloc files stops limits mutations
.PHONY: test-faults test-hostile
$(BUILD)/faults.so: tests/faults/faults.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -g -O1 $(WARN) -Wno-missing-prototypes -shared -fPIC -o $@ $< -ldl -lrt
test-faults: cfedit $(BUILD)/make_tiny_model $(BUILD)/faults.so
	@if ! command -v $(PYTHON) >/dev/null 2>&1; then echo "skip faults: there is no $(PYTHON)"; echo "0 passed, 0 failed, 1 skipped"; exit 0; fi; \
	if sh tests/fuzz/run.sh --can-build; then checked="--checked $(BUILD)-fuzz/cfedit"; \
	    $(MAKE) --no-print-directory -s $(JOBS) BUILD=$(BUILD)-fuzz CC=clang CFLAGS="$(FUZZ_FLAGS)" $(BUILD)-fuzz/cfedit || exit 1; fi; \
	$(PYTHON) -B tests/faults/run.py --cfedit ./cfedit --tiny $(BUILD)/make_tiny_model --faults $(BUILD)/faults.so $$checked $(FAULTS)
# One after the other, since both build in one folder.
test-hostile:
	@$(MAKE) --no-print-directory -s fuzz-short; fuzzed=$$?; $(MAKE) --no-print-directory -s test-faults && exit $$fuzzed

# No layer includes a higher one.
test-layers:
	PUBLIC="$(PUBLIC)" sh tests/layers.sh

test-warnings:
	$(MAKE) $(JOBS) BUILD=$(BUILD)-gcc CC=gcc CFLAGS=-O2 WERROR=-Werror objects
	$(MAKE) $(JOBS) BUILD=$(BUILD)-clang CC=clang CFLAGS=-O1 WERROR=-Werror objects

# The layout of the C files; the version is pinned because each lays out a little differently.
CLANG_FORMAT ?= clang-format-14
.PHONY: format test-format
format:
	git ls-files '*.c' '*.h' | xargs $(CLANG_FORMAT) -i
test-format:
	git ls-files '*.c' '*.h' | xargs $(CLANG_FORMAT) --dry-run --Werror

.PHONY: objects
objects: $(BENCH_OBJ) $(BENCH_EDIT_OBJ) $(LIB_OBJ) $(APP_OBJ) $(WORLD_OBJ) $(TEST_OBJ) $(patsubst %.c,$(BUILD)/%.o,$(wildcard weights/*.c))

# The longest stage first: two run at a time.
STAGES := test-sanitize test-warnings test-unit test-cli test-convert test-install test-parity test-faces test-format test-layers
test_build = tools/setup.sh --tests && $(MAKE) --no-print-directory -s $(JOBS) all $(BUILD)/unit_tests \
    $(BUILD)/make_tiny_model $(BUILD)/bench_cfedit $(PARITY_TOOLS)
test:
	@$(test_build)
	@MAKE="$(MAKE)" sh tests/run.sh $(STAGES)

# Every test, hostile files, failing calls, races of threads and the full-size networks in one run, with one summary.
test-all:
	@$(test_build)
	@MAKE="$(MAKE)" sh tests/run.sh $(STAGES) test-hostile test-threads-short test-full

# Full-size networks from formula weights: minutes.
test-full:
	@tools/setup.sh --tests
	@$(MAKE) --no-print-directory -s $(JOBS) cfedit $(BUILD)/unit_tests $(PARITY_TOOLS)
	BUILD=$(BUILD) sh tests/parity/cli_parity.sh --full
	JOBS=1 sh tests/unit/run.sh $(BUILD)/unit_tests full

# The library and the program against a re-statement in PyTorch (tests/reference), with random weights or with a
# checkpoint: make parity GENERATOR=g.safetensors CLIP=c.safetensors; PARITY holds further options, as in
# make parity PARITY="--seed 7 --full".
PYTHON ?= python3
parity_file = $(if $($(1)),--$(2) '$($(1))')
.PHONY: parity
parity:
	@$(PYTHON) -c 'import numpy, torch' 2>/dev/null || { \
	    echo "make parity: $(PYTHON) has no PyTorch; python3 -m venv $(BUILD)/parity-env &&" \
	        "$(BUILD)/parity-env/bin/pip install torch numpy, then make parity PYTHON=$(BUILD)/parity-env/bin/python" >&2; exit 1; }
	@$(MAKE) --no-print-directory -s $(JOBS) cfedit $(BUILD)/method_dump
	@PYTHONPATH=tests $(PYTHON) -B -m reference --build $(BUILD) $(call parity_file,GENERATOR,generator) \
	    $(call parity_file,CLIP,clip) $(call parity_file,MAPPER,mapper) $(call parity_file,IDENTITY,identity) \
	    $(call parity_file,VGG,vgg) $(call parity_file,BPE,bpe) $(PARITY)

# ---- timings; BENCH holds further options, as in make bench BENCH="--only generator --runs 9" ----
.PHONY: bench bench-peers bench-peers-1.13 bench-sweep bench-profile
$(BUILD)/bench/%.o: bench/%.c
	@mkdir -p $(@D)
	$(CC) $(APPFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/bench_cfedit: $(BENCH_OBJ) $(FORMULA_OBJ) $(CONSOLE_A) $(PICTURES_A) $(ENGINE_A) $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(APPLIBS)
$(BUILD)/bench_edit: $(BENCH_EDIT_OBJ) $(WORLD_OBJ) $(CONSOLE_A) $(PICTURES_A) $(ENGINE_A) $(LIB_A)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(APPLIBS)
bench: setup
	@$(MAKE) --no-print-directory -s $(JOBS) cfedit $(BUILD)/bench_cfedit
	$(BUILD)/bench_cfedit --data $(BUILD)/bench-data --peers $(BUILD)/peers-env --json $(BUILD)/bench.json $(BENCH)

# Installs the peers of the benchmark from PyPI. They need Python 3.10 or newer, its venv module, and 6 GB.
bench-peers:
	python3 -m venv $(BUILD)/peers-env
	$(BUILD)/peers-env/bin/python -m pip install --upgrade -r bench/peers/requirements.txt
	$(BUILD)/peers-env/bin/python -m pip list | grep -i -E '^(torch|onnx|onnxruntime|numpy|safetensors) '

# PyTorch 1.13 as Debian 12 has it, on OpenBLAS. (The wheel on PyPI brings an MKL that leaves AMD's processors to slow kernels.)
DEBIAN_PYTHON ?= /usr/bin/python3
bench-peers-1.13:
	@$(DEBIAN_PYTHON) -c 'import torch; assert torch.__version__.startswith("1.13")' 2>/dev/null || { \
	    echo "make bench-peers-1.13: $(DEBIAN_PYTHON) has no PyTorch 1.13; in Debian 12: apt-get install python3-torch python3-venv" >&2; exit 1; }
	$(DEBIAN_PYTHON) -m venv --system-site-packages $(BUILD)/peers-env-1.13
	$(BUILD)/peers-env-1.13/bin/python -m pip install --no-deps safetensors

bench-sweep: setup
	@$(MAKE) --no-print-directory -s $(JOBS) $(BUILD)/bench_cfedit
	$(BUILD)/bench_cfedit --data $(BUILD)/bench-data --sweep --runs 3 --csv $(BUILD)/sweep.csv --json $(BUILD)/sweep.json \
	    --plot $(BUILD)/sweep.png $(BENCH)

bench-profile: setup
	@$(MAKE) --no-print-directory -s $(JOBS) $(BUILD)/bench_cfedit
	$(BUILD)/bench_cfedit --data $(BUILD)/bench-data --profile $(BENCH)

# Measures every way of editing against the renderer's truth (bench/edit). Resumable; MINUTES=30 ends it after half an hour.
MINUTES ?= 0
.PHONY: bench-edit
bench-edit: setup
	@$(MAKE) --no-print-directory -s $(JOBS) $(BUILD)/bench_edit
	CFEDIT_MODEL=$${CFEDIT_MODEL:-weights} $(BUILD)/bench_edit --folder $(BUILD)/bench-edit --time-limit $(MINUTES)

# ---- installing ----
INSTALL ?= install
.PHONY: install uninstall clean help
# install_library NAME,TEMPLATE: the library static and shared, and its pkg-config file
define install_library
	$(INSTALL) -m 644 $(BUILD)/$(1).a $(DESTDIR)$(LIBDIR)/$(1).a
	$(INSTALL) -m 755 $(BUILD)/$(1).so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(1).so.$(VERSION)
	ln -sf $(1).so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(1).so.$(SOMAJOR)
	ln -sf $(1).so.$(SOMAJOR) $(DESTDIR)$(LIBDIR)/$(1).so
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@INCDIR@|$(INCDIR)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' $(2) \
	    > $(DESTDIR)$(LIBDIR)/pkgconfig/$(1).pc
endef

install: all
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCDIR)/libtensor $(DESTDIR)$(INCDIR)/libcfedit $(DESTDIR)$(DATADIR)
	$(INSTALL) -m 755 cfedit $(DESTDIR)$(BINDIR)/cfedit
	$(call install_library,libtensor,lib/libtensor.pc.in)
	$(call install_library,libcfedit,apps/cfedit/engine/public/libcfedit.pc.in)
	$(INSTALL) -m 644 lib/libtensor.h $(DESTDIR)$(INCDIR)/libtensor/libtensor.h
	$(INSTALL) -m 644 apps/cfedit/engine/public/cfedit.h $(DESTDIR)$(INCDIR)/libcfedit/cfedit.h
	for h in $(PUBLIC); do $(INSTALL) -d $(DESTDIR)$(INCDIR)/libtensor/$$(dirname $$h) && $(INSTALL) -m 644 lib/$$h $(DESTDIR)$(INCDIR)/libtensor/$$h || exit 1; done
	for f in generator.safetensors clip.safetensors channels.safetensors concepts.json concepts-faces.json; do $(INSTALL) -m 644 weights/$$f $(DESTDIR)$(DATADIR)/ || exit 1; done
	if [ -f weights/face.safetensors ]; then $(INSTALL) -m 644 weights/face.safetensors $(DESTDIR)$(DATADIR)/; fi

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/cfedit
	for l in libtensor libcfedit; do rm -f $(DESTDIR)$(LIBDIR)/$$l.* $(DESTDIR)$(LIBDIR)/pkgconfig/$$l.pc; done
	rm -rf $(DESTDIR)$(INCDIR)/libtensor $(DESTDIR)$(INCDIR)/libcfedit $(DESTDIR)$(DATADIR)

clean:
	rm -rf $(BUILD) $(BUILD)-fuzz $(BUILD)-sanitize $(BUILD)-tsan $(BUILD)-gcc $(BUILD)-clang cfedit demo.png

help:
	@echo "make            build ./cfedit and the library"
	@echo "make demo       install what is missing, build, edit a picture"
	@echo "make test       install what is missing, then every test"
	@echo "make check      the unit tests only"
	@echo "make merge-list fetch OpenAI's merge list, without which a few tests are skipped"
	@echo "make face-detector  fetch the face detector (2 MB) into weights, for cfedit align and for photos; MODEL=DIR for another model"
	@echo "make format     lay out all C files as .clang-format says"
	@echo "make fuzz       hostile bytes through every reader (SECONDS=600); make fuzz-short for less than a minute"
	@echo "make test-faults  failing calls, signals and damaged model files, through every command"
	@echo "make test-threads races between threads (ThreadSanitizer); make test-threads-short without the long suites"
	@echo "make test-full  parity with the published code at full size (minutes)"
	@echo "make parity     against a re-statement in PyTorch, random weights or GENERATOR=... CLIP=... (PYTHON= one with torch)"
	@echo "make bench      timings of full-size networks, beside the peers that make bench-peers installs"
	@echo "make bench-peers  PyTorch and ONNX Runtime into $(BUILD)/peers-env (6 GB)"
	@echo "make bench-peers-1.13  PyTorch 1.13, too, from Debian 12's python3-torch"
	@echo "make bench-sweep, bench-profile   time and memory against work; where the time goes"
	@echo "make bench-edit every editing method against the truth (hours, resumable; MINUTES=30 for a part)"
	@echo "make weights    train the shipped model again (up to 2 hours, resumable)"
	@echo "make world-sheet  contact sheets of the drawn world, below $(BUILD)"
	@echo "make measure    measure the shipped model on held-out portraits"
	@echo "make install    to PREFIX (/usr/local), below DESTDIR; make uninstall"
	@echo "make clean"
