// RUN: qopt %s --q-quantize --split-input-file --verify-diagnostics
// RUN: not qopt %s --q-quantize=io=int4 --split-input-file 2>&1 | FileCheck %s --check-prefix=IO
// RUN: not qopt %s --q-quantize=rounding=up --split-input-file 2>&1 | FileCheck %s --check-prefix=ROUNDING
// RUN: not qopt %s --q-quantize=rounding=pow2 --split-input-file 2>&1 | FileCheck %s --check-prefix=POW2

// IO: q-quantize has no io 'int4'; use float, int8 or uint8
// ROUNDING: q-quantize has no rounding 'up'; use single, gemmlowp, pow2 or even (rule N10)
// POW2: has no power-of-two scale, which rounding=pow2 needs (rule N10); run q-pin-power-of-two before q-quantize

func.func @uncalibrated(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{has no range; run q-calibrate with sample data}}
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @foreign(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{is not of the q dialect, so it cannot be quantized}}
  %0 = math.exp %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error@+1 {{must have one block to be quantized}}
func.func @blocks(%x: tensor<4xf32>) -> tensor<4xf32> {
  cf.br ^next
^next:
  return %x : tensor<4xf32>
}

// -----

func.func @no_quantizer(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{reads a float tensor without a quantizer}}
  %0 = q.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @no_result_quantizer(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<4xf32>
  // expected-error@+1 {{has no quantizer for its result alone; run q-insert-quantizers first}}
  %1 = q.add %0, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

func.func @no_weight_quantizer(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x2xf32>
  %w = q.const dense<1.0> : tensor<1x2xf32>
  // expected-error@+1 {{has weights without a quantizer}}
  %1 = q.gemm %0, %w : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  return %1 : tensor<1x1xf32>
}

// -----

func.func @unshared(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<8xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<4xf32>
  %1 = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [2.0] : tensor<4xf32>
  // expected-error@+1 {{run q-share-parameters first (rule N13)}}
  %2 = q.concat %0, %1 {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// Everything that stands in the way is named at once.
func.func @no_integer_form(%x: tensor<4xf32>, %e: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'q.pow' op has no integer form; q-raise-patterns turns}}
  %0 = q.pow %x, %e : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  // expected-error@+1 {{is a logarithmic softmax, which has no integer form}}
  %1 = q.softmax %0 {axis = 0 : i64, log} : (tensor<4xf32>) -> tensor<4xf32>
  // expected-error@+1 {{is defined in float only; run q-fold-batch-norm first}}
  %2 = q.batch_norm %1 scale %e shift %e mean %e variance %e {epsilon = 1.0 : f32} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

func.func @decisions(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<1xf32> {
  // expected-error@+1 {{'q.compare' op has no integer form; take the comparison out of the model, or cut the model in front of it}}
  %0 = q.compare less %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  // expected-error@+1 {{'q.select' op has no integer form}}
  %1 = q.select %0, %x, %y : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  // expected-error@+1 {{'q.arg_reduce' op has no integer form, as indices have no scale; end the model at the scores and take the index in the application}}
  %2 = q.arg_reduce max %1 {axis = 0 : i64} : (tensor<4xf32>) -> tensor<1xf32>
  return %2 : tensor<1xf32>
}
