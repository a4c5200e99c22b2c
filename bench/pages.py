#===- pages.py - Tables of the documentation -------------------------------===#
#
# Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===#
"""Markdown tables: prints rows as they come, and puts them into a page."""
import os

import environment


class Table:
    """Rows, printed as they are added."""

    def __init__(self, heads):
        self.lines = []
        self.add(heads)
        self.add_line("|" + "---|" * len(heads))

    def add(self, cells):
        self.add_line(f"| {' | '.join(map(str, cells))} |")

    def add_line(self, line):
        self.lines.append(line)
        print(line, flush=True)

    def write(self, page, heading):
        """Replaces the first table behind a heading of docs/`page`."""
        path = os.path.join(environment.ROOT, "docs", page)
        with open(path) as file:
            lines = file.read().splitlines()
        begin = lines.index(heading)
        while not lines[begin].startswith("|"):
            begin += 1
        end = begin
        while lines[end].startswith("|"):
            end += 1
        lines[begin:end] = self.lines
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")
