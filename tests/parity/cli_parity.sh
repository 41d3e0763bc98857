#!/bin/sh
# The reference numbers of the published code, through the command line.
#
# Arguments: --full adds the full-size networks (ViT-B/32, 1024 pixels, IR-SE50). Environment: CFEDIT,
# the program (default ./cfedit); BUILD, the folder with formula_weights, write_inputs and
# compare_golden (default build); CFEDIT_BPE, OpenAI's merge list (default beside the source tree);
# CFEDIT_TEST_THREADS, a number of threads; KEEP=1 keeps the working folder. Run from the source root.
#
# The last line reads "N passed, N failed, N skipped"; the exit status is 0 only without failures.

CFEDIT=${CFEDIT:-./cfedit}
BUILD=${BUILD:-build}
BPE=${CFEDIT_BPE:-../shared/parity/bpe_simple_vocab_16e6.txt.gz}
full=no
[ "$1" = --full ] && full=yes

for tool in "$CFEDIT" "$BUILD/formula_weights" "$BUILD/write_inputs" "$BUILD/compare_golden"; do
    if [ ! -x "$tool" ]; then
        echo "cli_parity.sh: there is no program $tool" >&2
        exit 1
    fi
done

work=$(mktemp -d "${TMPDIR:-/tmp}/cfedit-parity.XXXXXX") || exit 1
if [ "$KEEP" ]; then
    echo "working folder: $work"
else
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM HUP
fi

passed=0
failed=0
skipped=0

# check NAME COMMAND...: one test; what the command prints is shown.
check() {
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok   $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name"
    fi
}

skip() {
    skipped=$((skipped + 1))
    echo "skip $1: there is no merge list; \`make merge-list\` fetches it"
}

# check_text: the same for tests that need the merge list.
check_text() {
    if [ "$CFEDIT_BPE" ] || [ -f "$BPE" ]; then check "$@"; else skip "$1"; fi
}

# weights MODEL [OPTION]: the path of a network's file, written when it is first wanted.
weights() {
    file=$work/$1.safetensors
    [ -f "$file" ] || "$BUILD/formula_weights" --model "$1" ${2:+"$2"} -o "$file" || exit 1
    echo "$file"
}

inputs() {
    golden=$1
    shift
    "$BUILD/write_inputs" "$golden" "$@" -o "$work/inputs.safetensors"
}

compare() {
    "$BUILD/compare_golden" "$@"
}

cfedit() {
    command=$1 overwrite=--overwrite
    shift
    [ "$command" = tokenize ] && overwrite=
    "$CFEDIT" "$command" $overwrite ${CFEDIT_TEST_THREADS:+--threads "$CFEDIT_TEST_THREADS"} "$@" >"$work/stdout"
}

# ---- generate ----

# images SIZE PAIR...: two W+ codes.
images() {
    size=$1
    shift
    inputs "stylegan2_$size" latents=wplus &&
        cfedit generate --generator "$(weights "stylegan2-$size" --latent-avg)" --quiet \
            --latents "$work/inputs.safetensors" --dump "$work/dump.safetensors" &&
        compare "stylegan2_$size" --dump "$work/dump.safetensors" "$@"
}

# mapped SIZE TRUNCATION PAIR...: four z through the mapping network.
mapped() {
    size=$1 psi=$2
    shift 2
    inputs "stylegan2_$size" z=z &&
        cfedit generate --generator "$(weights "stylegan2-$size" --latent-avg)" --quiet \
            --z "$work/inputs.safetensors" --truncation "$psi" --dump "$work/dump.safetensors" &&
        compare "stylegan2_$size" --dump "$work/dump.safetensors" "$@"
}

# ---- embed and tokenize ----

# pixels MODEL GOLDEN INPUT PAIR...: pictures through preprocessing and image tower.
pixels() {
    model=$1 golden=$2 input=$3
    shift 3
    inputs "$golden" "image=$input" &&
        cfedit embed --clip "$(weights "$model")" --quiet \
            --pixels "$work/inputs.safetensors" --dump "$work/dump.safetensors" &&
        compare "$golden" --dump "$work/dump.safetensors" "$@"
}

# texts MODEL GOLDEN: the golden's texts through tokenizer and text tower.
texts() {
    golden=$2
    clip=$(weights "$1")
    "$BUILD/write_inputs" "$golden" --texts >"$work/texts" || return 1
    set --
    while IFS= read -r line; do
        set -- "$@" --text "$line"
    done <"$work/texts"
    cfedit embed --clip "$clip" --bpe "$BPE" --quiet --dump "$work/dump.safetensors" "$@" &&
        compare "$golden" --dump "$work/dump.safetensors" text_features=text
}

# tokens GOLDEN: their token ids.
tokens() {
    golden=$1
    "$BUILD/write_inputs" "$golden" --texts >"$work/texts" || return 1
    set --
    while IFS= read -r line; do
        set -- "$@" "$line"
    done <"$work/texts"
    cfedit tokenize --bpe "$BPE" -- "$@" && compare "$golden" --ids "$work/stdout"
}

# ---- apply and train ----

# applied GOLDEN CLIP SIZE LATENTS: the first step's edit with the untrained mapper.
applied() {
    inputs "$1" latents=w.step01 &&
        cfedit apply --mapper "$(weights "mapper-$4")" --target "green lipstick" --quiet \
            --generator "$(weights "stylegan2-$3" --latent-avg)" --clip "$(weights "$2")" --bpe "$BPE" \
            --latents "$work/inputs.safetensors" --dump "$work/dump.safetensors" &&
        compare "$1" --dump "$work/dump.safetensors" \
            step01.w_hat=latents step01.x_hat=image step01.x=source
}

# trained GOLDEN CLIP SIZE LATENTS STEPS BATCH OPTION...: whole training, losses and weights.
trained() {
    golden=$1 clip=$2 size=$3 latents=$4 steps=$5 batch=$6
    shift 6
    inputs "$golden" latents=w perspective.points=points || return 1
    rm -f "$work/log.jsonl"
    cfedit train --init "$(weights "mapper-$latents")" --source face --target "green lipstick" \
        --generator "$(weights "stylegan2-$size" --latent-avg)" --clip "$(weights "$clip")" \
        --bpe "$BPE" --latents "$work/inputs.safetensors" --no-shuffle --quiet \
        --perspective "$work/inputs.safetensors" --steps "$steps" --batch "$batch" \
        --image-interval 0 --val-interval 0 --save-interval 0 \
        --log "$work/log.jsonl" -o "$work/trained.safetensors" "$@" &&
        compare "$golden" --log "$work/log.jsonl" --mapper "$work/trained.safetensors"
}

# ---- the tests ----

check generate_32 images 32 image=image
check generate_32_z mapped 32 1 mapping.w=latents@layer0
check generate_32_truncated mapped 32 0.7 mapping.w_trunc07=latents@layer0 \
    image_from_z_trunc07=image@rows2
check generate_256 images 256 image0=image@row0 image1=image@row1
check embed_pixels_tiny pixels clip-tiny clip_tiny image@pixels image_features=image
check embed_source_tiny pixels clip-tiny nce_tiny source_image source_image_features=image@unit
check embed_target_tiny pixels clip-tiny nce_tiny target_image target_image_features=image@unit
check_text tokenize_tiny tokens clip_tiny
check_text embed_texts_tiny texts clip-tiny clip_tiny
check_text apply_tiny applied train_tiny clip-tiny512 32 8
check_text train_tiny trained train_tiny clip-tiny512 32 8 12 2 --id-lambda 0
check_text train_tiny_lr50 trained train_tiny_lr50 clip-tiny512 32 8 12 2 --id-lambda 0 --lr 50
check_text train_tiny_adam trained train_tiny_adam clip-tiny512 32 8 3 2 --id-lambda 0 \
    --optimizer adam

if [ $full = yes ]; then
    check generate_1024 images 1024 image0=image@row0 image1=image@row1
    check generate_1024_truncated mapped 1024 0.7 mapping.w_trunc07=latents@layer0
    check embed_pixels_vit pixels clip-vit-b32 clip_vit_b32 image@pixels image_features=image
    check embed_source_vit pixels clip-vit-b32 nce_vit_b32 source_image \
        source_image_features=image@unit
    check_text tokenize_vit tokens clip_vit_b32
    check_text embed_texts_vit texts clip-vit-b32 clip_vit_b32
    check_text apply_256 applied train_256 clip-vit-b32 256 14
    check_text train_256 trained train_256 clip-vit-b32 256 14 3 2 --id-lambda 0
    check_text train_256_id trained train_256_id clip-vit-b32 256 14 1 1 \
        --identity "$(weights irse50)" --id-lambda 0.2
    check_text train_1024 trained train_1024 clip-vit-b32 1024 18 1 1 --id-lambda 0
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
