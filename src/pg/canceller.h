#pragma once
// Private to pg/: who may cancel what a session is doing, and when. Thread-safe.

#include <cstdint>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/result.h"

struct pg_cancel;
struct pg_conn;

namespace weir::pg {

class Canceller : public std::enable_shared_from_this<Canceller> {
 public:
  explicit Canceller(pg_conn* connection);
  ~Canceller();

  // The session's thread: a statement begins / has ended. begin() fails with Cancelled while a stop is in force, unless
  // the statement must go through (ROLLBACK), which then is not cancelled either. end() waits for a cancel request
  // under way, so that it cannot reach the next statement.
  enum class Stops { Heed, Ignore };
  Status begin(Stops stops = Stops::Heed) WEIR_EXCLUDES(mutex_);
  void end() WEIR_EXCLUDES(mutex_);
  // Was the statement that is running, or that ended last, cancelled from here?
  bool was_asked() const WEIR_EXCLUDES(mutex_);
  // Is a stop in force?
  bool stopped() const WEIR_EXCLUDES(mutex_);

  // Any thread: cancels the running statement, asking again until it has ended (a request that arrives before the
  // statement does is ignored by the server).
  void cancel() WEIR_EXCLUDES(mutex_);
  // Any thread: from now on statements are refused; the running one is cancelled.
  void stop() WEIR_EXCLUDES(mutex_);
  void lift_stop() WEIR_EXCLUDES(mutex_);
  // One request, sent by this thread. Errors are of no interest: the statement's own answer tells.
  void send_request();

 private:
  void repeat_until_ended(std::uint64_t statement) WEIR_EXCLUDES(mutex_);

  pg_cancel* const request_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::uint64_t statement_ WEIR_GUARDED_BY(mutex_) = 0;  // number of the current one
  bool running_ WEIR_GUARDED_BY(mutex_) = false;
  bool asked_ WEIR_GUARDED_BY(mutex_) = false;
  bool in_flight_ WEIR_GUARDED_BY(mutex_) = false;  // a request is being sent just now
  int stops_ WEIR_GUARDED_BY(mutex_) = 0;
};

}  // namespace weir::pg
