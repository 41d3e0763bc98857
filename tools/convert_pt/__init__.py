"""Converter of published checkpoints to the safetensors files that cfedit reads.

    errors      what goes wrong, as one line
    tensors     files as sources of bytes, storages, tensors that are read when they are written
    pickles     the interpreter of pickle streams and the table of what they may name
    files       zip archives, old torch.save files, plain pickles, safetensors, .npy, folders
    weights     the named tensors of a checkpoint, and what a network expects of them
    clip        OpenAI, Hugging Face and open_clip CLIP
    stylegan2   rosinality's and NVIDIA's StyleGAN2 generators
    networks    mappers, IR-SE50, VGG19, e4e, latents
    vocabulary  the tokenizer's merge list
    output      the safetensors writer
    cli         the command

Nothing in a checkpoint is ever run. A pickle stream is a program for a small stack machine that may
call anything importable; the interpreter here knows a fixed table of harmless builders, and
refuses by name whatever else a stream asks for.
"""
