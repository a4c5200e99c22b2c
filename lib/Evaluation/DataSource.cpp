//===- DataSource.cpp - Opens files and folders of samples ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DataReaders.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <algorithm>

using namespace mlir;
using namespace q::eval;
namespace fs = llvm::sys::fs;

namespace {

/// Several readers one after another: the files of a folder.
class SampleSequence : public SampleReader {
public:
  explicit SampleSequence(std::vector<std::unique_ptr<SampleReader>> parts)
      : parts(std::move(parts)) {
    for (const auto &part : this->parts) {
      starts.push_back(total);
      total += part->getNumSamples();
    }
  }
  int64_t getNumSamples() const override { return total; }
  LogicalResult read(int64_t index, MutableArrayRef<float> values) override {
    size_t part = std::upper_bound(starts.begin(), starts.end(), index) -
                  starts.begin() - 1;
    return parts[part]->read(index - starts[part], values);
  }

private:
  std::vector<std::unique_ptr<SampleReader>> parts;
  std::vector<int64_t> starts;
  int64_t total = 0;
};

/// Batches put together of samples, one reader per input.
class BatchedSource : public DataSource {
public:
  BatchedSource(SmallVector<InputSpec> inputs,
                std::vector<std::unique_ptr<SampleReader>> readers,
                int64_t batchSize, int64_t numSamples)
      : inputs(std::move(inputs)), readers(std::move(readers)),
        batchSize(batchSize), numSamples(numSamples) {}

  int64_t getNumSamples() const override { return numSamples; }
  int64_t getBatchSize() const override { return batchSize; }
  FailureOr<Batch> read(int64_t index) override {
    Batch batch;
    int64_t size = batchSize, first = index * size;
    batch.valid = std::min(size, numSamples - first);
    for (auto [input, reader] : llvm::zip_equal(inputs, readers)) {
      Tensor tensor = Tensor::floats(input.shape);
      MutableArrayRef<float> values(tensor.f());
      int64_t sample = values.size() / size;
      for (int64_t i = 0; i < size; ++i) {
        auto slice = values.slice(i * sample, sample);
        // Copies of the last sample fill up the last batch.
        if (i >= batch.valid)
          llvm::copy(values.slice((batch.valid - 1) * sample, sample),
                     slice.begin());
        else if (failed(reader->read(first + i, slice)))
          return failure();
      }
      batch.inputs.push_back(std::move(tensor));
    }
    return batch;
  }

private:
  SmallVector<InputSpec> inputs;
  std::vector<std::unique_ptr<SampleReader>> readers;
  int64_t batchSize, numSamples;
};

using Readers = std::vector<std::unique_ptr<SampleReader>>;

/// Opens what a path names for a list of inputs.
class Opener {
public:
  Opener(ArrayRef<InputSpec> inputs, const Preprocessing &preprocessing,
         Location loc)
      : inputs(inputs), preprocessing(preprocessing), loc(loc) {}

  FailureOr<Readers> open(StringRef path);

private:
  SampleReaderOr openArrayFile(StringRef path, const InputSpec &input);
  SampleReaderOr openFileFor(StringRef path, const InputSpec &input);
  SampleReaderOr openFolderFor(StringRef path, const InputSpec &input);
  FailureOr<Readers> openNpz(StringRef path);
  FailureOr<Readers> openProtoFolders(ArrayRef<std::string> folders);

  ArrayRef<InputSpec> inputs;
  const Preprocessing &preprocessing;
  Location loc;
};

} // namespace

/// Names in the order in which people count: input_2 before input_10.
static bool isBefore(StringRef a, StringRef b) {
  return a.compare_numeric(b) < 0;
}

/// The entries of a folder that `keep` wants, as paths in order.
static std::vector<std::string>
listFolder(StringRef path, llvm::function_ref<bool(StringRef)> keep) {
  std::vector<std::string> entries;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; it != end && !error;
       it.increment(error))
    if (keep(it->path()))
      entries.push_back(it->path());
  llvm::sort(entries, [](StringRef a, StringRef b) { return isBefore(a, b); });
  return entries;
}

static std::string getProtoPath(StringRef folder, size_t input) {
  SmallString<128> path(folder);
  llvm::sys::path::append(path, "input_" + Twine(input) + ".pb");
  return std::string(path);
}

SampleReaderOr Opener::openArrayFile(StringRef path, const InputSpec &input) {
  ArrayOr array = path.ends_with(".pb") ? openTensorProto(path, loc)
                                        : openNpyFile(path, loc);
  if (failed(array))
    return failure();
  return makeArraySamples(std::move(*array), path, input, preprocessing, loc);
}

SampleReaderOr Opener::openFileFor(StringRef path, const InputSpec &input) {
  if (fs::is_directory(path))
    return openFolderFor(path, input);
  if (isImagePath(path))
    return makeImageSample(path, input, preprocessing, loc);
  if (path.ends_with(".npy") || path.ends_with(".pb"))
    return openArrayFile(path, input);
  return emitError(loc)
         << "cannot read samples from '" << path
         << "': known are .npy, .npz, .pb, .jpg, .png and folders of them";
}

SampleReaderOr Opener::openFolderFor(StringRef path, const InputSpec &input) {
  std::vector<std::string> files = listFolder(path, [](StringRef entry) {
    return isImagePath(entry) || entry.ends_with(".npy");
  });
  if (files.empty())
    return emitError(loc) << "cannot read samples from the folder '" << path
                          << "': it holds no .jpg, .png, .npy or input_0.pb";
  Readers parts;
  for (StringRef file : files) {
    SampleReaderOr part = openFileFor(file, input);
    if (failed(part))
      return failure();
    parts.push_back(std::move(*part));
  }
  return std::unique_ptr<SampleReader>(
      std::make_unique<SampleSequence>(std::move(parts)));
}

FailureOr<Readers> Opener::openNpz(StringRef path) {
  auto members = openZip(path, loc);
  if (failed(members))
    return failure();
  Readers readers;
  for (auto [index, input] : llvm::enumerate(inputs)) {
    auto hasName = [&, name = StringRef(input.name)](const ArchiveMember &m) {
      return m.name == (name + ".npy").str();
    };
    auto member = llvm::find_if(*members, hasName);
    // Arrays without the inputs' names go by their order.
    bool inOrder = member == members->end() && members->size() == inputs.size();
    if (inOrder)
      member = members->begin() + index;
    if (member == members->end() || !member->bytes) {
      InFlightDiagnostic diagnostic = emitError(loc);
      diagnostic << "'" << path << "' has no array '" << input.name
                 << "' for the input of that name; it has";
      for (const ArchiveMember &m : *members)
        diagnostic << " '"
                   << StringRef(m.name).drop_back(
                          StringRef(m.name).ends_with(".npy") ? 4 : 0)
                   << "'";
      return diagnostic;
    }
    std::string name = (path + ":" + member->name).str();
    ArrayOr array = openNpy(std::move(member->bytes), name, loc);
    if (failed(array))
      return failure();
    SampleReaderOr reader =
        makeArraySamples(std::move(*array), name, input, preprocessing, loc);
    if (failed(reader))
      return failure();
    readers.push_back(std::move(*reader));
  }
  return readers;
}

FailureOr<Readers> Opener::openProtoFolders(ArrayRef<std::string> folders) {
  Readers readers;
  for (auto [index, input] : llvm::enumerate(inputs)) {
    Readers parts;
    for (StringRef folder : folders) {
      SampleReaderOr part = openArrayFile(getProtoPath(folder, index), input);
      if (failed(part))
        return failure();
      parts.push_back(std::move(*part));
    }
    readers.push_back(std::make_unique<SampleSequence>(std::move(parts)));
  }
  return readers;
}

FailureOr<Readers> Opener::open(StringRef path) {
  SmallVector<StringRef> paths;
  if (fs::exists(path))
    paths.push_back(path);
  else
    path.split(paths, ',');
  for (StringRef one : paths)
    if (!fs::exists(one))
      return emitError(loc) << "cannot read samples from '" << one
                            << "': there is no such file or folder";
  if (paths.size() == 1) {
    if (path.ends_with(".npz"))
      return openNpz(path);
    if (fs::exists(getProtoPath(path, 0)))
      return openProtoFolders({path.str()});
    if (fs::is_directory(path)) {
      std::vector<std::string> folders = listFolder(
          path, [](StringRef e) { return fs::exists(getProtoPath(e, 0)); });
      if (!folders.empty())
        return openProtoFolders(folders);
    }
  }
  if (paths.size() != inputs.size()) {
    InFlightDiagnostic diagnostic = emitError(loc);
    diagnostic << "'" << path << "' names " << paths.size()
               << " file(s) or folder(s), but the model has " << inputs.size()
               << " input(s):";
    for (const InputSpec &input : inputs)
      diagnostic << " '" << input.name << "'";
    return diagnostic << "; give one per input, separated by commas, or a "
                         ".npz with an array per input";
  }
  Readers readers;
  for (auto [one, input] : llvm::zip_equal(paths, inputs)) {
    SampleReaderOr reader = openFileFor(one, input);
    if (failed(reader))
      return failure();
    readers.push_back(std::move(*reader));
  }
  return readers;
}

SmallVector<InputSpec> q::eval::getInputSpecs(func::FuncOp function) {
  SmallVector<InputSpec> specs;
  for (BlockArgument argument : function.getArguments()) {
    InputSpec spec;
    unsigned index = argument.getArgNumber();
    spec.name = "arg" + std::to_string(index);
    if (auto name = function.getArgAttrOfType<StringAttr>(index, "q.name"))
      spec.name = name.str();
    else if (auto loc = argument.getLoc()->findInstanceOf<NameLoc>())
      spec.name = loc.getName().str();
    if (auto type = dyn_cast<ShapedType>(argument.getType());
        type && type.hasStaticShape())
      spec.shape = SmallVector<int64_t>(type.getShape());
    specs.push_back(std::move(spec));
  }
  return specs;
}

FailureOr<std::unique_ptr<DataSource>>
q::eval::openData(StringRef path, ArrayRef<InputSpec> inputs,
                  const Preprocessing &preprocessing, Location loc,
                  int64_t limit) {
  if (inputs.empty())
    return emitError(loc) << "the model has no inputs to read samples for";
  if (limit < 0)
    return emitError(loc) << "cannot use " << limit
                          << " samples; give a number of them, or 0 for all";
  auto getFirst = [](const InputSpec &input) {
    return input.shape.empty() ? 1 : input.shape.front();
  };
  int64_t batch = getFirst(inputs.front());
  bool isBatched = true;
  for (const InputSpec &input : inputs) {
    if (llvm::is_contained(input.shape, 0))
      return emitError(loc) << "input '" << input.name << "' has shape ["
                            << input.shape << "], which has no elements";
    isBatched &= getFirst(input) == batch;
  }
  // Inputs that differ in their first dimension have no batch there: a sample
  // is the whole of each.
  SmallVector<InputSpec> specs(inputs);
  if (!isBatched) {
    batch = 1;
    for (InputSpec &spec : specs)
      spec.shape.insert(spec.shape.begin(), 1);
  }
  FailureOr<Readers> readers = Opener(specs, preprocessing, loc).open(path);
  if (failed(readers))
    return failure();
  int64_t count = readers->front()->getNumSamples();
  for (auto [input, reader] : llvm::zip_equal(inputs, *readers))
    if (reader->getNumSamples() != count)
      return emitError(loc)
             << "'" << path << "' has " << count << " samples for input '"
             << inputs.front().name << "', but " << reader->getNumSamples()
             << " for '" << input.name << "'";
  if (limit > 0)
    count = std::min(count, limit);
  return std::unique_ptr<DataSource>(std::make_unique<BatchedSource>(
      SmallVector<InputSpec>(inputs), std::move(*readers), batch, count));
}

FailureOr<std::unique_ptr<DataSource>>
q::eval::openData(StringRef path, func::FuncOp function,
                  StringRef preprocessing, int64_t limit) {
  Location loc = function.getLoc();
  auto parsed = Preprocessing::parse(preprocessing, loc);
  if (failed(parsed))
    return failure();
  return openData(path, getInputSpecs(function), *parsed, loc, limit);
}
