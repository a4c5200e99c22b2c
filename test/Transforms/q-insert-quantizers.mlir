// RUN: rm -rf %t && split-file %s %t
// RUN: qopt %t/net.mlir --q-insert-quantizers | FileCheck %t/net.mlir
// RUN: qopt %t/net.mlir --q-insert-quantizers --q-insert-quantizers | FileCheck %t/net.mlir
// RUN: qopt %t/net.mlir --q-insert-quantizers="activation-bits=6 weight-bits=4 symmetric per-tensor" | FileCheck %t/net.mlir --check-prefix=OPTIONS
// RUN: qopt %t/net.mlir --q-insert-quantizers="power-of-two" | FileCheck %t/net.mlir --check-prefix=POW2
// RUN: qopt %t/net.mlir --q-insert-quantizers="recipe=%t/recipe.yaml" | FileCheck %t/net.mlir --check-prefix=RECIPE
// RUN: qopt %t/net.mlir --q-insert-quantizers="recipe=%t/recipe.json" | FileCheck %t/net.mlir --check-prefix=RECIPE
// RUN: qopt %t/given.mlir --q-insert-quantizers | FileCheck %t/given.mlir

//--- net.mlir
// CHECK-LABEL: func @net
// RECIPE-LABEL: func @net
func.func @net(%x: tensor<1x1x4x4xf32> {q.name = "image"}, %unused: tensor<4xf32>) -> (tensor<1x4x4x2xf32>, tensor<4xf32>) {
  // An input that only passes through stays float.
  // CHECK-NOT: q.quantizer %arg1
  // The input of the network, before anything moves its bits.
  // CHECK: %[[X:.*]] = q.quantizer %arg0 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1>
  // OPTIONS: q.quantizer %arg0 <bits = 6, signed = true, symmetric = true, narrow = false, power_of_two = false, axis = -1>
  // POW2: q.quantizer %arg0 <bits = 8, signed = true, symmetric = true, narrow = false, power_of_two = true, axis = -1>
  // RECIPE: q.quantizer %arg0 <bits = 8, {{.*}}> min [-1.000000e+00] max [1.000000e+00] {q.fixed}
  // CHECK: %[[T:.*]] = q.transpose %[[X]]
  %0 = q.transpose %x {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x1x4x4xf32>) -> tensor<1x4x4x1xf32>
  // CHECK-DAG: %[[W:.*]] = q.const dense<1.0
  %w = q.const dense<1.0> : tensor<2x1x1x1xf32>
  // CHECK-DAG: %[[B:.*]] = q.const dense<2.0
  %b = q.const dense<2.0> : tensor<2xf32>
  // CHECK: %[[WQ:.*]] = q.quantizer %[[W]] <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0>
  // OPTIONS: q.quantizer %{{.*}} <bits = 4, signed = true, symmetric = true, narrow = false, power_of_two = false, axis = -1> : tensor<2x1x1x1xf32>
  // RECIPE: q.quantizer %{{.*}} <bits = 3, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> : tensor<2x1x1x1xf32>
  // The bias has the scale of the accumulator, not one of its own.
  // CHECK: %[[Y:.*]] = q.conv2d %[[T]], %[[WQ]] bias %[[B]]
  // CHECK-NEXT: %[[YQ:.*]] = q.quantizer %[[Y]]
  // RECIPE: q.conv2d
  // RECIPE-NEXT: q.quantizer %{{.*}} <bits = 16,
  %1 = q.conv2d %0, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x1xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32> loc("block1/conv")
  // An op that chooses among elements has the parameters of its input.
  // CHECK: %[[P:.*]] = q.max_pool2d %[[YQ]]
  // CHECK-NOT: q.quantizer %[[P]]
  %2 = q.max_pool2d %1 {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  // A constant operand has parameters of its own.
  // CHECK: %[[C:.*]] = q.quantizer %{{.*}} : tensor<2xf32>
  // CHECK: %[[S:.*]] = q.add %[[P]], %[[C]]
  %c = q.const dense<[0.5, 0.25]> : tensor<2xf32>
  %3 = q.add %2, %c : (tensor<1x4x4x2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  // Rule N15 fixes these ranges.
  // CHECK: q.unary sigmoid
  // CHECK: q.quantizer {{.*}} min [0.000000e+00] max [0.99609375] {q.fixed}
  // OPTIONS: q.unary sigmoid
  // OPTIONS-NEXT: q.quantizer {{.*}} <bits = 6, signed = true, symmetric = false, {{.*}} min [0.000000e+00] max [9.843750e-01] {q.fixed}
  // POW2: q.unary sigmoid
  // POW2-NEXT: q.quantizer {{.*}} <bits = 8, signed = false, symmetric = true, {{.*}} min [0.000000e+00] max [0.99609375] {q.fixed}
  %4 = q.unary sigmoid %3 : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  // CHECK: q.unary tanh
  // CHECK: q.quantizer {{.*}} min [-1.000000e+00] max [0.9921875] {q.fixed}
  %5 = q.unary tanh %4 : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  // CHECK: q.softmax
  // CHECK: q.quantizer {{.*}} min [0.000000e+00] max [0.99609375] {q.fixed}
  %6 = q.softmax %5 {axis = 3 : i64} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  return %6, %unused : tensor<1x4x4x2xf32>, tensor<4xf32>
}

//--- recipe.yaml
activations: {bits: 8}
layers:
  - name: image
    activations: {range: [-1.0, 1.0]}
  - match: "block[0-9]/.*"
    activations: {bits: 16}
    weights: {bits: 4}
  - name: block1/conv     # later entries win
    weights: {bits: 3, narrow: true}

//--- recipe.json
{
  "layers": [
    {"name": "image", "activations": {"range": [-1.0, 1.0]}},
    {"match": "block1/conv", "activations": {"bits": 16}, "weights": {"bits": 3, "narrow": true}}
  ]
}

//--- given.mlir
// What a model came with stays fixed: it is not quantized again, but where its
// tensor is joined with one that is, the quantizer says what it is.
// CHECK-LABEL: @given
func.func @given(%x: tensor<1x4x!quant.uniform<u8:f32, 0.5:3>>) -> tensor<1x8xf32> {
  // CHECK: %[[X:.*]] = q.dequantize
  // CHECK: %[[J:.*]] = q.quantizer %[[X]] <bits = 8, signed = false{{.*}}> min [-1.500000e+00] max [1.260000e+02] {q.fixed}
  // CHECK: %[[E:.*]] = q.unary exp %[[X]]
  // CHECK: %[[Q:.*]] = q.quantizer %[[E]]
  // CHECK: q.concat %[[J]], %[[Q]]
  %0 = q.dequantize %x : tensor<1x4x!quant.uniform<u8:f32, 0.5:3>> -> tensor<1x4xf32>
  %1 = q.unary exp %0 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %2 = q.concat %0, %1 {axis = 1 : i64} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
  return %2 : tensor<1x8xf32>
}

// Nor are results that the model quantizes, nor weights that it brings.
// CHECK-LABEL: @given_layer
// CHECK-NOT: q.quantizer
func.func @given_layer(%x: tensor<1x2x!quant.uniform<u8:f32, 0.5:3>>) -> tensor<1x1x!quant.uniform<u8:f32, 0.5:3>> {
  %0 = q.dequantize %x : tensor<1x2x!quant.uniform<u8:f32, 0.5:3>> -> tensor<1x2xf32>
  %c = q.const dense<[[1, 2]]> : tensor<1x2xi8> as tensor<1x2x!quant.uniform<i8:f32, 0.25>>
  %w = q.dequantize %c : tensor<1x2x!quant.uniform<i8:f32, 0.25>> -> tensor<1x2xf32>
  %1 = q.gemm %0, %w : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  %2 = q.quantize %1 : tensor<1x1xf32> -> tensor<1x1x!quant.uniform<u8:f32, 0.5:3>>
  return %2 : tensor<1x1x!quant.uniform<u8:f32, 0.5:3>>
}
