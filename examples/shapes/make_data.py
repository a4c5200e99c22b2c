#!/usr/bin/python3
#===- make_data.py - Draw the data set of the bundled example --------------===#
#
# Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===#
"""Draws small pictures of ten shapes and textures, the same ones every time.

usage: make_data.py [FOLDER]

Writes into FOLDER (default: the folder of this script), all images as uint8
[N, 3, 32, 32], RGB, values 0 to 255:

  calibration.npy   200 images to calibrate with
  test.npy          600 images, test_labels.npy (int64) their classes

The training set is drawn by the same function, split "train"; train.py calls it.
Only numpy is needed.
"""
import pathlib
import sys

import numpy

CLASSES = ["disc", "ring", "square", "triangle", "cross", "crescent", "stripes",
           "checker", "frame", "star"]
SIDE = 32
SEEDS = {"train": 20240501, "calibration": 20240502, "test": 20240503}

# Sample positions: 2 x 2 per pixel, averaged, so that edges are smooth.
_AXIS = (numpy.arange(2 * SIDE) + 0.5) / SIDE - 1.0
_X, _Y = numpy.meshgrid(_AXIS, _AXIS)


def shape_mask(label, u, v):
    """Which points (u, v), in units of the shape's radius, lie inside."""
    radius = numpy.hypot(u, v)
    box = numpy.maximum(abs(u), abs(v))
    name = CLASSES[label]
    if name == "disc":
        return radius < 0.9
    if name == "ring":
        return (radius > 0.55) & (radius < 1.0)
    if name == "square":
        return box < 0.8
    if name == "triangle":
        return (v > -0.6) & (v + 1.8 * abs(u) < 1.0)
    if name == "cross":
        return (numpy.minimum(abs(u), abs(v)) < 0.28) & (box < 0.95)
    if name == "crescent":
        return (radius < 1.0) & (numpy.hypot(u - 0.5, v) > 0.75)
    if name == "stripes":
        return (radius < 1.0) & (numpy.sin(7.0 * u) > 0.0)
    if name == "checker":
        return (radius < 1.0) & (numpy.sin(5.5 * u) * numpy.sin(5.5 * v) > 0.0)
    if name == "frame":
        return (box > 0.5) & (box < 0.85)
    return radius < 0.62 + 0.38 * numpy.cos(5.0 * numpy.arctan2(v, u))


def draw(label, random):
    """One image, uint8 [3, SIDE, SIDE]."""
    angle = random.uniform(0.0, 2.0 * numpy.pi)
    size = random.uniform(0.5, 0.85)
    squeeze = random.uniform(0.75, 1.0)
    room = 1.0 - 0.8 * size
    x = _X - random.uniform(-room, room)
    y = _Y - random.uniform(-room, room)
    u = (numpy.cos(angle) * x + numpy.sin(angle) * y) / size
    v = (numpy.cos(angle) * y - numpy.sin(angle) * x) / (size * squeeze)

    # Two colours that differ enough to see the shape, a background that changes
    # slowly, and up to two bars that may cross the shape.
    back = random.uniform(30.0, 225.0, 3)
    while True:
        front = random.uniform(10.0, 245.0, 3)
        if abs(front - back).mean() > 50.0:
            break
    image = numpy.broadcast_to(back[:, None, None], (3, 2 * SIDE, 2 * SIDE))
    slope = random.uniform(-25.0, 25.0, (3, 2))
    image = image + slope[:, 0, None, None] * _X + slope[:, 1, None, None] * _Y
    image = numpy.where(shape_mask(label, u, v), front[:, None, None], image)
    for _ in range(random.integers(0, 3)):
        turn, offset = random.uniform(0.0, numpy.pi), random.uniform(-1.2, 1.2)
        width = random.uniform(0.03, 0.1)
        bar = abs(numpy.cos(turn) * _X + numpy.sin(turn) * _Y - offset) < width
        image = numpy.where(bar, random.uniform(0.0, 255.0, 3)[:, None, None], image)

    image = image.reshape(3, SIDE, 2, SIDE, 2).mean(axis=(2, 4))
    image = image + random.normal(0.0, random.uniform(4.0, 24.0), image.shape)
    return numpy.clip(numpy.rint(image), 0, 255).astype(numpy.uint8)


def draw_split(split, count):
    """`count` images with their labels; classes come in turn."""
    random = numpy.random.Generator(numpy.random.PCG64(SEEDS[split]))
    labels = numpy.arange(count, dtype=numpy.int64) % len(CLASSES)
    return numpy.stack([draw(label, random) for label in labels]), labels


def main():
    folder = pathlib.Path(__file__).parent
    if len(sys.argv) > 1:
        folder = pathlib.Path(sys.argv[1])
        folder.mkdir(parents=True, exist_ok=True)
    images, _ = draw_split("calibration", 200)
    numpy.save(folder / "calibration.npy", images)
    images, labels = draw_split("test", 600)
    numpy.save(folder / "test.npy", images)
    numpy.save(folder / "test_labels.npy", labels)


if __name__ == "__main__":
    main()
