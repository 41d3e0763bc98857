"""A plain PyTorch re-statement of CF-CLIP and of the networks it works with.

Written from the formulas, in the way the published code computes them: per-sample convolution weights, text features
encoded anew in each step, nothing cached. It is what the C code is compared with (compare.py) and what benchmarks take
for the published method. Importing a module of this package does nothing but define its names. Everything works in
float32 and in float64: `module.double()`.
"""
