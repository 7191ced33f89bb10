#pragma once
// A queue between one or more producers and one or more consumers that holds at most `capacity` items, so that memory
// stays flat whatever the speed of either side. Thread-safe. Either side may close it: a closed queue takes no more
// items; cancel() also throws away what is in it.

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace weir {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  // Waits for room. False if the queue was closed or cancelled: the item is dropped.
  bool push(T item) WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!closed_ && items_.size() >= capacity_) changed_.wait(mutex_);
    if (closed_) return false;
    items_.push_back(std::move(item));
    changed_.notify_all();
    return true;
  }

  // Waits for an item. Empty once the queue is closed and drained, or cancelled.
  std::optional<T> pop() WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!closed_ && items_.empty()) changed_.wait(mutex_);
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    changed_.notify_all();
    return item;
  }

  // No more items; consumers drain what is left.
  void close() WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  // No more items, and what is left is thrown away: both sides wake up and stop.
  void cancel() WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    closed_ = true;
    items_.clear();
    changed_.notify_all();
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<T> items_ WEIR_GUARDED_BY(mutex_);
  std::size_t const capacity_;
  bool closed_ WEIR_GUARDED_BY(mutex_) = false;
};

}  // namespace weir
