#===- scoring.py - Scores of a program on the real models ------------------===#
#
# Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===#
"""What ../shared/real/score.py says about a program that runs models."""
import ast
import os
import subprocess
import sys
import tempfile


def score(real, case, program):
    """The values of one case of `real`/score.py, by name, as run by `program`.

    The samples and outputs that score.py leaves behind go with a folder of their
    own. Ends the script if it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, TMPDIR=folder,
                           RUN=" ".join(str(part) for part in program))
        result = subprocess.run(["/usr/bin/python3", str(real / "score.py"), case],
                                capture_output=True, text=True, env=environment)
    values = result.stdout.strip().partition(" ")[2]
    if result.returncode != 0 or values.startswith("ERROR"):
        sys.exit(f"score.py {case}: {(values + result.stderr)[-3000:]}")
    return ast.literal_eval(values)
