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

std::string q::makeIdentifier(StringRef name) {
  std::string result;
  for (char c : name)
    result += isAlnum(c) || c == '_' ? c : '_';
  if (result.empty() || isDigit(result.front()))
    result.insert(result.begin(), '_');
  return result;
}

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
     << "#define " << macro << "_ARENA_ALIGNMENT 64\n\n";
  for (auto [key, label] :
       {std::pair("inputs", "INPUT"), std::pair("outputs", "OUTPUT")}) {
    const json::Array *tensors = info.getArray(key);
    size_t count = tensors ? tensors->size() : 0;
    os << "#define " << macro << "_NUM_" << label << "S " << count << "\n\n";
    for (size_t i = 0; i < count; ++i)
      if (const json::Object *tensor = (*tensors)[i].getAsObject())
        describe(os, *tensor, (macro + "_" + label + "_" + Twine(i)).str());
  }
  int64_t threads = info.getInteger("threads").value_or(1);
  os << "/* Runs the network once. inputs[i] and outputs[i] point to the "
        "tensors\n"
        "   described above; arena to "
     << macro << "_ARENA_SIZE bytes, aligned, whose\n"
     << "   contents need not be kept between runs. "
     << (threads > 1
             ? formatv("Up to {0} OpenMP threads share a\n   run, the calling "
                       "one among them; link the archive with -lgomp or\n   "
                       "-fopenmp. Results do not depend on their number. "
                       "Otherwise calls\n   nothing, allocates nothing,\n   ",
                       threads)
                   .str()
             : std::string("Calls nothing, allocates nothing,\n   "))
     << (profile ? "but counts in " + symbol.str() +
                       "_profile: one run at a time. Returns 0. */\n"
                 : std::string("keeps no state: runs with different arenas may "
                               "be concurrent. Returns 0. */\n"))
     << "int " << symbol
     << "_run(const void *const *inputs, void *const *outputs, void "
        "*arena);\n\n"
     << "/* The same facts as JSON. */\nextern const char " << symbol
     << "_info[];\n\n";
  if (profile)
    os << "/* What the layers have taken so far, in ticks of the counter of "
          "constant\n   rate; the JSON names the layers. */\nextern uint64_t "
       << symbol << "_profile[" << profile->size() << "];\n\n";
  os << "#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
  return text;
}
