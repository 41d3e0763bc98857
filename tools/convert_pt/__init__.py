"""Converter of published checkpoints to the safetensors files that cfedit reads.

    cli          the command
    clip         OpenAI, Hugging Face and open_clip CLIP
    clip_config  the configurations beside a CLIP
    stylegan2    rosinality's and NVIDIA's StyleGAN2 generators
    encoders     e4e, pSp, ReStyle
    networks     mappers, IR-SE50, VGG19, latents
    vocabulary   the merge list of CLIP's tokenizer
    output       the safetensors writer
    weights      the named tensors of a checkpoint, and what a network needs of them
    files        which format a file has; .npy; folders of the Hugging Face hub
    torch_files  torch.save files old and new, plain pickles
    safetensors  the safetensors reader
    strict_json  JSON as cfedit reads it
    pickles      the interpreter of pickle streams
    builders     the names that a pickle may use, and what is built for them
    objects      what pickles are made of
    archives     zip archives
    tensors      storages, and tensors that are read when they are written
    sources      files as sources of bytes
    budget       what reading a file may cost
    errors       messages of one line

A module imports only modules that stand below it in this list. What a lower module needs of a
higher one is handed down as a function: the interpreter of pickles gets the reader of torch.save
files that way, because a pickle may carry such a file in a bytes object.

Nothing in a checkpoint is ever run. A pickle stream is a program for a small stack machine that may
call anything importable. The interpreter here has a table of harmless builders, makes inert Bags
for unknown classes, and refuses by name what could only be there to act. All reading is limited by
a budget in proportion to the size of the file (budget.py).
"""
