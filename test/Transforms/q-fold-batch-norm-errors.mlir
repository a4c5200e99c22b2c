// RUN: qopt %s --q-fold-batch-norm --split-input-file --verify-diagnostics
// RUN: not qopt %s --q-fold-batch-norm=mode=melt --split-input-file 2>&1 | FileCheck %s

// CHECK: q-fold-batch-norm has no mode 'melt'; use 'fold' or 'absorb'

func.func @negative_variance(%x: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %one = q.const dense<1.0> : tensor<1xf32>
  %v = q.const dense<-1.0> : tensor<1xf32>
  // expected-error-re@+1 {{has no finite factor in channel 0: scale 1{{.*}}variance -1{{.*}}repair the model's statistics}}
  %0 = q.batch_norm %x scale %one shift %one mean %one variance %v {epsilon = 0.5 : f32} : (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// -----

// expected-error@+1 {{must be a constant (q.const)}}
func.func @variable_scale(%x: tensor<3x1xf32>, %g: tensor<1xf32>) -> tensor<3x1xf32> {
  %one = q.const dense<1.0> : tensor<1xf32>
  %0 = q.batch_norm %x scale %g shift %one mean %one variance %one {epsilon = 0.5 : f32} : (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}
