/*===- cpuid.c - An x86 processor without AVX-512 and VNNI ----------------===*\
|*
|* Part of the QDialect project, under the Apache License v2.0 with LLVM
|* Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* Answers the `cpuid` instructions of a library in which they have been
|* replaced by `int3; nop` (bench/onnxruntime-without-vnni): executes the real
|* one in the handler of the trap, and hides what a processor with AVX2 and no
|* more does not have. Loading this library installs the handler. Nothing but
|* the detection of features runs `cpuid`, so what is measured later is not
|* touched.
|*
\*===----------------------------------------------------------------------===*/

#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

static const uint8_t breakpoint = 0xCC, nop = 0x90;

/* Leaf 7, subleaf 0. */
enum {
  EBX_AVX512 = 1u << 16 /* F */ | 1u << 17 /* DQ */ | 1u << 21 /* IFMA */ |
               1u << 26 /* PF */ | 1u << 27 /* ER */ | 1u << 28 /* CD */ |
               1u << 30 /* BW */ | 1u << 31 /* VL */,
  ECX_AVX512 = 1u << 1 /* VBMI */ | 1u << 6 /* VBMI2 */ | 1u << 11 /* VNNI */ |
               1u << 12 /* BITALG */ | 1u << 14 /* VPOPCNTDQ */,
  EDX_AVX512 = 1u << 2 /* 4VNNIW */ | 1u << 3 /* 4FMAPS */ |
               1u << 8 /* VP2INTERSECT */ | 1u << 23 /* FP16 */,
  EDX_AMX = 1u << 22 /* BF16 */ | 1u << 24 /* TILE */ | 1u << 25 /* INT8 */,
};

/* Leaf 7, subleaf 1; all that EDX tells there is later than AVX2. */
enum {
  EAX_LATER = 1u << 4 /* AVX-VNNI */ | 1u << 5 /* AVX512-BF16 */ |
              1u << 21 /* AMX-FP16 */ | 1u << 23 /* AVX-IFMA */,
};

static const unsigned featureLeaf = 7, avx10Leaf = 0x24;

static void answer(int number, siginfo_t *information, void *context) {
  (void)information;
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  /* The trap reports the address after `int3`; what is not ours is fatal. */
  const uint8_t *next = (const uint8_t *)registers[REG_RIP];
  if (next[-1] != breakpoint || next[0] != nop) {
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  unsigned leaf = (unsigned)registers[REG_RAX];
  unsigned subleaf = (unsigned)registers[REG_RCX];
  unsigned eax, ebx, ecx, edx;
  __cpuid_count(leaf, subleaf, eax, ebx, ecx, edx);
  if (leaf == featureLeaf && subleaf == 0) {
    ebx &= ~EBX_AVX512;
    ecx &= ~ECX_AVX512;
    edx &= ~(EDX_AVX512 | EDX_AMX);
  } else if (leaf == featureLeaf && subleaf == 1) {
    eax &= ~EAX_LATER;
    edx = 0;
  } else if (leaf == avx10Leaf) {
    eax = ebx = ecx = edx = 0;
  }
  registers[REG_RAX] = eax;
  registers[REG_RBX] = ebx;
  registers[REG_RCX] = ecx;
  registers[REG_RDX] = edx;
}

__attribute__((constructor)) static void install(void) {
  struct sigaction action = {0};
  action.sa_sigaction = answer;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGTRAP, &action, 0);
}
