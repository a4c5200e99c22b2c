// RUN: qopt %s --q-emit-c-interface -split-input-file -verify-diagnostics

// expected-error @+1 {{argument 0 has no attribute 'q.type' that says what the caller passes}}
llvm.func @main(%x: !llvm.ptr) {
  llvm.return
}

// -----

llvm.func @first() {
  llvm.return
}
// expected-error @+1 {{is a second public function; a library has one network}}
llvm.func @second() {
  llvm.return
}

// -----

// expected-error @+1 {{has no public function of the LLVM dialect}}
module {
}
