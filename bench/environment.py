#===- environment.py - Python packages for the measurements ----------------===#
#
# Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===#
"""usage: environment.py BUILD_DIR SCRIPT [ARGUMENT ...]

Runs a script in the virtual environment below the build folder, which has ONNX
Runtime, onnx, numpy and pillow from PyPI. Scripts of this folder enter it by
themselves, find the networks to measure in find_networks(), and use each other's
functions by load().
"""
import importlib.machinery
import importlib.util
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRAINED = os.path.join(os.path.dirname(ROOT), "shared", "real", "models")


def python_with_onnxruntime(build):
    """The interpreter of the environment, which is made where it is absent."""
    environment = os.path.join(os.path.abspath(build), "bench-venv")
    python = os.path.join(environment, "bin", "python")
    if not os.path.exists(os.path.join(environment, "ready")):
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "onnxruntime",
                        "onnx", "numpy", "pillow"], check=True)
        open(os.path.join(environment, "ready"), "w").close()
    return python


def networks(build):
    """The folder of the networks with seeded weights, which are made where they are
    absent: NETWORK.onnx and calibration samples NETWORK.npy."""
    made = os.path.join(build, "bench", "networks")
    # The last one that is written.
    if not os.path.exists(os.path.join(made, "vww.onnx")):
        script = os.path.join(ROOT, "bench", "make-networks")
        subprocess.run([python_with_onnxruntime(build), script, made], check=True)
    return made


def find_networks(build, models=TRAINED):
    """The ONNX file and the calibration samples of each network by name: those with
    seeded weights, the trained ones of the folder `models` where it exists, and the
    bundled example."""
    made = networks(build)
    folders = [(made, made)]
    calibration = os.path.join(build, "calibration")
    if os.path.isdir(models):
        subprocess.run([os.path.join(ROOT, "bench", "calibration-data"),
                        os.path.join(models, "..", ".."), calibration], check=True)
        folders.append((models, calibration))
    else:
        print(f"skipped: {models} is not there", file=sys.stderr)
    found = {}
    for folder, samples in folders:
        for file in sorted(os.listdir(folder)):
            stem = file[:-len(".onnx")]
            data = os.path.join(samples, stem + ".npy")
            if file.endswith(".onnx") and os.path.exists(data):
                found[stem] = (os.path.join(folder, file), data)
    example = os.path.join(ROOT, "examples", "shapes")
    found["shapes"] = (os.path.join(example, "shapes.onnx"),
                       os.path.join(example, "calibration.npy"))
    return found


def load(script):
    """A script of this folder, which may have no .py at its end, as a module."""
    loader = importlib.machinery.SourceFileLoader(script.replace("-", "_"),
                                                  os.path.join(ROOT, "bench", script))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def enter(build):
    """Runs this script again where onnxruntime and numpy can be imported."""
    python = python_with_onnxruntime(build)
    if os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(python))):
        os.execv(python, [python, os.path.abspath(sys.argv[0])] + sys.argv[1:])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    python = python_with_onnxruntime(sys.argv[1])
    os.execv(python, [python] + sys.argv[2:])
