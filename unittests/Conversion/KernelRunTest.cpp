//===- KernelRunTest.cpp - Kernels compute what the reference computes ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include "gtest/gtest.h"

using namespace q::kernel::test;

namespace {

/// Compiles all layers of a module for this machine and compares every byte of
/// their results with the reference evaluator's.
class KernelRun : public ::testing::Test {
protected:
  void check() {
    ScratchDirectory directory;
    auto object = module.compile("avx2", directory.path);
    ASSERT_TRUE(object) << module.errors;
    EXPECT_TRUE(module.withoutKernel.empty())
        << module.getCase(module.withoutKernel.front()).describe();
    LoadedLibrary library(*object);
    ASSERT_TRUE(library.isValid());
    for (size_t i = 0; i < module.size(); ++i)
      checkLayer(i, library);
  }

  void checkLayer(size_t i, const LoadedLibrary &library) {
    const LayerCase &layer = module.getCase(i);
    const Layer &data = module.getLayer(i);
    std::vector<uint8_t> expected = module.evaluate(i);
    ASSERT_EQ(expected.size(), size_t(layer.outputSize()))
        << layer.describe() << "\n" << module.errors;
    // Guards on both sides catch stores beyond the result.
    constexpr size_t guard = 64;
    std::vector<uint8_t> actual(expected.size() + 2 * guard, 0xa5);
    void *f = library.find("f" + std::to_string(i));
    ASSERT_NE(f, nullptr);
    if (layer.hasResidual)
      reinterpret_cast<void (*)(const void *, const void *, void *)>(f)(
          data.input.data(), data.residual.data(), actual.data() + guard);
    else
      reinterpret_cast<void (*)(const void *, void *)>(f)(
          data.input.data(), actual.data() + guard);
    size_t differing = 0, first = 0;
    for (size_t j = 0; j < expected.size(); ++j)
      if (expected[j] != actual[guard + j] && differing++ == 0)
        first = j;
    EXPECT_EQ(differing, 0u)
        << "first at " << first << ": " << int(expected[first]) << " but "
        << int(actual[guard + first]) << " in " << layer.describe();
    for (size_t j = 0; j < guard; ++j)
      ASSERT_TRUE(actual[j] == 0xa5 && actual[actual.size() - 1 - j] == 0xa5)
          << "stores outside of the result in " << layer.describe();
  }

  std::mt19937 random{7};
  KernelModule module;
};

TEST_F(KernelRun, Pointwise) {
  LayerCase layer;
  module.add(layer, random);
  for (int64_t oc : {8, 16, 19, 24, 33, 40})
    for (int64_t ic : {1, 3, 8, 31, 64}) {
      layer.ic = ic;
      layer.oc = oc;
      layer.h = 1 + int64_t(random() % 9);
      layer.w = 1 + int64_t(random() % 9);
      module.add(layer, random);
    }
  check();
}

} // namespace
