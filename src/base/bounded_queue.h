#pragma once
// A queue between one or more producers and one or more consumers that holds items of at most `capacity` weight
// together, so that memory stays flat whatever the speed of either side. An item heavier than the capacity passes
// alone. Where no weight is given each item weighs 1. Thread-safe. Either side may close it: a closed queue takes no
// more items; cancel() also throws away what is in it.

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace weir {

enum class PushResult { Pushed, Closed, TimedOut };

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  // Waits for room. False if the queue was closed or cancelled: the item is dropped.
  bool push(T item, std::size_t weight = 1) WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!closed_ && !has_room(weight)) changed_.wait(mutex_);
    if (closed_) return false;
    put(std::move(item), weight);
    return true;
  }

  // The same, waiting for room no longer than `limit`. The item is dropped unless it was pushed.
  PushResult push_for(T item, std::chrono::microseconds limit, std::size_t weight = 1) WEIR_EXCLUDES(mutex_) {
    auto const until = std::chrono::steady_clock::now() + limit;
    MutexLock lock(mutex_);
    while (!closed_ && !has_room(weight)) {
      if (changed_.wait_until(mutex_, until) == std::cv_status::timeout && !closed_ && !has_room(weight))
        return PushResult::TimedOut;
    }
    if (closed_) return PushResult::Closed;
    put(std::move(item), weight);
    return PushResult::Pushed;
  }

  // Waits for an item. Empty once the queue is closed and drained, or cancelled.
  std::optional<T> pop() WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!closed_ && items_.empty()) changed_.wait(mutex_);
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front().first));
    weight_ -= items_.front().second;
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
    weight_ = 0;
    changed_.notify_all();
  }

 private:
  bool has_room(std::size_t weight) const WEIR_REQUIRES(mutex_) {
    return items_.empty() || (weight_ < capacity_ && weight <= capacity_ - weight_);
  }
  void put(T item, std::size_t weight) WEIR_REQUIRES(mutex_) {
    items_.emplace_back(std::move(item), weight);
    weight_ += weight;
    changed_.notify_all();
  }

  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<std::pair<T, std::size_t>> items_ WEIR_GUARDED_BY(mutex_);
  std::size_t weight_ WEIR_GUARDED_BY(mutex_) = 0;
  std::size_t const capacity_;
  bool closed_ WEIR_GUARDED_BY(mutex_) = false;
};

}  // namespace weir
