//===- QOps.td - Ops of the q dialect ----------------------*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QOPS_TD
#define QDIALECT_QOPS_TD

include "QDialect/QBase.td"
include "QDialect/QBorders.td"
include "QDialect/QLayers.td"
include "QDialect/QElementwise.td"
include "QDialect/QReductions.td"
include "QDialect/QMovement.td"

#endif // QDIALECT_QOPS_TD
