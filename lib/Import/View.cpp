//===- View.cpp - Reorderings of a tensor, in normal form -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "View.h"

#include <numeric>

using namespace mlir;
using namespace q;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

static Dims makeIota(int64_t count) {
  Dims result(count);
  std::iota(result.begin(), result.end(), 0);
  return result;
}

/// Nothing for a selection that keeps everything in order.
static std::optional<Dims> simplify(Dims selection, int64_t extent) {
  if (selection == makeIota(extent))
    return std::nullopt;
  return selection;
}

View::View(Value root) : root(root) {
  for (auto [dim, extent] : llvm::enumerate(shapeOf(root))) {
    rootDims.push_back({static_cast<int64_t>(atoms.size())});
    dims.emplace_back();
    if (extent > 1)
      dims.back().push_back(atoms.size());
    atoms.push_back({static_cast<int64_t>(dim), extent, std::nullopt});
  }
}

int64_t View::sizeOf(ArrayRef<int64_t> atomIds) const {
  int64_t size = 1;
  for (int64_t id : atomIds)
    size *= atoms[id].size();
  return size;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

bool View::reshape(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> pending;
  for (const auto &dim : llvm::reverse(dims))
    pending.append(dim.rbegin(), dim.rend());
  SmallVector<SmallVector<int64_t>> result;
  for (int64_t extent : shape) {
    result.emplace_back();
    int64_t missing = extent;
    while (missing > 1) {
      if (pending.empty())
        return false;
      int64_t id = pending.pop_back_val(), size = atoms[id].size();
      if (missing % size == 0) {
        result.back().push_back(id);
        missing /= size;
        continue;
      }
      if (size % missing != 0 || atoms[id].selection)
        return false;
      // The major part fills this dimension, the rest starts the next.
      int64_t minor = atoms.size();
      atoms.push_back({atoms[id].dim, size / missing, std::nullopt});
      atoms[id].extent = missing;
      auto &siblings = rootDims[atoms[id].dim];
      siblings.insert(llvm::find(siblings, id) + 1, minor);
      result.back().push_back(id);
      pending.push_back(minor);
      missing = 1;
    }
  }
  if (!pending.empty())
    return false;
  dims = std::move(result);
  collapse();
  return true;
}

bool View::transpose(ArrayRef<int64_t> perm) {
  SmallVector<SmallVector<int64_t>> result;
  for (int64_t dim : perm)
    result.push_back(dims[dim]);
  dims = std::move(result);
  return true;
}

bool View::select(int64_t dim, ArrayRef<int64_t> indices) {
  SmallVector<int64_t> ids = dims[dim];
  if (indices == ArrayRef(makeIota(sizeOf(ids))))
    return true;
  if (ids.empty())
    return false;
  // The indices must be a product of one list per atom.
  SmallVector<Dims> kept(ids.size());
  SmallVector<int64_t> sizes;
  for (int64_t id : ids)
    sizes.push_back(atoms[id].size());
  auto coordinate = [&](int64_t index, size_t position) {
    for (size_t i = ids.size() - 1; i > position; --i)
      index /= sizes[i];
    return index % sizes[position];
  };
  if (ids.size() == 1) {
    kept[0].assign(indices.begin(), indices.end());
  } else {
    for (size_t i = 0; i < ids.size(); ++i)
      for (int64_t index : indices)
        if (int64_t c = coordinate(index, i); !llvm::is_contained(kept[i], c))
          kept[i].push_back(c);
    int64_t combinations = 1;
    for (const Dims &list : kept)
      combinations *= list.size();
    if (combinations != static_cast<int64_t>(indices.size()))
      return false;
    for (auto [position, index] : llvm::enumerate(indices)) {
      int64_t rest = position;
      for (size_t i = ids.size(); i-- > 0;) {
        if (coordinate(index, i) != kept[i][rest % kept[i].size()])
          return false;
        rest /= kept[i].size();
      }
    }
  }
  for (auto [id, list] : llvm::zip_equal(ids, kept)) {
    Atom &atom = atoms[id];
    if (atom.selection)
      for (int64_t &index : list)
        index = (*atom.selection)[index];
    atom.selection = simplify(list, atom.extent);
    if (atom.size() == 1)
      llvm::erase(dims[dim], id);
  }
  collapse();
  return true;
}

bool View::slice(ArrayRef<int64_t> starts, ArrayRef<int64_t> sizes,
                 ArrayRef<int64_t> steps) {
  for (size_t dim = 0; dim < starts.size(); ++dim) {
    Dims indices;
    for (int64_t i = 0; i < sizes[dim]; ++i)
      indices.push_back(starts[dim] + i * steps[dim]);
    if (!select(dim, indices))
      return false;
  }
  return true;
}

bool View::apply(Operation *op) {
  if (isa<ReshapeOp>(op))
    return reshape(shapeOf(op->getResult(0)));
  if (auto transposeOp = dyn_cast<TransposeOp>(op))
    return transpose(transposeOp.getPerm());
  if (auto sliceOp = dyn_cast<SliceOp>(op))
    return slice(sliceOp.getStarts(), sliceOp.getSizes(), sliceOp.getSteps());
  if (auto gatherOp = dyn_cast<GatherOp>(op))
    return select(gatherOp.getAxis(), gatherOp.getIndices());
  return false;
}

void View::collapse() {
  for (auto [dim, ids] : llvm::enumerate(rootDims)) {
    if (ids.size() < 2)
      continue;
    SmallVector<int64_t> members;
    for (int64_t id : ids)
      if (atoms[id].size() > 1)
        members.push_back(id);
    // Where they lie: one run within one dimension of the view?
    SmallVector<int64_t> *home = nullptr;
    size_t first = 0;
    for (auto &candidate : dims) {
      auto *begin = llvm::find_if(candidate, [&](int64_t id) {
        return llvm::is_contained(members, id);
      });
      if (begin == candidate.end())
        continue;
      home = &candidate;
      first = begin - candidate.begin();
      break;
    }
    SmallVector<int64_t> run;
    if (home)
      for (size_t i = first;
           i < home->size() && llvm::is_contained(members, (*home)[i]); ++i)
        run.push_back((*home)[i]);
    if (run.size() != members.size())
      continue;

    // The index within the dimension that each position of the run stands for.
    llvm::DenseMap<int64_t, int64_t> stride;
    int64_t extent = 1, offset = 0;
    for (int64_t id : llvm::reverse(ids)) {
      stride[id] = extent;
      extent *= atoms[id].extent;
      if (atoms[id].size() == 1 && atoms[id].selection)
        offset += atoms[id].selection->front() * stride[id];
    }
    Dims selection = {offset};
    for (int64_t id : run) {
      Dims longer;
      for (int64_t base : selection)
        for (int64_t i = 0; i < atoms[id].size(); ++i)
          longer.push_back(base + stride[id] * (atoms[id].selection
                                                    ? (*atoms[id].selection)[i]
                                                    : i));
      selection = std::move(longer);
    }
    int64_t merged = ids.front();
    atoms[merged].extent = extent;
    atoms[merged].selection = simplify(selection, extent);
    ids = {merged};
    if (home) {
      home->erase(home->begin() + first, home->begin() + first + run.size());
      if (atoms[merged].size() > 1)
        home->insert(home->begin() + first, merged);
    }
  }
}

//===----------------------------------------------------------------------===//
// The normal form
//===----------------------------------------------------------------------===//

SmallVector<int64_t> View::getRootOrder() const {
  SmallVector<int64_t> order;
  for (const auto &ids : rootDims)
    for (int64_t id : ids)
      if (atoms[id].size() > 1)
        order.push_back(id);
  return order;
}

/// The reshape and transpose that bring `from` into the order `to`: neighbours
/// in both orders are one dimension.
template <typename SizeOf>
static void coalesce(ArrayRef<int64_t> from, ArrayRef<int64_t> to,
                     SizeOf sizeOf, Dims &shape, Dims &perm) {
  llvm::DenseMap<int64_t, int64_t> next, dimOf;
  for (size_t i = 0; i + 1 < to.size(); ++i)
    next[to[i]] = to[i + 1];
  for (size_t i = 0; i < from.size(); ++i) {
    auto follower = i ? next.find(from[i - 1]) : next.end();
    if (i && follower != next.end() && follower->second == from[i])
      shape.back() *= sizeOf(from[i]);
    else
      shape.push_back(sizeOf(from[i]));
    dimOf[from[i]] = shape.size() - 1;
  }
  for (int64_t id : to)
    if (perm.empty() || perm.back() != dimOf[id])
      perm.push_back(dimOf[id]);
}

/// The dimensions of the view in the order in which they lie in memory before
/// the last transpose. Those of extent 1 may be anywhere; where the root has
/// dimensions of extent 1 for them, its shape is met without a reshape.
static Dims arrange(ArrayRef<int64_t> sortedDims, ArrayRef<int64_t> shape,
                    ArrayRef<int64_t> rootShape) {
  Dims units, result;
  for (auto [dim, extent] : llvm::enumerate(shape))
    if (extent == 1)
      units.push_back(dim);
  if (rootShape.size() == shape.size()) {
    size_t nextUnit = 0, nextSorted = 0;
    for (int64_t extent : rootShape) {
      if (extent == 1 && nextUnit < units.size())
        result.push_back(units[nextUnit++]);
      else if (nextSorted < sortedDims.size() &&
               shape[sortedDims[nextSorted]] == extent)
        result.push_back(sortedDims[nextSorted++]);
    }
    if (result.size() == shape.size())
      return result;
    result.clear();
  }
  // Leading ones stay in front, others behind what they followed.
  for (int64_t unit : units)
    if (unit == static_cast<int64_t>(result.size()))
      result.push_back(unit);
  for (int64_t dim : sortedDims) {
    result.push_back(dim);
    for (size_t d = dim + 1; d < shape.size() && shape[d] == 1; ++d)
      result.push_back(d);
  }
  return result;
}

View::Plan View::plan(bool atOnce) const {
  Plan plan;
  Dims rootShape;
  bool selectsAtoms = false;
  for (const auto &ids : rootDims) {
    const Atom &atom = atoms[ids.front()];
    bool whole = ids.size() == 1;
    plan.selections.push_back(whole ? atom.selection : std::nullopt);
    rootShape.push_back(1);
    for (int64_t id : ids) {
      rootShape.back() *= whole ? atoms[id].size() : atoms[id].extent;
      selectsAtoms |= !whole && atoms[id].selection;
    }
  }
  if (selectsAtoms) {
    for (const auto &ids : rootDims)
      for (int64_t id : ids) {
        bool whole = ids.size() == 1;
        plan.atoms.push_back(whole ? atoms[id].size() : atoms[id].extent);
        plan.atomSelections.push_back(whole ? std::nullopt
                                            : atoms[id].selection);
      }
    rootShape.clear();
  }

  SmallVector<int64_t> rootOrder = getRootOrder(), order;
  llvm::DenseMap<int64_t, int64_t> position;
  for (auto [index, id] : llvm::enumerate(rootOrder))
    position[id] = index;
  SmallVector<int64_t> sortedDims;
  for (auto [dim, ids] : llvm::enumerate(dims)) {
    plan.shape.push_back(sizeOf(ids));
    order.append(ids.begin(), ids.end());
    if (!ids.empty())
      sortedDims.push_back(dim);
  }
  if (order == rootOrder)
    return plan;
  SmallVector<int64_t> natural = sortedDims, sortedOrder;
  llvm::sort(sortedDims, [&](int64_t a, int64_t b) {
    return position[dims[a].front()] < position[dims[b].front()];
  });
  for (int64_t dim : sortedDims)
    sortedOrder.append(dims[dim].begin(), dims[dim].end());
  bool permutesDims = sortedDims != natural;
  bool permutesInside = sortedOrder != rootOrder;
  auto size = [&](int64_t id) { return atoms[id].size(); };
  if (permutesInside && (atOnce || !permutesDims)) {
    coalesce(rootOrder, order, size, plan.inner, plan.innerPerm);
    return plan;
  }
  if (permutesInside) {
    coalesce(rootOrder, sortedOrder, size, plan.inner, plan.innerPerm);
    rootShape.clear();
  }
  Dims before = arrange(sortedDims, plan.shape, rootShape);
  plan.perm.resize(before.size());
  for (auto [index, dim] : llvm::enumerate(before)) {
    plan.sorted.push_back(plan.shape[dim]);
    plan.perm[dim] = index;
  }
  return plan;
}

bool View::sortColumns(Dims &extents, Dims &order) {
  if (dims.size() != 2)
    return false;
  SmallVector<int64_t> rootOrder = getRootOrder();
  llvm::DenseMap<int64_t, int64_t> position;
  for (auto [index, id] : llvm::enumerate(rootOrder))
    position[id] = index;
  SmallVector<int64_t> columns = dims[1], sorted = dims[1];
  llvm::sort(sorted,
             [&](int64_t a, int64_t b) { return position[a] < position[b]; });
  SmallVector<int64_t> all = dims[0];
  all.append(sorted);
  if (all != rootOrder || sorted == columns)
    return false;
  for (int64_t id : columns)
    extents.push_back(atoms[id].size());
  for (int64_t id : sorted)
    order.push_back(llvm::find(columns, id) - columns.begin());
  dims[1] = sorted;
  return true;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

static RankedTensorType withShape(Value value, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(
      shape, cast<RankedTensorType>(value.getType()).getElementType());
}

Value ViewBuilder::reshape(OpBuilder &builder, Location loc, Value input,
                           ArrayRef<int64_t> shape) {
  if (shapeOf(input) == shape)
    return input;
  return ReshapeOp::create(builder, loc, withShape(input, shape), input);
}

Value ViewBuilder::findTranspose(Value input, ArrayRef<int64_t> perm) const {
  auto found = transposes.find(input);
  if (found != transposes.end())
    for (Operation *op : found->second)
      if (cast<TransposeOp>(op).getPerm() == perm)
        return op->getResult(0);
  return {};
}

Value ViewBuilder::transpose(OpBuilder &builder, Location loc, Value input,
                             ArrayRef<int64_t> perm) {
  if (Value existing = findTranspose(input, perm))
    return existing;
  Dims shape;
  for (int64_t dim : perm)
    shape.push_back(shapeOf(input)[dim]);
  auto op =
      TransposeOp::create(builder, loc, withShape(input, shape), input, perm);
  transposes[input].push_back(op);
  return op;
}

/// The step of an arithmetic progression, 0 where there is none.
static int64_t getStep(ArrayRef<int64_t> indices) {
  int64_t step = indices.size() > 1 ? indices[1] - indices[0] : 1;
  for (size_t i = 1; i < indices.size(); ++i)
    if (indices[i] - indices[i - 1] != step)
      return 0;
  return step;
}

Value ViewBuilder::select(OpBuilder &builder, Location loc, Value input,
                          ArrayRef<std::optional<Dims>> selections) {
  size_t rank = selections.size();
  Dims starts(rank, 0), sizes(shapeOf(input)), steps(rank, 1);
  bool slices = false;
  // All regular selections are one slice; each other one is a gather.
  for (auto [dim, selection] : llvm::enumerate(selections)) {
    if (!selection || getStep(*selection) == 0)
      continue;
    starts[dim] = selection->front();
    sizes[dim] = selection->size();
    steps[dim] = getStep(*selection);
    slices = true;
  }
  if (slices)
    input = SliceOp::create(builder, loc, withShape(input, sizes), input,
                            starts, sizes, steps);
  for (auto [dim, selection] : llvm::enumerate(selections)) {
    if (!selection || getStep(*selection) != 0)
      continue;
    Dims shape(shapeOf(input));
    shape[dim] = selection->size();
    input = GatherOp::create(builder, loc, withShape(input, shape), input,
                             *selection, dim);
  }
  return input;
}

Value ViewBuilder::build(OpBuilder &builder, Location loc, Value root,
                         const View::Plan &plan) {
  Value value = select(builder, loc, root, plan.selections);
  if (!plan.atoms.empty()) {
    value = reshape(builder, loc, value, plan.atoms);
    value = select(builder, loc, value, plan.atomSelections);
  }
  if (!plan.innerPerm.empty()) {
    value = reshape(builder, loc, value, plan.inner);
    value = transpose(builder, loc, value, plan.innerPerm);
  }
  if (!plan.perm.empty()) {
    value = reshape(builder, loc, value, plan.sorted);
    value = transpose(builder, loc, value, plan.perm);
  }
  return reshape(builder, loc, value, plan.shape);
}
