//===- DataTest.cpp - Readers of samples, on files made here --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatTest.h"

#include "QDialect/Evaluation/Data.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>
#include <cstring>
#include <zlib.h>

// libjpeg's header needs FILE and size_t declared before it.
#include <jpeglib.h>
#include <png.h>

using namespace q::eval;

namespace {

class DataTest : public ContextTest {
protected:
  DataTest() {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("qdata", folder));
  }
  ~DataTest() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(llvm::StringRef name) {
    llvm::SmallString<128> full(folder);
    llvm::sys::path::append(full, name);
    llvm::sys::fs::create_directories(llvm::sys::path::parent_path(full));
    return std::string(full);
  }
  std::string write(llvm::StringRef name, const std::string &bytes) {
    std::error_code error;
    llvm::raw_fd_ostream(path(name), error) << bytes;
    EXPECT_FALSE(error);
    return path(name);
  }

  /// The bytes of a .npy file, as numpy writes them.
  template <typename T>
  static std::string npy(const std::string &descr, const std::string &shape,
                         const std::vector<T> &values, bool fortran = false) {
    std::string header = "{'descr': '" + descr +
                         "', 'fortran_order': " + (fortran ? "True" : "False") +
                         ", 'shape': (" + shape + "), }";
    header.append(63 - (header.size() + 10) % 64, ' ');
    header += '\n';
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += char(header.size() & 255);
    bytes += char(header.size() >> 8);
    bytes += header;
    bytes.append(reinterpret_cast<const char *>(values.data()),
                 values.size() * sizeof(T));
    return bytes;
  }

  Preprocessing parse(llvm::StringRef text) {
    auto parsed = Preprocessing::parse(text, getLoc());
    EXPECT_TRUE(succeeded(parsed)) << diagnostics;
    return succeeded(parsed) ? *parsed : Preprocessing();
  }

  std::unique_ptr<DataSource> open(llvm::StringRef path,
                                   llvm::ArrayRef<InputSpec> inputs,
                                   llvm::StringRef preprocess = "",
                                   int64_t limit = 0) {
    diagnostics.clear();
    auto source = openData(path, inputs, parse(preprocess), getLoc(), limit);
    return succeeded(source) ? std::move(*source) : nullptr;
  }

  /// All values of the first input, batch after batch, copies left out.
  Floats readAll(DataSource *source) {
    Floats values;
    if (!source) {
      ADD_FAILURE() << diagnostics;
      return values;
    }
    for (int64_t i = 0; i < source->getNumBatches(); ++i) {
      auto batch = source->read(i);
      if (failed(batch)) {
        ADD_FAILURE() << diagnostics;
        break;
      }
      const Floats &f = batch->inputs[0].f();
      size_t valid = f.size() / source->getBatchSize() * batch->valid;
      values.insert(values.end(), f.begin(), f.begin() + valid);
    }
    return values;
  }

  llvm::SmallString<128> folder;
};

TEST_F(DataTest, NpyOfEveryType) {
  InputSpec input{"x", {1, 3}};
  auto check = [&](const std::string &bytes, const Floats &expected) {
    EXPECT_EQ(readAll(open(write("x.npy", bytes), {input}).get()), expected);
  };
  check(npy<float>("<f4", "2, 3", {1, 2, 3, 4, 5, 6}), {1, 2, 3, 4, 5, 6});
  check(npy<double>("<f8", "1, 3", {0.5, -1, 1e30}), {0.5f, -1, 1e30f});
  check(npy<uint8_t>("|u1", "1, 3", {0, 128, 255}), {0, 128, 255});
  check(npy<uint8_t>("|b1", "1, 3", {0, 1, 1}), {0, 1, 1});
  check(npy<int8_t>("|i1", "1, 3", {-128, -1, 127}), {-128, -1, 127});
  check(npy<uint16_t>("<u2", "1, 3", {0, 1, 65535}), {0, 1, 65535});
  check(npy<int16_t>("<i2", "1, 3", {-32768, -1, 7}), {-32768, -1, 7});
  check(npy<uint32_t>("<u4", "1, 3", {0, 1, 1u << 31}), {0, 1, 2147483648.f});
  check(npy<int32_t>("<i4", "1, 3", {-5, 0, 5}), {-5, 0, 5});
  check(npy<int64_t>("<i8", "1, 3", {-5, 0, 1 << 20}), {-5, 0, 1 << 20});
  // Half precision: 1, -2, the smallest subnormal 2^-24.
  check(npy<uint16_t>("<f2", "1, 3", {0x3c00, 0xc000, 1}), {1, -2, 0x1p-24f});
  // Big endian.
  check(npy<uint8_t>(">i2", "1, 3", {0, 1, 1, 0, 0xff, 0xfe}), {1, 256, -2});
}

TEST_F(DataTest, FortranOrderIsTransposedBack) {
  // Element (i, j) is 10 i + j; columns lie side by side.
  auto bytes =
      npy<int32_t>("<i4", "2, 3", {0, 10, 1, 11, 2, 12}, /*fortran=*/true);
  EXPECT_EQ(readAll(open(write("x.npy", bytes), {{"x", {1, 3}}}).get()),
            (Floats{0, 1, 2, 10, 11, 12}));
}

TEST_F(DataTest, SamplesMatchInputsWithAndWithoutBatch) {
  InputSpec input{"x", {2, 1, 2}};
  auto numbers = [](int n) {
    std::vector<float> values(n);
    for (int i = 0; i < n; ++i)
      values[i] = i;
    return values;
  };
  auto count = [&](const std::string &shape, int n) {
    auto source =
        open(write("x.npy", npy<float>("<f4", shape, numbers(n))), {input});
    EXPECT_EQ(readAll(source.get()), Floats(numbers(n))) << shape;
    return source ? source->getNumSamples() : -1;
  };
  EXPECT_EQ(count("3, 1, 2", 6), 3);     // samples along axis 0
  EXPECT_EQ(count("1, 2", 2), 1);        // one sample
  EXPECT_EQ(count("3, 2, 1, 2", 12), 6); // whole batches
  EXPECT_EQ(count("3, 2", 6), 3);        // a dimension of 1 left out
}

TEST_F(DataTest, LastBatchIsFilledUpAndLimitHolds) {
  std::string file = write("x.npy", npy<float>("<f4", "3, 1", {1, 2, 3}));
  auto source = open(file, {{"x", {2, 1}}});
  ASSERT_TRUE(source);
  EXPECT_EQ(source->getNumBatches(), 2);
  auto last = source->read(1);
  ASSERT_TRUE(succeeded(last));
  EXPECT_EQ(last->valid, 1);
  EXPECT_EQ(last->inputs[0].f(), (Floats{3, 3}));
  EXPECT_EQ(readAll(open(file, {{"x", {1, 1}}}, "", 2).get()), (Floats{1, 2}));
}

TEST_F(DataTest, WrongShapesSayWhatIsNeeded) {
  std::string file = write("x.npy", npy<float>("<f4", "2, 2, 3", Floats(12)));
  EXPECT_FALSE(open(file, {{"image", {1, 3, 2, 2}}}));
  expectDiagnostic("has shape [2, 2, 3], but input 'image' takes [1, 3, 2, 2], "
                   "so it must be [N, 3, 2, 2]");
  expectDiagnostic("from=nhwc");
  EXPECT_FALSE(open(file, {{"a", {1, 2}}, {"b", {1, 3}}}));
  expectDiagnostic("names 1 file(s) or folder(s), but the model has 2 "
                   "input(s): 'a' 'b'");
  EXPECT_FALSE(open(path("none.npy"), {{"a", {1, 2}}}));
  expectDiagnostic("there is no such file or folder");
  EXPECT_FALSE(open(write("x.txt", "1 2 3"), {{"a", {1, 2}}}));
  expectDiagnostic("known are .npy");
}

TEST_F(DataTest, DamagedNpyFilesAreDiagnosed) {
  InputSpec input{"x", {1, 3}};
  std::string good = npy<float>("<f4", "2, 3", {1, 2, 3, 4, 5, 6});
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(open(write("cut.npy", good.substr(0, size)), {input})) << size;
    expectDiagnostic("cannot read");
  }
  auto bad = [&](const std::string &bytes, llvm::StringRef why) {
    EXPECT_FALSE(open(write("bad.npy", bytes), {input}));
    expectDiagnostic(why);
  };
  bad(npy<float>("<c8", "1, 3", {}), "element type");
  bad(npy<float>("<f4", "-1, 3", {}), "shape is damaged");
  bad(npy<float>("<f4", "9223372036854775807, 9223372036854775807", {}),
      "announces more");
  bad(npy<float>("<f4", "0, 3", {}), "holds no samples: its shape is [0, 3]");
  std::string noKey = good;
  noKey.replace(noKey.find("descr"), 5, "DESCR");
  bad(noKey, "header is damaged");
}

TEST_F(DataTest, PreprocessingChangesLayoutAndValues) {
  // Two pixels of three channels, channels last.
  std::string file =
      write("x.npy", npy<uint8_t>("|u1", "1, 1, 2, 3", {0, 1, 2, 10, 11, 12}));
  EXPECT_EQ(readAll(open(file, {{"x", {1, 3, 1, 2}}}, "from=nhwc").get()),
            (Floats{0, 10, 1, 11, 2, 12}));
  EXPECT_EQ(readAll(open(file, {{"x", {1, 3, 1, 2}}},
                         "from=nhwc,scale=1/2,mean=0:0.5:1,std=1:1:0.5")
                        .get()),
            (Floats{0, 5, 0, 5, 0, 10}));
  EXPECT_EQ(
      readAll(
          open(file, {{"x", {1, 1, 2, 3}}}, "layout=nhwc,mean=1:2:3").get()),
      (Floats{-1, -1, -1, 9, 9, 9}));
  EXPECT_FALSE(open(file, {{"x", {1, 3, 1, 2}}}, "from=nhwc,mean=1:2"));
  expectDiagnostic("for 2 channels, but input 'x' has 3 channels");
}

TEST_F(DataTest, WrongPreprocessingIsDiagnosed) {
  for (const char *text :
       {"foo=1", "resize=0", "crop=axb", "scale=x", "scale=1/0", "mean=1::2",
        "std=0", "layout=chw", "channels=cmyk", "resize"}) {
    diagnostics.clear();
    EXPECT_TRUE(failed(Preprocessing::parse(text, getLoc()))) << text;
    EXPECT_FALSE(diagnostics.empty());
  }
  Preprocessing parsed = parse("resize=256,crop=224x192,channels=bgr");
  EXPECT_EQ(parsed.resizeHeight, 256);
  EXPECT_EQ(parsed.resizeWidth, 0);
  EXPECT_EQ(parsed.cropHeight, 224);
  EXPECT_EQ(parsed.cropWidth, 192);
}

//===----------------------------------------------------------------------===//
// Archives
//===----------------------------------------------------------------------===//

/// A zip archive of (name, contents), deflated or stored.
std::string zip(const std::vector<std::pair<std::string, std::string>> &members,
                bool deflated) {
  auto u16 = [](uint32_t v) {
    return std::string{char(v & 255), char(v >> 8 & 255)};
  };
  auto u32 = [&](uint32_t v) { return u16(v & 0xffff) + u16(v >> 16); };
  std::string body, directory;
  for (const auto &[name, contents] : members) {
    std::string data = contents;
    if (deflated) {
      z_stream stream = {};
      deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
      data.resize(deflateBound(&stream, contents.size()));
      stream.next_in =
          reinterpret_cast<Bytef *>(const_cast<char *>(contents.data()));
      stream.avail_in = contents.size();
      stream.next_out = reinterpret_cast<Bytef *>(data.data());
      stream.avail_out = data.size();
      deflate(&stream, Z_FINISH);
      data.resize(stream.total_out);
      deflateEnd(&stream);
    }
    std::string common = u16(20) + u16(0) + u16(deflated ? 8 : 0) + u32(0) +
                         u32(0) + u32(data.size()) + u32(contents.size()) +
                         u16(name.size()) + u16(0);
    directory += u32(0x02014b50) + u16(20) + common + u16(0) + u16(0) + u16(0) +
                 u32(0) + u32(body.size()) + name;
    body += u32(0x04034b50) + common + name + data;
  }
  return body + directory + u32(0x06054b50) + u16(0) + u16(0) +
         u16(members.size()) + u16(members.size()) + u32(directory.size()) +
         u32(body.size()) + u16(0);
}

TEST_F(DataTest, NpzByNameAndByOrder) {
  std::string a = npy<float>("<f4", "2, 1", {1, 2}),
              b = npy<float>("<f4", "2, 2", {3, 4, 5, 6});
  for (bool deflated : {false, true}) {
    std::string file =
        write("x.npz", zip({{"b.npy", b}, {"a.npy", a}}, deflated));
    auto named = open(file, {{"a", {1, 1}}, {"b", {1, 2}}});
    ASSERT_TRUE(named) << diagnostics;
    // Backwards too: a deflated member starts anew.
    for (int64_t i : {1, 0, 1}) {
      auto batch = named->read(i);
      ASSERT_TRUE(succeeded(batch)) << diagnostics;
      EXPECT_EQ(batch->inputs[0].f(), (Floats{float(1 + i)}));
      EXPECT_EQ(batch->inputs[1].f(),
                (Floats{float(3 + 2 * i), float(4 + 2 * i)}));
    }
    auto ordered = open(file, {{"first", {1, 2}}, {"second", {1, 1}}});
    ASSERT_TRUE(ordered) << diagnostics;
    EXPECT_EQ(readAll(ordered.get()), (Floats{3, 4, 5, 6}));
    EXPECT_FALSE(open(file, {{"c", {1, 1}}}));
    expectDiagnostic("has no array 'c' for the input of that name; it has 'b' "
                     "'a'");
  }
}

TEST_F(DataTest, DamagedNpzFilesAreDiagnosed) {
  std::string b = npy<float>("<f4", "2, 2", {3, 4, 5, 6});
  std::string good = zip({{"b.npy", b}}, true);
  for (size_t size = 0; size < good.size(); size += 7) {
    EXPECT_FALSE(open(write("cut.npz", good.substr(0, size)), {{"b", {1, 2}}}));
    EXPECT_FALSE(diagnostics.empty());
  }
  // Any byte may be wrong; whatever happens is no crash.
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 0x55;
    diagnostics.clear();
    if (auto source = open(write("bad.npz", bad), {{"b", {1, 2}}}))
      (void)source->read(source->getNumBatches() - 1);
  }
}

//===----------------------------------------------------------------------===//
// TensorProto and folders
//===----------------------------------------------------------------------===//

/// TensorProto of float32 with raw data: dims = 1, data_type = 2, raw_data = 9.
std::string proto(const std::vector<int> &dims, const Floats &values) {
  std::string bytes;
  for (int dim : dims)
    bytes += std::string{0x08, char(dim)};
  bytes += std::string{0x10, 0x01, 0x4a, char(values.size() * 4)};
  bytes.append(reinterpret_cast<const char *>(values.data()),
               values.size() * 4);
  return bytes;
}

TEST_F(DataTest, TensorProtoFilesAndFolders) {
  std::string first = write("set_2/input_0.pb", proto({1, 2}, {1, 2}));
  write("set_2/input_1.pb", proto({1, 1}, {3}));
  write("set_10/input_0.pb", proto({1, 2}, {4, 5}));
  write("set_10/input_1.pb", proto({1, 1}, {6}));
  EXPECT_EQ(readAll(open(first, {{"x", {1, 2}}}).get()), (Floats{1, 2}));
  std::vector<InputSpec> inputs = {{"x", {1, 2}}, {"y", {1, 1}}};
  // A set is a sample; sets are in the order in which people count.
  auto sets = open(folder, inputs);
  ASSERT_TRUE(sets) << diagnostics;
  EXPECT_EQ(readAll(sets.get()), (Floats{1, 2, 4, 5}));
  EXPECT_EQ(sets->read(1)->inputs[1].f(), (Floats{6}));
  EXPECT_EQ(readAll(open(path("set_2"), inputs).get()), (Floats{1, 2}));
  write("bad.pb", proto({1, 3}, {1, 2}));
  EXPECT_FALSE(open(path("bad.pb"), {{"x", {1, 3}}}));
  expectDiagnostic("holds 2 elements, but has shape [1, 3]");
  write("bad.pb", "no protobuf");
  EXPECT_FALSE(open(path("bad.pb"), {{"x", {1, 3}}}));
  expectDiagnostic("is not a TensorProto");
}

TEST_F(DataTest, InputsThatDifferInTheirFirstDimensionHaveNoBatch) {
  std::string files =
      write("a.npy", npy<float>("<f4", "2, 3", {1, 2, 3, 4, 5, 6})) + "," +
      write("b.npy", npy<float>("<f4", "4", {7, 8, 9, 10}));
  auto source = open(files, {{"a", {2, 3}}, {"b", {4}}});
  ASSERT_TRUE(source) << diagnostics;
  EXPECT_EQ(source->getNumSamples(), 1);
  auto batch = source->read(0);
  ASSERT_TRUE(succeeded(batch)) << diagnostics;
  EXPECT_EQ(batch->inputs[0].getShape(), (llvm::ArrayRef<int64_t>{2, 3}));
  EXPECT_EQ(batch->inputs[0].f(), (Floats{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(batch->inputs[1].getShape(), (llvm::ArrayRef<int64_t>{4}));
  EXPECT_EQ(batch->inputs[1].f(), (Floats{7, 8, 9, 10}));
  // Two samples of each.
  files = write("a.npy", npy<float>("<f4", "2, 1", {1, 2})) + "," +
          write("b.npy", npy<float>("<f4", "2, 2", {3, 4, 5, 6}));
  source = open(files, {{"a", {1}}, {"b", {2}}});
  ASSERT_TRUE(source) << diagnostics;
  EXPECT_EQ(source->getNumSamples(), 2);
  EXPECT_FALSE(open(files, {{"a", {1}}, {"b", {0}}}));
  expectDiagnostic("input 'b' has shape [0], which has no elements");
}

TEST_F(DataTest, OneFilePerInput) {
  std::string a = write("a.npy", npy<float>("<f4", "2, 1", {1, 2})),
              b = write("b.npy", npy<float>("<f4", "2, 2", {3, 4, 5, 6})),
              c = write("c.npy", npy<float>("<f4", "1, 2", {3, 4}));
  auto source = open(a + "," + b, {{"a", {1, 1}}, {"b", {1, 2}}});
  ASSERT_TRUE(source) << diagnostics;
  EXPECT_EQ(source->read(1)->inputs[1].f(), (Floats{5, 6}));
  EXPECT_FALSE(open(a + "," + c, {{"a", {1, 1}}, {"b", {1, 2}}}));
  expectDiagnostic("has 2 samples for input 'a', but 1 for 'b'");
}

//===----------------------------------------------------------------------===//
// Images
//===----------------------------------------------------------------------===//

class ImageTest : public DataTest {
protected:
  /// Left half of one color, right half of another.
  static std::vector<uint8_t> halves(int height, int width,
                                     std::array<uint8_t, 3> left,
                                     std::array<uint8_t, 3> right) {
    std::vector<uint8_t> pixels;
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        for (int c = 0; c < 3; ++c)
          pixels.push_back(2 * x < width ? left[c] : right[c]);
    return pixels;
  }
  std::string writePng(llvm::StringRef name, int height, int width,
                       const std::vector<uint8_t> &pixels) {
    png_image image = {};
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGB;
    EXPECT_TRUE(png_image_write_to_file(&image, path(name).c_str(), 0,
                                        pixels.data(), 0, nullptr));
    return path(name);
  }
  std::string writeJpeg(llvm::StringRef name, int height, int width,
                        std::vector<uint8_t> pixels) {
    jpeg_compress_struct jpeg;
    jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    FILE *file = std::fopen(path(name).c_str(), "wb");
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = width;
    jpeg.image_height = height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < height; ++y) {
      JSAMPROW row = pixels.data() + y * width * 3;
      jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    std::fclose(file);
    return path(name);
  }
};

TEST_F(ImageTest, PngIsExact) {
  std::string file =
      writePng("a.png", 2, 2, halves(2, 2, {10, 20, 30}, {1, 2, 3}));
  InputSpec planes{"x", {1, 3, 2, 2}};
  EXPECT_EQ(readAll(open(file, {planes}).get()),
            (Floats{10, 1, 10, 1, 20, 2, 20, 2, 30, 3, 30, 3}));
  EXPECT_EQ(readAll(open(file, {planes}, "channels=bgr").get()),
            (Floats{30, 3, 30, 3, 20, 2, 20, 2, 10, 1, 10, 1}));
  EXPECT_EQ(readAll(open(file, {{"x", {1, 2, 2, 3}}}, "layout=nhwc").get()),
            (Floats{10, 20, 30, 1, 2, 3, 10, 20, 30, 1, 2, 3}));
  // 0.299 R + 0.587 G + 0.114 B, rounded.
  EXPECT_EQ(readAll(open(file, {{"x", {1, 1, 2, 2}}}, "channels=gray").get()),
            (Floats{18, 2, 18, 2}));
}

TEST_F(ImageTest, FolderOfJpegAndPngInOrderOfNames) {
  writeJpeg("img/2.jpg", 4, 4, halves(4, 4, {100, 100, 100}, {100, 100, 100}));
  writePng("img/10.png", 4, 4, halves(4, 4, {7, 7, 7}, {7, 7, 7}));
  write("img/readme.txt", "not an image");
  Floats values = readAll(open(path("img"), {{"x", {1, 3, 4, 4}}}).get());
  ASSERT_EQ(values.size(), 96u);
  EXPECT_NEAR(values[0], 100, 1);
  EXPECT_EQ(values[48], 7);
}

TEST_F(ImageTest, ResizeAveragesAndCropTakesTheMiddle) {
  // 8 wide to 2: each result averages its half and a little of the other.
  std::string file =
      writePng("a.png", 4, 8, halves(4, 8, {200, 200, 200}, {100, 100, 100}));
  Floats values =
      readAll(open(file, {{"x", {1, 3, 1, 2}}}, "resize=1x2").get());
  ASSERT_EQ(values.size(), 6u);
  // Weights of the triangle around 2 of width 4: 0.125 of 14/16 lies beyond.
  EXPECT_NEAR(values[0] + values[1], 300, 1);
  EXPECT_GT(values[0], 180);
  EXPECT_LT(values[0], 195);
  // The shorter side becomes 2, the longer one 4; then the middle 2.
  EXPECT_EQ(
      open(file, {{"x", {1, 3, 2, 2}}}, "resize=2,crop=2")->getNumSamples(), 1);
  Floats cropped = readAll(open(file, {{"x", {1, 3, 2, 2}}}, "crop=2").get());
  EXPECT_EQ(Floats(cropped.begin(), cropped.begin() + 4),
            (Floats{200, 100, 200, 100}));
}

TEST_F(ImageTest, WhatDoesNotFitIsDiagnosed) {
  std::string file =
      writePng("a.png", 2, 2, halves(2, 2, {1, 1, 1}, {2, 2, 2}));
  auto source = open(file, {{"x", {1, 3, 4, 4}}});
  ASSERT_TRUE(source);
  EXPECT_TRUE(failed(source->read(0)));
  expectDiagnostic("has 2x2 pixels and 3 channels, but input 'x' takes [1, 3, "
                   "4, 4]; say how to fit it");
  source = open(file, {{"x", {1, 3, 4, 4}}}, "crop=4");
  EXPECT_TRUE(failed(source->read(0)));
  expectDiagnostic("cannot crop 4x4");
  EXPECT_FALSE(open(file, {{"x", {1, 12}}}));
  expectDiagnostic("no batch of images");
  source = open(write("b.jpg", "no image"), {{"x", {1, 3, 4, 4}}});
  EXPECT_TRUE(failed(source->read(0)));
  expectDiagnostic("cannot read");
  // A JPEG that ends early is no grey image.
  writeJpeg("c.jpg", 64, 64, halves(64, 64, {0, 50, 100}, {200, 150, 0}));
  uint64_t size = 0;
  ASSERT_FALSE(llvm::sys::fs::file_size(path("c.jpg"), size));
  ASSERT_EQ(truncate(path("c.jpg").c_str(), size / 2), 0);
  source = open(path("c.jpg"), {{"x", {1, 3, 64, 64}}});
  EXPECT_TRUE(failed(source->read(0)));
  expectDiagnostic("cannot read");
}

//===----------------------------------------------------------------------===//
// Writing, labels
//===----------------------------------------------------------------------===//

TEST_F(DataTest, WrittenArraysReadBack) {
  Tensor tensor({2, 1, 2}, Floats{1, -2.5f, 1e-30f, 4});
  ASSERT_TRUE(succeeded(writeNpy(path("x.npy"), tensor, getLoc())));
  auto back = readNpy(path("x.npy"), getLoc());
  ASSERT_TRUE(succeeded(back)) << diagnostics;
  EXPECT_EQ(back->getShape(), tensor.getShape());
  EXPECT_EQ(back->f(), tensor.f());
  uint64_t size = 0;
  ASSERT_FALSE(llvm::sys::fs::file_size(path("x.npy"), size));
  EXPECT_EQ(size % 64, 16u) << "data begins at a multiple of 64";
  Tensor scalar({}, Floats{7});
  ASSERT_TRUE(succeeded(writeNpy(path("y.npy"), scalar, getLoc())));
  EXPECT_EQ(readNpy(path("y.npy"), getLoc())->f(), (Floats{7}));
  EXPECT_TRUE(failed(writeNpy(path("x.npy") + "/no", tensor, getLoc())));
  expectDiagnostic("cannot write");
}

TEST_F(DataTest, LabelsAreClassNumbers) {
  auto good = readLabels(write("l.npy", npy<int64_t>("<i8", "3,", {3, 0, 999})),
                         getLoc());
  ASSERT_TRUE(succeeded(good)) << diagnostics;
  EXPECT_EQ(*good, (std::vector<int64_t>{3, 0, 999}));
  EXPECT_TRUE(failed(
      readLabels(write("m.npy", npy<float>("<f4", "1,", {0.5f})), getLoc())));
  expectDiagnostic("it holds 5.0");
}

} // namespace
