// RUN: qopt %s --q-plan-arena -split-input-file -verify-diagnostics

func.func @dynamic(%n: index) {
  // expected-error @+1 {{cannot be placed in the arena: its size is not known}}
  %a = memref.alloc(%n) : memref<?xi8>
  return
}

// -----

// expected-error @+1 {{must have a body of one block to be compiled}}
func.func @branches() {
  cf.br ^next
^next:
  return
}
