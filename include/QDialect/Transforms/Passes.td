//===- Passes.td - Passes within the q dialect ----------------*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TRANSFORMS_PASSES_TD
#define QDIALECT_TRANSFORMS_PASSES_TD

include "QDialect/Transforms/IntegerRewrites.td"
include "mlir/Pass/PassBase.td"

def FoldBatchNorm : Pass<"q-fold-batch-norm", "::mlir::func::FuncOp"> {
  let summary = "Fold batch normalizations into the layers beside them";
  let description = [{
    Rule N16. A batch normalization after `q.conv2d`, `q.conv_transpose2d` or
    `q.gemm` whose result has no other use becomes part of its weights and
    bias. One in front of such a layer folds forward where no padding sees the
    shift. One that stands alone becomes a depthwise 1x1 convolution. Additions,
    subtractions, products and quotients with a constant per channel fold in the
    same way, but are left where they stand alone.

    ```mlir
    %0 = q.conv2d %x, %w {...}
    %1 = q.batch_norm %0 scale %g shift %s mean %m variance %v {...}
    // becomes, with %w' = g w / sqrt(v + eps), %b' = s - g m / sqrt(v + eps)
    %1 = q.conv2d %x, %w' bias %b' {...}
    ```

    With `mode=absorb` (rule N17) the weights stay as they are and are
    multiplied with a factor per channel, which `q-quantize` moves into the
    scales: the integer weights are those of `%w`.

    ```mlir
    %1 = q.mul %w, %factor : (tensor<OxHxWxIxf32>, tensor<Ox1x1x1xf32>) -> ...
    %2 = q.conv2d %x, %1 bias %b' {...}
    ```
  }];
  let options = [
    Option<"mode", "mode", "std::string", /*default=*/"\"fold\"",
           "'fold' multiplies the weights (N16), 'absorb' their scales (N17)">
  ];
  let dependentDialects = ["::q::QDialect"];
}

def RaisePatterns : Pass<"q-raise-patterns", "::mlir::func::FuncOp"> {
  let summary = "Recognize functions that exporters spell out op by op";
  let description = [{
    Turns groups of ops into the one op they compute, which has an integer form
    and needs no quantization in between: `x * sigmoid(x)` (SiLU), `x *
    hard_sigmoid(x)` and `x * clamp(x + 3, 0, 6) / 6` (hard swish), `x *
    (1 + erf(x / sqrt 2)) / 2` (GELU), minimum and maximum with a scalar constant
    (clamp), quotients by a constant (products), and powers 2, 0.5, -0.5 and -1.

    ```mlir
    %0 = q.unary sigmoid %x : ...
    %1 = q.mul %x, %0 : ...
    // becomes
    %1 = q.unary silu %x : ...
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
}

def FuseActivations : Pass<"q-fuse-activations", "::mlir::func::FuncOp"> {
  let summary = "Fuse clamps and zero padding into the ops beside them";
  let description = [{
    Rule N11. A `q.clamp` goes into the op before it if it is the only use of
    its result, also through ops that move bits (reshapes, max pools, concats
    of such results): its bounds become the op's clamp attributes. A zero
    `q.pad` of height and width goes into the convolution or pool after it where
    that changes no value.

    ```mlir
    %0 = q.pad %x {low = [0, 0, 0, 0], high = [0, 1, 1, 0], ...}
    %1 = q.conv2d %0, %w {pads = [0, 0, 0, 0], ...}
    %2 = q.clamp %1 {clamp_min = 0.0 : f32}
    // becomes
    %2 = q.conv2d %x, %w {pads = [0, 0, 1, 1], clamp_min = 0.0 : f32, ...}
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
}

def MoveQdq : Pass<"q-move-qdq", "::mlir::func::FuncOp"> {
  let summary = "Bring quantization that a model came with to the ops that compute";
  let description = [{
    A model that arrives quantized has `q.quantize` and `q.dequantize` around
    its float ops. This pass moves them past ops that only move bits (rule
    N13), so that they stand at the ops that compute, where `q-quantize` takes
    the parameters from them. Where a tensor changes its parameters, as before
    a concatenation, a `q.requantize` is left and a remark says so.

    A float result that is also quantized is read quantized by everyone; one
    that is quantized in several ways is computed once for each.

    ```mlir
    %0 = q.dequantize %x : tensor<1x4x!a> -> tensor<1x4xf32>
    %1 = q.dequantize %y : tensor<1x4x!b> -> tensor<1x4xf32>
    %2 = q.concat %0, %1 {axis = 1 : i64}
    %3 = q.quantize %2 : tensor<1x8xf32> -> tensor<1x8x!b>
    // becomes
    %0 = q.requantize %x : tensor<1x4x!a> -> tensor<1x4x!b>
    %3 = q.concat %0, %y {axis = 1 : i64}
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
}

def KeepFloatIslands : Pass<"q-keep-float-islands", "::mlir::func::FuncOp"> {
  let summary = "Mark the ops that cannot be quantized to stay in float";
  let description = [{
    A network may hold ops without an integer form: comparisons, indices of
    maxima, logarithmic softmax, layers whose weights are computed. This pass
    marks them with `q.stays_float` and warns of each; the passes after it leave
    them in float between a `q.dequantize` and a `q.quantize`. What moves their
    results only, stays in float with them.

    With `rest`, for a model that is quantized in part and has no samples, all
    that the model leaves in float is marked as well.

    Their meaning is as exact as that of integers: see
    `QDialect/FloatSemantics.h`. An op that has no exact float form either is
    refused.

    ```mlir
    %1 = q.compare less %0, %limit : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
    // becomes
    %1 = q.compare less %0, %limit {q.stays_float = "has no integer form"} : ...
    ```
  }];
  let options = [
    Option<"rest", "rest", "bool", /*default=*/"false",
           "What a quantized model leaves in float stays so">,
  ];
  let dependentDialects = ["::q::QDialect"];
}

def InsertQuantizers : Pass<"q-insert-quantizers", "::mlir::func::FuncOp"> {
  let summary = "Mark the tensors that are to be quantized, and how";
  let description = [{
    Places a `q.quantizer` on every float argument of the function, on every
    result of an op that computes, on the weights of layers (per output channel
    by default) and on constant operands of other ops. Ops that move bits (rule
    N13) have the parameters of their input; biases have none of their own (rule
    N7). Softmax and sigmoid get the fixed range of scale 1/256, tanh that of
    1/128 (rule N15), marked `q.fixed`.

    ```mlir
    %1 = q.conv2d %x, %w bias %b {...}
    // becomes
    %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true,
                          narrow = true, power_of_two = false, axis = 0>
    %0 = q.conv2d %x, %wq bias %b {...}
    %1 = q.quantizer %0 <bits = 8, signed = false, symmetric = false,
                         narrow = false, power_of_two = false, axis = -1>
    ```

    A recipe file (YAML or JSON) overrides the options, for all layers and by
    layer; later entries win. A layer is named by its node in the model, an
    input of the network by its own name.

    ```yaml
    activations: {bits: 8, symmetric: false, power_of_two: false}
    weights: {bits: 8, per_channel: true, narrow: false}
    layers:
      - name: conv1
        weights: {bits: 4}
      - match: "block[23]/.*"       # a regular expression for the whole name
        activations: {range: [0.0, 6.0]}
    ```
  }];
  let options = [
    Option<"activationBits", "activation-bits", "unsigned", /*default=*/"8",
           "Bits of activations, 2 to 16">,
    Option<"weightBits", "weight-bits", "unsigned", /*default=*/"8",
           "Bits of weights, 2 to 8">,
    Option<"symmetric", "symmetric", "bool", /*default=*/"false",
           "Activations are signed with zero point 0">,
    Option<"perTensor", "per-tensor", "bool", /*default=*/"false",
           "One scale for all output channels of a layer's weights">,
    Option<"powerOfTwo", "power-of-two", "bool", /*default=*/"false",
           "Scales are powers of two (rule N5)">,
    Option<"narrow", "narrow-weights", "bool", /*default=*/"false",
           "Weights of fewer than 8 bits also do without their lowest value">,
    Option<"recipe", "recipe", "std::string", /*default=*/"\"\"",
           "File with settings per layer">
  ];
  let dependentDialects = ["::q::QDialect"];
}

def Calibrate : Pass<"q-calibrate", "::mlir::ModuleOp"> {
  let summary = "Give quantizers their ranges, from sample data";
  let description = [{
    Runs the float network on samples and chooses a range for every quantizer
    that is not `q.fixed`; quantizers of constants get theirs from the
    constant. Memory does not grow with the number of samples.

    ```mlir
    %1 = q.quantizer %0 <bits = 8, ...> : tensor<1x8x8x16xf32>
    // becomes
    %1 = q.quantizer %0 <bits = 8, ...> min [0.0] max [5.5] : tensor<1x8x8x16xf32>
    ```

    Methods: `minmax` takes all that was seen; `averaged` the mean of the
    extremes of groups of samples; `ema` their moving average (rule N18);
    `percentile` cuts off a share of the values at each end; `mse` and `entropy`
    clip where the squared error or the Kullback-Leibler divergence is least.

    Statistics can be saved and loaded, and several files are merged, so that a
    calibration can be split over machines.
  }];
  let options = [
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples: .npy, .npz, .pb, a folder of these or of images, or a "
           "comma list with one file per input">,
    Option<"preprocess", "preprocess", "std::string", /*default=*/"\"\"",
           "What happens to a sample first, e.g. scale=1/255,mean=0.5">,
    Option<"samples", "samples", "int64_t", /*default=*/"0",
           "Use at most this many samples; 0 means all">,
    Option<"samplesPerAverage", "samples-per-average", "int64_t",
           /*default=*/"32", "Samples whose extremes count as one in averages">,
    Option<"method", "method", "std::string", /*default=*/"\"mse\"",
           "minmax, averaged, ema, percentile, mse or entropy">,
    Option<"percentile", "percentile", "double", /*default=*/"0.01",
           "Percent of the values that method=percentile cuts off at each end">,
    Option<"decay", "decay", "double", /*default=*/"0.99",
           "Weight of the past in method=ema">,
    Option<"weightMethod", "weight-method", "std::string",
           /*default=*/"\"minmax\"",
           "Ranges of weights: minmax, or mse, of least squared error">,
    Option<"load", "load", "std::string", /*default=*/"\"\"",
           "Statistics to start from, a comma list of files">,
    Option<"save", "save", "std::string", /*default=*/"\"\"",
           "File to write the statistics to">
  ];
  let dependentDialects = ["::q::QDialect"];
}

def PinPowerOfTwo : Pass<"q-pin-power-of-two", "::mlir::func::FuncOp"> {
  let summary = "Round the ranges of quantizers up to powers of two";
  let description = [{
    Rule N5. Every calibrated quantizer becomes symmetric with a power of two
    as scale, S = 2^ceil(log2 t) / 2^(b-1) for signed and / 2^b for unsigned
    storage, t being the largest magnitude of its range, and its range becomes
    what that scale can hold. An activation that is never negative becomes
    unsigned, any other signed.

    ```mlir
    q.quantizer %0 <bits = 8, signed = false, ...> min [-0.7] max [3.1] : ...
    // becomes
    q.quantizer %0 <bits = 8, signed = true, symmetric = true, ...,
                    power_of_two = true, ...> min [-4.0] max [3.96875] : ...
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
}

def ShareParameters : Pass<"q-share-parameters", "::mlir::func::FuncOp"> {
  let summary = "Tie quantizers whose tensors must share scale and zero point";
  let description = [{
    Rule N13. The quantizers of all tensors that ops connect by moving bits
    (concat, max pool, reshape, transpose, slice, pad, gather, expand, nearest
    resize, minimum and maximum) get one `group`, the union of their ranges and
    one scheme. A quantizer with a fixed range keeps it, and where others do not
    agree, a second quantizer behind it joins the group, which `q-quantize` turns
    into a `q.requantize`; a remark says so.

    ```mlir
    %a = q.quantizer %0 <...> min [0.0] max [1.0] : ...
    %b = q.quantizer %1 <...> min [-2.0] max [0.5] : ...
    %c = q.concat %a, %b {axis = 3} : ...
    // becomes
    %a = q.quantizer %0 <...> min [-2.0] max [1.0] group 0 : ...
    %b = q.quantizer %1 <...> min [-2.0] max [1.0] group 0 : ...
    %c = q.concat %a, %b {axis = 3} : ...
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
}

def EqualizeChannels : Pass<"q-equalize-channels", "::mlir::func::FuncOp"> {
  let summary = "Even out the ranges of channels between layers";
  let description = [{
    On float IR, before quantizers are placed. All channels of a tensor share one
    scale, which is too coarse for those of small values. Where only layers with
    constant weights make and read a tensor, each of its channels may have a
    factor of its own: its producer's weights and bias are divided by it, its
    readers' weights multiplied with it, and the network computes what it did.

    Samples tell how large each channel gets, how much noise the rounding of it
    and of the weights that multiply it brings to the layers that read it, with 8
    bits for both, and so which factor between 1 and its share of the range of its
    tensor lets in the least. Pools, paddings with 0, slices, additions and
    concatenations pass factors on; clamps other than at 0 and functions do not.

    ```mlir
    // Channels up to 1 and up to 4.
    %0 = q.gemm %x, %w {clamp_min = 0.0 : f32} : ...
    %1 = q.gemm %0, %v : ...
    // becomes, with the first row of %w times 4 and the first column of %v / 4
    %0 = q.gemm %x, %w1 {clamp_min = 0.0 : f32} : ...
    %1 = q.gemm %0, %v1 : ...
    ```
  }];
  let options = [
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples, as for q-calibrate">,
    Option<"preprocess", "preprocess", "std::string", /*default=*/"\"\"",
           "What happens to a sample first">,
    Option<"samples", "samples", "int64_t", /*default=*/"0",
           "Use at most this many samples; 0 means all">
  ];
  let dependentDialects = ["::q::QDialect"];
  let statistics = [
    Statistic<"equalizedChannels", "equalized-channels",
              "Sets of channels that have a factor">
  ];
}

def CorrectBias : Pass<"q-correct-bias", "::mlir::ModuleOp"> {
  let summary = "Take the mean error of quantization out of the biases";
  let description = [{
    Rounded weights and activations shift the mean of a layer's outputs, which
    the next layers see as a wrong bias. This pass runs samples through the float
    network and, beside it, through the one that its quantizers make of it, and
    subtracts from every bias the mean difference of that output channel,
    before the clamp. The second network goes on with outputs whose mean has
    been corrected, so that one run over the samples corrects every layer for
    what the corrected layers before it still leave. Ranges must be final: the
    pass comes right before `q-quantize`. Layers whose weights have no quantizer
    keep their biases. Memory does not grow with the number of samples.

    ```mlir
    %wq = q.quantizer %w <...> min [...] max [...] : ...
    %0 = q.conv2d %x, %wq bias %b {...}
    // becomes
    %0 = q.conv2d %x, %wq bias %b' {...}
    ```
  }];
  let options = [
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples, as for q-calibrate">,
    Option<"preprocess", "preprocess", "std::string", /*default=*/"\"\"",
           "What happens to a sample first">,
    Option<"samples", "samples", "int64_t", /*default=*/"0",
           "Use at most this many samples; 0 means all">
  ];
  let dependentDialects = ["::q::QDialect"];
}

def QuantizeFunction : Pass<"q-quantize", "::mlir::ModuleOp"> {
  let summary = "Turn quantizers into quantized types and constants into integers";
  let description = [{
    Rules N2, N4 and N7. Every float tensor gets the `!quant.uniform` type of
    its quantizer. Weights become integers, biases int32 with scale Sx * Sw of
    their channel; where such a bias would not fit, Sw is raised and a remark
    says so. Float inputs are quantized first of all (rule N3), float outputs
    dequantized last. Clamp bounds stay real numbers.

    ```mlir
    %wq = q.quantizer %w <...> min [-1.0, ...] max [1.0, ...] : ...
    %0 = q.conv2d %x, %wq bias %b {...} : ...
    %1 = q.quantizer %0 <...> min [0.0] max [6.0] : ...
    // becomes
    %wq = q.const dense<...> : tensor<8x3x3x16xi8> as tensor<8x3x3x16x
            !quant.uniform<i8<-127:127>:f32:0, {0.007874, ...}>>
    %bq = q.const dense<...> : tensor<8xi32> as tensor<8x!quant.uniform<...>>
    %1 = q.conv2d %x, %wq bias %bq {...}
           : (...) -> tensor<1x8x8x8x!quant.uniform<u8:f32, 0.0235294>>
    ```

    Ops without an integer form are reported, all of them, at their locations.

    With `io=uint8` or `io=int8` the function takes and gives 8-bit integers
    instead of floats; scale and zero point are in the types and in the
    attributes `q.scale` and `q.zero_point` of arguments and results.
  }];
  let options = [
    Option<"io", "io", "std::string", /*default=*/"\"float\"",
           "Element type of arguments and results: float, int8 or uint8">,
    Option<"rounding", "rounding", "std::string", /*default=*/"\"\"",
           "Requantization mode to record in the module (rule N10): single, "
           "gemmlowp, pow2 or even; empty leaves it as it is">
  ];
  let dependentDialects = ["::q::QDialect", "::mlir::quant::QuantDialect"];
}

def ClampChannels : Pass<"q-clamp-channels", "::mlir::func::FuncOp"> {
  let summary = "Bound channels from above by what samples show";
  let description = [{
    On calibrated IR, before `q-pair-channels` and `q-make-pairs-safe`. The
    channels of a tensor share one range, but few reach its upper end. An upper
    bound of each (`channel_max`, which costs one instruction for a vector of
    results) proves that smaller activations meet its weights, so that more
    pairs of products fit int16, and longer chains of them (rule N8).

    Runs the float network on samples, and bounds each channel by the largest
    value seen and a `margin` above it, where an op makes what a layer multiplies
    in pairs; pools, reshapes and concatenations may lie between. A tensor whose
    channels would come down by less than `gain` on average stays as it is.

    ```mlir
    // Channels up to 1 and up to 4.
    %0 = q.gemm %x, %wq {clamp_min = 0.0 : f32} : ...
    %1 = q.quantizer %0 <...> min [0.0] max [4.0] : ...
    // becomes
    %0 = q.gemm %x, %wq {channel_max = array<f32: 1.0, 4.0>,
                         clamp_min = 0.0 : f32} : ...
    ```
  }];
  let options = [
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples, as for q-calibrate">,
    Option<"preprocess", "preprocess", "std::string", /*default=*/"\"\"",
           "What happens to a sample first">,
    Option<"samples", "samples", "int64_t", /*default=*/"0",
           "Use at most this many samples; 0 means all">,
    Option<"margin", "margin", "double", /*default=*/"0",
           "Percent of the largest value that was seen above it">,
    Option<"gain", "gain", "double", /*default=*/"20",
           "Percent of the range by which channels come down, at least">
  ];
  let dependentDialects = ["::q::QDialect"];
  let statistics = [
    Statistic<"clampedTensors", "clamped-tensors",
              "Tensors whose channels are bounded">,
    Statistic<"clampedChannels", "clamped-channels",
              "Channels whose bound is below that of their tensor">
  ];
}

def MakePairsSafe : Pass<"q-make-pairs-safe", "::mlir::func::FuncOp"> {
  let summary = "Change weights as little as makes pairs of products fit int16";
  let description = [{
    On calibrated IR. `vpmaddubsw` of AVX2 adds two products of activations and
    weights in int16, with saturation. So that it may be used and nothing ever
    saturates (rule N8), two weights of one sign that meet must not exceed 128
    together (for activations of 8 bits; narrower ones allow more).

    Per output channel, this enlarges the range of the weights, which makes all
    integers smaller, or moves single pairs to the best safe one, or both,
    whichever errs least. `q-prove-int16-chains` says which weights meet, and
    proves the result. Per-tensor and power-of-two scales stay as they are, and
    only pairs are moved.

    Given samples (`data`), the error is that of the layer's outputs: the network
    runs with simulated quantizers, the covariance of what the windows of each
    layer see is measured, and weights are rounded one pair after the other, each
    making up for the errors of those before it as far as inputs are correlated.
    The mean that this adds to the outputs is taken off the bias. Without samples
    the error is that of the weights.

    `tolerance` limits the cost: by how much the squared error of a panel of 16
    output channels may grow, in units of what rounding costs. Of a panel that
    costs more, groups of four products stay unsafe, the costliest first, and are
    multiplied with `vpmaddwd`. With a limit of 0 and samples, no panel's outputs
    are expected to be worse than those of weights that are merely rounded. With
    a limit, layers that suit Winograd are left alone, since they multiply no
    bytes, and fully connected ones of more than four megabytes of weights, which
    wait for memory.

    ```mlir
    %1 = q.quantizer %w {..., max = array<f64: 1.0>, min = array<f64: -1.0>}
    // becomes
    %1 = q.quantizer %w {..., max = array<f64: 1.25>, min = array<f64: -1.25>}
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
  let options = [
    Option<"tolerance", "tolerance", "double", /*default=*/"-1",
           "Growth of the error of a panel at most; negative: no limit">,
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples, as for q-calibrate">,
    Option<"preprocess", "preprocess", "std::string", /*default=*/"\"\"",
           "What happens to a sample first">,
    Option<"samples", "samples", "int64_t", /*default=*/"0",
           "Use at most this many samples; 0 means all">
  ];
  let statistics = [
    Statistic<"unsafeGroups", "unsafe-groups",
              "Groups of four products of a panel with an unsafe pair, before">,
    Statistic<"unsafeGroupsLeft", "unsafe-groups-left", "The same after">,
    Statistic<"scaledChannels", "scaled-channels",
              "Output channels with a larger scale">,
    Statistic<"changedWeights", "changed-weights",
              "Weights with another integer than rounding gives">
  ];
}

def PairChannels : Pass<"q-pair-channels", "::mlir::func::FuncOp"> {
  let summary = "Order channels so that pairs of products fit int16";
  let description = [{
    On calibrated IR, before `q-make-pairs-safe`. The order of the channels of a
    tensor between layers is free: the outputs of the layer that makes it and
    the inputs of those that read it are permuted together, with their biases
    and scales, and nothing is left to do at run time. An order is found in
    which channels of large weights are neighbours of channels of small ones, so
    that `vpmaddubsw`, which adds the products of channels 2 i and 2 i + 1 in
    int16, needs fewer changes of weights, or none (rule N8).

    One order serves all taps of a kernel and all layers that read a tensor.
    Depthwise convolutions, pools and functions of single elements pass it on,
    operands of additions share it, concatenated tensors keep their own. Inputs
    and outputs of the network, and what reshapes, slices or reduces channels,
    keep theirs. Integers that a model brings are permuted with their scales, which
    changes no bit of the results. Layers that
    suit Winograd follow the order, but have no say in it, since they multiply no
    bytes; nor have fully connected ones of more than four megabytes of weights,
    which wait for memory.

    ```mlir
    // Weights of 1, 2, 3, 4 meet as 1 + 4 and 2 + 3, say.
    %0 = q.gemm %x, %w : (tensor<1x8xf32>, tensor<4x8xf32>) -> tensor<1x4xf32>
    %1 = q.gemm %0, %v : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
    // becomes, with rows of %w and columns of %v in that order
    %0 = q.gemm %x, %w1 : (tensor<1x8xf32>, tensor<4x8xf32>) -> tensor<1x4xf32>
    %1 = q.gemm %0, %v1 : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
  let statistics = [
    Statistic<"permutedClasses", "permuted-tensors",
              "Sets of tensors whose channels have another order">
  ];
}

#endif // QDIALECT_TRANSFORMS_PASSES_TD
