"""The train step of `coda compile` written in JAX, compiled ahead of time for a TPU topology: the figure to compare with.

    python compile_step.py --topology v5:4x4x4 --batch 64 --length 8192 [--layers 28] [--form scan|unrolled]

Needs jax and libtpu, and no TPU. Prints one JSON object. The model has the dimensions of CoDA 1.7B (spec/01): parameters,
moments and passes in BF16, bidirectional attention with scores in F32, each layer checkpointed, the loss in 16
checkpointed pieces, gradients clipped by their common norm, AdamW, arguments donated, everything split along one axis.
"""

import argparse
import json
import os
import resource
import time

os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import transformer
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from transformer import CODA

CHUNKS = 16

piece_of_loss = jax.checkpoint(transformer.sum_of_losses)


def loss(params, batch, form, place):
    """`place` keeps the rows of the batch where they are."""
    x = place(params["embed"][batch["ids"]])
    step = jax.checkpoint(lambda x, p: place(transformer.layer(x, p, CODA)))
    if form == "scan":
        x, _ = jax.lax.scan(lambda x, p: (step(x, p), None), x, params["layers"])
    else:
        for p in params["layers"]:
            x = step(x, p)
    x = transformer.rms_norm(x, params["norm"])
    columns = [jnp.split(part, CHUNKS, axis=1) for part in (x, batch["targets"], batch["weights"])]
    return sum(piece_of_loss(place(x), params["head"], targets, weights) for x, targets, weights in zip(*columns))


def train_step(state, batch, rates, form, place):
    value, gradients = jax.value_and_grad(loss)(state["params"], batch, form, place)
    moments = {"m": state["m"], "v": state["v"]}
    params, moments, norm = transformer.adamw(state["params"], gradients, moments, rates)
    return {"params": params, **moments}, value, norm


def parameters(form, layers, mesh):
    def of(dims, stacked):
        dims = (layers, *dims) if stacked else dims
        axes = [None] * len(dims)
        if len(dims) - stacked == 2:
            axes[stacked] = "fsdp"
        return jax.ShapeDtypeStruct(dims, jnp.bfloat16, sharding=NamedSharding(mesh, PartitionSpec(*axes)))

    def one(stacked):
        shapes = transformer.matrices(CODA) | transformer.vectors(CODA)
        return {name: of(dims, stacked) for name, dims in shapes.items()}

    return {
        "embed": of((CODA.vocabulary, CODA.width), False),
        "head": of((CODA.vocabulary, CODA.width), False),
        "norm": of((CODA.width,), False),
        "layers": one(True) if form == "scan" else [one(False) for _ in range(layers)],
    }


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--topology", required=True)
    options.add_argument("--batch", type=int, required=True)
    options.add_argument("--length", type=int, required=True)
    options.add_argument("--layers", type=int, default=CODA.layers)
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
