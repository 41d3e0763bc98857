"""Ranger: RAdam (Liu et al. 2020), Lookahead (Zhang et al. 2019) and gradient centralisation (Yong et al. 2020)."""

import math

import torch


class Ranger(torch.optim.Optimizer):
    def __init__(self, params, lr=0.5, betas=(0.95, 0.999), eps=1e-5, k=6, alpha=0.5):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "k": k, "alpha": alpha})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, group, self.state[p])

    @staticmethod
    def _update(p, group, state):
        if not state:
            state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p), slow=p.clone())
        state["step"] += 1
        t, (beta1, beta2) = state["step"], group["betas"]
        g = p.grad.clone()
        if g.ndim > 1:
            g -= g.mean(dim=tuple(range(1, g.ndim)), keepdim=True)
        state["v"].mul_(beta2).addcmul_(g, g, value=1 - beta2)
        state["m"].mul_(beta1).add_(g, alpha=1 - beta1)
        beta2_t = beta2 ** t
        most = 2 / (1 - beta2) - 1
        samples = most - 2 * t * beta2_t / (1 - beta2_t)
        step = group["lr"] / (1 - beta1 ** t)
        if samples > 5:
            step *= math.sqrt((1 - beta2_t) * (samples - 4) / (most - 4) * (samples - 2) / samples * most / (most - 2))
            p.addcdiv_(state["m"], state["v"].sqrt().add_(group["eps"]), value=-step)
        else:
            p.add_(state["m"], alpha=-step)
        if t % group["k"] == 0:
            state["slow"].add_(p - state["slow"], alpha=group["alpha"])
            p.copy_(state["slow"])
