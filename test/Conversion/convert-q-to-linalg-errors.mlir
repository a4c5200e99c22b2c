// RUN: qopt %s --convert-q-to-linalg -split-input-file -verify-diagnostics

func.func @float(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{computes in float between the borders of the quantized network; quantize its operands and its result}}
  %0 = q.unary tanh %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

!a = !quant.uniform<u8:f32, 0.5:3>
// The logarithm has no integer form; the reason is said once.
func.func @log_softmax(%x: tensor<2x4x!a>) -> tensor<2x4x!a> {
  // expected-error @+1 {{has no integer form for the logarithm}}
  %0 = q.softmax %x {axis = 1, log} : (tensor<2x4x!a>) -> tensor<2x4x!a>
  return %0 : tensor<2x4x!a>
}

// -----

!a = !quant.uniform<u8:f32, 0.5:3>
module attributes {q.rounding = "upwards"} {
  func.func @rounding(%x: tensor<4x!a>, %y: tensor<4x!a>) -> tensor<4x!a> {
    // expected-error @+1 {{use "single", "gemmlowp", "pow2" or "even"}}
    %0 = q.mul %x, %y : (tensor<4x!a>, tensor<4x!a>) -> tensor<4x!a>
    return %0 : tensor<4x!a>
  }
}

// -----

!h = !quant.uniform<i16:f32, 0.5>
!a = !quant.uniform<u8:f32, 0.5:3>
module attributes {q.rounding = "gemmlowp"} {
  func.func @accumulator(%x: tensor<1x4x!h>, %y: tensor<4x4x!h>) -> tensor<1x4x!a> {
    // expected-error @+1 {{which gemmlowp's int32 does not hold (rule N8); use the rounding mode single}}
    %0 = q.matmul %x, %y : (tensor<1x4x!h>, tensor<4x4x!h>) -> tensor<1x4x!a>
    return %0 : tensor<1x4x!a>
  }
}

// -----

!a = !quant.uniform<u8:f32, 0.5:3>
func.func @dynamic(%x: tensor<?x!a>) -> tensor<?x!a> {
  // expected-error @+1 {{only tensors of static shape can be compiled}}
  %0 = q.clamp %x {clamp_min = 0.0 : f32} : (tensor<?x!a>) -> tensor<?x!a>
  return %0 : tensor<?x!a>
}

// -----

func.func @decision(%x: tensor<4xf32>) -> tensor<1xf32> {
  // expected-error @+1 {{cut the model in front of it and compute it in the application}}
  %0 = q.arg_reduce max %x {axis = 0 : i64} : (tensor<4xf32>) -> tensor<1xf32>
  return %0 : tensor<1xf32>
}
