//===- ImportOnnx.cpp - Reads ONNX files
//-------------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Import/ImportOnnx.h"

#include "GraphImporter.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

#include <climits>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>
#include <onnx/onnx_pb.h>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

namespace {

/// Protobuf's complaints about a text file as diagnostics.
class TextErrors : public google::protobuf::io::ErrorCollector {
public:
  explicit TextErrors(Location file) : file(file) {}
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string &message) override {
    emitError(file) << "line " << line + 1 << ": " << message;
  }

private:
  Location file;
};

} // namespace

static LogicalResult parse(const llvm::MemoryBufferRef &buffer, Location loc,
                           onnx::ModelProto &model) {
  size_t size = buffer.getBufferSize();
  if (size > INT_MAX)
    return emitError(loc)
           << "is larger than 2 GiB, which protobuf cannot hold; save the "
              "model with external data";
  google::protobuf::io::ArrayInputStream stream(buffer.getBufferStart(), size);
  if (buffer.getBufferIdentifier().ends_with(".pbtxt")) {
    TextErrors errors(loc);
    google::protobuf::TextFormat::Parser parser;
    parser.RecordErrorsTo(&errors);
    return success(parser.Parse(&stream, &model));
  }
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetTotalBytesLimit(INT_MAX);
  if (!model.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage())
    return emitError(loc) << "is not a valid ONNX file (corrupt or truncated); "
                             "export or download it again";
  return success();
}

static OwningOpRef<ModuleOp> importBuffer(const llvm::MemoryBufferRef &buffer,
                                          MLIRContext *context,
                                          const ImportOptions &options) {
  context->loadDialect<QDialect, func::FuncDialect, quant::QuantDialect>();
  StringRef path = buffer.getBufferIdentifier();
  Location loc = FileLineColLoc::get(context, path, 0, 0);
  auto proto = std::make_unique<onnx::ModelProto>();
  if (failed(parse(buffer, loc, *proto)))
    return {};
  if (!proto->has_graph() || proto->graph().node_size() == 0)
    return emitError(loc) << "holds no graph", nullptr;
  if (options.batch < 1)
    return emitError(loc) << "the batch must be positive", nullptr;
  int64_t opset = 1;
  for (const auto &import : proto->opset_import())
    if (import.domain().empty() || import.domain() == "ai.onnx")
      opset = import.version();
  if (opset < 7)
    return emitError(loc) << "uses opset " << opset
                          << ", but 7 is the oldest supported; convert it with "
                             "onnx.version_converter",
           nullptr;
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto function = func::FuncOp::create(builder, loc, "main",
                                       builder.getFunctionType({}, {}));
  GraphImporter importer(function, llvm::sys::path::parent_path(path), opset,
                         options);
  if (failed(importer.run(proto->graph())) || failed(verify(*module)))
    return {};
  return module;
}

OwningOpRef<ModuleOp> q::importOnnx(StringRef path, MLIRContext *context,
                                    const ImportOptions &options) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer) {
    emitError(FileLineColLoc::get(context, path, 0, 0))
        << "cannot be read: " << buffer.getError().message();
    return {};
  }
  return importBuffer((*buffer)->getMemBufferRef(), context, options);
}

void q::registerImportOnnx() {
  static llvm::cl::opt<int64_t> batch(
      "batch", llvm::cl::desc("What a symbolic batch dimension becomes"),
      llvm::cl::init(1));
  static TranslateToMLIRRegistration registration(
      "import-onnx", "Import an ONNX model as float q IR",
      [](llvm::SourceMgr &sources, MLIRContext *context) {
        ImportOptions options;
        options.batch = batch;
        const llvm::MemoryBuffer *buffer =
            sources.getMemoryBuffer(sources.getMainFileID());
        OwningOpRef<ModuleOp> module =
            importBuffer(buffer->getMemBufferRef(), context, options);
        return OwningOpRef<Operation *>(module.release().getOperation());
      },
      [](DialectRegistry &registry) {
        registry.insert<QDialect, func::FuncDialect, quant::QuantDialect>();
      });
}
