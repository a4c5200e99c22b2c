//===- InputMomentsTest.cpp - Means and covariances of windows ------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatTest.h"

#include "QDialect/Evaluation/InputMoments.h"

using namespace q::eval;

namespace {

/// Some samples of random numbers.
class RandomData : public DataSource {
public:
  RandomData(llvm::ArrayRef<int64_t> shape, int64_t count) {
    std::mt19937 engine(1);
    std::normal_distribution<float> gauss(0.5f, 1.0f);
    for (int64_t i = 0; i < count; ++i) {
      samples.push_back(Tensor::floats(shape));
      for (float &value : samples.back().f())
        value = gauss(engine);
    }
  }
  int64_t getNumSamples() const override { return samples.size(); }
  int64_t getBatchSize() const override { return 1; }
  mlir::FailureOr<Batch> read(int64_t index) override {
    Batch batch;
    batch.inputs.push_back(samples[index]);
    batch.valid = 1;
    return batch;
  }

  std::vector<Tensor> samples;
};

class InputMomentsTest : public ContextTest {
protected:
  InputMoments collect(llvm::StringRef ir, RandomData &data,
                       std::vector<size_t> blocks) {
    mlir::func::FuncOp function = parse(ir);
    std::vector<InputMoments> all(1);
    function.walk([&](q::WeightedOpInterface layer) { all[0].layer = layer; });
    all[0].blocks = blocks;
    EXPECT_TRUE(succeeded(collectInputMoments(function, data, all)))
        << diagnostics;
    return all[0];
  }
  /// Compares with what `rows` say.
  void compare(const InputMoments &moments,
               const std::vector<std::vector<float>> &rows) {
    ASSERT_EQ(moments.windows, int64_t(rows.size()));
    size_t size = rows[0].size(), first = 0;
    std::vector<double> means(size);
    for (const std::vector<float> &row : rows)
      for (size_t i = 0; i < size; ++i)
        means[i] += double(row[i]) / double(rows.size());
    for (size_t i = 0; i < size; ++i)
      EXPECT_NEAR(moments.getMean(i), means[i], 1e-6);
    for (size_t block = 0; block < moments.blocks.size(); ++block) {
      std::vector<float> covariance = moments.getCovariance(block);
      size_t extent = moments.blocks[block];
      for (size_t i = 0; i < extent; ++i)
        for (size_t j = 0; j < extent; ++j) {
          double sum = 0;
          for (const std::vector<float> &row : rows)
            sum += (double(row[first + i]) - means[first + i]) *
                   (double(row[first + j]) - means[first + j]);
          EXPECT_NEAR(covariance[i * extent + j], sum / double(rows.size()),
                      1e-5);
        }
      first += extent;
    }
    EXPECT_EQ(first, size);
  }
};

TEST_F(InputMomentsTest, ConvolutionReadsItsWindows) {
  RandomData data({1, 5, 4, 2}, 3);
  InputMoments moments = collect(R"(
    func.func @f(%x: tensor<1x5x4x2xf32>) -> tensor<1x3x3x1xf32> {
      %w = q.const dense<1.0> : tensor<1x2x3x2xf32>
      %a = q.clamp %x {clamp_min = -9.0 : f32}
        : (tensor<1x5x4x2xf32>) -> tensor<1x5x4x2xf32>
      %z = q.conv2d %a, %w {strides = array<i64: 2, 1>,
        pads = array<i64: 1, 1, 1, 2>, dilations = array<i64: 1, 2>}
        : (tensor<1x5x4x2xf32>, tensor<1x2x3x2xf32>) -> tensor<1x3x3x1xf32>
      return %z : tensor<1x3x3x1xf32>
    })",
                                 data, {4, 8});
  std::vector<std::vector<float>> rows;
  for (const Tensor &sample : data.samples)
    for (int y = 0; y < 3; ++y)
      for (int x = 0; x < 3; ++x) {
        std::vector<float> row;
        for (int ky = 0; ky < 2; ++ky)
          for (int kx = 0; kx < 3; ++kx)
            for (int c = 0; c < 2; ++c) {
              int inY = 2 * y - 1 + ky, inX = x - 1 + 2 * kx;
              bool isInside = inY >= 0 && inY < 5 && inX >= 0 && inX < 4;
              row.push_back(isInside ? sample.f()[(inY * 4 + inX) * 2 + c]
                                     : 0.0f);
            }
        rows.push_back(row);
      }
  compare(moments, rows);
}

TEST_F(InputMomentsTest, FullyConnectedReadsItsRows) {
  RandomData data({4, 6}, 5);
  InputMoments moments = collect(R"(
    func.func @f(%x: tensor<4x6xf32>) -> tensor<4x3xf32> {
      %w = q.const dense<1.0> : tensor<3x6xf32>
      %a = q.clamp %x {clamp_min = -9.0 : f32}
        : (tensor<4x6xf32>) -> tensor<4x6xf32>
      %y = q.gemm %a, %w : (tensor<4x6xf32>, tensor<3x6xf32>) -> tensor<4x3xf32>
      return %y : tensor<4x3xf32>
    })",
                                 data, {6});
  std::vector<std::vector<float>> rows;
  for (const Tensor &sample : data.samples)
    for (int row = 0; row < 4; ++row)
      rows.push_back(
          {sample.f().begin() + row * 6, sample.f().begin() + row * 6 + 6});
  compare(moments, rows);
}

/// Of very many windows, some thousand, with the same means.
TEST_F(InputMomentsTest, SamplesLargeInputsEvenly) {
  RandomData data({1, 128, 128, 1}, 2);
  InputMoments moments = collect(R"(
    func.func @f(%x: tensor<1x128x128x1xf32>) -> tensor<1x128x128x1xf32> {
      %w = q.const dense<1.0> : tensor<1x1x1x1xf32>
      %a = q.clamp %x {clamp_min = -9.0 : f32}
        : (tensor<1x128x128x1xf32>) -> tensor<1x128x128x1xf32>
      %y = q.conv2d %a, %w {strides = array<i64: 1, 1>,
        pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
        : (tensor<1x128x128x1xf32>, tensor<1x1x1x1xf32>) -> tensor<1x128x128x1xf32>
      return %y : tensor<1x128x128x1xf32>
    })",
                                 data, {1});
  EXPECT_NEAR(double(moments.windows), 8192, 8);
  EXPECT_NEAR(moments.getMean(0), 0.5, 0.05);
  EXPECT_NEAR(moments.getCovariance(0)[0], 1, 0.05);
}

TEST_F(InputMomentsTest, LayersOfGroupsGetNone) {
  RandomData data({1, 2, 2, 4}, 2);
  InputMoments moments = collect(R"(
    func.func @f(%x: tensor<1x2x2x4xf32>) -> tensor<1x2x2x2xf32> {
      %w = q.const dense<1.0> : tensor<2x1x1x2xf32>
      %a = q.clamp %x {clamp_min = -9.0 : f32}
        : (tensor<1x2x2x4xf32>) -> tensor<1x2x2x4xf32>
      %y = q.conv2d %a, %w {groups = 2 : i64, strides = array<i64: 1, 1>,
        pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
        : (tensor<1x2x2x4xf32>, tensor<2x1x1x2xf32>) -> tensor<1x2x2x2xf32>
      return %y : tensor<1x2x2x2xf32>
    })",
                                 data, {2});
  EXPECT_EQ(moments.windows, 0);
}

} // namespace
