//===- DataSamples.cpp - Cuts arrays and images into samples --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DataReaders.h"

using namespace mlir;
using namespace q::eval;

namespace {

/// What turns the values of a file into those of a sample.
class SampleTransform {
public:
  SampleTransform(const Preprocessing &preprocessing, ArrayRef<int64_t> sample)
      : preprocessing(preprocessing), sample(sample) {
    isImage = sample.size() == 3;
    if (isImage)
      channelAxis = preprocessing.modelIsNhwc ? 2 : 0;
  }

  /// The shape of a sample as it lies in the file.
  Shape getFileShape() const {
    if (!needsTranspose())
      return sample;
    if (preprocessing.arraysAreNhwc)
      return {sample[1], sample[2], sample[0]};
    return {sample[2], sample[0], sample[1]};
  }

  /// Fails where per-channel numbers do not fit the channels.
  LogicalResult check(StringRef inputName, Location loc) const {
    int64_t channels = isImage ? sample[channelAxis] : 1;
    auto fits = [&](ArrayRef<double> values) {
      return values.size() <= 1 ||
             (isImage && int64_t(values.size()) == channels);
    };
    if (fits(preprocessing.mean) && fits(preprocessing.stddev))
      return success();
    InFlightDiagnostic diagnostic = emitError(loc);
    diagnostic << "preprocessing gives mean or std for "
               << std::max(preprocessing.mean.size(),
                           preprocessing.stddev.size())
               << " channels, but input '" << inputName << "' has ";
    if (isImage)
      diagnostic << channels << " channels (layout="
                 << (preprocessing.modelIsNhwc ? "nhwc)" : "nchw)");
    else
      diagnostic << "no channels: give one number";
    return diagnostic;
  }

  /// From the layout of the file into that of the model, then the affine map.
  void apply(MutableArrayRef<float> values) {
    if (needsTranspose())
      transpose(values);
    if (!preprocessing.isAffine())
      return;
    int64_t inner = 1, channels = 1;
    if (isImage) {
      channels = sample[channelAxis];
      inner = channelAxis == 0 ? sample[1] * sample[2] : 1;
    }
    auto pick = [](ArrayRef<double> list, int64_t channel, double none) {
      return list.empty() ? none : list[list.size() == 1 ? 0 : channel];
    };
    for (auto [i, value] : llvm::enumerate(values)) {
      int64_t channel = int64_t(i) / inner % channels;
      value = (value * preprocessing.scale -
               pick(preprocessing.mean, channel, 0.0)) /
              pick(preprocessing.stddev, channel, 1.0);
    }
  }

private:
  bool needsTranspose() const {
    return isImage && preprocessing.arraysAreNhwc != preprocessing.modelIsNhwc;
  }
  void transpose(MutableArrayRef<float> values) {
    // Both directions are a transposition of a matrix pixels x channels.
    Shape file = getFileShape();
    int64_t rows = preprocessing.arraysAreNhwc ? file[0] * file[1] : file[0];
    int64_t columns = int64_t(values.size()) / std::max<int64_t>(rows, 1);
    scratch.assign(values.begin(), values.end());
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        values[c * rows + r] = scratch[r * columns + c];
  }

  Preprocessing preprocessing;
  Shape sample;
  bool isImage;
  size_t channelAxis = 0;
  std::vector<float> scratch;
};

class ArraySamples : public SampleReader {
public:
  ArraySamples(std::unique_ptr<ArrayReader> array, int64_t count,
               SampleTransform transform)
      : array(std::move(array)), count(count), transform(std::move(transform)) {
  }
  int64_t getNumSamples() const override { return count; }
  LogicalResult read(int64_t index, MutableArrayRef<float> values) override {
    if (failed(array->read(index * int64_t(values.size()), values)))
      return failure();
    transform.apply(values);
    return success();
  }

private:
  std::unique_ptr<ArrayReader> array;
  int64_t count;
  SampleTransform transform;
};

class ImageSample : public SampleReader {
public:
  ImageSample(StringRef path, const InputSpec &input,
              const Preprocessing &preprocessing, SampleTransform transform,
              Location loc)
      : path(path), input(input), preprocessing(preprocessing),
        transform(std::move(transform)), loc(loc) {}
  int64_t getNumSamples() const override { return 1; }
  LogicalResult read(int64_t index, MutableArrayRef<float> values) override;

private:
  std::string path;
  InputSpec input;
  Preprocessing preprocessing;
  SampleTransform transform;
  Location loc;
};

} // namespace

LogicalResult ImageSample::read(int64_t, MutableArrayRef<float> values) {
  FailureOr<Image> image = readImage(path, loc);
  if (failed(image))
    return failure();
  image = transformImage(std::move(*image), preprocessing, path, loc);
  if (failed(image))
    return failure();
  using Channels = Preprocessing::Channels;
  bool isGray = preprocessing.channels == Channels::Gray;
  int64_t channels = isGray ? 1 : 3;
  Shape expected = transform.getFileShape();
  if (ArrayRef(expected) !=
      ArrayRef<int64_t>{image->height, image->width, channels})
    return emitError(loc) << "image '" << path << "' has " << image->height
                          << "x" << image->width << " pixels and " << channels
                          << " channels, but input '" << input.name
                          << "' takes [" << input.shape
                          << "]; say how to fit it by preprocessing with "
                             "resize=, crop=, channels= and layout=";
  const std::vector<uint8_t> &pixels = image->pixels;
  for (size_t i = 0; i * 3 < pixels.size(); ++i) {
    int red = pixels[3 * i], green = pixels[3 * i + 1],
        blue = pixels[3 * i + 2];
    switch (preprocessing.channels) {
    case Channels::Gray:
      // ITU-R BT.601 in 16 bits.
      values[i] = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;
      break;
    case Channels::Rgb:
      values[3 * i] = red, values[3 * i + 1] = green, values[3 * i + 2] = blue;
      break;
    case Channels::Bgr:
      values[3 * i] = blue, values[3 * i + 1] = green, values[3 * i + 2] = red;
      break;
    }
  }
  transform.apply(values);
  return success();
}

//===----------------------------------------------------------------------===//
// Matching shapes
//===----------------------------------------------------------------------===//

/// A shape without its dimensions of 1: they can be added or left out without
/// moving an element.
static Shape squeeze(ArrayRef<int64_t> shape) {
  Shape result;
  for (int64_t extent : shape)
    if (extent != 1)
      result.push_back(extent);
  return result;
}

/// How many samples of shape `sample` (in the file's layout) an array holds for
/// an input with `batch` of them; nothing if it does not fit.
static std::optional<int64_t>
countSamples(ArrayRef<int64_t> array, ArrayRef<int64_t> sample, int64_t batch) {
  Shape full = {batch};
  full.append(sample.begin(), sample.end());
  if (!array.empty() && array.drop_front() == sample)
    return array[0];
  if (!array.empty() && array.drop_front() == ArrayRef(full))
    return array[0] * batch;
  if (array == sample)
    return 1;
  if (!array.empty() && squeeze(array.drop_front()) == squeeze(sample))
    return array[0];
  if (squeeze(array) == squeeze(sample))
    return 1;
  return std::nullopt;
}

/// The shape of one sample: the input without its batch dimension.
static ArrayRef<int64_t> getSampleShape(const InputSpec &input) {
  ArrayRef<int64_t> shape(input.shape);
  return shape.empty() ? shape : shape.drop_front();
}

SampleReaderOr q::eval::makeArraySamples(std::unique_ptr<ArrayReader> array,
                                         StringRef name, const InputSpec &input,
                                         const Preprocessing &preprocessing,
                                         Location loc) {
  SampleTransform transform(preprocessing, getSampleShape(input));
  if (failed(transform.check(input.name, loc)))
    return failure();
  Shape sample = transform.getFileShape();
  int64_t batch = input.shape.empty() ? 1 : input.shape.front();
  if (llvm::is_contained(array->getShape(), 0))
    return emitError(loc) << "'" << name << "' holds no samples: its shape is ["
                          << array->getShape() << "]";
  std::optional<int64_t> count = countSamples(array->getShape(), sample, batch);
  if (!count) {
    InFlightDiagnostic diagnostic = emitError(loc);
    diagnostic << "'" << name << "' has shape [" << array->getShape()
               << "], but input '" << input.name << "' takes [" << input.shape
               << "], so it must be [N";
    for (int64_t extent : sample)
      diagnostic << ", " << extent;
    diagnostic << "]";
    if (sample.size() == 3)
      diagnostic << "; channels-last data for a channels-first model needs "
                    "preprocessing from=nhwc";
    return diagnostic;
  }
  return std::unique_ptr<SampleReader>(std::make_unique<ArraySamples>(
      std::move(array), *count, std::move(transform)));
}

SampleReaderOr q::eval::makeImageSample(StringRef path, const InputSpec &input,
                                        const Preprocessing &preprocessing,
                                        Location loc) {
  if (input.shape.size() != 4)
    return emitError(loc) << "'" << path << "' is an image, but input '"
                          << input.name << "' takes [" << input.shape
                          << "], which is no batch of images; give an array "
                             "(.npy)";
  // Images are channels last, whatever arrays are.
  Preprocessing own = preprocessing;
  own.arraysAreNhwc = true;
  SampleTransform transform(own, getSampleShape(input));
  if (failed(transform.check(input.name, loc)))
    return failure();
  return std::unique_ptr<SampleReader>(std::make_unique<ImageSample>(
      path, input, own, std::move(transform), loc));
}
