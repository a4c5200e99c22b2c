/*===- run-once.c - Run a compiled network once on zeros ------------------===*\
|*
|* Part of the QDialect project, under the Apache License v2.0 with LLVM
|* Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* usage: run-once LIBRARY SYMBOL ARENA_BYTES INPUTS BYTES... OUTPUTS BYTES...
|*
|* Small, so that an instruction counter starts it quickly. INPUTS and OUTPUTS
|* are how many numbers of bytes follow.
|*
\*===----------------------------------------------------------------------===*/

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef int (*run_function)(const void *const *, void *const *, void *);

static void *allocate(size_t bytes) {
  size_t rounded = (bytes + 127) / 64 * 64;
  void *memory = aligned_alloc(64, rounded);
  if (memory)
    for (size_t i = 0; i < rounded; ++i)
      ((char *)memory)[i] = 0;
  return memory;
}

/* Reads a count and that many sizes; returns what follows them. */
static char **allocate_all(char **argument, char **end, void **buffers) {
  int count = argument < end ? atoi(*argument++) : -1;
  for (int i = 0; i < count && i < 16; ++i, ++argument) {
    if (argument >= end || !(buffers[i] = allocate((size_t)atoll(*argument))))
      return NULL;
  }
  return count >= 0 ? argument : NULL;
}

int main(int argc, char **argv) {
  void *inputs[16], *outputs[16];
  char **next = argc > 4 ? argv + 4 : NULL;
  next = next ? allocate_all(next, argv + argc, inputs) : NULL;
  next = next ? allocate_all(next, argv + argc, outputs) : NULL;
  if (!next) {
    fprintf(stderr, "run-once: bad arguments; see the head of run-once.c\n");
    return 1;
  }
  void *library = dlopen(argv[1], RTLD_NOW);
  run_function run = library ? (run_function)dlsym(library, argv[2]) : NULL;
  if (!run) {
    fprintf(stderr, "run-once: %s\n", dlerror());
    return 1;
  }
  void *arena = allocate((size_t)atoll(argv[3]));
  return arena ? run((const void *const *)inputs, outputs, arena) : 1;
}
