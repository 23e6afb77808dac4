#!/usr/bin/env python3
"""The jobs of the comparison as they are written with the libraries of today: `peers.py NAME FILE OUTPUT ROWS`.

Each peer is a function that gives its jobs, each in the way its documentation would have it; what cannot be said in a library
is left out. `run` starts one process for each and speaks to it as protocol.py says. The peer called `reference` computes the
answers in float64, whatever time that takes.
"""

import json
import sys
import time

import numpy as np

from protocol import sampled

BLOCK = 8192  # rows at a time, where a library does not cut the array by itself


class Task:
    """The files, and what several peers do alike."""

    def __init__(self, file, output, rows):
        self.x = np.load(file, mmap_mode="r")
        self.output = output
        self.rows = np.load(rows)

    @property
    def flat(self):
        return self.x.reshape(-1)

    def new_output(self):
        return np.lib.format.open_memmap(self.output, mode="w+", dtype=self.x.dtype, shape=self.x.shape)

    def blocks(self):
        return (slice(i, i + BLOCK) for i in range(0, len(self.x), BLOCK))


def use_numpy(task):
    x = task.x

    def z_score():
        # In blocks: x.std(axis=0, dtype="f8") takes memory for twice the array.
        mean = x.mean(axis=0, dtype="f8")
        squares = sum(np.square(x[b] - mean).sum(axis=0) for b in task.blocks())
        std = np.sqrt(squares / len(x)).astype(x.dtype)
        mean, z = mean.astype(x.dtype), task.new_output()
        for b in task.blocks():
            z[b] = (x[b] - mean) / std

    return {
        "sum": lambda: x.sum(),
        "mean_columns": lambda: x.mean(axis=0),
        "masked_sum": lambda: x[x > 0.5].sum(),
        "five": lambda: [x.sum(), x.mean(), x.std(), x.min(), x.max()],
        "z_score": z_score,
        "gather": lambda: x[task.rows],
    }


def use_dask(task):
    import dask
    import dask.array as da

    # As Dask's documentation does it with memory maps: da.from_array would copy all of it into memory first.
    def load(block_info):
        location = block_info[None]["array-location"]
        return task.x[tuple(slice(*ends) for ends in location)]

    chunks = da.core.normalize_chunks(("auto", -1), task.x.shape, dtype=task.x.dtype)
    x = da.map_blocks(load, chunks=chunks, dtype=task.x.dtype, meta=task.x[:0], name="x")

    def z_score():
        mean, std = dask.compute(x.mean(axis=0), x.std(axis=0))
        da.store((x - mean) / std, task.new_output(), lock=False)

    return {
        "sum": lambda: x.sum().compute(),
        "mean_columns": lambda: x.mean(axis=0).compute(),
        "masked_sum": lambda: da.where(x > 0.5, x, 0).sum().compute(),
        "five": lambda: list(dask.compute(x.sum(), x.mean(), x.std(), x.min(), x.max())),
        "z_score": z_score,
    }


def use_polars(task):
    import polars as pl

    frame = pl.DataFrame([pl.Series("x", task.flat)]).lazy()
    x = pl.col("x")
    five = [x.sum().alias("sum"), x.mean().alias("mean"), x.std(ddof=0).alias("std")]
    five += [x.min().alias("min"), x.max().alias("max")]
    return {
        "sum": lambda: frame.select(x.sum()).collect().item(),
        "masked_sum": lambda: frame.filter(x > 0.5).select(x.sum()).collect().item(),
        "five": lambda: list(frame.select(five).collect().row(0)),
    }


def use_numba(task):
    import numba

    jit = numba.njit(parallel=True, fastmath=True)

    @jit
    def total(x):
        sums = np.zeros(x.shape[0])
        for i in numba.prange(x.shape[0]):
            row = np.float32(0)
            for j in range(x.shape[1]):
                row += x[i, j]
            sums[i] = row
        return sums.sum()

    @jit
    def masked(x, above):
        sums = np.zeros(x.shape[0])
        for i in numba.prange(x.shape[0]):
            row = np.float32(0)
            for j in range(x.shape[1]):
                row += x[i, j] if x[i, j] > above else np.float32(0)
            sums[i] = row
        return sums.sum()

    @jit
    def column_sums(x, center, squared):
        rows, columns = x.shape
        parts = 8 * numba.get_num_threads()
        sums = np.zeros((parts, columns))
        for p in numba.prange(parts):
            own = np.zeros(columns)
            for i in range(p * rows // parts, (p + 1) * rows // parts):
                for j in range(columns):
                    d = x[i, j] - center[j]
                    own[j] += d * d if squared else d
            sums[p] = own
        return sums.sum(axis=0)

    @jit
    def five(x):
        rows, columns = x.shape
        found = np.zeros((rows, 4))
        for i in numba.prange(rows):
            low, high = x[i, 0], x[i, 0]
            s, squares = np.float32(0), np.float32(0)
            center = x[0, 0]
            for j in range(columns):
                v = x[i, j]
                s += v
                squares += (v - center) * (v - center)
                low, high = min(low, v), max(high, v)
            found[i, 0], found[i, 1], found[i, 2], found[i, 3] = s, squares, low, high
        n = rows * columns
        s = found[:, 0].sum()
        mean = s / n
        var = found[:, 1].sum() / n - (mean - x[0, 0]) ** 2
        return s, mean, np.sqrt(var), found[:, 2].min(), found[:, 3].max()

    @jit
    def scale(x, mean, factor, z):
        for i in numba.prange(x.shape[0]):
            for j in range(x.shape[1]):
                z[i, j] = (x[i, j] - mean[j]) * factor[j]

    x, zeros = task.x, np.zeros(task.x.shape[1])

    def z_score():
        mean = column_sums(x, zeros, False) / len(x)
        std = np.sqrt(column_sums(x, mean, True) / len(x))
        scale(x, mean, 1 / std, task.new_output())

    return {
        "sum": lambda: total(x),
        "mean_columns": lambda: column_sums(x, zeros, False) / len(x),
        "masked_sum": lambda: masked(x, np.float32(0.5)),
        "five": lambda: list(five(x)),
        "z_score": z_score,
    }


def use_pyarrow(task):
    import pyarrow as pa
    import pyarrow.compute as pc

    x = pa.array(task.flat)

    def five():
        ends = pc.min_max(x)
        return [v.as_py() for v in (pc.sum(x), pc.mean(x), pc.stddev(x), ends["min"], ends["max"])]

    return {
        "sum": lambda: pc.sum(x).as_py(),
        "masked_sum": lambda: pc.sum(pc.filter(x, pc.greater(x, 0.5))).as_py(),
        "five": five,
    }


def use_duckdb(task):
    import duckdb
    import pyarrow as pa

    whole = pa.array(task.flat)
    chunk = 1 << 20  # one large chunk would be scanned by one thread
    pieces = [whole.slice(i, chunk) for i in range(0, len(whole), chunk)]
    connection = duckdb.connect()
    connection.register("t", pa.table({"x": pa.chunked_array(pieces)}))

    def select(what):
        return lambda: list(connection.execute(f"select {what}").fetchone())

    return {
        "sum": select("sum(x) from t"),
        "masked_sum": select("sum(x) from t where x > 0.5"),
        "five": select("sum(x), avg(x), stddev_pop(x), min(x), max(x) from t"),
    }


def use_numexpr(task):
    import numexpr as ne

    x = {"x": task.x}
    return {
        "sum": lambda: ne.evaluate("sum(x)", x),
        "masked_sum": lambda: ne.evaluate("sum(where(x > 0.5, x, 0))", x),
    }


def use_bottleneck(task):
    import bottleneck as bn

    x = task.x
    return {
        "sum": lambda: bn.nansum(x),
        "mean_columns": lambda: bn.nanmean(x, axis=0),
        "five": lambda: [f(x) for f in (bn.nansum, bn.nanmean, bn.nanstd, bn.nanmin, bn.nanmax)],
    }


def use_reference(task):
    x, blocks = task.x, list(task.blocks())

    def deviation():
        mean = x.mean(axis=0, dtype="f8")
        squares = sum(np.square(x[b] - mean).sum(axis=0) for b in blocks)
        return mean, np.sqrt(squares / len(x))

    def five():
        total = x.sum(dtype="f8")
        mean = total / x.size
        squares = sum(np.square(x[b] - mean).sum() for b in blocks)
        return [total, mean, np.sqrt(squares / x.size), x.min(), x.max()]

    def z_score():
        mean, std = deviation()
        return [(float(x[i, j]) - mean[j]) / std[j] for i, j in sampled(*x.shape)]

    return {
        "sum": lambda: x.sum(dtype="f8"),
        "mean_columns": lambda: x.mean(axis=0, dtype="f8"),
        "masked_sum": lambda: sum(x[b][x[b] > 0.5].sum(dtype="f8") for b in blocks),
        "five": five,
        "z_score": z_score,
        "gather": lambda: x[task.rows],
    }


PEERS = {name.removeprefix("use_"): make for name, make in globals().items() if name.startswith("use_")}


def forget():
    """Gives memory back that Arrow keeps for its next job: as much as the array, twice."""
    if pyarrow := sys.modules.get("pyarrow"):
        pyarrow.default_memory_pool().release_unused()


def answer(job, result):
    """What an answer is compared by: of gathered rows their sum, else all of it."""
    if job == "gather":
        return [float(result.sum(dtype="f8"))]
    if result is None:
        return []
    return np.atleast_1d(np.asarray(result, dtype="f8")).tolist()


def main():
    name, *files = sys.argv[1:]
    jobs = PEERS[name](Task(*files))
    print(json.dumps({"jobs": list(jobs)}), flush=True)
    for line in sys.stdin:
        job = line.strip()
        try:
            start = time.perf_counter()
            result = jobs[job]()
            seconds = time.perf_counter() - start
            reply = {"seconds": seconds, "answer": answer(job, result)}
        except Exception as error:  # one job that fails is not the end of the others
            reply = {"error": f"{type(error).__name__}: {error}"}
        result = None
        forget()
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
