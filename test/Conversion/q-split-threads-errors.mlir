// RUN: not qopt %s --q-split-threads=threads=0 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: not qopt %s --q-split-threads=threads=-2 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not qopt %s --q-split-threads=threads=65 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not qopt %s --q-split-threads="threads=2 thread-work=1" 2>&1 | FileCheck %s --check-prefix=RESULT
// RUN: not qopt %s --lower-kernels 2>&1 | FileCheck %s --check-prefix=FUNCTION

// FEW: error: threads must be between 1 and 64, but is 0
// NEGATIVE: error: threads must be between 1 and 64, but is -2
// MANY: error: threads must be between 1 and 64, but is 65

// RESULT: [[@LINE+4]]:8: error: 'func.call' op cannot be left to one thread, because it has a result beside what it writes; compile for one thread
func.func @with_result(%x: memref<64x64xi8>, %y: memref<64x64xi8>) {
  linalg.copy ins(%x : memref<64x64xi8>) outs(%y : memref<64x64xi8>)
  %c = arith.constant 0 : index
  %0 = func.call @get() : () -> i8
  memref.store %0, %y[%c, %c] : memref<64x64xi8>
  return
}
func.func private @get() -> i8

// FUNCTION: 'qk.conv' op is for several threads, but its function is not; q-split-threads makes both
func.func private @layer(%x: memref<1x8x8x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>,
                         %m: memref<16xf32>, %y: memref<1x8x8x16xi8>) {
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 4, 2>, q.threads = 2 : i64}
    : (memref<1x8x8x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x8x8x16xi8>) -> ()
  return
}
