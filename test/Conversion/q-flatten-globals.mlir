// RUN: qopt %s --q-flatten-globals | FileCheck %s

// CHECK: llvm.mlir.global private constant @first(dense<[1, 2, 3, 4]> : tensor<4xi8>) {{.*}}alignment = 64{{.*}} : !llvm.array<4 x i8>
llvm.mlir.global private constant @first(dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>) {addr_space = 0 : i32, alignment = 16 : i64} : !llvm.array<2 x array<2 x i8>>
// The same bytes under another shape.
// CHECK-NOT: @second(
llvm.mlir.global private constant @second(dense<[1, 2, 3, 4]> : tensor<4xi8>) {addr_space = 0 : i32, alignment = 64 : i64} : !llvm.array<4 x i8>
// CHECK: @third(dense<1> : tensor<4xi8>)
llvm.mlir.global private constant @third(dense<1> : tensor<2x2xi8>) {addr_space = 0 : i32} : !llvm.array<2 x array<2 x i8>>
// Variables and public symbols are nobody else's.
// CHECK: @variable
llvm.mlir.global private @variable(dense<[1, 2, 3, 4]> : tensor<4xi8>) {addr_space = 0 : i32} : !llvm.array<4 x i8>
// CHECK: @exported
llvm.mlir.global external constant @exported(dense<[1, 2, 3, 4]> : tensor<4xi8>) {addr_space = 0 : i32} : !llvm.array<4 x i8>

llvm.func @use() -> !llvm.ptr {
  // CHECK: llvm.mlir.addressof @first
  %0 = llvm.mlir.addressof @second : !llvm.ptr
  llvm.return %0 : !llvm.ptr
}
