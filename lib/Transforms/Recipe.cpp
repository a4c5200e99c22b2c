//===- Recipe.cpp - Reads quantization recipes ----------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Transforms/Recipe.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/YAMLTraits.h"

#include <cmath>

using namespace llvm;
using namespace q;

namespace {

/// A file as it is written.
struct RecipeFile {
  ActivationOverride activations;
  WeightOverride weights;
  std::vector<RecipeEntry> layers;
};

} // namespace

LLVM_YAML_IS_SEQUENCE_VECTOR(RecipeEntry)

namespace llvm::yaml {

template <> struct MappingTraits<ActivationOverride> {
  static void mapping(IO &io, ActivationOverride &value) {
    io.mapOptional("bits", value.bits);
    io.mapOptional("symmetric", value.symmetric);
    io.mapOptional("power_of_two", value.powerOfTwo);
    std::vector<double> range;
    io.mapOptional("range", range);
    if (range.empty())
      return;
    if (range.size() != 2)
      return io.setError("'range' takes a minimum and a maximum");
    value.range = {range[0], range[1]};
  }
};

template <> struct MappingTraits<WeightOverride> {
  static void mapping(IO &io, WeightOverride &value) {
    io.mapOptional("bits", value.bits);
    io.mapOptional("per_channel", value.perChannel);
    io.mapOptional("power_of_two", value.powerOfTwo);
    io.mapOptional("narrow", value.narrow);
  }
};

template <> struct MappingTraits<RecipeEntry> {
  static void mapping(IO &io, RecipeEntry &entry) {
    io.mapOptional("name", entry.name);
    io.mapOptional("match", entry.match);
    io.mapOptional("activations", entry.activations);
    io.mapOptional("weights", entry.weights);
    bool skip = false;
    io.mapOptional("skip", skip);
    if (skip)
      return io.setError("a layer cannot be left in float: compiled networks "
                         "are integer-only; give it more bits instead "
                         "('activations: {bits: 16}')");
    if (entry.name.empty() == entry.match.empty())
      return io.setError("a layer entry needs either 'name' or 'match'");
    std::string error;
    if (!entry.match.empty() && !Regex(entry.match).isValid(error))
      io.setError("'" + entry.match + "' is no regular expression: " + error);
  }
};

template <> struct MappingTraits<RecipeFile> {
  static void mapping(IO &io, RecipeFile &file) {
    io.mapOptional("activations", file.activations);
    io.mapOptional("weights", file.weights);
    io.mapOptional("layers", file.layers);
  }
};

} // namespace llvm::yaml

bool RecipeEntry::covers(StringRef layer) const {
  if (!name.empty())
    return layer == name;
  return Regex("^(" + match + ")$").match(layer);
}

template <typename T>
static void assign(T &setting, const std::optional<T> &value) {
  if (value)
    setting = *value;
}

static void apply(const ActivationOverride &from, ActivationSettings &to) {
  assign(to.bits, from.bits);
  assign(to.symmetric, from.symmetric);
  assign(to.powerOfTwo, from.powerOfTwo);
  if (from.range)
    to.range = from.range;
}

static void apply(const WeightOverride &from, WeightSettings &to) {
  assign(to.bits, from.bits);
  assign(to.perChannel, from.perChannel);
  assign(to.powerOfTwo, from.powerOfTwo);
  assign(to.narrow, from.narrow);
}

Error Recipe::read(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return createStringError("cannot read the recipe '" + path +
                             "': " + buffer.getError().message());
  std::string message;
  auto handler = [](const SMDiagnostic &diagnostic, void *context) {
    auto &message = *static_cast<std::string *>(context);
    if (message.empty())
      message =
          (Twine(diagnostic.getLineNo()) + ":" +
           Twine(diagnostic.getColumnNo() + 1) + ": " + diagnostic.getMessage())
              .str();
  };
  RecipeFile file;
  yaml::Input input((*buffer)->getMemBufferRef(), nullptr, handler, &message);
  input >> file;
  if (input.error())
    return createStringError("recipe " + path + ":" + message +
                             "; docs/Passes.md, q-insert-quantizers, shows how "
                             "one is written");
  if (file.activations.range)
    return createStringError("recipe " + path +
                             ": 'range' belongs to a layer, not to all");
  apply(file.activations, activations);
  apply(file.weights, weights);
  llvm::append_range(entries, file.layers);
  return Error::success();
}

static Error verifyBits(const Twine &what, unsigned bits, unsigned most) {
  if (bits >= 2 && bits <= most)
    return Error::success();
  return createStringError(what + " cannot have " + Twine(bits) +
                           " bits; choose 2 to " + Twine(most) + " (rule N2)");
}

Error Recipe::verify() const {
  if (Error error = verifyBits("activations", activations.bits, 16))
    return error;
  if (Error error = verifyBits("weights", weights.bits, 8))
    return error;
  for (const RecipeEntry &entry : entries) {
    std::string name = entry.name + entry.match;
    if (Error error = verifyBits("activations of '" + name + "'",
                                 entry.activations.bits.value_or(8), 16))
      return error;
    if (Error error = verifyBits("weights of '" + name + "'",
                                 entry.weights.bits.value_or(8), 8))
      return error;
    if (auto range = entry.activations.range)
      if (!std::isfinite((*range)[0]) || !std::isfinite((*range)[1]) ||
          (*range)[0] > (*range)[1])
        return createStringError("the range of '" + name +
                                 "' must be a finite minimum and maximum");
  }
  return Error::success();
}

ActivationSettings Recipe::getActivations(StringRef name) {
  ActivationSettings settings = activations;
  for (RecipeEntry &entry : entries)
    if (entry.covers(name)) {
      entry.used = true;
      apply(entry.activations, settings);
    }
  return settings;
}

WeightSettings Recipe::getWeights(StringRef name) {
  WeightSettings settings = weights;
  for (RecipeEntry &entry : entries)
    if (entry.covers(name)) {
      entry.used = true;
      apply(entry.weights, settings);
    }
  return settings;
}

std::vector<std::string> Recipe::getUnusedEntries() const {
  std::vector<std::string> unused;
  for (const RecipeEntry &entry : entries)
    if (!entry.used)
      unused.push_back(entry.name.empty() ? entry.match : entry.name);
  return unused;
}
