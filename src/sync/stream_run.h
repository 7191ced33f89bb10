#pragma once
// One stream through its attempts. An attempt is: lock the target, raise the fence, look what an earlier attempt left
// behind, rehearse, read and load, prove, guard, publish. Belongs to one worker at a time.

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "config/config.h"
#include "pg/session.h"
#include "source/source.h"
#include "sync/endpoints.h"
#include "sync/state.h"
#include "sync/sync.h"

namespace weir::sync {

// What all streams of a run share. Read-only but for the callback, which reports one at a time.
struct RunContext {
  config::Connection const& connection;
  Endpoints& endpoints;
  RunOptions const& options;
  SyncPlan const* plan;  // null for a release
  Clock& clock;
  std::string instance;  // of this run, random: names its sessions
  std::int64_t job = 0;
  Mutex progress_mutex{};

  PlanOptions plan_options() const { return plan != nullptr ? plan->options : PlanOptions{}; }

  void report(Progress const& progress) WEIR_EXCLUDES(progress_mutex);
};

// The sessions of a worker, opened at first use and kept from stream to stream.
struct Worker {
  std::unique_ptr<source::Source> source;
  std::unique_ptr<pg::Session> session;

  Status open(Endpoints& endpoints);
  Status open_warehouse(Endpoints& endpoints);
  // Ends what an attempt may have left open; drops what is no longer healthy.
  void tidy(std::optional<ErrorKind> failed);
  void give_back(Endpoints& endpoints);
};

class StreamRun {
 public:
  StreamRun(RunContext& context, StreamPlan plan);
  ~StreamRun();

  // False if it failed. The outcome stands in report(), the error too.
  bool attempt(Worker& worker);
  // False if a failure is final whatever its kind: somebody else does the work.
  bool may_try_again() const;
  // Whether the last attempt stored chunks that the next one need not read again.
  bool moved() const;
  void skip(Error why);
  void say(Phase phase, std::string note);

  StreamReport& report();
  StreamPlan const& plan() const;

 private:
  struct Attempt;
  void begin_attempt();
  void write_failure(Worker& worker, LoadRecord const& record, Error const& error);

  RunContext& context_;
  StreamPlan plan_;
  StreamReport report_;
  bool moved_ = false;
  bool may_try_again_ = true;
};

}  // namespace weir::sync
