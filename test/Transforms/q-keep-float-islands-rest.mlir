// What a model that is quantized in part leaves in float, without samples.

// RUN: qopt %s --pass-pipeline="builtin.module(func.func(q-keep-float-islands{rest=true},q-insert-quantizers),q-quantize)" --verify-diagnostics | FileCheck %s

!a = !quant.uniform<u8:f32, 0.5:3>
!s = !quant.uniform<u8:f32, 0.00390625>

// CHECK: module attributes {{.*}}q.float_islands
// CHECK-LABEL: func @part
// CHECK: %[[X:.*]] = q.quantize %{{.*}} : tensor<1x4xf32> -> tensor<1x4x!quant.uniform<u8:f32, 5.000000e-01:3>>
// CHECK: %[[SUM:.*]] = q.add %[[X]], %[[X]]
// CHECK: %[[REAL:.*]] = q.dequantize %[[SUM]]
// CHECK: %[[EXP:.*]] = q.unary exp %[[REAL]] {{.*}} : (tensor<1x4xf32>) -> tensor<1x4xf32>
// CHECK: %[[BACK:.*]] = q.mul %[[EXP]], %[[EXP]] {{.*}} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
// CHECK: %[[AGAIN:.*]] = q.quantize %[[BACK]]
// CHECK: q.softmax %[[AGAIN]]
func.func @part(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = q.quantize %x : tensor<1x4xf32> -> tensor<1x4x!a>
  %1 = q.dequantize %0 : tensor<1x4x!a> -> tensor<1x4xf32>
  %2 = q.add %1, %1 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  %3 = q.quantize %2 : tensor<1x4xf32> -> tensor<1x4x!a>
  %4 = q.dequantize %3 : tensor<1x4x!a> -> tensor<1x4xf32>
  // expected-warning@+1 {{'q.unary' stays in float: it has a result that the model does not quantize, and there are no samples}}
  %5 = q.unary exp %4 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  // expected-warning@+1 {{'q.mul' stays in float: it reads a tensor that the model does not quantize, and there are no samples}}
  %6 = q.mul %5, %5 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  %7 = q.quantize %6 : tensor<1x4xf32> -> tensor<1x4x!a>
  %8 = q.dequantize %7 : tensor<1x4x!a> -> tensor<1x4xf32>
  // Its range is fixed (rule N15).
  %9 = q.softmax %8 {axis = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %9 : tensor<1x4xf32>
}
