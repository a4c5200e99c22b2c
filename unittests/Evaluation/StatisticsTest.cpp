//===- StatisticsTest.cpp - Histograms, statistics, ranges ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatTest.h"

#include "QDialect/Evaluation/Statistics.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace q::eval;

namespace {

void expectSame(const Histogram &a, const Histogram &b) {
  EXPECT_EQ(a.getCount(), b.getCount());
  EXPECT_EQ(a.getZeros(), b.getZeros());
  EXPECT_EQ(a.getNans(), b.getNans());
  EXPECT_EQ(a.getInfinities(), b.getInfinities());
  EXPECT_EQ(a.getMin(), b.getMin());
  EXPECT_EQ(a.getMax(), b.getMax());
  EXPECT_EQ(a.getExponent(), b.getExponent());
  EXPECT_EQ(a.getFirst(), b.getFirst());
  EXPECT_EQ(a.getBins(), b.getBins());
}

class StatisticsTest : public ContextTest {
protected:
  /// Values of very unlike sizes, zeros among them.
  Floats makeValues(size_t count, unsigned seed) {
    std::mt19937 engine(seed);
    Floats values;
    for (size_t i = 0; i < count; ++i) {
      int exponent = int(engine() % 30) - 20;
      float value = std::ldexp(float(int(engine() % 2001) - 1000), exponent);
      values.push_back(engine() % 5 ? value : 0.0f);
    }
    return values;
  }
  static Statistics collect(const std::vector<Floats> &batches) {
    Statistics statistics;
    for (const Floats &batch : batches) {
      statistics.add(batch);
      statistics.endBatch();
    }
    return statistics;
  }
  /// 0.001 (i + 1/2) - 10 for all i: evenly spread over [-10, 10].
  static Floats uniform() {
    Floats values;
    for (int i = 0; i < 20000; ++i)
      values.push_back(0.001f * (i + 0.5f) - 10);
    return values;
  }
};

TEST_F(StatisticsTest, HistogramCountsWhatItCannotHold) {
  Histogram histogram;
  histogram.add({1, 0, NAN, INFINITY, -INFINITY, -3, -0.0f});
  EXPECT_EQ(histogram.getCount(), 7);
  EXPECT_EQ(histogram.getZeros(), 2);
  EXPECT_EQ(histogram.getNans(), 1);
  EXPECT_EQ(histogram.getInfinities(), 2);
  EXPECT_EQ(histogram.getMin(), -3);
  EXPECT_EQ(histogram.getMax(), 1);
  int64_t sum = 0;
  for (int64_t bin : histogram.getBins())
    sum += bin;
  EXPECT_EQ(sum, 2);
}

TEST_F(StatisticsTest, BinsCoverTheirValues) {
  Histogram histogram;
  Floats values = makeValues(5000, 1);
  histogram.add(values);
  EXPECT_LE(int64_t(histogram.getBins().size()), Histogram::maxBins);
  double low = histogram.getFirst() * histogram.getWidth();
  double high = low + histogram.getBins().size() * histogram.getWidth();
  EXPECT_LE(low, histogram.getMin());
  EXPECT_GT(high, histogram.getMax());
  // No finer bins would do.
  EXPECT_GT(int64_t(histogram.getBins().size()), Histogram::maxBins / 2 - 2);
}

TEST_F(StatisticsTest, HistogramDoesNotDependOnOrderNorSplit) {
  Floats values = makeValues(3000, 2);
  Histogram whole;
  whole.add(values);
  for (size_t parts : {2, 7, 3000}) {
    Histogram merged, streamed;
    for (size_t p = parts; p-- > 0;) {
      size_t begin = p * values.size() / parts,
             end = (p + 1) * values.size() / parts;
      llvm::ArrayRef<float> part(values.data() + begin, end - begin);
      Histogram own;
      own.add(part);
      merged.merge(own);
      streamed.add(part);
    }
    expectSame(merged, whole);
    expectSame(streamed, whole);
  }
  Histogram empty, copy = whole;
  copy.merge(empty);
  expectSame(copy, whole);
  empty.merge(whole);
  expectSame(empty, whole);
}

TEST_F(StatisticsTest, HistogramOfExtremeValues) {
  Histogram histogram;
  histogram.add({1e-45f});
  histogram.add({3.4e38f, -3.4e38f});
  EXPECT_EQ(histogram.getFinite(), 3);
  EXPECT_EQ(histogram.getMin(), double(-3.4e38f));
  Histogram single;
  single.add({1e30f, 1e30f});
  EXPECT_EQ(single.getBins().size(), 1u);
  EXPECT_EQ(single.getBins()[0], 2);
}

TEST_F(StatisticsTest, AveragesAreOverBatches) {
  Statistics statistics = collect({{-1, 2}, {-3, 4}, {-2, 9}});
  auto choose = [&](RangeMethod method) {
    RangeOptions options;
    options.method = method;
    return chooseRange(statistics, options);
  };
  EXPECT_EQ(choose(RangeMethod::MinMax).min, -3);
  EXPECT_EQ(choose(RangeMethod::MinMax).max, 9);
  EXPECT_DOUBLE_EQ(choose(RangeMethod::Averaged).min, -2);
  EXPECT_DOUBLE_EQ(choose(RangeMethod::Averaged).max, 5);
  // Rule N18 with decay 0.99, divided by the weights' sum.
  double expected =
      (2 * 0.99 * 0.99 + 4 * 0.99 + 9) * 0.01 / (1 - 0.99 * 0.99 * 0.99);
  EXPECT_NEAR(choose(RangeMethod::Ema).max, expected, 1e-12);
}

TEST_F(StatisticsTest, ABatchMayBeSeveralAdds) {
  Statistics parts, whole = collect({{-1, 2, 5}});
  parts.add({2, 5});
  parts.add({-1});
  parts.endBatch();
  parts.endBatch();
  EXPECT_EQ(parts.batches, 1);
  EXPECT_EQ(parts.sumMin, whole.sumMin);
  EXPECT_EQ(parts.sumMax, whole.sumMax);
}

TEST_F(StatisticsTest, MergeIsTheWhole) {
  std::vector<Floats> batches;
  for (unsigned i = 0; i < 10; ++i)
    batches.push_back(makeValues(500, 10 + i));
  Statistics whole = collect(batches);
  Statistics first = collect({batches.begin(), batches.begin() + 4});
  Statistics second = collect({batches.begin() + 4, batches.end()});
  ASSERT_TRUE(succeeded(first.merge(second)));
  EXPECT_EQ(first.batches, whole.batches);
  expectSame(first.histogram, whole.histogram);
  EXPECT_NEAR(first.sumMin, whole.sumMin, 1e-9 * std::fabs(whole.sumMin));
  EXPECT_NEAR(first.emaMin, whole.emaMin, 1e-9 * std::fabs(whole.emaMin));
  EXPECT_NEAR(first.emaMax, whole.emaMax, 1e-9 * std::fabs(whole.emaMax));
  Statistics other = collect({{1}});
  other.decay = 0.5;
  EXPECT_TRUE(failed(first.merge(other)));
}

TEST_F(StatisticsTest, PercentileCutsBothEnds) {
  Statistics statistics = collect({uniform()});
  RangeOptions options;
  options.method = RangeMethod::Percentile;
  options.percentile = 5;
  RealRange range = chooseRange(statistics, options);
  EXPECT_NEAR(range.min, -9, 0.01);
  EXPECT_NEAR(range.max, 9, 0.01);
  options.percentile = 0;
  range = chooseRange(statistics, options);
  EXPECT_NEAR(range.min, -10, 0.01);
  EXPECT_NEAR(range.max, 10, 0.01);
  // Half of all values are zeros: a quarter of the rest is cut at the top.
  Floats halfZero(1000, 0.0f);
  for (int i = 0; i < 1000; ++i)
    halfZero.push_back(i + 0.5f);
  options.percentile = 12.5;
  range = chooseRange(collect({halfZero}), options);
  EXPECT_EQ(range.min, 0);
  EXPECT_NEAR(range.max, 750, 1);
}

TEST_F(StatisticsTest, UniformValuesAreNotClipped) {
  Statistics statistics = collect({uniform()});
  for (RangeMethod method : {RangeMethod::Mse, RangeMethod::Entropy})
    for (bool symmetric : {false, true}) {
      RangeOptions options;
      options.method = method;
      options.symmetric = symmetric;
      options.isSigned = symmetric;
      RealRange range = chooseRange(statistics, options);
      EXPECT_NEAR(range.max, 10, 0.5) << getRangeMethodName(method).str();
      EXPECT_NEAR(range.min, -10, 0.5) << getRangeMethodName(method).str();
    }
}

/// A normal distribution, by its quantiles, and one outlier.
Floats normalWithOutlier(float outlier) {
  Floats values;
  std::mt19937 engine(3);
  for (int i = 0; i < 100000; ++i) {
    double u = (engine() + 0.5) / 4294967296.0, v = engine() / 4294967296.0;
    values.push_back(std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * v));
  }
  values.push_back(outlier);
  return values;
}

TEST_F(StatisticsTest, MseFindsTheOptimalClipOfANormalDistribution) {
  // With b bits the best symmetric clip of a normal distribution is known:
  // 2.55 sigma for 4 bits, 3.92 for 8 (Banner et al., 2019, fig. 2).
  Statistics statistics = collect({normalWithOutlier(30)});
  RangeOptions options;
  options.method = RangeMethod::Mse;
  options.symmetric = options.isSigned = true;
  options.bits = 4;
  EXPECT_NEAR(chooseRange(statistics, options).max, 2.55, 0.25);
  // In 8 bits the error of the outlier, (30 - t)^2, balances that of the
  // rounding of 10^5 values, (2 t / 255)^2 / 12 each, at t = 19.9.
  options.bits = 8;
  RealRange range = chooseRange(statistics, options);
  EXPECT_NEAR(range.max, 19.9, 0.3);
  EXPECT_EQ(range.min, -range.max);
}

TEST_F(StatisticsTest, EntropyClipsAnOutlier) {
  Statistics statistics = collect({normalWithOutlier(60)});
  RangeOptions options;
  options.method = RangeMethod::Entropy;
  options.symmetric = options.isSigned = true;
  RealRange range = chooseRange(statistics, options);
  EXPECT_LT(range.max, 20);
  EXPECT_GT(range.max, 2);
}

TEST_F(StatisticsTest, OneSidedValuesKeepZeroAsTheirEnd) {
  Floats values;
  for (int i = 0; i < 1000; ++i)
    values.push_back(i % 2 ? 0.0f : 0.01f * i + 1);
  Statistics statistics = collect({values});
  for (RangeMethod method :
       {RangeMethod::MinMax, RangeMethod::Ema, RangeMethod::Averaged,
        RangeMethod::Percentile, RangeMethod::Mse, RangeMethod::Entropy}) {
    RangeOptions options;
    options.method = method;
    RealRange range = chooseRange(statistics, options);
    EXPECT_EQ(range.min, 0) << getRangeMethodName(method).str();
    EXPECT_NEAR(range.max, 11, 1) << getRangeMethodName(method).str();
    EXPECT_EQ(parseRangeMethod(getRangeMethodName(method)), method);
  }
  EXPECT_FALSE(parseRangeMethod("best"));
}

TEST_F(StatisticsTest, DeadTensorsHaveAnEmptyRange) {
  for (const Statistics &statistics :
       {Statistics(), collect({{0, 0, 0}}), collect({{NAN}})})
    for (RangeMethod method :
         {RangeMethod::MinMax, RangeMethod::Averaged, RangeMethod::Percentile,
          RangeMethod::Mse, RangeMethod::Entropy}) {
      RangeOptions options;
      options.method = method;
      RealRange range = chooseRange(statistics, options);
      EXPECT_EQ(range.min, 0);
      EXPECT_EQ(range.max, 0);
    }
}

TEST_F(StatisticsTest, ChannelsHaveTheirOwnExtremes) {
  Statistics statistics;
  statistics.addChannels({1, -2, 3, 0.5f, 7, -4}, {3, 2}, 1);
  RangeOptions options;
  auto ranges = chooseRanges(statistics, options);
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].min, 0);
  EXPECT_EQ(ranges[0].max, 7);
  EXPECT_EQ(ranges[1].min, -4);
  EXPECT_EQ(ranges[1].max, 0.5);
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

class StatisticsFile : public StatisticsTest {
protected:
  StatisticsFile() {
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("qstat", "json", path));
  }
  ~StatisticsFile() override { llvm::sys::fs::remove(path); }
  llvm::SmallString<128> path;
};

TEST_F(StatisticsFile, RoundTripIsExact) {
  StatisticsMap map;
  map["conv \"1\"\n"] = collect({makeValues(1000, 5), makeValues(1000, 6)});
  map["w"] = collect({{0.1f, -0.3f}});
  map["w"].addChannels({0.1f, -0.3f}, {2}, 0);
  map["empty"] = Statistics();
  ASSERT_TRUE(succeeded(saveStatistics(path, map, getLoc()))) << diagnostics;
  auto loaded = loadStatistics(path, getLoc());
  ASSERT_TRUE(succeeded(loaded)) << diagnostics;
  ASSERT_EQ(loaded->size(), map.size());
  for (const auto &[key, statistics] : map) {
    const Statistics &other = loaded->at(key);
    expectSame(other.histogram, statistics.histogram);
    EXPECT_EQ(other.batches, statistics.batches);
    EXPECT_EQ(other.sumMin, statistics.sumMin);
    EXPECT_EQ(other.sumMax, statistics.sumMax);
    EXPECT_EQ(other.emaMin, statistics.emaMin);
    EXPECT_EQ(other.emaMax, statistics.emaMax);
    EXPECT_EQ(other.decay, statistics.decay);
    ASSERT_EQ(other.channels.size(), statistics.channels.size());
    for (size_t c = 0; c < other.channels.size(); ++c) {
      EXPECT_EQ(other.channels[c].min, statistics.channels[c].min);
      EXPECT_EQ(other.channels[c].max, statistics.channels[c].max);
    }
  }
}

TEST_F(StatisticsFile, DamagedFilesAreDiagnosed) {
  StatisticsMap map;
  map["x"] = collect({{1, 2, 3}});
  ASSERT_TRUE(succeeded(saveStatistics(path, map, getLoc())));
  auto buffer = llvm::MemoryBuffer::getFile(path);
  ASSERT_TRUE(bool(buffer));
  std::string good = (*buffer)->getBuffer().str();
  auto expectBad = [&](const std::string &text, llvm::StringRef why) {
    std::error_code error;
    llvm::raw_fd_ostream(path, error) << text;
    diagnostics.clear();
    EXPECT_TRUE(failed(loadStatistics(path, getLoc()))) << text;
    expectDiagnostic(why);
  };
  expectBad(good.substr(0, good.size() / 2), "is not JSON");
  expectBad("{}", "was not written by q-calibrate");
  expectBad("[1]", "was not written by q-calibrate");
  auto replaced = [&](const std::string &from, const std::string &to) {
    std::string text = good;
    size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  expectBad(replaced("\"version\":1", "\"version\":2"), "another version");
  expectBad(replaced("\"count\":3", "\"count\":4"), "'x' are damaged");
  expectBad(replaced("\"batches\":1", "\"batches\":-1"), "'x' are damaged");
  expectBad(replaced("\"decay\":0.98", "\"decay\":1.98"), "'x' are damaged");
  expectBad(replaced("\"bins\":[", "\"bins\":[\"a\","), "'x' are damaged");
  diagnostics.clear();
  EXPECT_TRUE(failed(loadStatistics("/no/such/file", getLoc())));
  expectDiagnostic("/no/such/file");
}

//===----------------------------------------------------------------------===//
// Collection
//===----------------------------------------------------------------------===//

/// Samples that are given, not read.
class GivenSource : public DataSource {
public:
  explicit GivenSource(std::vector<Tensor> samples)
      : samples(std::move(samples)) {}
  int64_t getNumSamples() const override { return samples.size(); }
  int64_t getBatchSize() const override { return 1; }
  mlir::FailureOr<Batch> read(int64_t index) override {
    return Batch{{samples[index]}, 1};
  }

private:
  std::vector<Tensor> samples;
};

constexpr char kNetwork[] = R"(
  func.func @f(%x: tensor<1x2xf32> loc("input")) -> tensor<1x2xf32> {
    %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> : tensor<1x2xf32>
    %w = q.const dense<[[2.0, 0.0], [0.0, -4.0]]> : tensor<2x2xf32>
    %v = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> : tensor<2x2xf32>
    %1 = q.gemm %0, %v : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("dense")
    %2 = q.quantizer %1 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> : tensor<1x2xf32> loc("dense")
    %3 = q.quantizer %1 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> : tensor<1x2xf32>
    return %3 : tensor<1x2xf32>
  })";

TEST_F(StatisticsTest, CollectsWhatQuantizersSee) {
  mlir::func::FuncOp function = parse(kNetwork);
  ASSERT_TRUE(function);
  GivenSource data({Tensor({1, 2}, Floats{1, 2}), Tensor({1, 2}, Floats{-3, 1}),
                    Tensor({1, 2}, Floats{0, 0})});
  StatisticsMap map;
  std::vector<int64_t> progress;
  CollectOptions options;
  options.runsPerBatch = 2;
  ASSERT_TRUE(succeeded(collectStatistics(
      function, data, map, options,
      [&](int64_t done, int64_t) { progress.push_back(done); })))
      << diagnostics;
  EXPECT_EQ(progress, (std::vector<int64_t>{1, 2, 3}));
  ASSERT_EQ(map.size(), 4u);
  ASSERT_TRUE(map.count("input") && map.count("dense") && map.count("dense#1"));
  const Statistics &input = map["input"], &dense = map["dense"];
  EXPECT_EQ(input.batches, 2);
  EXPECT_EQ(input.histogram.getCount(), 6);
  EXPECT_EQ(input.sumMin, -3);
  EXPECT_EQ(input.sumMax, 2);
  EXPECT_EQ(dense.getRange().min, -8);
  EXPECT_EQ(dense.getRange().max, 2);
  expectSame(map["dense#1"].histogram, dense.histogram);
  for (const auto &[key, statistics] : map)
    if (!statistics.channels.empty()) {
      EXPECT_EQ(statistics.batches, 1);
      EXPECT_EQ(statistics.channels[0].max, 2);
      EXPECT_EQ(statistics.channels[1].min, -4);
    }
}

TEST_F(StatisticsTest, KeysAreThoseOfTheWholeFunction) {
  mlir::func::FuncOp function = parse(kNetwork);
  ASSERT_TRUE(function);
  auto keys = getQuantizerKeys(function);
  ASSERT_EQ(keys.size(), 4u);
  for (const auto &[op, key] : keys)
    EXPECT_EQ(getQuantizerKey(llvm::cast<q::QuantizerOp>(op)), key);
}

TEST_F(StatisticsTest, NaNIsDiagnosedAtTheQuantizer) {
  mlir::func::FuncOp function = parse(kNetwork);
  ASSERT_TRUE(function);
  GivenSource data(
      {Tensor({1, 2}, Floats{1, 2}), Tensor({1, 2}, Floats{NAN, 1})});
  StatisticsMap map;
  EXPECT_TRUE(failed(
      collectStatistics(function, data, map, {}, [](int64_t, int64_t) {})));
  expectDiagnostic("sees 1 values that are not numbers (NaN) in sample 1");
}

} // namespace
