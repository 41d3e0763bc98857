"""The peer "onnx": both towers of CLIP in ONNX Runtime.

The graphs are written node by node with fused attention and layer norm, and every optimisation of the runtime is on. Texts are
cut after the longest one, which changes no feature because the text transformer is causal."""
import os

import numpy as np

from work import Work


def tensors(folder, name):
    from safetensors.numpy import load_file
    return load_file(os.path.join(folder, name))


# ---- graphs ----

class Graph:
    def __init__(self, weights):
        self.weights, self.nodes, self.initializers, self.count = weights, [], {}, 0

    def constant(self, name, value=None):
        if name not in self.initializers:
            from onnx import numpy_helper
            value = self.weights[name].astype(np.float32) if value is None else value
            self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, kind, *inputs, domain="", **attributes):
        from onnx import helper
        self.count += 1
        out = f"t{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], domain=domain, **attributes))
        return out

    def linear(self, x, weight, bias=None):
        """x W^T + b. The weight is stored transposed, the way MatMul takes it."""
        y = self.node("MatMul", x, self.constant(weight + ".t", self.weights[weight].astype(np.float32).T))
        return self.node("Add", y, self.constant(bias)) if bias else y

    def norm(self, x, name):
        return self.node("LayerNormalization", x, self.constant(name + ".weight"), self.constant(name + ".bias"), epsilon=1e-5)

    def block(self, x, name, causal):
        width = self.weights[name + ".attn.out_proj.weight"].shape[0]
        qkv, bias = self.weights[name + ".attn.in_proj_weight"], self.weights[name + ".attn.in_proj_bias"]
        for i, part in enumerate("qkv"):
            self.weights[f"{name}.{part}"] = qkv[i * width:(i + 1) * width]
            self.weights[f"{name}.{part}.bias"] = bias[i * width:(i + 1) * width]
        y = self.norm(x, name + ".ln_1")
        parts = [self.linear(y, f"{name}.{part}", f"{name}.{part}.bias") for part in "qkv"]
        y = self.node("MultiHeadAttention", *parts, domain="com.microsoft", num_heads=width // 64, unidirectional=int(causal))
        x = self.node("Add", x, self.linear(y, name + ".attn.out_proj.weight", name + ".attn.out_proj.bias"))
        y = self.linear(self.norm(x, name + ".ln_2"), name + ".mlp.c_fc.weight", name + ".mlp.c_fc.bias")
        y = self.node("QuickGelu", y, domain="com.microsoft", alpha=1.702)
        return self.node("Add", x, self.linear(y, name + ".mlp.c_proj.weight", name + ".mlp.c_proj.bias"))

    def blocks(self, x, prefix, causal):
        numbers = sorted({int(k[len(prefix):].split(".")[0]) for k in self.weights if k.startswith(prefix)})
        for i in numbers:
            x = self.block(x, prefix + str(i), causal)
        return x

    def save(self, path, inputs, output):
        import onnx
        from onnx import TensorProto, helper
        given = [helper.make_tensor_value_info(n, kind, shape) for n, kind, shape in inputs]
        result = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "clip", given, [result], list(self.initializers.values()))
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def write_images(weights, n, path):
    from onnx import TensorProto
    g = Graph(dict(weights))
    kernel = weights["visual.conv1.weight"]
    width, patch = kernel.shape[0], kernel.shape[2]
    grid = int(round((weights["visual.positional_embedding"].shape[0] - 1) ** 0.5))
    x = g.node("Conv", "pixels", g.constant("visual.conv1.weight"), strides=[patch, patch], kernel_shape=[patch, patch])
    x = g.node("Reshape", x, g.constant("shape", np.array([n, width, grid * grid], np.int64)))
    x = g.node("Transpose", x, perm=[0, 2, 1])
    token = np.broadcast_to(weights["visual.class_embedding"].astype(np.float32), (n, 1, width))
    x = g.node("Concat", g.constant("token", token), x, axis=1)
    x = g.norm(g.node("Add", x, g.constant("visual.positional_embedding")), "visual.ln_pre")
    x = g.blocks(x, "visual.transformer.resblocks.", False)
    x = g.node("Gather", x, g.constant("zero", np.array(0, np.int64)), axis=1)
    x = g.node("MatMul", g.norm(x, "visual.ln_post"), g.constant("visual.proj"))
    g.save(path, [("pixels", TensorProto.FLOAT, [n, 3, grid * patch, grid * patch])], x)


def write_texts(weights, n, length, path):
    from onnx import TensorProto
    g = Graph(dict(weights))
    x = g.node("Gather", g.constant("token_embedding.weight"), "ids", axis=0)
    place = weights["positional_embedding"][:length].astype(np.float32)
    x = g.blocks(g.node("Add", x, g.constant("place", place)), "transformer.resblocks.", True)
    x = g.node("GatherND", x, "ends")
    x = g.node("MatMul", g.norm(x, "ln_final"), g.constant("text_projection"))
    g.save(path, [("ids", TensorProto.INT64, [n, length]), ("ends", TensorProto.INT64, [n, 2])], x)


# ---- running ----

def session(path, threads, optimized=None):
    """Opens a graph. With `optimized`, a path, the optimised graph is read from that file if it exists, else written to it."""
    import onnxruntime as ort
    ort.set_default_logger_severity(3)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    if optimized and os.path.exists(optimized):
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        path = optimized
    elif optimized:
        options.optimized_model_filepath = optimized
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def about(threads):
    import onnxruntime as ort
    return f"onnxruntime {ort.__version__}, {threads} threads, MLAS"


def cut(ids):
    """The ids up to the end of the longest text, and the place of the end token of each text."""
    ends = ids.argmax(1)
    return {"ids": ids[:, :int(ends.max()) + 1].astype(np.int64),
            "ends": np.stack((np.arange(len(ids)), ends), 1).astype(np.int64)}


def make(args):
    weights, inputs = tensors(args.clip, "clip-half.safetensors"), tensors(args.inputs, "inputs.safetensors")
    path = os.path.join(args.inputs, args.work + ".onnx")
    if args.work == "clip-images":
        feed, name = {"pixels": inputs["pixels"]}, "image_features"
        write_images(weights, len(inputs["pixels"]), path)
    else:
        feed, name = cut(inputs["ids_target"]), "text_features"
        write_texts(weights, *feed["ids"].shape, path)
    s = session(path, args.threads)
    del weights
    os.remove(path)

    def run():
        return s.run(None, feed)[0]
    return Work(run, lambda: {name: run()}, about(args.threads))


def preprocess(image, target):
    """Resizes as CLIP's input is resized here (bicubic, a = -0.75, half-pixel centres, edges clamped, no antialiasing) and
    normalises by CLIP's mean and deviation."""
    size = image.shape[-1]
    at = (np.arange(target) + 0.5) * (size / target) - 0.5
    first = np.floor(at).astype(np.int64)
    m = np.zeros((target, size))
    for tap in range(-1, 3):
        t = np.abs(at - first - tap)
        near, far = ((-0.75 + 2) * t + 0.75 - 3) * t * t + 1, ((t - 5) * t + 8) * t * -0.75 + 3
        np.add.at(m, (np.arange(target), np.clip(first + tap, 0, size - 1)), np.where(t <= 1, near, far))
    m = m.astype(np.float32)
    mean = np.array([0.48145466, 0.4578275, 0.40821073], np.float32).reshape(1, 3, 1, 1)
    deviation = np.array([0.26862954, 0.26130258, 0.27577711], np.float32).reshape(1, 3, 1, 1)
    return ((m @ image @ m.T + 1) * np.float32(0.5) - mean) / deviation


def embed_cold(args):
    """Embeds one picture and one text. The first process, whose time is not counted, optimises the graphs and stores them."""
    inputs = tensors(args.inputs, "inputs.safetensors")
    feed = cut(inputs["ids_text"])
    results = {}
    for name in ("image", "text"):
        path, optimized = (os.path.join(args.inputs, f"cold-{name}{kind}.onnx") for kind in ("", "-optimized"))
        if not os.path.exists(optimized):
            weights = tensors(args.clip, "clip-half.safetensors")
            write_images(weights, 1, path) if name == "image" else write_texts(weights, *feed["ids"].shape, path)
        s = session(path, args.threads, optimized)
        if os.path.exists(path):
            os.remove(path)
        if name == "image":
            x = preprocess(tensors(args.clip, "picture.safetensors")["image"], s.get_inputs()[0].shape[-1])
            feed_now = {"pixels": x}
        else:
            feed_now = feed
        results[name] = s.run(None, feed_now)[0]
    return results, about(args.threads)
