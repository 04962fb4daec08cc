"""The transformer that CoDA is, in JAX, with the parts that `compile_step.py` and `train_step.py` share."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

EPS = 1e-6


class Dims(NamedTuple):
    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    inner: int
    theta: float


CODA = Dims(151936, 2048, 28, 16, 8, 128, 6144, 1e6)


def matrices(dims):
    """Shapes of a layer's matrices by name."""
    q, kv = dims.heads * dims.head_width, dims.kv_heads * dims.head_width
    return {
        "q": (q, dims.width),
        "k": (kv, dims.width),
        "v": (kv, dims.width),
        "o": (dims.width, q),
        "gate": (dims.inner, dims.width),
        "up": (dims.inner, dims.width),
        "down": (dims.width, dims.inner),
    }


def vectors(dims):
    """Shapes of a layer's norms by name."""
    return {"norm1": (dims.width,), "norm2": (dims.width,), "qnorm": (dims.head_width,), "knorm": (dims.head_width,)}


def rms_norm(x, weight):
    wide = x.astype(jnp.float32)
    scale = jax.lax.rsqrt(jnp.mean(wide * wide, axis=-1, keepdims=True) + EPS)
    return (wide * scale).astype(x.dtype) * weight.astype(x.dtype)


def rotate(x, theta):
    half = x.shape[-1] // 2
    angles = jnp.arange(x.shape[1])[:, None] * theta ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angles)[:, None], jnp.sin(angles)[:, None]
    a, b = x[..., :half].astype(jnp.float32), x[..., half:].astype(jnp.float32)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1).astype(x.dtype)


def product(x, weight):
    return x @ weight.astype(x.dtype).T


def attention(x, p, dims):
    def heads(name, count):
        return product(x, p[name]).reshape(*x.shape[:2], count, dims.head_width)

    q = rotate(rms_norm(heads("q", dims.heads), p["qnorm"]), dims.theta)
    k = rotate(rms_norm(heads("k", dims.kv_heads), p["knorm"]), dims.theta)
    v = heads("v", dims.kv_heads)
    q = q.reshape(*q.shape[:2], dims.kv_heads, dims.heads // dims.kv_heads, dims.head_width)
    scores = jnp.einsum("btghd,bsgd->bghts", q, k, preferred_element_type=jnp.float32)
    weights = jax.nn.softmax(scores / math.sqrt(dims.head_width), axis=-1).astype(x.dtype)
    mixed = jnp.einsum("bghts,bsgd->btghd", weights, v)
    return product(mixed.reshape(*x.shape[:2], dims.heads * dims.head_width), p["o"])


def layer(x, p, dims):
    x = x + attention(rms_norm(x, p["norm1"]), p, dims)
    y = rms_norm(x, p["norm2"])
    return x + product(jax.nn.silu(product(y, p["gate"])) * product(y, p["up"]), p["down"])


def sum_of_losses(states, head, targets, weights):
    """Of cross-entropies times weights; `states` [...,D], targets and weights [...]."""
    logits = product(states, head).astype(jnp.float32)
    at_target = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return jnp.sum(weights * (jax.nn.logsumexp(logits, axis=-1) - at_target))


def adamw(params, gradients, moments, rates):
    """Gradients clipped by their common norm to 1, then AdamW; rates [3]: of learning, and 1 / (1 - beta^t) of both moments.

    Returns the new parameters, the new moments, and the norm."""
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(g.astype(jnp.float32))) for g in jax.tree.leaves(gradients)))
    scale = jnp.minimum(1.0, 1.0 / norm)

    def update(p, g, m, v):
        wide = g.astype(jnp.float32) * scale
        m2 = 0.9 * m.astype(jnp.float32) + 0.1 * wide
        v2 = 0.95 * v.astype(jnp.float32) + 0.05 * wide * wide
        change = (m2 * rates[1]) / (jnp.sqrt(v2 * rates[2]) + 1e-8) + (0.1 if p.ndim > 1 else 0.0) * p
        return tuple(x.astype(p.dtype) for x in (p - rates[0] * change, m2, v2))

    new = jax.tree.map(update, params, gradients, moments["m"], moments["v"])
    part = lambda i: jax.tree.map(lambda t: t[i], new, is_leaf=lambda t: isinstance(t, tuple))
    return part(0), {"m": part(1), "v": part(2)}, norm
