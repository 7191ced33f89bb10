#include "pg/canceller.h"

#include <chrono>
#include <thread>

#include "pg/libpq.h"

namespace weir::pg {

constexpr auto kAskAgain = std::chrono::milliseconds(200);
constexpr auto kLongestRequest = std::chrono::seconds(10);  // a server that is gone may never answer one

Canceller::Canceller(pg_conn* connection) : request_(PQgetCancel(connection)) {}
Canceller::~Canceller() {
  PQfreeCancel(request_);
}

Status Canceller::begin(Stops stops) {
  MutexLock lock(mutex_);
  asked_ = false;
  if (stops == Stops::Ignore) return {};
  if (stops_ > 0) return Error(ErrorKind::Cancelled, "cancelled before the next statement");
  running_ = true;
  ++statement_;
  return {};
}

void Canceller::end() {
  MutexLock lock(mutex_);
  running_ = false;
  changed_.notify_all();
  auto const until = std::chrono::steady_clock::now() + kLongestRequest;
  while (in_flight_ && std::chrono::steady_clock::now() < until) changed_.wait_until(mutex_, until);
}

bool Canceller::was_asked() const {
  MutexLock lock(mutex_);
  return asked_;
}

bool Canceller::stopped() const {
  MutexLock lock(mutex_);
  return stops_ > 0;
}

void Canceller::cancel() {
  MutexLock lock(mutex_);
  if (!running_ || asked_) return;
  asked_ = true;
  // Detached, so that a server that does not answer holds up neither the caller nor the session's end. It keeps this
  // alive.
  std::thread([self = shared_from_this(), statement = statement_] { self->repeat_until_ended(statement); }).detach();
}

void Canceller::repeat_until_ended(std::uint64_t statement) {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (!running_ || statement_ != statement) return;
      in_flight_ = true;
    }
    send_request();
    MutexLock lock(mutex_);
    in_flight_ = false;
    changed_.notify_all();
    auto const again = std::chrono::steady_clock::now() + kAskAgain;
    while (running_ && statement_ == statement && std::chrono::steady_clock::now() < again)
      changed_.wait_until(mutex_, again);
  }
}

void Canceller::stop() {
  {
    MutexLock lock(mutex_);
    ++stops_;
  }
  cancel();
}

void Canceller::lift_stop() {
  MutexLock lock(mutex_);
  --stops_;
}

void Canceller::send_request() {
  char reason[256];
  if (request_ != nullptr) PQcancel(request_, reason, sizeof reason);
}

}  // namespace weir::pg
