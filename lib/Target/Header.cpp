//===- Header.cpp - The C header of a compiled model ----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Target/Header.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

static StringRef elementType(StringRef type) {
  return StringSwitch<StringRef>(type)
      .Case("float32", "float")
      .Case("int8", "int8_t")
      .Case("uint8", "uint8_t")
      .Case("int16", "int16_t")
      .Case("uint16", "uint16_t")
      .Case("int32", "int32_t")
      .Default("void");
}

/// The macros of one input or output, under the prefix `MODEL_INPUT_0`.
static void describe(raw_ostream &os, const json::Object &tensor,
                     StringRef prefix) {
  StringRef type = tensor.getString("type").value_or("float32");
  std::string shape;
  int64_t elements = 1;
  if (const json::Array *extents = tensor.getArray("shape"))
    for (const json::Value &extent : *extents) {
      int64_t value = extent.getAsInteger().value_or(1);
      shape += (shape.empty() ? "" : ", ") + std::to_string(value);
      elements *= value;
    }
  // A name is data of the model; it must not end the comment.
  std::string name;
  for (char c : tensor.getString("name").value_or(""))
    name += isPrint(c) && c != '*' && c != '\\' ? c : '_';
  os << "/* '" << name << "': " << elementType(type) << "[" << shape
     << "], row-major";
  if (auto scale = tensor.getNumber("scale"))
    os << formatv("; real value = {0} * (q - {1})", *scale,
                  tensor.getInteger("zero_point").value_or(0));
  os << " */\n";
  os << "#define " << prefix << "_TYPE " << elementType(type) << "\n";
  os << "#define " << prefix << "_SHAPE {" << shape << "}\n";
  os << "#define " << prefix << "_SIZE " << elements << "\n";
  if (auto scale = tensor.getNumber("scale")) {
    // %a would be exact, but C90 and C++98 do not read it; 9 digits are.
    os << "#define " << prefix << "_SCALE " << format("%.9g", *scale) << "\n";
    os << "#define " << prefix << "_ZERO_POINT "
       << tensor.getInteger("zero_point").value_or(0) << "\n";
  }
  os << "\n";
}

/// The entry point and what its caller must know.
static void declareRun(raw_ostream &os, StringRef symbol, StringRef macro,
                       int64_t threads, bool profiles) {
  os << "/* Runs the network once. inputs[i] and outputs[i] point to the "
        "tensors\n   described above, arena to "
     << macro
     << "_ARENA_SIZE bytes, aligned, whose\n   contents need not be kept "
        "between runs. None of them may overlap.\n   ";
  if (threads > 1)
    os << "Up to " << threads
       << " OpenMP threads share a run, the calling one among them; link\n   "
          "the archive with -lgomp or -fopenmp. Results do not depend on "
          "their\n   number. Otherwise calls nothing, allocates nothing,\n   ";
  else
    os << "Calls nothing, allocates nothing,\n   ";
  if (profiles)
    os << "but counts in " << symbol << "_profile: one run at a time.\n";
  else
    os << "keeps no state: runs with different arenas may be concurrent.\n";
  os << "   Returns 0; 1 if a pointer is null and 2 if the arena is not "
        "aligned, and\n   then has done nothing. */\nint "
     << symbol
     << "_run(const void *const *inputs, void *const *outputs, void "
        "*arena);\n\n";
}

std::string q::makeHeader(const json::Object &info, StringRef symbol,
                          StringRef target) {
  std::string text, macro = StringRef(symbol).upper();
  raw_string_ostream os(text);
  os << "/* " << symbol << ": a compiled network. Made for " << target
     << "; do not edit. */\n"
     << "#ifndef " << macro << "_MODEL_H\n#define " << macro << "_MODEL_H\n\n"
     << "#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  if (const json::Array *islands = info.getArray("float_islands"))
    os << "/* Not integer-only: " << islands->size()
       << " ops compute in float; the report names them. */\n#define " << macro
       << "_FLOAT_ISLANDS " << islands->size() << "\n\n";
  const json::Array *profile = info.getArray("profile");
  int64_t arena = info.getInteger("arena_bytes").value_or(0);
  os << "/* Bytes of working memory that a run needs, and their alignment. */\n"
     << "#define " << macro << "_ARENA_SIZE " << arena << "\n"
     << "#define " << macro << "_ARENA_ALIGNMENT "
     << info.getInteger("arena_alignment").value_or(64) << "\n\n";
  for (auto [key, label] :
       {std::pair("inputs", "INPUT"), std::pair("outputs", "OUTPUT")}) {
    const json::Array *tensors = info.getArray(key);
    size_t count = tensors ? tensors->size() : 0;
    os << "#define " << macro << "_NUM_" << label << "S " << count << "\n\n";
    for (size_t i = 0; i < count; ++i)
      if (const json::Object *tensor = (*tensors)[i].getAsObject())
        describe(os, *tensor, (macro + "_" + label + "_" + Twine(i)).str());
  }
  declareRun(os, symbol, macro, info.getInteger("threads").value_or(1),
             profile != nullptr);
  os << "/* The same facts as JSON. */\nextern const char " << symbol
     << "_info[];\n\n";
  if (profile)
    os << "/* What the layers have taken so far, in ticks of the counter of "
          "constant\n   rate; the JSON names the layers. */\nextern uint64_t "
       << symbol << "_profile[" << profile->size() << "];\n\n";
  os << "#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
  return text;
}
