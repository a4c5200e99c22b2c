//===- OnnxFile.cpp - Bytes to an ONNX protobuf ---------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OnnxFile.h"

#include <climits>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>
#include <onnx/onnx_pb.h>

using namespace q::onnx_import;
namespace protobuf = google::protobuf;

namespace {
/// Keeps the first error of the text parser instead of printing it.
class FirstError : public protobuf::io::ErrorCollector {
public:
  explicit FirstError(std::string &message) : message(message) {}
  void AddError(int line, protobuf::io::ColumnNumber column,
                const std::string &text) override {
    if (message.empty())
      message = "line " + std::to_string(line + 1) + ", column " +
                std::to_string(column + 1) + ": " + text;
  }

private:
  std::string &message;
};
} // namespace

/// Parses the binary form of any message.
static bool parseBinary(llvm::StringRef bytes, protobuf::Message &message,
                        std::string &error) {
  if (bytes.empty()) {
    error = "the file is empty; export the model again";
    return false;
  }
  if (bytes.size() > INT_MAX) {
    error = "the file is larger than 2 GiB, which protobuf cannot read; save "
            "the weights as external data";
    return false;
  }
  protobuf::io::ArrayInputStream array(bytes.data(), bytes.size());
  protobuf::io::CodedInputStream stream(&array);
  stream.SetTotalBytesLimit(INT_MAX);
  if (message.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage())
    return true;
  error = "the file is not a complete ONNX protobuf: it is truncated, corrupt "
          "or of another format; export the model again";
  return false;
}

std::shared_ptr<onnx::ModelProto>
q::onnx_import::parseModel(llvm::StringRef bytes, bool textForm,
                           std::string &error) {
  // Protobuf logs to stderr by itself; what is wrong is said once, by us.
  protobuf::LogSilencer silencer;
  auto model = std::make_shared<onnx::ModelProto>();
  if (!textForm)
    return parseBinary(bytes, *model, error) ? model : nullptr;
  std::string detail;
  FirstError collector(detail);
  protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&collector);
  if (parser.ParseFromString(bytes.str(), model.get()))
    return model;
  error = "the text is not an ONNX protobuf: " + detail;
  return nullptr;
}

std::shared_ptr<onnx::TensorProto>
q::onnx_import::parseTensor(llvm::StringRef bytes, std::string &error) {
  protobuf::LogSilencer silencer;
  auto tensor = std::make_shared<onnx::TensorProto>();
  return parseBinary(bytes, *tensor, error) ? tensor : nullptr;
}
