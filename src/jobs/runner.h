#pragma once
// Carries out jobs of a Store by a Work: claims, keeps the lease, enforces time limits, hands cancels on, writes logs.
//
// A lease is renewed by one statement for all jobs of a worker. Whoever could not renew counts from before he asked,
// and stops his attempts before the lease can end at the store (lease minus a third), also while the store does not
// answer: another worker may then go on.

#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "jobs/log_file.h"
#include "jobs/scheduler.h"
#include "jobs/store.h"
#include "jobs/work.h"

namespace weir::jobs {

struct RunnerOptions {
  std::string worker;  // random; see new_worker()
  std::filesystem::path logs;
  Duration lease = std::chrono::seconds(30);
  Duration look = std::chrono::seconds(1);  // how often for jobs, cancels and time limits
  int slots = 4;                            // jobs side by side
};

std::string new_worker();
std::string host_name();  // of this machine

class Runner {
 public:
  // All of them outlive it.
  Runner(Store& store, Work& work, Clock& clock, RunnerOptions options);
  ~Runner();

  // Carries out the job's attempts until it has ended, waiting between them; what `stop` then is, is the job's cancel.
  // `told` gets the lines of the logs as they come, and what the runner itself has to say. Returns the job as it ended.
  Result<Job> see_through(std::int64_t job, std::string const& who, std::stop_token stop,
                          std::function<void(std::string_view)> const& told);

  // Schedules and carries out jobs until `stop`: then begins nothing more, stops what runs (those attempts do not
  // count), and returns when all have ended. A store that fails (a full disk, a server that is away) is `trouble`, and
  // is tried again.
  // `each_round` is done before it looks for jobs, about once a second. `pulse` is told after each round, and about as
  // often while what runs is being ended; `well`: the store has answered.
  void serve(Scheduler& scheduler, std::stop_token stop, std::function<void(Error const&)> const& trouble,
             std::function<Status()> const& each_round = {}, std::function<void(bool well)> const& pulse = {});

 private:
  struct Running;
  struct Beside;
  class Keeper;

  Result<AfterAttempt> carry_out(Claim const& claim, FailureClass stopped_as, std::stop_token stop,
                                 std::function<void(std::string_view)> const& told);
  Status begin_due(Scheduler& scheduler, std::list<Beside>& beside, std::stop_token stop);
  void await_end(std::list<Beside> const& beside, std::function<void(bool well)> const& pulse) WEIR_EXCLUDES(mutex_);
  void keep_leases(std::stop_token end);
  void ask_store(Duration& renewed);
  void watch(std::stop_token end);
  Duration trusted() const { return options_.lease - options_.lease / 3; }
  void check_limits(Running& running) WEIR_REQUIRES(mutex_);
  template <typename T>
  T until_answered(Running& running, std::function<T()> const& ask) WEIR_EXCLUDES(mutex_);
  double luck() WEIR_EXCLUDES(mutex_);

  Store& store_;
  Work& work_;
  Clock& clock_;
  RunnerOptions const options_;
  Mutex mutex_;
  ConditionVariable ended_;                                           // a job beside others
  std::map<std::int64_t, Running*> running_ WEIR_GUARDED_BY(mutex_);  // by its token
  std::uint64_t luck_ WEIR_GUARDED_BY(mutex_);
  std::jthread keeper_, watcher_;
};

}  // namespace weir::jobs
