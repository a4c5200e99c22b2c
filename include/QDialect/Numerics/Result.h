//===- Result.h - A value or the reason why there is none -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_RESULT_H
#define QDIALECT_NUMERICS_RESULT_H

#include <string>
#include <utility>
#include <variant>

namespace q::numerics {

/// A reason in one clause, without a full stop, that a caller can put behind
/// "cannot quantize: ". It names the offending number.
struct Failure {
  std::string reason;
};

/// A value of type T or the reason why there is none. This library neither
/// throws nor prints: its callers turn a reason into a diagnostic.
template <typename T> class Result {
public:
  Result(T value) : storage(std::move(value)) {}
  Result(Failure failure) : storage(std::move(failure)) {}

  bool has_value() const { return storage.index() == 0; }
  explicit operator bool() const { return has_value(); }

  /// The value; only valid if has_value().
  const T &operator*() const { return *std::get_if<0>(&storage); }
  T &operator*() { return *std::get_if<0>(&storage); }
  const T *operator->() const { return std::get_if<0>(&storage); }

  /// The reason; only valid if not has_value().
  const std::string &reason() const { return std::get_if<1>(&storage)->reason; }

private:
  std::variant<T, Failure> storage;
};

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_RESULT_H
