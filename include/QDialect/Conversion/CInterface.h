//===- CInterface.h - The C interface of a compiled model -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What generated code, the header beside it and programs that load it agree on.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_CINTERFACE_H
#define QDIALECT_CONVERSION_CINTERFACE_H

#include "llvm/ADT/StringRef.h"

namespace q {

/// What NAME_run returns; unless it is kStatusOk, nothing was done.
constexpr int kStatusOk = 0;
constexpr int kStatusNullPointer = 1;
constexpr int kStatusMisalignedArena = 2;

/// The module attribute in which `q-emit-c-interface` leaves the text of
/// NAME_info: a JSON object
///
///   {"abi": 1, "name": "...", "symbol": "...",
///    "arena_bytes": N, "arena_live_bytes": N, "arena_alignment": N,
///    "threads": N, "inputs": [TENSOR, ...], "outputs": [TENSOR, ...]}
///
/// with TENSOR = {"name", "shape", "type" (float32, int8, uint8, ...),
/// "layout"} and, where it is quantized, "scale", "zero_point" (numbers, or
/// arrays and an "axis"), "qmin" and "qmax".
constexpr llvm::StringLiteral kInfoAttrName = "q.info";

/// Of a network that is compiled for profiling (`q-profile-layers`): the symbol
/// of its counters, which becomes NAME_profile, and the module attribute with
/// what they count, which becomes "profile" in NAME_info: an array of {"name",
/// "kernel", "why", "macs"} in the order of the counters, and of layers whose
/// kernels are being timed "tuning" (see kTuningAttrName).
constexpr llvm::StringLiteral kProfileSymbol = "q_profile";
constexpr llvm::StringLiteral kProfileAttrName = "q.profile";

/// A unit attribute of functions of which `q-emit-c-interface` asks LLVM not to
/// unroll their loops, which would only make them larger.
constexpr llvm::StringLiteral kKeepsLoopsAttrName = "q.keeps_loops";

} // namespace q

#endif // QDIALECT_CONVERSION_CINTERFACE_H
