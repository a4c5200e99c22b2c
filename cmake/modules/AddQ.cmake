# Helpers that every CMakeLists.txt of the project uses: one library, one tool
# and one unit test look the same everywhere, and only this file knows how MLIR
# is linked.

include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
include_directories(${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
separate_arguments(Q_LLVM_DEFINITIONS NATIVE_COMMAND ${LLVM_DEFINITIONS})
add_definitions(${Q_LLVM_DEFINITIONS})
# Debian's LLVM is built with NDEBUG, and MLIR's classes change layout without
# it, so it is set in every build type.
add_compile_definitions(NDEBUG)
add_compile_options(-Wall -Wextra -Wno-unused-parameter)
if(Q_WERROR)
  add_compile_options(-Werror)
endif()
if(Q_SANITIZE)
  # vptr needs run-time type information of LLVM's classes that its shared
  # library does not export.
  add_compile_options(-fsanitize=${Q_SANITIZE} -fno-sanitize=vptr,function
                      -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${Q_SANITIZE})
endif()

if(Q_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# The dylibs, and nothing else of MLIR: naming an MLIRxxx archive beside them
# would put two copies of MLIR into one process.
add_library(q_mlir INTERFACE)
target_link_libraries(q_mlir INTERFACE MLIR LLVM)

if(Q_ENABLE_PCH AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Without timestamps, so that ccache can serve users of the header.
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/q_pch.cpp CONTENT "")
  add_library(q_pch OBJECT ${PROJECT_BINARY_DIR}/q_pch.cpp)
  target_precompile_headers(q_pch PRIVATE
    <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Func/IR/FuncOps.h>
    <mlir/Dialect/Quant/IR/Quant.h> <mlir/Dialect/Linalg/IR/Linalg.h>
    <mlir/Dialect/SCF/IR/SCF.h> <mlir/Dialect/Vector/IR/VectorOps.h>
    <mlir/IR/PatternMatch.h> <mlir/IR/BuiltinOps.h> <mlir/Pass/Pass.h>
    <mlir/Transforms/GreedyPatternRewriteDriver.h>)
endif()

# q_library(Name SRCS a.cpp ... [LINK libs ...] [DEPENDS targets ...] [NO_MLIR])
#
# A static library of this project. NO_MLIR marks plain C++ without LLVM.
function(q_library name)
  cmake_parse_arguments(ARG "NO_MLIR;NO_PCH" "" "SRCS;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SRCS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(NOT ARG_NO_MLIR)
    target_link_libraries(${name} PUBLIC q_mlir)
    if(TARGET q_pch AND NOT ARG_NO_PCH)
      target_precompile_headers(${name} REUSE_FROM q_pch)
    endif()
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# q_tool(name SRCS a.cpp ... LINK libs ...): an executable in build/bin.
function(q_tool name)
  cmake_parse_arguments(ARG "" "" "SRCS;LINK" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  if(TARGET q_pch)
    target_precompile_headers(${name} REUSE_FROM q_pch)
  endif()
endfunction()

# q_sanitized_test(name): how a test runs under AddressSanitizer. LLVM's bump
# allocators poison what they have not handed out, but the part of them that lies
# in LLVM's own libraries is not built with the sanitizer and never unpoisons.
function(q_sanitized_test name)
  if(Q_SANITIZE MATCHES "address")
    set_tests_properties(${name} PROPERTIES
      ENVIRONMENT "ASAN_OPTIONS=allow_user_poisoning=0")
  endif()
endfunction()

# q_unittest(Name SRCS a.cpp ... LINK libs ...): a GoogleTest binary, run by ctest.
function(q_unittest name)
  cmake_parse_arguments(ARG "" "" "SRCS;LINK" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main)
  add_test(NAME unit.${name} COMMAND ${name})
  q_sanitized_test(unit.${name})
endfunction()
