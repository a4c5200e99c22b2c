//===- View.h - Reorderings of a tensor, in normal form ---------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A chain of reshapes, transposes, slices and gathers is a view of the tensor
// it starts from. Every dimension of that root is a product of atoms, every
// dimension of the view a product of atoms in some order; a reshape splits
// atoms, a transpose permutes dimensions, a slice selects indices of an atom.
// From this form the shortest chain follows, whatever the original one was.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_VIEW_H
#define QDIALECT_LIB_IMPORT_VIEW_H

#include "QDialect/QDialect.h"

#include <optional>

namespace q {

using Dims = llvm::SmallVector<int64_t>;

class View {
public:
  /// The whole of `root`, unchanged.
  explicit View(mlir::Value root);

  // Each changes the view as the op would, or returns false and leaves the view
  // in no usable state: then the op is the root of a view of its own.
  bool reshape(llvm::ArrayRef<int64_t> shape);
  bool transpose(llvm::ArrayRef<int64_t> perm);
  /// Keeps `indices` of dimension `dim`, in their order.
  bool select(int64_t dim, llvm::ArrayRef<int64_t> indices);
  bool slice(llvm::ArrayRef<int64_t> starts, llvm::ArrayRef<int64_t> sizes,
             llvm::ArrayRef<int64_t> steps);
  /// Any of the above, from an op.
  bool apply(mlir::Operation *op);

  mlir::Value getRoot() const { return root; }

  /// What has to be done to the root, in this order. Absent steps are null.
  struct Plan {
    /// Selections along whole dimensions of the root, where they are not the
    /// identity.
    llvm::SmallVector<std::optional<Dims>> selections;
    /// Selections along atoms, after a reshape to `atoms`.
    Dims atoms;
    llvm::SmallVector<std::optional<Dims>> atomSelections;
    /// Reshape to `inner`, transpose by `innerPerm`, both perhaps empty.
    Dims inner, innerPerm;
    /// Reshape to `sorted`, transpose by `perm`, reshape to `shape`.
    Dims sorted, perm, shape;

    int64_t countTransposes() const {
      return int64_t(!innerPerm.empty()) + int64_t(!perm.empty());
    }
  };
  /// The normal form. Its last transpose moves whole dimensions, so that it can
  /// move on past elementwise ops; with `atOnce` it is one transpose wherever
  /// that is shorter.
  Plan plan(bool atOnce) const;

  /// Puts the columns of a view `[M, K]` into the order in which they lie in
  /// the root, if only they are out of order. Then `extents` are the pieces of
  /// K as they were and `order` says which of them comes when: a matrix `[N,
  /// K]` that is reshaped to `[N, extents]` and transposed by `order` still
  /// fits. False, and nothing changed, for any other view.
  bool sortColumns(Dims &extents, Dims &order);

private:
  struct Atom {
    /// The dimension of the root that it is part of, and its extent there.
    int64_t dim, extent;
    /// The indices kept; all where absent.
    std::optional<Dims> selection;

    int64_t size() const {
      return selection ? static_cast<int64_t>(selection->size()) : extent;
    }
  };

  int64_t sizeOf(llvm::ArrayRef<int64_t> atomIds) const;
  /// Makes one atom of a dimension whose atoms lie together again: a
  /// permutation within one dimension is a selection of its indices.
  void collapse();
  /// The atoms of more than one element in the order in which they lie in the
  /// root.
  llvm::SmallVector<int64_t> getRootOrder() const;

  mlir::Value root;
  llvm::SmallVector<Atom> atoms;
  /// Per dimension of the root, its atoms from major to minor.
  llvm::SmallVector<llvm::SmallVector<int64_t>> rootDims;
  /// Per dimension of the view, its atoms from major to minor. Atoms of size 1
  /// need not appear.
  llvm::SmallVector<llvm::SmallVector<int64_t>> dims;
};

/// Carries out plans at a builder's insertion point. Transposes that exist
/// already are used again.
class ViewBuilder {
public:
  mlir::Value build(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value root, const View::Plan &plan);
  /// The transpose of `input`, if there is one already.
  mlir::Value findTranspose(mlir::Value input,
                            llvm::ArrayRef<int64_t> perm) const;
  mlir::Value transpose(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value input, llvm::ArrayRef<int64_t> perm);
  mlir::Value reshape(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value input, llvm::ArrayRef<int64_t> shape);

private:
  mlir::Value select(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value input,
                     llvm::ArrayRef<std::optional<Dims>> selections);
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Operation *>> transposes;
};

} // namespace q

#endif // QDIALECT_LIB_IMPORT_VIEW_H
