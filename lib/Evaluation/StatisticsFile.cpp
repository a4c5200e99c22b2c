//===- StatisticsFile.cpp - Saves and loads calibration statistics --------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/Statistics.h"
#include "QDialect/OutputFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using namespace mlir;
using namespace q::eval;
namespace json = llvm::json;

static constexpr llvm::StringLiteral kFormat = "q-calibration-statistics";
static constexpr int64_t kVersion = 1;

//===----------------------------------------------------------------------===//
// Save
//===----------------------------------------------------------------------===//

static void writeTensor(json::OStream &out, const Statistics &statistics) {
  const Histogram::State &state = statistics.histogram.getState();
  out.attribute("batches", statistics.batches);
  out.attribute("count", state.count);
  out.attribute("zeros", state.zeros);
  out.attribute("nans", state.nans);
  out.attribute("infinities", state.infinities);
  out.attribute("min", state.min);
  out.attribute("max", state.max);
  out.attribute("sum_min", statistics.sumMin);
  out.attribute("sum_max", statistics.sumMax);
  out.attribute("decay", statistics.decay);
  out.attribute("ema_min", statistics.emaMin);
  out.attribute("ema_max", statistics.emaMax);
  out.attribute("bin_exponent", state.exponent);
  out.attribute("first_bin", state.first);
  out.attributeArray("bins", [&] {
    for (int64_t count : state.bins)
      out.value(count);
  });
  if (statistics.channels.empty())
    return;
  out.attributeArray("channel_min", [&] {
    for (const RealRange &range : statistics.channels)
      out.value(range.min);
  });
  out.attributeArray("channel_max", [&] {
    for (const RealRange &range : statistics.channels)
      out.value(range.max);
  });
}

LogicalResult q::eval::saveStatistics(StringRef path,
                                      const StatisticsMap &statistics,
                                      Location loc) {
  std::string error;
  std::unique_ptr<OutputFile> file = OutputFile::open(path, error);
  if (!file)
    return emitError(loc) << error;
  json::OStream out(file->os());
  out.object([&] {
    out.attribute("format", kFormat);
    out.attribute("version", kVersion);
    out.attributeObject("tensors", [&] {
      for (const auto &[key, tensor] : statistics) {
        file->os() << '\n';
        // Names come from models, which may hold any bytes.
        out.attributeObject(json::fixUTF8(key), [&, &tensor = tensor] {
          writeTensor(out, tensor);
        });
      }
    });
  });
  file->os() << '\n';
  if (failed(file->keep(error)))
    return emitError(loc) << error;
  return success();
}

//===----------------------------------------------------------------------===//
// Load
//===----------------------------------------------------------------------===//

static bool readNumbers(const json::Array *array, std::vector<double> &values) {
  if (!array)
    return false;
  for (const json::Value &value : *array) {
    std::optional<double> number = value.getAsNumber();
    if (!number || !std::isfinite(*number))
      return false;
    values.push_back(*number);
  }
  return true;
}

static bool readChannels(const json::Object &object,
                         std::vector<RealRange> &channels) {
  if (!object.get("channel_min") && !object.get("channel_max"))
    return true;
  std::vector<double> low, high;
  if (!readNumbers(object.getArray("channel_min"), low) ||
      !readNumbers(object.getArray("channel_max"), high) ||
      low.size() != high.size())
    return false;
  for (auto [min, max] : llvm::zip_equal(low, high)) {
    if (min > max)
      return false;
    channels.push_back({min, max});
  }
  return true;
}

/// False if anything is missing, of another type, or contradicts itself.
static bool readTensor(const json::Object &object, Statistics &statistics) {
  Histogram::State state;
  bool isValid = true;
  auto readInteger = [&](StringRef key, int64_t &value) {
    std::optional<int64_t> found = object.getInteger(key);
    isValid &= found.has_value();
    value = found.value_or(0);
  };
  auto readReal = [&](StringRef key, double &value) {
    std::optional<double> found = object.getNumber(key);
    isValid &= found.has_value() && std::isfinite(*found);
    value = found.value_or(0.0);
  };
  int64_t exponent = 0;
  readInteger("batches", statistics.batches);
  readInteger("count", state.count);
  readInteger("zeros", state.zeros);
  readInteger("nans", state.nans);
  readInteger("infinities", state.infinities);
  readInteger("bin_exponent", exponent);
  readInteger("first_bin", state.first);
  readReal("min", state.min);
  readReal("max", state.max);
  readReal("sum_min", statistics.sumMin);
  readReal("sum_max", statistics.sumMax);
  readReal("decay", statistics.decay);
  readReal("ema_min", statistics.emaMin);
  readReal("ema_max", statistics.emaMax);
  isValid &= statistics.batches >= 0 && statistics.decay >= 0.0 &&
             statistics.decay < 1.0 && std::abs(exponent) < 1000;
  const json::Array *bins = object.getArray("bins");
  if (!isValid || !bins)
    return false;
  for (const json::Value &bin : *bins) {
    std::optional<int64_t> count = bin.getAsInteger();
    if (!count)
      return false;
    state.bins.push_back(*count);
  }
  state.exponent = exponent;
  return statistics.histogram.setState(std::move(state)) &&
         readChannels(object, statistics.channels);
}

FailureOr<StatisticsMap> q::eval::loadStatistics(StringRef path, Location loc) {
  auto fail = [&](const Twine &why) {
    return emitError(loc) << "cannot load statistics from '" << path
                          << "': " << why;
  };
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return fail(buffer.getError().message());
  llvm::Expected<json::Value> document = json::parse((*buffer)->getBuffer());
  if (!document)
    return fail("it is not JSON: " + llvm::toString(document.takeError()));
  const json::Object *root = document->getAsObject();
  if (!root || root->getString("format").value_or("") != kFormat)
    return fail("it was not written by q-calibrate --save");
  if (root->getInteger("version").value_or(0) != kVersion)
    return fail("it is of another version; calibrate again");
  const json::Object *tensors = root->getObject("tensors");
  if (!tensors)
    return fail("it holds no tensors");
  StatisticsMap map;
  for (const auto &[key, value] : *tensors) {
    const json::Object *object = value.getAsObject();
    if (!object || !readTensor(*object, map[std::string(StringRef(key))]))
      return fail("the statistics of '" + StringRef(key) + "' are damaged");
  }
  return map;
}
