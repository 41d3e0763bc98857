"""CLIP (Radford et al. 2021; OpenAI's tensor names) with frozen weights. Texts are cut after the longest one, which changes no
feature because the text transformer is causal."""
import torch
import torch.nn.functional as F

from best_options import Frozen, compiled


class Linear(Frozen):
    def __init__(self, weight, bias, options):
        super().__init__()
        self.onednn = options.onednn_linear
        self.hold(weight=weight[:, :, None, None].contiguous() if self.onednn else weight, bias=bias)

    def forward(self, x):
        if not self.onednn:
            return F.linear(x, self.weight, self.bias)
        n, length, width = x.shape
        y = x.reshape(1, n * length, 1, width).permute(0, 3, 1, 2)  # channels last
        return F.conv2d(y, self.weight, self.bias).permute(0, 2, 3, 1).reshape(n, length, -1)


class Norm(Frozen):
    def __init__(self, p, name):
        super().__init__()
        self.hold(weight=p[name + ".weight"], bias=p[name + ".bias"])

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias)


class Block(Frozen):
    def __init__(self, p, name, heads, options):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = Norm(p, name + ".ln_1"), Norm(p, name + ".ln_2")
        self.qkv = Linear(p[name + ".attn.in_proj_weight"], p[name + ".attn.in_proj_bias"], options)
        self.out = Linear(p[name + ".attn.out_proj.weight"], p[name + ".attn.out_proj.bias"], options)
        self.fc = Linear(p[name + ".mlp.c_fc.weight"], p[name + ".mlp.c_fc.bias"], options)
        self.proj = Linear(p[name + ".mlp.c_proj.weight"], p[name + ".mlp.c_proj.bias"], options)

    def forward(self, x, causal):
        n, length, width = x.shape
        y = self.norm1(x)
        q, k, v = self.qkv(y).view(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        x = x + self.out(y.transpose(1, 2).reshape(n, length, width))
        y = self.fc(self.norm2(x))
        return x + self.proj(y * torch.sigmoid(1.702 * y))


class Clip(Frozen):
    def __init__(self, p, options):
        super().__init__()

        def blocks(prefix, width):
            numbers = sorted({int(k[len(prefix):].split(".")[0]) for k in p if k.startswith(prefix)})
            return torch.nn.ModuleList(Block(p, prefix + str(i), width // 64, options) for i in numbers)
        kernel = p["visual.conv1.weight"]
        self.patch = kernel.shape[-1]
        self.hold(kernel=kernel.reshape(kernel.shape[0], -1), token=p["visual.class_embedding"],
                  visual_position=p["visual.positional_embedding"], visual_proj=p["visual.proj"],
                  embedding=p["token_embedding.weight"], position=p["positional_embedding"], proj=p["text_projection"])
        self.pre, self.post, self.final = Norm(p, "visual.ln_pre"), Norm(p, "visual.ln_post"), Norm(p, "ln_final")
        self.visual = blocks("visual.transformer.resblocks.", self.token.numel())
        self.text = blocks("transformer.resblocks.", self.embedding.shape[1])
        self.images = compiled(self.encode_images, options)
        self.texts = compiled(self.encode_texts, options)

    def encode_images(self, x):
        n, width, k = x.shape[0], self.token.numel(), self.patch
        g = x.shape[-1] // k
        x = x.reshape(n, 3, g, k, g, k).permute(0, 2, 4, 1, 3, 5).reshape(n, g * g, -1)
        x = torch.cat((self.token.expand(n, 1, width), x @ self.kernel.t()), 1) + self.visual_position
        x = self.pre(x)
        for block in self.visual:
            x = block(x, False)
        return self.post(x[:, 0]) @ self.visual_proj

    def encode_texts(self, ids, ends):
        x = self.embedding[ids] + self.position[:ids.shape[1]]
        for block in self.text:
            x = block(x, True)
        return self.final(x[torch.arange(x.shape[0]), ends]) @ self.proj

    def encode_text(self, ids):
        ids = ids.long()
        ends = ids.argmax(1)
        return self.texts(ids[:, :int(ends.max()) + 1], ends)
