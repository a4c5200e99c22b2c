# How lit runs the tests of this tree.
#
# Tests are .mlir files (passes, ops) and .test files (tools, importer). Files
# that tests read lie in folders named Inputs. Besides the tools' own names a
# test may write
#
#   %onnx_encode   reads an ONNX model in protobuf text form on stdin and
#                  writes the binary form to stdout, so that importer tests
#                  keep their models readable:
#                    // RUN: %onnx_encode < %t/m.textproto > %t/m.onnx
#   %qemu_aarch64  runs a program built for 64-bit Arm
#   %aarch64_cc    C compiler and linker for 64-bit Arm
#   %host_cc       C compiler of the build
#   %python        the Python that CMake found (with numpy)
#   %examples      the folder examples of the source tree
#   %shared        the folder of real models and data; a test that reads it
#                  says `REQUIRES: shared-real`

import os

import lit.formats
from lit.llvm import llvm_config

config.name = "QDialect"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.q_obj_root, "test")

llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
llvm_config.with_environment("PATH", config.q_tools_dir, append_path=True)
llvm_config.with_system_environment(["HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS"])

llvm_config.add_tool_substitutions(
    ["qopt", "qtranslate", "qcc", "qrun"], [config.q_tools_dir])
llvm_config.add_tool_substitutions(
    ["FileCheck", "not", "count", "split-file", "mlir-opt", "mlir-translate",
     "llvm-objdump", "llvm-nm", "llvm-readelf", "llvm-size"],
    [config.llvm_tools_dir],
)

proto_dir = os.path.dirname(config.onnx_proto)
config.substitutions += [
    ("%onnx_encode",
     f"{config.protoc} --encode=onnx.ModelProto -I{proto_dir} {config.onnx_proto}"),
    ("%qemu_aarch64",
     f"{config.qemu_aarch64} -L /usr/aarch64-linux-gnu -cpu max"),
    ("%aarch64_cc", config.aarch64_cc),
    ("%host_cc", config.host_cc),
    ("%python", config.python),
    ("%examples", os.path.join(config.q_src_root, "examples")),
    ("%shared", config.q_shared_dir),
]

if os.path.isdir(os.path.join(config.q_shared_dir, "real", "models")):
    config.available_features.add("shared-real")
else:
    lit_config.note("tests that read the real models are skipped: "
                    f"{config.q_shared_dir}/real does not exist")
