#!/usr/bin/env python3
#===- train.py - Train the bundled example and export it -------------------===#
#
# Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===#
"""Trains a small CNN on the pictures of make_data.py and writes shapes.onnx.

usage: train.py [--epochs=N] [OUTPUT.onnx]

Needs PyTorch, onnx and numpy (see examples/README.md). One thread and fixed
seeds: the same versions on the same kind of CPU give the same file.

The graph is written node by node instead of being traced, so that it holds what
a user's model would hold: batch normalization beside its convolution, Clip with
inputs, a dynamic batch. Input: pixels 0 to 255, float [N, 3, 32, 32].
"""
import pathlib
import sys

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

import make_data


class ConvBn(nn.Module):
    """Convolution without bias, batch normalization, and relu, clip or nothing."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1, act="relu"):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2,
                              groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.act = act

    def forward(self, x):
        x = self.bn(self.conv(x))
        if self.act == "relu":
            return functional.relu(x)
        return torch.clamp(x, 0.0, 6.0) if self.act == "clip" else x


class Shapes(nn.Module):
    """Every kind of layer that a small mobile network has, once or twice."""

    def __init__(self, classes):
        super().__init__()
        self.stem = ConvBn(3, 16, 3)
        self.down_dw = ConvBn(16, 16, 3, stride=2, groups=16, act="clip")
        self.down_pw = ConvBn(16, 32, 1)
        self.res_a = ConvBn(32, 32, 3)
        self.res_b = ConvBn(32, 32, 3, act=None)
        self.mix_a = ConvBn(32, 24, 1)
        self.mix_b1 = ConvBn(32, 24, 1)
        self.mix_b2 = ConvBn(24, 24, 3)
        self.mix_c = ConvBn(32, 16, 1)
        self.inv_expand = ConvBn(64, 96, 1, act="clip")
        self.inv_dw = ConvBn(96, 96, 3, groups=96, act="clip")
        self.inv_project = ConvBn(96, 64, 1, act=None)
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        """Class scores before softmax; x in 0 to 1."""
        x = self.down_pw(self.down_dw(self.stem(x)))
        x = functional.relu(x + self.res_b(self.res_a(x)))
        pooled = functional.max_pool2d(x, 3, 1, 1)
        x = torch.cat([self.mix_a(x), self.mix_b2(self.mix_b1(x)),
                       self.mix_c(pooled)], 1)
        x = functional.max_pool2d(x, 2)
        x = x + self.inv_project(self.inv_dw(self.inv_expand(x)))
        x = functional.avg_pool2d(x, 2)
        return self.fc(x.mean((2, 3)))


def augment(images, random):
    """Flips and shifts by up to two pixels, the border repeated."""
    if random.random() < 0.5:
        images = images[:, :, :, ::-1]
    padded = numpy.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge")
    top, left = random.integers(0, 5, 2)
    return padded[:, :, top:top + 32, left:left + 32]


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        scores = [model(torch.from_numpy(images[i:i + 100].astype(numpy.float32) / 255))
                  for i in range(0, len(images), 100)]
    return float((torch.cat(scores).argmax(1).numpy() == labels).mean())


def train(epochs, batch=64):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    images, labels = make_data.draw_split("train", 12000)
    test_images, test_labels = make_data.draw_split("test", 600)
    random = numpy.random.Generator(numpy.random.PCG64(1))
    model = Shapes(len(make_data.CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9,
                                nesterov=True, weight_decay=2e-4)
    steps = epochs * (len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.15, total_steps=steps,
                                                   pct_start=0.15)
    for epoch in range(epochs):
        model.train()
        order, total = random.permutation(len(images)), 0.0
        for start in range(0, len(images) - batch + 1, batch):
            rows = order[start:start + batch]
            x = augment(images[rows], random).astype(numpy.float32) / 255
            loss = functional.cross_entropy(model(torch.from_numpy(x)),
                                            torch.from_numpy(labels[rows]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * batch
        print(f"epoch {epoch + 1}: loss {total / len(images):.3f}, test accuracy "
              f"{100 * accuracy(model, test_images, test_labels):.2f} %", flush=True)
    return model.eval()


class Graph:
    """Collects nodes and initializers; every method returns the value's name."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, values):
        array = numpy.ascontiguousarray(values, dtype=getattr(values, "dtype", None))
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, name, inputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name + "_out"], name=name,
                                           **attributes))
        return name + "_out"

    def conv_bn(self, name, x, layer, weight_scale=1.0):
        conv, bn = layer.conv, layer.bn
        weight = conv.weight.detach().numpy() * numpy.float32(weight_scale)
        x = self.node("Conv", name, [x, self.constant(name + ".weight", weight)],
                      kernel_shape=list(conv.kernel_size), strides=list(conv.stride),
                      pads=[conv.padding[0]] * 4, group=conv.groups, dilations=[1, 1])
        parts = {"scale": bn.weight, "bias": bn.bias, "mean": bn.running_mean,
                 "var": bn.running_var}
        names = [self.constant(f"{name}_bn.{key}", value.detach().numpy())
                 for key, value in parts.items()]
        x = self.node("BatchNormalization", name + "_bn", [x] + names, epsilon=bn.eps)
        if layer.act == "relu":
            return self.node("Relu", name + "_relu", [x])
        if layer.act == "clip":
            bounds = [self.constant(f"{name}_clip.{key}", numpy.array(value, numpy.float32))
                      for key, value in (("min", 0.0), ("max", 6.0))]
            return self.node("Clip", name + "_clip", [x] + bounds)
        return x


def export(model, path):
    g = Graph()
    # Training saw pixels in 0 to 1, the file takes 0 to 255.
    x = g.conv_bn("stem", "image", model.stem, 1.0 / 255.0)
    x = g.conv_bn("down_dw", x, model.down_dw)
    skip = g.conv_bn("down_pw", x, model.down_pw)
    x = g.conv_bn("res_b", g.conv_bn("res_a", skip, model.res_a), model.res_b)
    x = g.node("Relu", "res_relu", [g.node("Add", "res_add", [skip, x])])
    pooled = g.node("MaxPool", "mix_pool", [x], kernel_shape=[3, 3], strides=[1, 1],
                    pads=[1, 1, 1, 1])
    parts = [g.conv_bn("mix_a", x, model.mix_a),
             g.conv_bn("mix_b2", g.conv_bn("mix_b1", x, model.mix_b1), model.mix_b2),
             g.conv_bn("mix_c", pooled, model.mix_c)]
    x = g.node("Concat", "mix_concat", parts, axis=1)
    skip = g.node("MaxPool", "pool", [x], kernel_shape=[2, 2], strides=[2, 2])
    x = g.conv_bn("inv_expand", skip, model.inv_expand)
    x = g.conv_bn("inv_dw", x, model.inv_dw)
    x = g.conv_bn("inv_project", x, model.inv_project)
    x = g.node("Add", "inv_add", [skip, x])
    x = g.node("AveragePool", "average", [x], kernel_shape=[2, 2], strides=[2, 2])
    x = g.node("Flatten", "flatten", [g.node("GlobalAveragePool", "mean", [x])], axis=1)
    weight = g.constant("fc.weight", model.fc.weight.detach().numpy())
    bias = g.constant("fc.bias", model.fc.bias.detach().numpy())
    x = g.node("Gemm", "fc", [x, weight, bias], transB=1)
    g.nodes.append(helper.make_node("Softmax", [x], ["probabilities"], name="softmax",
                                    axis=1))

    shape = ["N", 3, make_data.SIDE, make_data.SIDE]
    graph = helper.make_graph(
        g.nodes, "shapes",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT,
                                       ["N", len(make_data.CLASSES)])],
        g.constants)
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)],
                             ir_version=8, producer_name="qdialect-example")
    onnx.checker.check_model(file, full_check=True)
    onnx.save(file, path)


def main():
    epochs, path = 16, pathlib.Path(__file__).parent / "shapes.onnx"
    for argument in sys.argv[1:]:
        if argument.startswith("--epochs="):
            epochs = int(argument.split("=", 1)[1])
        elif argument.startswith("-"):
            sys.exit(__doc__)
        else:
            path = pathlib.Path(argument)
    export(train(epochs), path)


if __name__ == "__main__":
    main()
