//===- DataPreprocessing.cpp - Reads preprocessing specifications ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/Data.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;
using namespace q::eval;

/// A decimal number or a fraction of two.
static bool parseNumber(StringRef text, double &value) {
  auto [above, below] = text.split('/');
  double divisor = 1.0;
  if (above.trim().getAsDouble(value) ||
      (!below.empty() && below.trim().getAsDouble(divisor)))
    return false;
  if (text.contains('/') && below.empty())
    return false;
  value /= divisor;
  return std::isfinite(value);
}

static bool parseNumbers(StringRef text, SmallVector<double> &values) {
  SmallVector<StringRef> parts;
  text.split(parts, ':');
  values.clear();
  for (StringRef part : parts)
    if (!parseNumber(part, values.emplace_back()))
      return false;
  return true;
}

/// `N` or `HxW`. A single number leaves the width to `single`.
static bool parseSize(StringRef text, int64_t &height, int64_t &width,
                      bool isSquare) {
  auto [first, second] = text.split('x');
  constexpr int64_t largest = 1 << 14;
  if (first.getAsInteger(10, height) || height < 1 || height > largest)
    return false;
  width = isSquare ? height : 0;
  if (!text.contains('x'))
    return true;
  return !second.getAsInteger(10, width) && width >= 1 && width <= largest;
}

static bool parseLayout(StringRef text, bool &isNhwc) {
  isNhwc = text == "nhwc";
  return isNhwc || text == "nchw";
}

static bool parseChannels(StringRef text, Preprocessing::Channels &channels) {
  using Channels = Preprocessing::Channels;
  if (text == "rgb")
    channels = Channels::Rgb;
  else if (text == "bgr")
    channels = Channels::Bgr;
  else if (text == "gray")
    channels = Channels::Gray;
  else
    return false;
  return true;
}

/// How each key is written.
static constexpr StringLiteral kForms =
    "resize=N|HxW, crop=N|HxW, channels=rgb|bgr|gray, scale=S, mean=M|A:B:C, "
    "std=D|A:B:C, layout=nchw|nhwc, from=nchw|nhwc";

/// That of one of them.
static StringRef getForm(StringRef key) {
  return kForms.substr(kForms.find((key + "=").str())).split(',').first;
}

FailureOr<Preprocessing> Preprocessing::parse(StringRef text, Location loc) {
  Preprocessing result;
  bool hasFrom = false;
  SmallVector<StringRef> items;
  text.split(items, ',', -1, /*KeepEmpty=*/false);
  for (StringRef item : items) {
    auto [key, value] = item.trim().split('=');
    bool works;
    if (key == "resize")
      works = parseSize(value, result.resizeHeight, result.resizeWidth,
                        /*isSquare=*/false);
    else if (key == "crop")
      works = parseSize(value, result.cropHeight, result.cropWidth,
                        /*isSquare=*/true);
    else if (key == "channels")
      works = parseChannels(value, result.channels);
    else if (key == "scale")
      works = parseNumber(value, result.scale);
    else if (key == "mean")
      works = parseNumbers(value, result.mean);
    else if (key == "std")
      works = parseNumbers(value, result.stddev) &&
              !llvm::is_contained(result.stddev, 0.0);
    else if (key == "layout")
      works = parseLayout(value, result.modelIsNhwc);
    else if (key == "from")
      works = hasFrom = parseLayout(value, result.arraysAreNhwc);
    else
      return emitError(loc)
             << "unknown preprocessing '" << key << "'; known are " << kForms;
    if (!works)
      return emitError(loc) << "preprocessing '" << key << "' cannot be '"
                            << value << "'; write " << getForm(key);
  }
  if (!hasFrom)
    result.arraysAreNhwc = result.modelIsNhwc;
  return result;
}
