/*===- Harness.c - Runs a compiled model at the other end of a pipe -------===*\
|*
|* Part of the QDialect project, under the Apache License v2.0 with LLVM
|* Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* qrun compiles this file with the compiler of the model's processor, links
|* it with the model's archive and runs it under an emulator. MODEL_RUN and
|* MODEL_INFO are the model's symbols. It speaks first: the length of the
|* description (8 bytes) and the description. Then it takes numbers of 8 bytes:
|* the arena's size and alignment, the number of inputs and their sizes, the
|* number of outputs and theirs. Then, for ever: inputs in, status (8 bytes)
|* and nanoseconds (8 bytes) and outputs out.
|*
\*===----------------------------------------------------------------------===*/

#define _POSIX_C_SOURCE 200112L

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int MODEL_RUN(const void *const *inputs, void *const *outputs, void *arena);
extern const char MODEL_INFO[];

enum { MAX_TENSORS = 4096, BORDER = 64, PATTERN = 0x5a };

static void put(const void *data, size_t size) {
  if (fwrite(data, 1, size, stdout) != size)
    exit(2);
}

static uint64_t get(void) {
  uint64_t value;
  if (fread(&value, 1, sizeof value, stdin) != sizeof value)
    exit(3);
  return value;
}

/* Memory with a border that must not change. */
static void *allocate(uint64_t size, uint64_t alignment) {
  void *memory;
  if (posix_memalign(&memory, alignment, size + BORDER))
    exit(4);
  memset(memory, 0, size);
  memset((char *)memory + size, PATTERN, BORDER);
  return memory;
}

static int is_intact(const void *memory, uint64_t size) {
  for (int i = 0; i < BORDER; ++i)
    if (((const unsigned char *)memory)[size + i] != PATTERN)
      return 0;
  return 1;
}

int main(void) {
  static uint64_t in_sizes[MAX_TENSORS], out_sizes[MAX_TENSORS];
  static const void *inputs[MAX_TENSORS];
  static void *in_buffers[MAX_TENSORS], *outputs[MAX_TENSORS];
  uint64_t length = strlen(MODEL_INFO);
  put(&length, sizeof length);
  put(MODEL_INFO, length);
  fflush(stdout);

  uint64_t arena_size = get(), alignment = get();
  void *arena = allocate(arena_size, alignment);
  uint64_t num_inputs = get();
  if (num_inputs > MAX_TENSORS)
    return 5;
  for (uint64_t i = 0; i < num_inputs; ++i) {
    in_sizes[i] = get();
    inputs[i] = in_buffers[i] = allocate(in_sizes[i], 64);
  }
  uint64_t num_outputs = get();
  if (num_outputs > MAX_TENSORS)
    return 5;
  for (uint64_t i = 0; i < num_outputs; ++i) {
    out_sizes[i] = get();
    outputs[i] = allocate(out_sizes[i], 64);
  }

  for (;;) {
    for (uint64_t i = 0; i < num_inputs; ++i)
      if (fread(in_buffers[i], 1, in_sizes[i], stdin) != in_sizes[i])
        return 0;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    uint64_t status = (uint64_t)MODEL_RUN(inputs, outputs, arena);
    clock_gettime(CLOCK_MONOTONIC, &end);
    int intact = is_intact(arena, arena_size);
    for (uint64_t i = 0; i < num_outputs; ++i)
      intact = intact && is_intact(outputs[i], out_sizes[i]);
    if (!intact)
      return 6;
    uint64_t time = (uint64_t)(end.tv_sec - begin.tv_sec) * 1000000000u +
                    (uint64_t)end.tv_nsec - (uint64_t)begin.tv_nsec;
    put(&status, sizeof status);
    put(&time, sizeof time);
    for (uint64_t i = 0; i < num_outputs; ++i)
      put(outputs[i], out_sizes[i]);
    fflush(stdout);
  }
}
