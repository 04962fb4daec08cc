"""The training step of `coda bench profile` in JAX, on the first device that JAX finds: the figure to compare with.

    python train_step.py [--model demo|12x768] [--dtype f32|bf16] [--steps 40] [--tf32]

Prints one JSON object. The work is that of `Workload`: random tokens, half of them masked and scored, gradients clipped by
their common norm, AdamW; weights and moments in F32, passes in F32 (products at full precision) or BF16. Like there, a step
ends when its loss has been read, and the median is that of the second half of the steps.
"""

import argparse
import json
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
import transformer
from transformer import Dims

MODELS = {
    "demo": (Dims(4096 + 64, 128, 4, 2, 2, 64, 384, 1e4), 8, 128),
    "12x768": (Dims(4096, 768, 12, 12, 12, 64, 2048, 1e4), 8, 256),
}


def initial(dims, random):
    def matrix(*shape):
        return jnp.asarray(random.normal(0, 0.02, shape), jnp.float32)

    def layer():
        ones = {name: jnp.ones(shape, jnp.float32) for name, shape in transformer.vectors(dims).items()}
        return {name: matrix(*shape) for name, shape in transformer.matrices(dims).items()} | ones

    return {
        "embed": matrix(dims.vocabulary, dims.width),
        "norm": jnp.ones(dims.width, jnp.float32),
        "layers": [layer() for _ in range(dims.layers)],
    }


def batch_of(dims, rows, length, random):
    mask, scored = dims.vocabulary - 1, rows * length // 2
    ids = random.integers(0, mask, rows * length)
    hidden = np.sort(random.permutation(rows * length)[:scored])
    ids[hidden] = mask
    return {
        "ids": jnp.asarray(ids.reshape(rows, length), jnp.int32),
        "hidden": jnp.asarray(hidden, jnp.int32),
        "targets": jnp.asarray(random.integers(0, mask, scored), jnp.int32),
        "weights": jnp.full(scored, 1 / scored, jnp.float32),
    }


def loss(params, batch, dims, dtype):
    x = params["embed"][batch["ids"]].astype(dtype)
    for p in params["layers"]:
        x = transformer.layer(x, p, dims)
    x = transformer.rms_norm(x, params["norm"]).reshape(-1, dims.width)[batch["hidden"]]
    return transformer.sum_of_losses(x, params["embed"], batch["targets"], batch["weights"])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--model", choices=MODELS, default="demo")
    options.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    options.add_argument("--steps", type=int, default=40)
    options.add_argument("--tf32", action="store_true", help="let a GPU round operands of F32 products to TF32")
    options = options.parse_args()

    jax.config.update("jax_default_matmul_precision", "default" if options.tf32 else "highest")
    dims, rows, length = MODELS[options.model]
    dtype = jnp.bfloat16 if options.dtype == "bf16" else jnp.float32
    random = np.random.default_rng(1)
    params = initial(dims, random)
    zeros = jax.tree.map(jnp.zeros_like, params)
    moments = {"m": zeros, "v": jax.tree.map(jnp.zeros_like, params)}
    batch = batch_of(dims, rows, length, random)
    rates = jnp.asarray([1e-3, 1 / (1 - 0.9), 1 / (1 - 0.95)], jnp.float32)

    @jax.jit(donate_argnums=(0, 1))
    def step(params, moments, batch, rates):
        value, gradients = jax.value_and_grad(loss)(params, batch, dims, dtype)
        params, moments, norm = transformer.adamw(params, gradients, moments, rates)
        return params, moments, value, norm

    seconds, losses = [], []
    for _ in range(options.steps):
        start = time.perf_counter()
        params, moments, value, _ = step(params, moments, batch, rates)
        losses.append(float(value))
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "model": options.model,
        "dtype": options.dtype,
        "tf32": options.tf32,
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "firstStepMillis": seconds[0] * 1e3,
        "stepMillis": statistics.median(seconds[options.steps // 2:]) * 1e3,
        "firstLoss": losses[0],
        "lastLoss": losses[-1],
    }))


main()
