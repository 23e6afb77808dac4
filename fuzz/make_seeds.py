#!/usr/bin/env python3
"""Writes the seeds of the fuzz corpus: one small file for each thing that parsers got wrong, here or elsewhere.

Usage: python3 fuzz/make_seeds.py. It needs nothing but Python and gives the same bytes each time. Files that a
fuzzer found have names of 40 hexadecimal digits and are left alone. The seeds that have a name there are also
named tests: crates/hostile/tests/bugs_elsewhere.rs says who had the bug and what has to happen.
"""

import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
MAGIC = b"\x93NUMPY"
DICT = "{'descr': %s, 'fortran_order': %s, 'shape': %s, }"


def npy(descr="'<f4'", order="False", shape="(3, 4)", data=48, version=1, text=None):
    """A .npy file padded as NumPy pads it."""
    text = DICT % (descr, order, shape) if text is None else text
    text = text.encode("latin1") if isinstance(text, str) else text
    prefix = 10 if version == 1 else 12
    text += b" " * (-(prefix + len(text) + 1) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return MAGIC + bytes([version, 0]) + length + text + bytes(range(256)) * (data // 256) + bytes(range(data % 256))


def folder(name, own="", handmade="", data=b""):
    """A folder as the target `open` takes it apart."""
    return b"\n--\n".join([name.encode(), own.encode(), handmade.encode(), data])


GOOD = npy()
HUGE = str(2**64 - 1)

NPY_HEADER = {
    "good": GOOD[:-48],
    "good-v2": npy(version=2, data=0),
    "good-v3": npy(version=3, data=0),
    "fortran": npy(order="True", data=0),
    "big-endian": npy("'>i2'", data=0),
    "bool": npy("'|b1'", data=0),
    "zero-d": npy(shape="()", data=0),
    "empty-axis": npy(shape="(0, 5)", data=0),
    "python2-long": npy(shape="(10L, 3L)", data=0),
    "numpy2-int64": npy(shape="(np.int64(3), np.uint8(4))", data=0),
    "double-quotes": npy(text='{"shape":(2,),"fortran_order":True,"descr":"=f8"}', data=0),
    "ndim-64": npy(shape="(" + "1, " * 64 + ")", data=0),
    "ndim-65": npy(shape="(" + "1, " * 65 + ")", data=0),
    "header-4-gib": MAGIC + b"\x02\x00\xf0\xff\xff\xff",
    "header-beyond-file": MAGIC + b"\x01\x00\xff\xff{'descr'",
    "length-cut": MAGIC + b"\x02\x00\x10\x00",
    "magic-only": MAGIC,
    "version-4": MAGIC + b"\x04\x00" + GOOD[8:],
    "version-1-1": MAGIC + b"\x01\x01" + GOOD[8:],
    "version-0": MAGIC + b"\x00\x00" + GOOD[8:],
    "product-wraps-to-0": npy(shape="(4294967296, 4294967296)", data=0),
    "product-wraps-to-2": npy(shape="(6148914691236517206, 3)", data=0),
    "product-wraps-behind-0": npy(shape="(0, 9223372036854775807, 2)", data=0),
    "bytes-wrap-to-8": npy("'<f8'", shape="(2305843009213693953,)", data=8),
    "dimension-of-65-bits": npy(shape="(18446744073709551617,)", data=0),
    "dimension-of-1000-digits": npy(shape="(" + "9" * 1000 + ",)", data=0),
    "negative": npy(shape="(-3, 4)", data=0),
    "negative-zero": npy(shape="(-0,)", data=0),
    "negative-int64": npy(shape="(np.int64(-1),)", data=0),
    "float-dimension": npy(shape="(3.0, 1e3)", data=0),
    "bool-dimension": npy(shape="(True, 4)", data=0),
    "octal-dimension": npy(shape="(010,)", data=0),
    "shape-closed-before-open": npy(shape=")3, 4(", data=0),
    "shape-of-one-without-comma": npy(shape="(3)", data=0),
    "shape-list": npy(shape="[3, 4]", data=0),
    "deep-tuple": npy(shape="(" * 2000, data=0),
    "deep-dict": npy(text="{'a': " * 500, data=0),
    "deep-list": npy("[" * 2000, data=0),
    "descr-empty": npy("''", data=0),
    "descr-sign-only": npy("'<'", data=0),
    "descr-no-number": npy("'<ixy'", data=0),
    "descr-number": npy("4", data=0),
    "objects": npy("'|O'", data=0) + b"cos\nsystem\n(S'exit 1'\ntR.",
    "structured": npy("[('a', '<f4'), ('b', '<i8')]", data=0),
    "subarray": npy("('<f4', (3,))", data=0),
    "datetime": npy("'<M8[ns]'", data=0),
    "unicode": npy("'<U7'", data=0),
    "fortran-order-1": npy(order="1", data=0),
    "duplicate-descr": npy(text="{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'descr': '<f8'}", data=0),
    "unknown-key": npy(text="{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1}", data=0),
    "missing-key": npy(text="{'descr': '<f4', 'shape': (3,)}", data=0),
    "expression": npy(shape="(__import__('os').getpid(),)", data=0),
    "escape": npy(text="{'de\\x73cr': '<f4', 'fortran_order': False, 'shape': (3,)}", data=0),
    "nul": npy(text=DICT % ("'<f4'", "False", "(3,)") + "\0\0", data=0),
    "not-utf8": npy(version=3, text=b"{'descr': '\xff\xfe', 'fortran_order': False, 'shape': (3,)}", data=0),
    "latin1": npy(text=b"{'descr': '\xe9', 'fortran_order': False, 'shape': (3,)}", data=0),
    "unclosed-string": npy(text="{'descr': '<f4", data=0),
    "header-of-9000-spaces": npy(text=DICT % ("'<f4'", "False", "(3, 4)") + " " * 9000, data=0),
}

OWN = '{"rowmill": 1, "dtype": "<f4", "shape": [3, 4]%s}'
SIDECAR = {
    "good": OWN % ', "order": "C", "offset": 0, "columns": ["a", "b", "c", "d"]',
    "smallest": '{"rowmill": 1}',
    "names-only": '{"rowmill": 1, "columns": ["a", "\\u00e9\\ud83d\\ude00", "\\u0000"]}',
    "handmade": '{"filename": "x.dat", "dtype": "float32", "shape": [3, 4], "fortran_order": true, "x": {"y": [1]}}',
    "version-2": '{"rowmill": 2, "dtype": "<f4", "shape": [3, 4]}',
    "version-text": '{"rowmill": "1", "dtype": "<f4", "shape": [3, 4]}',
    "unknown-key": OWN % ', "path": "/etc/passwd"',
    "duplicate": OWN % ', "shape": [4, 3]',
    "duplicate-escaped": OWN % ', "sh\\u0061pe": [4, 3]',
    "both-orders": '{"dtype": "<f4", "shape": [3, 4], "order": "C", "fortran_order": true}',
    "negative": '{"rowmill": 1, "dtype": "<f4", "shape": [-3, 4]}',
    "float": '{"rowmill": 1, "dtype": "<f4", "shape": [3.0, 1e3], "offset": 1.5}',
    "beyond-u64": '{"rowmill": 1, "dtype": "<f4", "shape": [18446744073709551616]}',
    "product-wraps": '{"rowmill": 1, "dtype": "<f4", "shape": [4294967296, 4294967296]}',
    "offset-huge": '{"rowmill": 1, "dtype": "<f4", "shape": [3], "offset": 18446744073709551615}',
    "shape-text": '{"rowmill": 1, "dtype": "<f4", "shape": "3,4"}',
    "shape-object": '{"rowmill": 1, "dtype": "<f4", "shape": {"0": 3}}',
    "shape-mixed": '{"rowmill": 1, "dtype": "<f4", "shape": [3, "4", null]}',
    "shape-of-lists": '{"rowmill": 1, "dtype": "<f4", "shape": [[3], [4]]}',
    "dtype-object": '{"rowmill": 1, "dtype": "|O", "shape": [3]}',
    "dtype-ambiguous": '{"rowmill": 1, "dtype": "i8", "shape": [3]}',
    "dtype-long": '{"rowmill": 1, "dtype": "%s"}' % ("f" * 500),
    "null": '{"rowmill": null, "dtype": null, "shape": null}',
    "deep-list": '{"rowmill": 1, "shape": ' + "[" * 1000,
    "deep-object": '{"a":' * 1000,
    "nan": '{"rowmill": 1, "offset": NaN}',
    "huge-exponent": '{"rowmill": 1, "offset": 1e999999}',
    "surrogate": '{"rowmill": 1, "columns": ["\\ud800"]}',
    "trailing": OWN % "" + "x",
    "cut": (OWN % "")[:-3],
    "list": "[1, 2]",
    "empty": "",
    "bom": b"\xef\xbb\xbf" + (OWN % "").encode(),
    "utf-16": (OWN % "").encode("utf-16"),
    "not-utf8": b'{"rowmill": 1, "columns": ["\xff"]}',
}

RAW_SPEC = {
    "good": "<f4\n3,4\nC\n0\n48",
    "offset": ">i2\n(3, 4)\nF\n8\n32",
    "odd-offset": "f64\n3\nC\n1\n25",
    "zero-d": "u8\n()\nC\n0\n1",
    "bool": "bool\n8,8\nF\n0\n64",
    "empty": "f32\n0,5\nC\n64\n64",
    "empty-wide": "f64\n0,4611686018427387904\nC\n64\n64",
    "empty-wide-longer": "f64\n0,4611686018427387904\nC\n0\n64",
    "empty-tall": "f64\n4611686018427387904,0\nF\n64\n64",
    "truncated": "f64\n3,4\nC\n0\n95",
    "trailing": "f64\n3,4\nC\n0\n97",
    "bytes-wrap-to-8": "f64\n2305843009213693953\nC\n0\n8",
    "product-wraps": "u8\n4294967296,4294967296\nC\n0\n0",
    "offset-wraps": "u8\n64\nC\n18446744073709551615\n64",
    "offset-and-bytes-wrap": "u8\n64\nC\n18446744073709551552\n0",
    "negative": "f32\n-3,4\nC\n-1\n48",
    "plus": "f32\n+3,4\nC\n+0\n48",
    "other-digits": "f32\n\u0663,4\nC\n0\n48",
    "times": "f32\n3x4\nC\n0\n48",
    "commas": "f32\n,,,,\nC\n0\n48",
    "ndim-65": "u8\n" + "1," * 65 + "\nC\n0\n1",
    "unclosed": "f32\n(3, 4\nC\n0\n48",
    "dtype-sign": "<\n3\nC\n0\n3",
    "dtype-wide": "<f99999999999999999999\n3\nC\n0\n3",
    "dtype-other": "\u00e9\n3\nC\n0\n3",
}

CONDITION = {
    "good": "x > 0.5",
    "mirrored": "0.5 < x",
    "tight": "x<-2",
    "single": "x = 3",
    "not": "x != 0",
    "infinite": "-inf <= x",
    "exponent": "1e+2>x",
    "beyond-float": "x > 1e999",
    "beyond-i128": "x > 340282366920938463463374607431768211456",
    "least-i128": "x >= -170141183460469231731687303715884105728",
    "tiny": "x < 1e-400",
    "nan": "x == nan",
    "negative-zero": "x > -0.0",
    "both-sides": "x > x",
    "numbers": "1 < 2",
    "chain": "0 < x < 1",
    "and": "x > 1 and x < 2",
    "nothing": "",
    "operator-only": ">=",
    "sign-only": "x > -",
    "name": "temperature > 5",
    "wide": "x == 5 \u4e14 &",
    "control": "x\t>\x1b foo",
    "other-minus": "x > \u22125",
    "half": "x > \u00bd",
    "underscores": "x > 1_000",
    "hexadecimal": "x > 0x10",
    "call": "x > __import__('os')",
    "many-signs": "x > " + "-" * 200,
    "deep": "(" * 200 + "x > 1" + ")" * 200,
}

CHUNK_SIZE = {
    "auto": "auto",
    "rows": "1000rows",
    "row": "1 row",
    "bytes": "4MiB",
    "spaces": " 64 K ",
    "case": "2gIB",
    "zero": "0",
    "zero-rows": "0rows",
    "wraps": "17179869184G",
    "beyond-u64": "18446744073709551616",
    "negative": "-1",
    "fraction": "1.5G",
    "unit-only": "MiB",
    "other-case": "1\u212a",
    "other-digits": "\u0663",
    "nothing": "",
    "nan": "nan",
}

LAYOUT = '{"rowmill": 1, "dtype": "%s", "shape": %s, "order": "%s", "offset": %d}'
# Records of a replacement: of other files, and as an earlier version wrote them.
FILE = '{"number": 7, "created": null, "len": 48, "hash": 18446744073709551615}'
TEXT = '"{\\"rowmill\\": 1, \\"dtype\\": \\"<f4\\", \\"shape\\": [12]}"'
REPLACING = '{"rowmill": "replacing 2", "new_file": %s, "new": %s, "old_file": %s, "old": null}' % (FILE, TEXT, FILE)
BY_NUMBER = '{"rowmill": "replacing", "new_inode": 7, "new": %s, "had_old": true, "old_inode": 8, "old": null}' % TEXT

OPEN = {
    "good.npy": GOOD,
    "fortran.npy": npy(order="True"),
    "big-endian.npy": npy("'>f8'", data=96),
    "half.npy": npy("'<f2'", data=24),
    "bool.npy": npy("'|b1'", data=12),
    "zero-d.npy": npy("'<i8'", shape="()", data=8),
    "empty.npy": npy(shape="(0, 5)", data=0),
    "empty-wide.npy": npy("'<f8'", shape="(0, 4611686018427387904)", data=0),
    "empty-tall.npy": npy("'<f8'", shape="(4611686018427387904, 0)", data=0),
    "empty-deep.npy": npy("'<f8'", shape="(4611686018427387904, 2, 0)", order="True", data=0),
    "truncated.npy": npy(data=47),
    "trailing.npy": npy(data=49),
    "no-data.npy": npy(data=0),
    "bytes-wrap-to-8.npy": npy("'<f8'", shape="(2305843009213693953,)", data=8),
    "header-4-gib.npy": NPY_HEADER["header-4-gib"],
    "objects.npy": NPY_HEADER["objects"],
    "three-d.npy": npy("'<i2'", shape="(2, 3, 4)"),
    "one-d.npy": npy("'|u1'", shape="(48,)"),
    "unpadded.npy": MAGIC + b"\x01\x00\x3b\x00" + (DICT % ("'<f8'", "False", "(6,)")).ljust(59).encode() + bytes(48),
    "no-bytes": b"",
    "names": folder("npy", '{"rowmill": 1, "columns": ["a", "b", "c", "d"]}', data=GOOD),
    "too-few-names": folder("npy", '{"rowmill": 1, "columns": ["a"]}', data=GOOD),
    "sidecar-contradicts-header": folder("npy", OWN % "", data=npy("'<f8'", data=96)),
    "raw": folder("dat", LAYOUT % ("<f4", "[3, 4]", "C", 0), data=bytes(48)),
    "raw-fortran": folder("dat", LAYOUT % (">i2", "[3, 4]", "F", 8), data=bytes(32)),
    "raw-odd-offset": folder("dat", LAYOUT % ("<f8", "[3]", "C", 1), data=bytes(25)),
    "raw-offset-beyond": folder("dat", LAYOUT % ("<f4", "[0]", "C", 2**64 - 1), data=bytes(25)),
    "raw-offset-wraps": folder("dat", LAYOUT % ("|u1", "[64]", "C", 2**64 - 64), data=b""),
    "raw-truncated": folder("dat", LAYOUT % ("<f4", "[3, 4]", "C", 0), data=bytes(47)),
    "raw-no-shape": folder("dat", '{"rowmill": 1, "dtype": "<f4"}', data=bytes(48)),
    "raw-no-sidecar": folder("dat", data=bytes(48)),
    "raw-is-npy": folder("dat", data=GOOD),
    "replaced-other": folder("dat", REPLACING, data=bytes(48)),
    "replaced-by-number": folder("dat", BY_NUMBER, data=bytes(48)),
    "handmade": folder("dat", "", '{"dtype": "float32", "shape": [3, 4], "rows": 3}', bytes(48)),
    "handmade-fortran": folder("dat", "", '{"dtype": "uint8", "shape": [3, 4], "fortran_order": true}', bytes(12)),
    "both-differ": folder("dat", OWN % "", '{"dtype": "float64", "shape": [3, 2]}', bytes(48)),
    "both-agree": folder("dat", OWN % "", '{"dtype": "float32", "columns": ["a", "b", "c", "d"]}', bytes(48)),
}


def varint(n):
    """An unsigned integer as postcard writes it."""
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def signed(n):
    return varint(n * 2 if n >= 0 else -n * 2 - 1)


def blob(data):
    data = data.encode() if isinstance(data, str) else data
    return varint(len(data)) + data


def state(rest, job="sum of float32 (3000, 7)"):
    """The state of a checkpoint: a job, an input, and what was done."""
    times = signed(1795000000 * 10**9) + signed(1795000000 * 10**9 + 7)
    return blob(job) + identity() + times + rest


def identity(created=b"\x01" + signed(5)):
    """Which file: number, birth time, length, hash."""
    return b"\x01" + varint(4711) + created + varint(84128) + varint(2**63 + 5)


def cells(length, count=b"\x00\x07", special=b"\x00", total=b"", spread=b"", low=b"", high=b"", nan=b"\x00"):
    """Cells of a partial."""
    return varint(length) + count + special + (total or b"\x00") + (spread or b"\x00") + (low or b"\x00") + (high or b"\x00") + nan


def doubles(*values):
    return varint(len(values)) + b"".join(struct.pack("<d", v) for v in values)


def pieces(*parts):
    return varint(len(parts)) + b"".join(varint(i) + c for i, c in parts)


SUM = pieces((0, cells(1, total=doubles(3.5))))
NODE = varint(0) + varint(1) + blob(SUM)
MANY = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"

CHECKPOINT = {
    "reduce": state(b"\x00" + varint(1) + NODE),
    "reduce-nothing": state(b"\x00\x00"),
    "reduce-level-64": state(b"\x00" + varint(1) + varint(64) + varint(0) + blob(SUM)),
    "reduce-index-wraps": state(b"\x00" + varint(1) + varint(63) + MANY + blob(SUM)),
    "reduce-same-twice": state(b"\x00" + varint(2) + NODE + NODE),
    "reduce-claims-many": state(b"\x00" + MANY),
    "map": state(b"\x01" + blob(b"abc") + b"\x01" + identity() + varint(2) + varint(0) + varint(7) + varint(9) + varint(11)),
    "map-no-birth-time": state(b"\x01" + blob(b"") + b"\x01" + identity(b"\x00") + varint(0)),
    "by-version-2": blob("sum of float32 (3000, 7)") + varint(84128) + signed(5) + signed(7) + varint(4711) + b"\x00\x00",
    "map-no-output": state(b"\x01" + blob(b"") + b"\x00" + varint(0)),
    "map-backwards": state(b"\x01" + blob(b"") + b"\x00" + varint(1) + varint(9) + varint(2)),
    "map-fitted-claims-much": state(b"\x01" + MANY),
    "stream": state(b"\x02" + varint(1000)),
    "unknown-state": state(b"\x03"),
    "job-claims-much": MANY,
    "job-not-text": blob(b"\xff\xfe") + b"\x00" * 8,
    "partial-sum": SUM,
    "partial-too-many-cells": pieces((0, cells(2**40, total=doubles(3.5)))),
    "partial-two-pieces": pieces((0, cells(1, total=doubles(1.0))), (1, cells(1, total=doubles(2.0)))),
    "partial-special-short": pieces((0, cells(1, special=b"\x01\x00\x00", total=doubles(3.5)))),
    "partial-counts-claim-many": pieces((0, cells(1, count=b"\x01" + MANY, total=doubles(3.5)))),
    "partial-count-overflow": b"\x01\x01\x00\x00\xa5" + b"\xff" * 7 + b"\xd7\x01" + b"\x00" * 6 + b"\x07",
    "partial-count-beyond-its-block": pieces((0, cells(1, count=b"\x00" + MANY, total=doubles(3.5)))),
    "partial-tuple": varint(2) + blob(SUM) + blob(SUM),
}


def of_array(there=3, numbers=(4711, 5, 84128, 2**63 + 5), first=128, in_order=1):
    """Of which array: number, birth time, length, hash of the header; where its rows are; its hash."""
    return struct.pack("<B4QQBQ", there, *numbers, first, in_order, 2**63 + 7)


def head(array=of_array(), job="twice of float32 (3, 4)", fitted=b"", record=100):
    """What the head of a journal says."""
    return b"".join(struct.pack("<Q", len(x)) + x for x in (array, job.encode(), fitted)) + struct.pack("<Q", record)


JOURNAL = {
    "good": head(),
    "fitted": head(fitted=bytes(range(48))),
    "no-array": head(array=b""),
    "no-birth-time": head(array=of_array(1, (4711, 0, 84128, 9))),
    "birth-time-not-there": head(array=of_array(1)),
    "not-in-order": head(array=of_array(first=2**64 - 1, in_order=0)),
    "in-order-2": head(array=of_array(in_order=2)),
    "by-version-1": head(array=bytes(16)),
    "record-huge": head(record=2**64 - 1),
    "cut": head()[:-3],
    "trailing": head() + b"x",
    "job-not-text": struct.pack("<Q", 0) + struct.pack("<Q", 2) + b"\xff\xfe" + bytes(16),
    "part-claims-much": struct.pack("<Q", 2**63),
    "empty": b"",
    "prefix": b"ROWMILLJ" + struct.pack("<IQ", 2, 8) + bytes(8),
    "prefix-claims-much": b"ROWMILLJ" + struct.pack("<IQ", 2, 2**64 - 1) + bytes(8),
    "prefix-version": b"ROWMILLJ" + struct.pack("<IQ", 1, 8) + bytes(8),
}

# The name of an output, and what stands there.
OUTPUTS = {
    "free": b"y.npy",
    "input": b"x.npy\nanything",
    "sidecar-of-input": b"x.npy.meta.json",
    "journal-of-input": b".x.npy.rowmill-journal\n",
    "empty": b"y.npy\n",
    "text": b"y.npy\nmine",
    "npy": b"y.npy\n\x93NUMPY and no header",
    "checkpoint": b"c\nROWMILLC and so on",
    "journal": b"c\nROWMILLJ and so on",
    "partial": b'p.json\n{"files": ["x"], "partial": {"format": "rowmill partial", "version": 2}}',
    "fit": b'f.json\n{"format": "rowmill normalization"}',
    "json-deep": b"p.json\n" + b'{"partial":' * 200,
    "json-cut": b'p.json\n{"format": "rowmill par',
    "json-format-no-text": b'p.json\n{"format": [1, {"a": null}, -1, 1.5, true]}',
    "page": b'p.html\n<!doctype html>\n<meta name="generator" content="rowmill">',
    "page-of-others": b"p.html\n<html>",
    "svg": b"p.svg\n<?xml version='1.0'?><svg/>",
    "not-text": b"y\n\xff\x00\xfe",
    "name-with-nul": b"a\x00b\nmine",
    "name-of-folder": b"..\nmine",
}

for target, seeds in {
    "npy_header": NPY_HEADER,
    "sidecar": SIDECAR,
    "checkpoint": CHECKPOINT,
    "journal": JOURNAL,
    "raw_spec": RAW_SPEC,
    "condition": CONDITION,
    "chunk_size": CHUNK_SIZE,
    "outputs": OUTPUTS,
    "open": OPEN,
}.items():
    directory = CORPUS / target
    directory.mkdir(parents=True, exist_ok=True)
    for name, seed in seeds.items():
        (directory / name).write_bytes(seed if isinstance(seed, bytes) else seed.encode("utf-8", "surrogatepass"))
