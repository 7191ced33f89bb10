#include "sync/copy.h"

#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/bounded_queue.h"
#include "base/mutex.h"
#include "base/test_hooks.h"
#include "base/text.h"
#include "source/copy_encode.h"

namespace weir::sync {
namespace {

// Keeps the error that came first: the later ones are its echo on the other side.
class FirstError {
 public:
  void set(Error error) WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!error_) error_ = std::move(error);
  }
  bool is_set() WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return error_.has_value();
  }
  std::optional<Error> take() WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return std::exchange(error_, std::nullopt);
  }

 private:
  Mutex mutex_;
  std::optional<Error> error_ WEIR_GUARDED_BY(mutex_);
};

struct Pipe {
  source::RowReader& reader;
  pg::Session& session;
  CopyOptions const& options;
  BoundedQueue<source::Batch> queue;
  FirstError error{};

  void fail(Error why) {
    error.set(std::move(why));
    queue.cancel();
  }

  Error stalled() const {
    return Error(ErrorKind::Unavailable,
                 fmt::format("the warehouse took no rows for {}", format_duration(options.stall_limit)))
        .state("the read was cancelled at the source; nothing of this chunk is stored")
        .next("look at locks, disk and load of the warehouse");
  }

  // The reading thread.
  void read_all() {
    for (bool more = true; more;) {
      source::Batch batch;
      auto next = reader.next(batch);
      if (!next.ok()) return fail(std::move(next).error());
      more = *next;
      if (batch.rows == 0) continue;
      std::size_t const weight = batch.bytes.size();
      switch (queue.push_for(std::move(batch), options.stall_limit, weight)) {
        case PushResult::Pushed:
          break;
        case PushResult::Closed:
          return;
        case PushResult::TimedOut:
          reader.cancel();
          fail(stalled());
          session.cancel();
          return;
      }
    }
    queue.close();
  }

  // The calling thread: what the warehouse counted, or an error in `error`.
  std::optional<CopyResult> write_all(pg::CopyIn copy) {
    CopyResult done;
    if (Status begun = copy.write(source::copy_binary_header()); !begun.ok()) return give_up(std::move(begun).error());
    crash_point("kL6");
    while (std::optional<source::Batch> batch = queue.pop()) {
      if (Status written = copy.write(batch->bytes); !written.ok()) return give_up(std::move(written).error());
      crash_point("kL7");
      done.rows_read += batch->rows;
      done.bytes += batch->bytes.size();
      if (options.on_progress) options.on_progress(done.rows_read, done.bytes);
    }
    return finish(std::move(copy), done);
  }

  // The queue is at its end: because all rows came, or because the reader failed (then the COPY must not be finished).
  std::optional<CopyResult> finish(pg::CopyIn copy, CopyResult done) {
    if (error.is_set()) return std::nullopt;
    if (Status ended = copy.write(source::copy_binary_trailer()); !ended.ok()) return give_up(std::move(ended).error());
    auto taken = std::move(copy).finish();
    if (!taken.ok()) return give_up(std::move(taken).error());
    done.rows_taken = *taken;
    return done;
  }

  std::nullopt_t give_up(Error why) {
    fail(std::move(why));
    reader.cancel();
    return std::nullopt;
  }

  void stop() {
    fail(Error(ErrorKind::Cancelled, "stopped while rows were copied").state("nothing of this chunk is stored"));
    reader.cancel();
    session.cancel();
  }
};

Status prove(CopyResult const& done, source::ReadReport const& report) {
  if (done.rows_read == done.rows_taken && done.rows_read == report.rows) return {};
  return Error(ErrorKind::Data,
               fmt::format("row counts differ: {} read at the source, {} handed on, {} taken by the warehouse",
                           report.rows, done.rows_read, done.rows_taken))
      .state("the rows are not published")
      .next("run again; if it stays so, report it with the log of this run");
}

}  // namespace

Result<CopyResult> copy_rows(source::RowReader& reader, pg::Session& session, std::string const& statement,
                             CopyOptions const& options) {
  auto copy = session.copy_in(statement);
  if (!copy.ok()) return std::move(copy).error();
  Pipe pipe{reader, session, options, BoundedQueue<source::Batch>(options.buffer_bytes)};
  std::optional<CopyResult> done;
  {
    std::stop_callback on_stop(options.stop, [&pipe] { pipe.stop(); });
    std::jthread reading([&pipe] { pipe.read_all(); });
    done = pipe.write_all(std::move(copy).value());
  }  // the callback is gone and the reading thread has ended
  if (std::optional<Error> error = pipe.error.take()) return std::move(*error);
  if (!done) return Error(ErrorKind::Internal, "a COPY ended without rows and without a reason");
  WEIR_DO(prove(*done, reader.report()));
  return *done;
}

}  // namespace weir::sync
