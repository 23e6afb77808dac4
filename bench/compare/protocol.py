"""What `run` and the programs that it compares agree on.

A program is started with the array file, the file that jobs write to and the file with the numbers of the rows to gather. It
prints a line of JSON, {"jobs": [...]}, and then for each line of input that names a job a line {"seconds": s, "answer": [...]}
or {"error": "..."}. Only the work itself is in the time: not what makes an answer comparable, and no removing of old outputs.
"""

JOBS = {
    "sum": "sum",
    "mean_columns": "mean per column",
    "masked_sum": "sum of x > 0.5",
    "five": "sum, mean, std, min, max",
    "z_score": "z-score per column to a new file",
    "gather": "gather of random rows",
}


def sampled(rows, columns):
    """Where the outputs of z-scores are compared: (row, column), all over the array."""
    cells = rows * columns
    return [divmod(i * (cells - 1) // 255, columns) for i in range(256)]
