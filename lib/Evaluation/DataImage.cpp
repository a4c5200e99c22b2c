//===- DataImage.cpp - JPEG and PNG images --------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DataReaders.h"

#include <cmath>
#include <csetjmp>
#include <cstdio>

// libjpeg's header needs FILE and size_t declared before it.
#include <jpeglib.h>
#include <png.h>

using namespace mlir;
using namespace q::eval;

/// More pixels than any camera has are a damaged or hostile file.
static constexpr int64_t kMaxPixels = int64_t(1) << 28;

bool q::eval::isImagePath(StringRef path) {
  std::string name = path.lower();
  for (StringRef suffix : {".jpg", ".jpeg", ".png"})
    if (StringRef(name).ends_with(suffix))
      return true;
  return false;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

namespace {

/// libjpeg reports an error by a call that must not return.
struct JpegErrors {
  jpeg_error_mgr manager;
  jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

} // namespace

static void leaveJpeg(j_common_ptr jpeg) {
  auto *errors = reinterpret_cast<JpegErrors *>(jpeg->err);
  jpeg->err->format_message(jpeg, errors->message);
  longjmp(errors->back, 1);
}
static void ignoreJpegWarning(j_common_ptr, int) {}

/// Decodes into `pixels`, of `channels` a pixel. No object with a destructor
/// lives here, as an error jumps out.
static bool decodeJpeg(const llvm::MemoryBuffer &file, JpegErrors &errors,
                       int64_t &height, int64_t &width, int &channels,
                       bool &isInverted, std::vector<uint8_t> &pixels) {
  jpeg_decompress_struct jpeg;
  jpeg.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = leaveJpeg;
  errors.manager.emit_message = ignoreJpegWarning;
  if (setjmp(errors.back)) {
    jpeg_destroy_decompress(&jpeg);
    return false;
  }
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg,
               reinterpret_cast<const unsigned char *>(file.getBufferStart()),
               file.getBufferSize());
  jpeg_read_header(&jpeg, TRUE);
  bool isCmyk =
      jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
  jpeg.out_color_space = isCmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&jpeg);
  height = jpeg.output_height;
  width = jpeg.output_width;
  channels = jpeg.output_components;
  isInverted = jpeg.saw_Adobe_marker;
  if (height * width > kMaxPixels)
    jpeg.err->error_exit(reinterpret_cast<j_common_ptr>(&jpeg));
  pixels.resize(height * width * channels);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = pixels.data() + jpeg.output_scanline * width * channels;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  // A file that ends early decodes to grey with a warning.
  bool isWhole = jpeg.err->num_warnings == 0;
  if (!isWhole)
    jpeg.err->format_message(reinterpret_cast<j_common_ptr>(&jpeg),
                             errors.message);
  jpeg_destroy_decompress(&jpeg);
  return isWhole;
}

/// Four inks to three lights; Adobe's files store the inks inverted.
static std::vector<uint8_t> convertCmyk(ArrayRef<uint8_t> cmyk,
                                        bool isInverted) {
  std::vector<uint8_t> rgb;
  for (size_t i = 0; i < cmyk.size(); i += 4)
    for (int c = 0; c < 3; ++c) {
      int ink = isInverted ? cmyk[i + c] : 255 - cmyk[i + c];
      int black = isInverted ? cmyk[i + 3] : 255 - cmyk[i + 3];
      rgb.push_back((ink * black + 127) / 255);
    }
  return rgb;
}

static FailureOr<Image> readJpeg(const llvm::MemoryBuffer &file, StringRef path,
                                 Location loc) {
  JpegErrors errors;
  Image image;
  int channels = 3;
  bool isInverted = false;
  if (!decodeJpeg(file, errors, image.height, image.width, channels, isInverted,
                  image.pixels))
    return emitError(loc) << "cannot read '" << path
                          << "': " << StringRef(errors.message);
  if (channels == 4)
    image.pixels = convertCmyk(image.pixels, isInverted);
  return image;
}

static FailureOr<Image> readPng(const llvm::MemoryBuffer &file, StringRef path,
                                Location loc) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  Image image;
  bool works = png_image_begin_read_from_memory(&png, file.getBufferStart(),
                                                file.getBufferSize()) != 0;
  if (works) {
    png.format = PNG_FORMAT_RGB;
    if (int64_t(png.height) * png.width > kMaxPixels) {
      png_image_free(&png);
      return emitError(loc) << "cannot read '" << path << "': it has "
                            << png.height << "x" << png.width << " pixels";
    }
    image.height = png.height;
    image.width = png.width;
    image.pixels.resize(PNG_IMAGE_SIZE(png));
    // Transparent parts show black.
    png_color black = {0, 0, 0};
    works = png_image_finish_read(&png, &black, image.pixels.data(), 0,
                                  nullptr) != 0;
  }
  std::string message = png.message;
  png_image_free(&png);
  if (!works)
    return emitError(loc) << "cannot read '" << path << "': " << message;
  return image;
}

FailureOr<Image> q::eval::readImage(StringRef path, Location loc) {
  auto file = openFile(path, loc);
  if (failed(file))
    return failure();
  // The content decides, not the name.
  if ((*file)->getBuffer().starts_with("\x89PNG"))
    return readPng(**file, path, loc);
  return readJpeg(**file, path, loc);
}

//===----------------------------------------------------------------------===//
// Resizing and cropping
//===----------------------------------------------------------------------===//

/// Resizes the middle one of three dimensions `[outer, extent, inner]` with a
/// triangle filter. When shrinking, the filter widens, so that every input
/// pixel counts.
static std::vector<uint8_t> resizeAxis(ArrayRef<uint8_t> input, int64_t outer,
                                       int64_t extent, int64_t inner,
                                       int64_t target) {
  std::vector<uint8_t> output(outer * target * inner);
  double scale = double(extent) / target, support = std::max(scale, 1.0);
  std::vector<double> weights;
  for (int64_t i = 0; i < target; ++i) {
    double center = (i + 0.5) * scale;
    int64_t first = std::max<int64_t>(0, std::floor(center - support + 0.5));
    int64_t last =
        std::min<int64_t>(extent, std::floor(center + support + 0.5));
    weights.clear();
    double sum = 0.0;
    for (int64_t k = first; k < last; ++k) {
      weights.push_back(
          std::max(0.0, 1.0 - std::fabs((k + 0.5 - center) / support)));
      sum += weights.back();
    }
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t c = 0; c < inner; ++c) {
        double value = 0.0;
        for (int64_t k = first; k < last; ++k)
          value += weights[k - first] * input[(o * extent + k) * inner + c];
        output[(o * target + i) * inner + c] =
            std::clamp(std::floor(value / sum + 0.5), 0.0, 255.0);
      }
  }
  return output;
}

static Image resizeImage(Image image, int64_t height, int64_t width) {
  if (width != image.width)
    image.pixels =
        resizeAxis(image.pixels, image.height, image.width, 3, width);
  if (height != image.height)
    image.pixels = resizeAxis(image.pixels, 1, image.height, width * 3, height);
  image.height = height;
  image.width = width;
  return image;
}

FailureOr<Image> q::eval::transformImage(Image image,
                                         const Preprocessing &preprocessing,
                                         StringRef path, Location loc) {
  int64_t height = preprocessing.resizeHeight,
          width = preprocessing.resizeWidth;
  if (height > 0 && width == 0) {
    // One number is the shorter side; the other keeps the proportions.
    int64_t shorter = height;
    bool isLandscape = image.width >= image.height;
    height = isLandscape ? shorter : shorter * image.height / image.width;
    width = isLandscape ? shorter * image.width / image.height : shorter;
  }
  if (height > 0)
    image = resizeImage(std::move(image), height, width);
  height = preprocessing.cropHeight;
  width = preprocessing.cropWidth;
  if (height == 0)
    return image;
  if (height > image.height || width > image.width)
    return emitError(loc) << "cannot crop " << height << "x" << width
                          << " out of '" << path << "', which has "
                          << image.height << "x" << image.width
                          << " pixels; resize it first (resize=N)";
  Image cropped{height, width, {}};
  int64_t top = (image.height - height) / 2, left = (image.width - width) / 2;
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t *row =
        image.pixels.data() + ((top + y) * image.width + left) * 3;
    cropped.pixels.insert(cropped.pixels.end(), row, row + width * 3);
  }
  return cropped;
}
