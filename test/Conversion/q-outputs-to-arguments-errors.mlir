// RUN: qopt %s --q-outputs-to-arguments --split-input-file --verify-diagnostics

// expected-error @+1 {{must have a body of one block to be compiled}}
func.func @blocks(%x: tensor<4xi8>) -> tensor<4xi8> {
  cf.br ^next
^next:
  return %x : tensor<4xi8>
}

// -----

// expected-error @+1 {{has a result of type 'tensor<?xi8>'; only tensors of static shape can be compiled (import with --batch=N)}}
func.func @dynamic(%x: tensor<?xi8>) -> tensor<?xi8> {
  return %x : tensor<?xi8>
}

// -----

// expected-error @+1 {{must end in a func.return to be compiled}}
func.func @endless() {
  llvm.unreachable
}
