"""The train step of `coda compile` written in JAX, compiled ahead of time for a TPU topology: the figure to compare with.

    python compile_step.py --topology v5:4x4x4 --batch 64 --length 8192 [--layers 28] [--form scan|unrolled]

Needs jax and libtpu, and no TPU. Prints one JSON object. The model has the dimensions of CoDA 1.7B (spec/01): parameters,
moments and passes in BF16, bidirectional attention with scores in F32, each layer checkpointed, the loss in 16
checkpointed pieces, gradients clipped by their common norm, AdamW, arguments donated, everything split along one axis.
"""

import argparse
import json
import math
import os
import resource
import time

os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

VOCABULARY, WIDTH, HEADS, KV_HEADS, HEAD_WIDTH, INNER = 151936, 2048, 16, 8, 128, 6144
CHUNKS = 16
EPS, THETA = 1e-6, 1e6
MATRICES = {
    "q": (HEADS * HEAD_WIDTH, WIDTH),
    "k": (KV_HEADS * HEAD_WIDTH, WIDTH),
    "v": (KV_HEADS * HEAD_WIDTH, WIDTH),
    "o": (WIDTH, HEADS * HEAD_WIDTH),
    "gate": (INNER, WIDTH),
    "up": (INNER, WIDTH),
    "down": (WIDTH, INNER),
}
VECTORS = {"norm1": WIDTH, "norm2": WIDTH, "qnorm": HEAD_WIDTH, "knorm": HEAD_WIDTH}


def rms_norm(x, weight):
    wide = x.astype(jnp.float32)
    scale = jax.lax.rsqrt(jnp.mean(wide * wide, axis=-1, keepdims=True) + EPS)
    return (wide * scale).astype(x.dtype) * weight


def rotate(x):
    half = HEAD_WIDTH // 2
    angles = jnp.arange(x.shape[1])[:, None] * THETA ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angles)[:, None], jnp.sin(angles)[:, None]
    a, b = x[..., :half].astype(jnp.float32), x[..., half:].astype(jnp.float32)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1).astype(x.dtype)


def heads(x, weight, count):
    return (x @ weight.T).reshape(*x.shape[:2], count, HEAD_WIDTH)


def attention(x, p):
    q = rotate(rms_norm(heads(x, p["q"], HEADS), p["qnorm"]))
    k = rotate(rms_norm(heads(x, p["k"], KV_HEADS), p["knorm"]))
    v = heads(x, p["v"], KV_HEADS)
    q = q.reshape(*q.shape[:2], KV_HEADS, HEADS // KV_HEADS, HEAD_WIDTH)
    scores = jnp.einsum("btghd,bsgd->bghts", q, k, preferred_element_type=jnp.float32)
    weights = jax.nn.softmax(scores / math.sqrt(HEAD_WIDTH), axis=-1).astype(x.dtype)
    mixed = jnp.einsum("bghts,bsgd->btghd", weights, v)
    return mixed.reshape(*x.shape[:2], HEADS * HEAD_WIDTH) @ p["o"].T


def layer(x, p):
    x = x + attention(rms_norm(x, p["norm1"]), p)
    y = rms_norm(x, p["norm2"])
    return x + (jax.nn.silu(y @ p["gate"].T) * (y @ p["up"].T)) @ p["down"].T


@jax.checkpoint
def piece_of_loss(states, head, targets, weights):
    logits = (states @ head.T).astype(jnp.float32)
    at_target = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return jnp.sum(weights * (jax.nn.logsumexp(logits, axis=-1) - at_target))


def loss(params, batch, form, place):
    """`place` keeps the rows of the batch where they are."""
    x = place(params["embed"][batch["ids"]])
    step = jax.checkpoint(lambda x, p: place(layer(x, p)))
    if form == "scan":
        x, _ = jax.lax.scan(lambda x, p: (step(x, p), None), x, params["layers"])
    else:
        for p in params["layers"]:
            x = step(x, p)
    x = rms_norm(x, params["norm"])
    columns = [jnp.split(part, CHUNKS, axis=1) for part in (x, batch["targets"], batch["weights"])]
    return sum(piece_of_loss(place(x), params["head"], targets, weights) for x, targets, weights in zip(*columns))


def train_step(state, batch, rates, form, place):
    value, gradients = jax.value_and_grad(loss)(state["params"], batch, form, place)
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(g.astype(jnp.float32))) for g in jax.tree.leaves(gradients)))
    scale = jnp.minimum(1.0, 1.0 / norm)

    def update(p, g, m, v):
        wide = g.astype(jnp.float32) * scale
        m2 = 0.9 * m.astype(jnp.float32) + 0.1 * wide
        v2 = 0.95 * v.astype(jnp.float32) + 0.05 * wide * wide
        change = (m2 * rates[1]) / (jnp.sqrt(v2 * rates[2]) + 1e-8) + (0.1 if p.ndim > 1 else 0.0) * p
        return tuple(x.astype(p.dtype) for x in (p - rates[0] * change, m2, v2))

    new = jax.tree.map(update, state["params"], gradients, state["m"], state["v"])
    part = lambda i: jax.tree.map(lambda t: t[i], new, is_leaf=lambda t: isinstance(t, tuple))
    return {"params": part(0), "m": part(1), "v": part(2)}, value, norm


def parameters(form, layers, mesh):
    def of(dims, stacked):
        dims = (layers, *dims) if stacked else dims
        axes = [None] * len(dims)
        if len(dims) - stacked == 2:
            axes[stacked] = "fsdp"
        return jax.ShapeDtypeStruct(dims, jnp.bfloat16, sharding=NamedSharding(mesh, PartitionSpec(*axes)))

    def one(stacked):
        shapes = {name: dims for name, dims in MATRICES.items()} | {name: (n,) for name, n in VECTORS.items()}
        return {name: of(dims, stacked) for name, dims in shapes.items()}

    return {
        "embed": of((VOCABULARY, WIDTH), False),
        "head": of((VOCABULARY, WIDTH), False),
        "norm": of((WIDTH,), False),
        "layers": one(True) if form == "scan" else [one(False) for _ in range(layers)],
    }


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--topology", required=True)
    options.add_argument("--batch", type=int, required=True)
    options.add_argument("--length", type=int, required=True)
    options.add_argument("--layers", type=int, default=28)
    options.add_argument("--form", choices=["scan", "unrolled"], default="scan")
    options = options.parse_args()

    devices = topologies.get_topology_desc(platform="tpu", topology_name=options.topology).devices
    mesh = Mesh(devices, ("fsdp",))
    params = parameters(options.form, options.layers, mesh)
    state = {"params": params, "m": params, "v": params}
    rows = NamedSharding(mesh, PartitionSpec("fsdp"))
    table = lambda dtype: jax.ShapeDtypeStruct((options.batch, options.length), dtype, sharding=rows)
    batch = {"ids": table(jnp.int32), "targets": table(jnp.int32), "weights": table(jnp.float32)}
    rates = jax.ShapeDtypeStruct((3,), jnp.float32, sharding=NamedSharding(mesh, PartitionSpec()))

    place = lambda x: jax.lax.with_sharding_constraint(x, rows)
    step = jax.jit(lambda s, b, r: train_step(s, b, r, options.form, place), donate_argnums=0)
    start = time.monotonic()
    lowered = step.lower(state, batch, rates)
    traced = time.monotonic()
    before = time.process_time()
    compiled = lowered.compile()
    done = time.monotonic()
    memory = compiled.memory_analysis()
    print(json.dumps({
        "devices": len(devices),
        "jax": jax.__version__,
        "traceSeconds": traced - start,
        "compileSeconds": done - traced,
        "compileProcessorSeconds": time.process_time() - before,
        "peakResidentBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "argumentBytes": memory.argument_size_in_bytes,
        "temporaryBytes": memory.temp_size_in_bytes,
        "peakBytes": getattr(memory, "peak_memory_in_bytes", None),
        "compilerFlops": (compiled.cost_analysis() or {}).get("flops"),
    }))


main()
