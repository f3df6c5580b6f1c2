#!/usr/bin/env python3
"""The arrays in inputs/ that the golden cases of cases.txt are made of, once and for all.

Usage: make_inputs.py GREF [NAME...]    GREF is the program of a build; NAMEs limit the observations made

Numbers are multiples of small powers of 2, so that they do not depend on the machine: pixels k/128 - 1,
observations rounded to 2^-16 after `gref study` drew them (seed 1). generate.sh makes the golden files from
them and needs neither this script nor Python.
"""
import math
import os
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))


def write_npy(name, rows):
    """A list of numbers, or of lists of them, as float64."""
    flat = [x for row in rows for x in row] if isinstance(rows[0], list) else rows
    shape = f"({len(rows)}, {len(rows[0])})" if isinstance(rows[0], list) else f"({len(rows)},)"
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    with open(os.path.join(HERE, "inputs", name), "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        file.write(struct.pack(f"<{len(flat)}d", *flat))


def read_npy(data):
    """The numbers of a float64 array in reading order."""
    start = 10 + struct.unpack("<H", data[8:10])[0]
    return list(struct.unpack(f"<{(len(data) - start) // 8}d", data[start:]))


def read_png(path):
    """Rows of an 8-bit gray PNG without interlacing."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", chunk)
            assert (depth, colour, interlace) == (8, 0, 0)
        packed += chunk if kind == b"IDAT" else b""
        at += 12 + length
    raw, rows = zlib.decompress(packed), []
    for i in range(height):
        kind, line = raw[i * (width + 1)], list(raw[i * (width + 1) + 1:(i + 1) * (width + 1)])
        up = rows[-1] if rows else [0] * width
        for j in range(width):
            a, b, c = (line[j - 1], up[j], up[j - 1]) if j else (0, up[j], 0)
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[j] = (line[j] + (0, a, b, (a + b) // 2, nearest)[kind]) % 256
        rows.append(line)
    return rows


def crop(name, row, col, size):
    image = read_png(os.path.join(HERE, "..", "images", name))
    return [[k / 128 - 1 for k in line[col:col + size]] for line in image[row:row + size]]


class Numbers:
    """Multiples of 1/64 in [-1, 1) from a fixed generator."""
    def __init__(self, state):
        self.state = state

    def __call__(self):
        self.state = (1664525 * self.state + 1013904223) % 2**32
        return (self.state >> 25) / 64 - 1


def matrix(rows, cols, state):
    number = Numbers(state)
    return [[number() for _ in range(cols)] for _ in range(rows)]


def kernel_covariance(length, deviation):
    """s_p s_q exp(-|p - q|^2/(2 length^2)) on a 4 x 4 grid, rounded to 2^-50."""
    pixels = [(i, j) for i in range(4) for j in range(4)]
    return [[round(deviation(p) * deviation(q) * 2**50 *
                   math.exp(-((p[0] - q[0])**2 + (p[1] - q[1])**2) / (2 * length**2))) / 2**50
             for q in pixels] for p in pixels]


def fixed_arrays():
    write_npy("scalar-mean.npy", [0.5])
    write_npy("scalar-cov.npy", [[0.25]])
    write_npy("scalar-matrix.npy", [[1.0]])
    write_npy("scalar-v.npy", [1.0])
    write_npy("grass-4.npy", crop("grass.png", 384, 356, 4))
    write_npy("grass-8.npy", crop("grass.png", 384, 356, 8))
    write_npy("brick-4.npy", crop("brick.png", 292, 140, 4))
    write_npy("matrix-wide.npy", matrix(5, 16, 1))
    write_npy("matrix-tall.npy", matrix(20, 16, 2))
    write_npy("kernel-3.npy", [[1 / 16, 1 / 8, 0.0], [1 / 4, 3 / 8, 1 / 16], [0.0, 1 / 16, 1 / 16]])
    write_npy("mean-16.npy", matrix(1, 16, 3)[0])
    write_npy("betas-25.npy", [(k * k + 3 * (k % 4) + 2) / 1024 for k in range(25)])
    write_npy("cov-kernel.npy", kernel_covariance(1.0, lambda p: 0.25 + p[0] / 8 + p[1] / 16))
    write_npy("cov-strong.npy", [[4.0**(3 - i) if i == j else 0.0 for j in range(4)] for i in range(4)])
    write_npy("matrix-mixing.npy", [[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, -0.5, -0.5]])
    write_npy("cov-smooth.npy", kernel_covariance(2.5, lambda p: 0.5))


def observation(gref, name, case, sets):
    """v of the case as it would be drawn, rounded."""
    few = ["observation.kind=sample", "observation.seed=1", "schedule.steps=2", 'samplers=[{"name":"cgdm"}]',
           "report.laws_at=[0]"]
    sets = [item for item in sets if not item.startswith(("schedule.", "samplers=", "conventions."))]
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        command = [gref, "study", os.path.join(HERE, "cases", case + ".json"), "--out", out]
        for item in sets + few:
            command += ["--set", item]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with zipfile.ZipFile(os.path.join(out, "arrays.npz")) as arrays:
            v = read_npy(arrays.read("v.npy"))
    write_npy(f"v-{name}.npy", [round(x * 2**16) / 2**16 for x in v])


def main():
    gref, only = sys.argv[1], sys.argv[2:]
    if not only:
        fixed_arrays()
    with open(os.path.join(HERE, "cases.txt"), encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if not words or words[0] == "#" or words[1] == "scalar" or (only and words[0] not in only):
                continue
            observation(gref, words[0], words[1], words[3:])


main()
