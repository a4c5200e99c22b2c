/*===- classify.c - Runs a compiled network from C ------------------------===*
 *
 * Part of the QDialect project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * Reads one input as raw numbers from a file, runs the network, and prints its
 * first output, or writes it as raw numbers to a second file. For a network
 * compiled with --name=model:
 *
 *   qcc net.onnx --calibrate=samples.npy --name=model -o out
 *   cc -O2 -Iout examples/c/classify.c out/libmodel.a -o classify
 *   ./classify input.bin
 *
 * Everything that it needs to know is a macro of model.h.
 *
 *===----------------------------------------------------------------------===*/

#include "model.h"

#include <stdalign.h>
#include <stdio.h>

#if MODEL_NUM_INPUTS != 1
#error "this example is for networks with one input"
#endif

/* All the memory that a run needs; the library allocates none. The extra byte
   is for networks that need none at all. */
static alignas(MODEL_ARENA_ALIGNMENT) unsigned char arena[MODEL_ARENA_SIZE + 1];
static alignas(64) MODEL_INPUT_0_TYPE input[MODEL_INPUT_0_SIZE];
static alignas(64) MODEL_OUTPUT_0_TYPE output[MODEL_OUTPUT_0_SIZE];
#if MODEL_NUM_OUTPUTS > 1
#error "this example is for networks with one output"
#endif

int main(int argc, char **argv) {
  const void *inputs[MODEL_NUM_INPUTS] = {input};
  void *outputs[MODEL_NUM_OUTPUTS] = {output};
  FILE *file;
  int status;

  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s INPUT.bin [OUTPUT.bin]\n", argv[0]);
    return 1;
  }
  file = fopen(argv[1], "rb");
  if (!file || fread(input, sizeof input, 1, file) != 1) {
    fprintf(stderr, "%s: cannot read %lu bytes of input\n", argv[1],
            (unsigned long)sizeof input);
    return 1;
  }
  fclose(file);

  status = model_run(inputs, outputs, arena);
  if (status != 0) {
    fprintf(stderr, "model_run returned %d\n", status);
    return 1;
  }

  if (argc == 2) {
    for (unsigned long i = 0; i < MODEL_OUTPUT_0_SIZE; ++i)
      printf("%lu %g\n", i, (double)output[i]);
    return 0;
  }
  file = fopen(argv[2], "wb");
  if (!file || fwrite(output, sizeof output, 1, file) != 1 || fclose(file)) {
    fprintf(stderr, "%s: cannot write\n", argv[2]);
    return 1;
  }
  return 0;
}
