#pragma once
// std::mutex with clang's thread-safety annotations, checked by the `clang` preset. g++ ignores them.
// Use: `Mutex mutex_; int count_ WEIR_GUARDED_BY(mutex_);` and `MutexLock lock(mutex_);`

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define WEIR_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define WEIR_THREAD_ATTRIBUTE(x)
#endif
#define WEIR_GUARDED_BY(m) WEIR_THREAD_ATTRIBUTE(guarded_by(m))
#define WEIR_REQUIRES(m) WEIR_THREAD_ATTRIBUTE(requires_capability(m))
#define WEIR_EXCLUDES(m) WEIR_THREAD_ATTRIBUTE(locks_excluded(m))

namespace weir {

class WEIR_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() WEIR_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() WEIR_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class WEIR_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) WEIR_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() WEIR_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(MutexLock const&) = delete;
  MutexLock& operator=(MutexLock const&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable for Mutex: wait(mutex) is called with the mutex held and returns with it held.
using ConditionVariable = std::condition_variable_any;

}  // namespace weir
