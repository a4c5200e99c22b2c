//===- Recipe.h - Which tensors are quantized how ---------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The policy of q-insert-quantizers: settings for all layers and, read from a
// recipe file, settings by layer.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TRANSFORMS_RECIPE_H
#define QDIALECT_TRANSFORMS_RECIPE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace q {

/// How the result of a layer, or a constant operand, is quantized.
struct ActivationSettings {
  unsigned bits = 8;
  bool symmetric = false;
  bool powerOfTwo = false;
  /// A range that calibration leaves alone.
  std::optional<std::array<double, 2>> range;
};

/// How the weights of a layer are quantized.
struct WeightSettings {
  unsigned bits = 8;
  bool perChannel = true;
  bool powerOfTwo = false;
  bool narrow = false;
};

/// What a recipe may leave unsaid about activations.
struct ActivationOverride {
  std::optional<unsigned> bits;
  std::optional<bool> symmetric;
  std::optional<bool> powerOfTwo;
  std::optional<std::array<double, 2>> range;
};

/// What a recipe may leave unsaid about weights.
struct WeightOverride {
  std::optional<unsigned> bits;
  std::optional<bool> perChannel;
  std::optional<bool> powerOfTwo;
  std::optional<bool> narrow;
};

/// An entry for the layers with a name, or whose whole name matches an extended
/// regular expression.
struct RecipeEntry {
  std::string name;
  std::string match;
  ActivationOverride activations;
  WeightOverride weights;
  /// Whether a layer took it; an entry that none takes is likely misspelt.
  bool used = false;

  /// Whether it is for the layer of this name.
  bool covers(llvm::StringRef layer) const;
};

/// The settings of a network.
class Recipe {
public:
  Recipe(ActivationSettings activations, WeightSettings weights)
      : activations(activations), weights(weights) {}

  /// Reads a YAML or JSON file over the settings so far. The error names the
  /// file, the line, and what is wrong.
  llvm::Error read(llvm::StringRef path);

  /// Checks bits and ranges of all settings.
  llvm::Error verify() const;

  /// The settings of the layer `name`; marks the entries that it takes.
  ActivationSettings getActivations(llvm::StringRef name);
  WeightSettings getWeights(llvm::StringRef name);

  /// The entries that no layer has taken.
  std::vector<std::string> getUnusedEntries() const;

private:
  ActivationSettings activations;
  WeightSettings weights;
  std::vector<RecipeEntry> entries;
};

} // namespace q

#endif // QDIALECT_TRANSFORMS_RECIPE_H
