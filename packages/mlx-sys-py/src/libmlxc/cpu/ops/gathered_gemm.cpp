#include "cpu/ops/gathered_gemm.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "cpu/kernels/element_type.hpp"
#include "cpu/parallel/parallel_gemm.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

namespace {

// Columns are divided in panels of as many; tasks, several per thread for load balance.
constexpr int panel = 32, tasks_per_thread = 4;
// Rows that take as long as reading and unpacking the weights.
constexpr int rows_of_reading = 4;
// Rows from which all threads share a product, and what is packed of x for it.
constexpr int many_rows = 256;

int pieces(int size, int piece) {
  return (size + piece - 1) / piece;
}

// Some columns of the product of items that share weights.
struct Task {
  const GatheredItem* items;
  std::size_t count;
  Range columns;
};

void run(const GatheredGemm& products, const Task& task) {
  const QuantizedGemm& one = products.one;
  const std::size_t count = task.count, width = task.columns.end - task.columns.begin;
  const std::size_t x_size = item_size(one.x_type) * one.m * one.k;
  const std::size_t number = item_size(one.y_type), y_row = number * one.n;
  const auto y_of = [&](std::size_t item) {
    return static_cast<char*>(one.y) + item * one.m * y_row + task.columns.begin * number;
  };
  QuantizedGemm p = one;
  p.m = static_cast<int>(count) * one.m;
  p.n = static_cast<int>(width);
  p.x = products.x(task.items[0].x);
  std::optional<Buffer<char>> x_memory, y_memory;
  if (count > 1) {
    x_memory.emplace(count * x_size);
    for (std::size_t i = 0; i < count; i++) {
      std::memcpy(x_memory->data() + i * x_size, products.x(task.items[i].x), x_size);
    }
    p.x = x_memory->data();
  }
  const bool in_place = p.m == 1 || (count == 1 && p.n == one.n);
  if (in_place) {
    p.y = y_of(task.items[0].y);
  } else {
    y_memory.emplace(p.m * width * number);
    p.y = y_memory->data();
  }
  products.multiply(p, task.items[0].w, task.columns);
  if (in_place) {
    return;
  }
  const char* source = y_memory->data();
  for (std::size_t i = 0; i < count; i++) {
    char* target = y_of(task.items[i].y);
    for (int row = 0; row < one.m; row++, source += width * number, target += y_row) {
      std::memcpy(target, source, width * number);
    }
  }
}

}  // namespace

void multiply_gathered(const GatheredGemm& products, std::vector<GatheredItem> items) {
  const QuantizedGemm& one = products.one;
  std::stable_sort(items.begin(), items.end(), [](const GatheredItem& a, const GatheredItem& b) {
    return a.w < b.w;
  });
  std::vector<Task> shared;
  for (const GatheredItem& item : items) {
    if (!shared.empty() && shared.back().items->w == item.w) {
      shared.back().count++;
    } else {
      shared.push_back({&item, 1, {0, one.n}});
    }
  }
  const auto work = [&](const Task& task) {
    return static_cast<double>(task.count * one.m + rows_of_reading);
  };
  double total = 0;
  for (const Task& task : shared) {
    total += work(task);
  }
  // What is computed one after the other, each in all threads if that pays.
  const bool pays = total * one.n * one.k >= worth_threads;
  const bool few = !products.divides && static_cast<int>(shared.size()) < thread_count();
  const auto rest = std::stable_partition(shared.begin(), shared.end(), [&](const Task& task) {
    return !pays || few || task.count * one.m >= many_rows;
  });
  for (auto task = shared.begin(); task != rest; task++) {
    run(products, *task);
  }
  std::vector<Task> tasks;
  for (auto task = rest; task != shared.end(); task++) {
    const int most = products.divides ? pieces(one.n, panel) : 1;
    const double share = work(*task) / total * tasks_per_thread * thread_count();
    const int parts = std::clamp(static_cast<int>(share + 0.5), 1, most);
    const int width = parts == 1 ? one.n : pieces(pieces(one.n, parts), panel) * panel;
    for (int column = 0; column < one.n; column += width) {
      tasks.push_back({task->items, task->count, {column, std::min(column + width, one.n)}});
    }
  }
  parallel_for(static_cast<int>(tasks.size()), [&](int i) { run(products, tasks[i]); });
}

}  // namespace mlx_c::cpu
