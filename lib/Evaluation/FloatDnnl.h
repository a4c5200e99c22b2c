//===- FloatDnnl.h - oneDNN as the float evaluator uses it ------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The C++ interface of oneDNN 2 reports errors by exceptions; they are caught
// in runDnnl() and go no further.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_EVALUATION_FLOATDNNL_H
#define QDIALECT_LIB_EVALUATION_FLOATDNNL_H

#include "FloatKernel.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <optional>
#include <unordered_map>

// GCC's OpenMP runtime, which oneDNN runs on; clang has no header for it.
extern "C" int omp_get_max_threads();
extern "C" void omp_set_num_threads(int);

namespace q::eval {

/// One thread as long as it lives. The results then do not depend on the
/// machine, and small layers do not wait for a second thread to be scheduled,
/// which on a busy machine costs a hundred times what it could gain.
class SingleThread {
public:
  SingleThread() : before(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~SingleThread() { omp_set_num_threads(before); }
  SingleThread(const SingleThread &) = delete;
  SingleThread &operator=(const SingleThread &) = delete;

private:
  int before;
};

struct DnnlContext {
  dnnl::engine engine;
  dnnl::stream stream;
};

/// Runs `body`, which calls oneDNN; false if it reports an error, whose message
/// goes to `message`.
template <typename Body> bool runDnnl(Body body, std::string &message) {
  SingleThread guard;
  try {
    body();
    return true;
  } catch (const dnnl::error &error) {
    message = error.what();
  } catch (const std::bad_alloc &) {
    message = "out of memory";
  }
  return false;
}

/// An f32 layout: extents and strides.
inline dnnl::memory::desc getDesc(llvm::ArrayRef<int64_t> extents,
                                  llvm::ArrayRef<int64_t> strides) {
  return {dnnl::memory::dims(extents.begin(), extents.end()),
          dnnl::memory::data_type::f32,
          dnnl::memory::dims(strides.begin(), strides.end())};
}
/// An f32 layout that oneDNN chooses.
inline dnnl::memory::desc getAnyDesc(llvm::ArrayRef<int64_t> extents) {
  return {dnnl::memory::dims(extents.begin(), extents.end()),
          dnnl::memory::data_type::f32, dnnl::memory::format_tag::any};
}

/// The weights of a layer in the layout that its primitive wants: reordered
/// once if they are constant, on every run if not.
class DnnlWeights {
public:
  void initialize(DnnlContext &context, const dnnl::memory::desc &plain,
                  const dnnl::memory::desc &wanted, const Tensor *constant);
  dnnl::memory &get(DnnlContext &context, const Tensor &current);

private:
  void reorder(DnnlContext &context, const Tensor &source);

  dnnl::memory::desc plain;
  dnnl::memory memory;
  bool isConstant = false;
};

/// A view of a tensor's elements. oneDNN takes sources as non-const too; it
/// does not write to them.
inline dnnl::memory getMemory(DnnlContext &context,
                              const dnnl::memory::desc &desc,
                              const Tensor &tensor) {
  return dnnl::memory(desc, context.engine,
                      const_cast<float *>(tensor.f().data()));
}

} // namespace q::eval

#endif // QDIALECT_LIB_EVALUATION_FLOATDNNL_H
