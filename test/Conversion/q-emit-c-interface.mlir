// RUN: qopt %s --q-emit-c-interface="name=my-net.8" | FileCheck %s

// CHECK-DAG: #[[UNROLL:.*]] = #llvm.loop_unroll<disable = true>
// CHECK-DAG: #[[LOOP:.*]] = #llvm.loop_annotation<unroll = #[[UNROLL]]>
// CHECK: module attributes {q.info = "{\22abi\22:1,\22arena_alignment\22:64,\22arena_bytes\22:128,\22arena_live_bytes\22:100,
// CHECK-SAME: \22name\22:\22x\22,\22qmax\22:255,\22qmin\22:0,\22scale\22:0.5,\22shape\22:[4],\22type\22:\22uint8\22,\22zero_point\22:3

// CHECK: llvm.mlir.global external constant @my_net_8_info(

// The body is no symbol of the library, and its buffers do not overlap.
// CHECK: llvm.func internal @my_net_8_body(%{{.*}}: !llvm.ptr {llvm.noalias}, %{{.*}}: !llvm.ptr {llvm.noalias}, %{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.noalias})
// CHECK-SAME: passthrough = ["no-builtins"]
llvm.func @main(%x: !llvm.ptr {q.name = "x", q.type = tensor<4x!quant.uniform<u8:f32, 0.5:3>>},
                %y: !llvm.ptr {q.output, q.type = tensor<4xf32>},
                %arena: !llvm.ptr {q.arena})
    attributes {q.arena_size = 128 : i64, q.arena_live_max = 100 : i64, q.arena_alignment = 64 : i64} {
  llvm.return
}

// Where loops are to stay loops, the branch back says so.
// CHECK: llvm.func internal @kernel
// CHECK-NOT: q.keeps_loops
// CHECK: llvm.cond_br {{.*}} {loop_annotation = #[[LOOP]]}
llvm.func @kernel(%n: i32) attributes {sym_visibility = "private", q.keeps_loops} {
  %one = llvm.mlir.constant(1 : i32) : i32
  llvm.br ^loop(%n : i32)
^loop(%i: i32):
  %next = llvm.sub %i, %one : i32
  %more = llvm.icmp "ne" %next, %n : i32
  llvm.cond_br %more, ^loop(%next : i32), ^done
^done:
  llvm.return
}

// CHECK: llvm.func @my_net_8_run(%[[INPUTS:.*]]: !llvm.ptr, %[[OUTPUTS:.*]]: !llvm.ptr, %[[ARENA:.*]]: !llvm.ptr) -> i32
// CHECK: llvm.icmp "eq" %[[INPUTS]]
// CHECK: %[[X:.*]] = llvm.load
// CHECK: %[[Y:.*]] = llvm.load
// CHECK: llvm.ptrtoint %[[ARENA]]
// CHECK: llvm.call @my_net_8_body(%[[X]], %[[Y]], %[[ARENA]])
