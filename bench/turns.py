#===- turns.py - Compiled networks that are timed in turns -----------------===#
#
# Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===#
"""Compiles networks and times libraries in turns.

Other work on the machine only ever slows a run down, so the fastest of many counts;
every turn is a process of its own, since which pages of memory one gets makes a
difference too. Call the scripts with `nice -n -20 taskset -c 1` where that is allowed.
"""
import os
import re
import subprocess

import environment


def add_options(parser):
    parser.add_argument("--build", default=os.path.join(environment.ROOT, "build"))
    parser.add_argument("--models", default=environment.TRAINED,
                        help="folder of trained networks, beside those with seeded weights")
    parser.add_argument("--target", default="x86-64-v3",
                        help="what qcc compiles for (default x86-64-v3)")
    parser.add_argument("--rounds", type=int, default=15,
                        help="turns of every library (default 15)")


def calibrate(options, network, directory):
    """Calibrated IR of a network in a folder, from which all libraries are made."""
    model, data = environment.find_networks(options.build, options.models)[network]
    subprocess.run([os.path.join(options.build, "bin", "qcc"), model,
                    "--calibrate=" + data, "--target=" + options.target, "--name=net",
                    "--emit=calibrated", "-o", directory],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return os.path.join(directory, "net.mlir")


def compile_library(options, calibrated, directory, flags):
    """The library, and what qcc said."""
    done = subprocess.run([os.path.join(options.build, "bin", "qcc"), calibrated,
                           "--target=" + options.target, "--name=net", "-o", directory,
                           *flags], check=True, capture_output=True, text=True)
    return os.path.join(directory, "libnet.so"), done.stderr


def run(options, library, runs, environ):
    done = subprocess.run([os.path.join(options.build, "bin", "qrun"), f"--bench={runs}",
                           library], check=True, capture_output=True, text=True,
                          env={**os.environ, **environ})
    return int(re.search(r"fastest (\d+) ns", done.stdout)[1])


def measure(options, libraries, environ={}):
    """Nanoseconds of the fastest run of each library."""
    # About a tenth of a second a turn.
    runs = [max(10, 10 ** 8 // run(options, library, 3, environ)) for library in libraries]
    least = [None] * len(libraries)
    for _ in range(options.rounds):
        for i, library in enumerate(libraries):
            time = run(options, library, runs[i], environ)
            least[i] = min(time, least[i] or time)
    return least
