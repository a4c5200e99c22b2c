// RUN: qopt %s --split-input-file --pass-pipeline="builtin.module(func.func(q-keep-float-islands))" --verify-diagnostics

func.func @power(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{has no integer form, and it cannot stay in float either, as it has no exact float form; take it out of the model, or cut the model in front of it}}
  %0 = q.pow %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
