// The runner with work of the test's own: jobs side by side, cancels, time limits, stops. Also under the thread
// sanitizer.
#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "base/file.h"
#include "jobs/runner.h"
#include "jobs/sqlite.h"

namespace weir::jobs {
namespace {

using namespace std::chrono_literals;

class FakeWork final : public Work {
 public:
  explicit FakeWork(std::function<AttemptEnd(Job const&, Listener&, std::stop_token)> does) : does_(std::move(does)) {}
  AttemptEnd carry_out(Job const& job, int, Listener& listener, std::stop_token stop) override {
    ++begun;
    return does_(job, listener, stop);
  }
  std::atomic<int> begun = 0;

 private:
  std::function<AttemptEnd(Job const&, Listener&, std::stop_token)> does_;
};

// Until somebody stops it.
AttemptEnd wait_for_stop(Job const&, Listener&, std::stop_token stop) {
  while (system_clock().sleep(1s, stop)) {
  }
  AttemptEnd end;
  end.failure = FailureClass::Cancelled;
  return end;
}

class JobsRunnerConcurrent : public ::testing::Test {
 protected:
  JobsRunnerConcurrent() : folder_(std::move(*TempFolder::create("weir-runner-"))) {
    store = std::move(*Store::open(std::move(*open_sqlite(folder_.path() / "state.db", system_clock())), "weir"));
    options.worker = "w";
    options.logs = folder_.path() / "logs";
    options.look = 2ms;
  }

  std::int64_t enqueue(int number, std::function<void(config::Job&)> const& change = {}) {
    NewJob job;
    job.definition.name = "job" + std::to_string(number);
    job.definition.steps = {{config::JobStep::Kind::Sync, "c" + std::to_string(number), {}}};
    job.definition.retry_first = 1ms;
    if (change) change(job.definition);
    return store->enqueue(std::move(job))->job;
  }

  // Serves until `done`.
  void serve_until(FakeWork& work, std::function<bool()> const& done) {
    Runner runner(*store, work, system_clock(), options);
    auto scheduler = std::move(*Scheduler::make({}));
    std::jthread serving([&](std::stop_token stop) {
      runner.serve(scheduler, stop, [](Error const& trouble) { ADD_FAILURE() << trouble.to_text(); });
    });
    auto const until = std::chrono::steady_clock::now() + 2min;
    while (!done() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(done());
  }
  bool is(std::int64_t job, JobState state) { return store->job(job)->state == state; }

  TempFolder folder_;
  std::unique_ptr<Store> store;
  RunnerOptions options;
};

TEST_F(JobsRunnerConcurrent, ThePulseGoesOnWhileWhatRunsIsBeingEnded) {
  std::atomic<bool> is_stopping = false, beat_meanwhile = false;
  auto const until = std::chrono::steady_clock::now() + 2min;
  FakeWork work([&](Job const& job, Listener& listener, std::stop_token stop) {
    auto const end = wait_for_stop(job, listener, stop);
    is_stopping = true;
    while (!beat_meanwhile && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
    return end;
  });
  enqueue(1);
  Runner runner(*store, work, system_clock(), options);
  auto scheduler = std::move(*Scheduler::make({}));
  std::jthread serving([&](std::stop_token stop) {
    runner.serve(
        scheduler, stop, [](Error const& trouble) { ADD_FAILURE() << trouble.to_text(); }, {},
        [&](bool well) {
          EXPECT_TRUE(well);
          if (is_stopping) beat_meanwhile = true;
        });
  });
  while (work.begun == 0 && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
  serving.request_stop();
  serving.join();
  EXPECT_TRUE(beat_meanwhile);
}

TEST_F(JobsRunnerConcurrent, JobsRunSideBySideAndWriteTheirLogs) {
  FakeWork work([](Job const& job, Listener& listener, std::stop_token) {
    for (int i = 0; i < 50; ++i) listener.line("line " + std::to_string(i));
    listener.events({{"weir.table.published", job.name, {}, {}, "{}"}});
    return AttemptEnd{};
  });
  std::vector<std::int64_t> jobs;
  for (int i = 0; i < 12; ++i) jobs.push_back(enqueue(i));
  serve_until(work, [&] {
    return std::all_of(jobs.begin(), jobs.end(), [&](auto job) { return is(job, JobState::Succeeded); });
  });
  for (auto const job : jobs) {
    auto const log = read_log(options.logs / log_name(job, 1), 0, 1 << 20);
    ASSERT_TRUE(log.ok());
    EXPECT_EQ(std::count(log->text.begin(), log->text.end(), '\n'), 52) << log->text;
    EXPECT_EQ(store->events(0, job, 100)->size(), 6U);
  }
  EXPECT_EQ(*store->broken_link(), std::nullopt);
}

TEST_F(JobsRunnerConcurrent, ACancelReachesWhatRuns) {
  FakeWork work(wait_for_stop);
  auto const first = enqueue(1), second = enqueue(2);
  bool asked = false;
  serve_until(work, [&] {
    if (!asked && work.begun == 2) asked = store->cancel(first, "ada").ok();
    return is(first, JobState::Cancelled);
  });
  EXPECT_TRUE(is(second, JobState::Incomplete));  // serving has ended: it goes on another time
  EXPECT_EQ(store->attempts(second)->front().failure, "stopping");
  EXPECT_EQ(store->job(second)->uncounted, 1);
}

TEST_F(JobsRunnerConcurrent, SilenceAndLengthHaveLimits) {
  FakeWork work(wait_for_stop);
  auto const silent = enqueue(1, [](config::Job& job) { job.silence_timeout = 5ms, job.attempts = 2; });
  auto const longer = enqueue(2, [](config::Job& job) { job.attempt_timeout = 5ms, job.attempts = 1; });
  serve_until(work, [&] { return is(silent, JobState::Failed) && is(longer, JobState::Failed); });
  auto const attempts = *store->attempts(silent);
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].failure, "transient");
  EXPECT_NE(attempts[0].error.find("said nothing for"), std::string::npos);
  EXPECT_NE(store->attempts(longer)->front().error.find("took longer than"), std::string::npos);
}

TEST_F(JobsRunnerConcurrent, AJobThatSomebodyElseTookUpIsLetGo) {
  FakeWork work(wait_for_stop);
  options.lease = 10min;
  auto const id = enqueue(1, [](config::Job& job) { job.retry_first = 10min; });
  bool taken = false;
  serve_until(work, [&] {
    // Another worker finds it lost, as if the lease had ended.
    if (!taken && work.begun == 1) taken = !store->expire(0, "other")->empty();
    return taken && is(id, JobState::Incomplete);
  });
  EXPECT_EQ(store->attempts(id)->size(), 1U);
  EXPECT_EQ(store->attempts(id)->front().failure, "worker lost");
}

TEST_F(JobsRunnerConcurrent, SeenThroughWithItsAttempts) {
  std::atomic<int> tries = 0;
  FakeWork work([&](Job const& job, Listener&, std::stop_token) {
    AttemptEnd end;
    EXPECT_EQ(job.resume, tries == 0 ? "" : "{\"step\":0}");
    if (++tries < 3) end.failure = FailureClass::Transient, end.resume = "{\"step\":0}";
    return end;
  });
  Runner runner(*store, work, system_clock(), options);
  std::vector<std::string> lines;
  auto const job = runner.see_through(enqueue(1), "ada", {}, [&](std::string_view line) { lines.emplace_back(line); });
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->state, JobState::Succeeded);
  EXPECT_EQ(job->attempts, 3);
  EXPECT_EQ(lines.back(), "attempt 3 succeeded");
}

TEST(JobsLog, IsBoundedAtBothEnds) {
  auto const folder = std::move(*TempFolder::create("weir-log-"));
  auto const file = folder.path() / log_name(4552, 5);
  EXPECT_EQ(file.filename(), "default_workspace_job_4552_attempt_5.txt");
  {
    auto const log = std::move(*LogWriter::create(file, LogBounds{1000, 200}));
    for (int i = 0; i < 1000; ++i) log->write(Instant(), "line " + std::to_string(i));
    log->write(Instant(), "two\nlines, and a bell: \a");
  }
  auto const all = *read_log(file, 0, 1 << 20);
  EXPECT_LT(all.text.size(), 1400U);
  EXPECT_NE(all.text.find("line 0\n"), std::string::npos);
  EXPECT_NE(all.text.find("of the log are left out here"), std::string::npos);
  EXPECT_NE(all.text.find("two\n1970-01-01 00:00:00.000 lines, and a bell: \\x07\n"), std::string::npos);
  auto const page = *read_log(file, 0, 100);
  EXPECT_EQ(page.text.back(), '\n');
  EXPECT_EQ(read_log(file, page.next, 1 << 20)->text, all.text.substr(page.next));
  EXPECT_FALSE(read_log(folder.path() / "none", 0, 10).ok());
}

}  // namespace
}  // namespace weir::jobs
