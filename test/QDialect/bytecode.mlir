// Weights are aligned to 64 bytes in bytecode, and so must the memory be that it
// is read from: small files and pipes are not by themselves.

// RUN: qopt %s --emit-bytecode -o %t.mlirbc
// RUN: qopt %t.mlirbc | FileCheck %s
// RUN: qopt < %t.mlirbc | FileCheck %s
// A damaged list without an end, which a fuzzer found.
// RUN: not qopt %S/Inputs/endless.mlirbc 2>&1 | FileCheck %s --check-prefix=ENDLESS
// RUN: not qopt %t.absent 2>&1 | FileCheck %s --check-prefix=ABSENT

// ENDLESS: qopt: error: '{{.*}}endless.mlirbc' is damaged bytecode; write it again, or keep it as text
// ABSENT: qopt: error: cannot open input file '{{.*}}.absent': No such file or directory

// CHECK-LABEL: func @weights
func.func @weights() {
  // CHECK: q.const dense_resource<weights> : tensor<2x2xi8>
  %0 = q.const dense_resource<weights> : tensor<2x2xi8> as tensor<2x2x!quant.uniform<i8:f32, 0.5>>
  // CHECK: q.const dense_resource<more> : tensor<2xf32>
  %1 = q.const dense_resource<more> : tensor<2xf32>
  return
}

// CHECK-DAG: more: "0x400000000000803F000000C0"
// CHECK-DAG: weights: "0x40000000010203FC"
{-# dialect_resources: { builtin: {
  weights: "0x40000000010203FC",
  more: "0x400000000000803F000000C0"
} } #-}
