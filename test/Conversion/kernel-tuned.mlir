// Kernels that are told, numbered or read from a file of qcc --tune.
// RUN: rm -rf %t && split-file %s %t
// RUN: qopt %t/layers.mlir --convert-q-to-kernels='kernel="pmaddubsw 2x2 chain 1"' \
// RUN:   | FileCheck %s --check-prefix=FORCED
// RUN: qopt %t/layers.mlir --convert-q-to-kernels='kernel="pmaddubsw 3x2 own chains"' \
// RUN:   | FileCheck %s --check-prefix=OWN
// RUN: qopt %t/layers.mlir --convert-q-to-kernels=candidate=0 \
// RUN:   | FileCheck %s --check-prefix=FIRST
// RUN: qopt %t/layers.mlir --convert-q-to-kernels=candidate=1 \
// RUN:   | FileCheck %s --check-prefix=SECOND
// RUN: qopt %t/layers.mlir --convert-q-to-kernels=candidate=4 \
// RUN:   | FileCheck %s --check-prefix=FIFTH
// RUN: qopt %t/layers.mlir --convert-q-to-kernels='kernel="smull 2x4" target=neon' \
// RUN:   | FileCheck %s --check-prefix=SMULL
// RUN: qopt %t/layers.mlir --convert-q-to-kernels='kernel="usmmla 6x2" target=i8mm' \
// RUN:   | FileCheck %s --check-prefix=USMMLA
// RUN: qopt %t/layers.mlir --convert-q-to-kernels=tuned=%t/tuned.json 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TUNED
// RUN: qopt %t/layers.mlir --convert-q-to-kernels='tuned=%t/tuned.json target=neon' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=OTHER
// RUN: qopt %t/layers.mlir --convert-q-to-kernels=tuned=%t/stale.json 2>&1 \
// RUN:   | FileCheck %s --check-prefix=STALE
// RUN: not qopt %t/layers.mlir --convert-q-to-kernels=kernel=fast 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TEXT
// RUN: not qopt %t/layers.mlir --convert-q-to-kernels=tuned=%t/none.json 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NONE
// RUN: not qopt %t/layers.mlir --convert-q-to-kernels=tuned=%t/old.json 2>&1 \
// RUN:   | FileCheck %s --check-prefix=OLD
// RUN: not qopt %t/layers.mlir --convert-q-to-kernels=tuned=%t/broken.json 2>&1 \
// RUN:   | FileCheck %s --check-prefix=BROKEN
// RUN: not qopt %t/layers.mlir --convert-q-to-kernels=tuned=%t/damaged.json 2>&1 \
// RUN:   | FileCheck %s --check-prefix=DAMAGED

// A kernel is taken where it is exact, and only there: the second layer has a
// pair that is not safe.
// FORCED-LABEL: func @chain
// FORCED: chain = #qk.chain<length = 1,
// FORCED-SAME: micro_kernel = #qk.micro_kernel<pmaddubsw>
// FORCED-SAME: tile = array<i64: 2, 2>
// FORCED-LABEL: func @no_chain
// FORCED: micro_kernel = #qk.micro_kernel<pmaddwd>

// Chains of each panel's own are exact for any weights.
// OWN-LABEL: func @no_chain
// OWN: micro_kernel = #qk.micro_kernel<pmaddubsw>
// OWN-SAME: panel_chains = #qk.panel_chains<
// OWN-SAME: tile = array<i64: 3, 2>

// Those of NEON keep what is proven of them.
// SMULL-LABEL: func @chain
// SMULL: micro_kernel = #qk.micro_kernel<smull>
// SMULL-SAME: signed_chain = #qk.signed_chain<length = 2,
// SMULL-SAME: tile = array<i64: 2, 4>
// USMMLA-LABEL: func @chain
// USMMLA: micro_kernel = #qk.micro_kernel<usmmla>
// USMMLA-SAME: tile = array<i64: 6, 2>

// The numbers of candidates: first what the rules take, then chains of each
// panel's own, then the others by their estimates. The ops say what they are.
// FIRST-LABEL: func @chain
// FIRST: chain = #qk.chain<length = 4,
// FIRST-SAME: q.tuning = {candidates = {{[0-9]+}} : i64, kernel = "default", layer = "1x8x8x16 -> 1x8x8x16, 1x1, unsigned, chain 4, float"}
// SECOND-LABEL: func @chain
// SECOND: panel_chains = #qk.panel_chains<
// SECOND-SAME: q.tuning = {candidates = {{[0-9]+}} : i64, kernel = "pmaddubsw [[P:[0-9]+]]x2 own chains", layer = "1x8x8x16 -> 1x8x8x16, 1x1, unsigned, chain 4, float"}
// SECOND-SAME: tile = array<i64: [[P]], 2>
// SECOND-LABEL: func @no_chain
// SECOND: layer = "1x8x8x16 -> 1x8x8x16, 1x1, unsigned, chain 0, float"
// FIFTH-LABEL: func @chain
// FIFTH: chain = #qk.chain<length = [[L:[0-9]]],
// FIFTH-SAME: q.tuning = {candidates = {{[0-9]+}} : i64, kernel = "pmaddubsw [[P:[0-9]+]]x[[V:[0-9]+]] chain [[L]]",
// FIFTH-SAME: tile = array<i64: [[P]], [[V]]>

// What was measured goes before rules; what was not is told once.
// TUNED: remark: 1 of 2 layers are not in '{{.*}}tuned.json'; rules choose their kernels, or qcc --tune adds them
// TUNED-LABEL: func @chain
// TUNED: micro_kernel = #qk.micro_kernel<pmaddwd>
// TUNED-SAME: tile = array<i64: 3, 1>
// OTHER: remark: 2 of 2 layers are not timed for this target in '{{.*}}tuned.json'

// An entry whose kernel is not exact for its layer, whatever its origin, is not
// followed.
// STALE: remark: the kernel 'pmaddubsw 4x2 chain 8' of '{{.*}}stale.json' is not taken: it is not proven exact for the layer, or the target has it not; qcc --tune makes the entry anew
// STALE-LABEL: func @chain
// STALE: chain = #qk.chain<length = 4,

// TEXT: error: 'fast' is no kernel; write it as 'pmaddwd 5x2', 'pmaddubsw 4x2 chain 8', 'depthwise pmaddwd 2x2' or 'winograd pmaddwd 4x64'
// NONE: error: cannot read the tuned kernels of '{{.*}}none.json': No such file or directory
// OLD: error: cannot read the tuned kernels of '{{.*}}old.json': it has no "version": 1; make it anew with qcc --tune
// BROKEN: error: cannot read the tuned kernels of '{{.*}}broken.json': [1:2, byte=2]: Expected
// DAMAGED: error: cannot read the tuned kernels of '{{.*}}damaged.json': the entry 'a' lacks "kernel", "nanoseconds" or "default_nanoseconds"

//--- layers.mlir
!x = tensor<1x8x8x16x!quant.uniform<u8:f32, 0.5>>
!w = tensor<16x1x1x16x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x8x8x16x!quant.uniform<u8:f32, 3.0>>

func.func @chain(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<16x1x1x16xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>,
         int16_chain = {amax = 255 : i64, length = 4 : i64, pairs = 128 : i64,
                        unsafe_pairs = 0 : i64, pair_sum = 2 : i64, chain_sum = 8 : i64}}
       : (!x, !w) -> !y
  return %y : !y
}

func.func @no_chain(%x: !x) -> !y {
  %w = q.const dense<127> : tensor<16x1x1x16xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>,
         int16_chain = {amax = 255 : i64, length = 0 : i64, pairs = 128 : i64,
                        unsafe_pairs = 128 : i64, pair_sum = 254 : i64, chain_sum = 254 : i64}}
       : (!x, !w) -> !y
  return %y : !y
}

//--- tuned.json
{"version": 1, "targets": {"avx2": {
  "1x8x8x16 -> 1x8x8x16, 1x1, unsigned, chain 4, float":
    {"kernel": "pmaddwd 3x1", "nanoseconds": 10, "default_nanoseconds": 20}}}}
//--- stale.json
{"version": 1, "targets": {"avx2": {
  "1x8x8x16 -> 1x8x8x16, 1x1, unsigned, chain 4, float":
    {"kernel": "pmaddubsw 4x2 chain 8", "nanoseconds": 10, "default_nanoseconds": 20}}}}
//--- old.json
{"version": 0, "targets": {}}
//--- broken.json
{version
//--- damaged.json
{"version": 1, "targets": {"avx2": {"a": {"kernel": "pmaddwd 3x1"}}}}
