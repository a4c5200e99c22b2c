// RUN: rm -rf %t && split-file %s %t
// RUN: not qopt %t/net.mlir --q-insert-quantizers="activation-bits=17" 2>&1 | FileCheck %s --check-prefix=BITS
// RUN: not qopt %t/net.mlir --q-insert-quantizers="weight-bits=9" 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: not qopt %t/net.mlir --q-insert-quantizers="recipe=%t/none.yaml" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not qopt %t/net.mlir --q-insert-quantizers="recipe=%t/unknown.yaml" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not qopt %t/net.mlir --q-insert-quantizers="recipe=%t/typo.yaml" 2>&1 | FileCheck %s --check-prefix=TYPO
// RUN: not qopt %t/net.mlir --q-insert-quantizers="recipe=%t/skip.yaml" 2>&1 | FileCheck %s --check-prefix=SKIP
// RUN: not qopt %t/net.mlir --q-insert-quantizers="recipe=%t/regex.yaml" 2>&1 | FileCheck %s --check-prefix=REGEX
// RUN: not qopt %t/net.mlir --q-insert-quantizers="recipe=%t/range.yaml" 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not qopt %t/net.mlir --q-insert-quantizers="recipe=%t/all.yaml" 2>&1 | FileCheck %s --check-prefix=ALL
// RUN: not qopt %t/net.mlir --q-insert-quantizers="recipe=%t/turned.yaml" 2>&1 | FileCheck %s --check-prefix=TURNED
// RUN: not qopt %t/weights.mlir --q-insert-quantizers 2>&1 | FileCheck %s --check-prefix=VARIABLE

// BITS: error: activations cannot have 17 bits; choose 2 to 16 (rule N2)
// WEIGHTS: error: weights cannot have 9 bits; choose 2 to 8 (rule N2)
// NONE: error: cannot read the recipe '{{.*}}none.yaml': No such file
// UNKNOWN: error: recipe {{.*}}unknown.yaml:2:{{.*}}unknown key 'colour'; docs/Passes.md, q-insert-quantizers, shows how one is written
// TYPO: has no layer or input that the recipe calls 'conf1'; layers are named as the nodes of the model are
// SKIP: a layer cannot be left in float
// REGEX: 'conv(' is no regular expression
// RANGE: 'range' takes a minimum and a maximum
// ALL: error: recipe {{.*}}all.yaml: 'range' belongs to a layer, not to all
// TURNED: error: the range of 'conv1' must be a finite minimum and maximum
// VARIABLE: has weights that the network computes; only constant weights can be quantized

//--- net.mlir
func.func @net(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = q.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("conv1")
  return %0 : tensor<4xf32>
}

//--- weights.mlir
func.func @net(%x: tensor<1x4xf32>, %w: tensor<2x4xf32>) -> tensor<1x2xf32> {
  %0 = q.gemm %x, %w : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

//--- unknown.yaml
activations:
  colour: red

//--- all.yaml
activations:
  range: [0, 1]

//--- turned.yaml
layers:
  - name: conv1
    activations:
      range: [1, 0]

//--- typo.yaml
layers:
  - name: conf1
    activations: {bits: 4}

//--- skip.yaml
layers:
  - name: conv1
    skip: true

//--- regex.yaml
layers:
  - match: "conv("
    weights: {bits: 4}

//--- range.yaml
layers:
  - name: conv1
    activations: {range: [1.0]}
