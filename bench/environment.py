#===- environment.py - Python packages for the measurements ----------------===#
#
# Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===#
"""usage: environment.py BUILD_DIR SCRIPT [ARGUMENT ...]

Runs a script in the virtual environment below the build folder, which has ONNX
Runtime, onnx, numpy and pillow from PyPI. Scripts of this folder enter it by
themselves, and find in networks() those that bench/make-networks makes in it.
"""
import os
import subprocess
import sys


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
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "make-networks")
        subprocess.run([python_with_onnxruntime(build), script, made], check=True)
    return made


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
