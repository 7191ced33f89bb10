// What the state of jobs costs: weir-bench-jobs FOLDER JOBS SCHEDULES EVENTS [HOST PORT DATABASE] prints seconds as
// JSON. The state is a file in the folder, or in the PostgreSQL there. Beside it the floor: as many small writes forced
// to the folder's disk as a job's life has commits.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "base/text.h"
#include "jobs/postgres.h"
#include "jobs/scheduler.h"
#include "jobs/sqlite.h"
#include "jobs/store.h"

namespace {

using namespace weir;
using Seconds = std::chrono::duration<double>;

class Fixed final : public Clock {
 public:
  Instant now() const override { return now_; }
  Duration monotonic() const override { return now_.time_since_epoch(); }
  bool sleep(Duration, std::stop_token) override { return true; }
  void advance(Duration time) { now_ += time; }

 private:
  Instant now_ = std::chrono::sys_days(std::chrono::year(2024) / 6 / 21);
};

template <typename Work>
double seconds(Work work) {
  auto const begin = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - begin).count();
}

template <typename T>
T must(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  fmt::print(stderr, "{}\n", result.error().to_text());
  std::exit(1);
}

config::Job definition(std::string name) {
  config::Job job;
  job.steps = {{config::JobStep::Kind::Sync, name, {}}};
  job.name = std::move(name);
  job.when.cron = "0 3 * * *";
  job.when.zone = "Europe/Berlin";
  return job;
}

Result<std::unique_ptr<jobs::Database>> open_server(std::array<std::string, 3> const& place, Clock& clock) {
  jobs::PostgresOptions options;
  options.session.parameters = {{"host", place[0]}, {"port", place[1]}, {"user", "postgres"}, {"dbname", place[2]}};
  options.clock = &clock;
  return jobs::open_postgres(std::move(options));
}

double floor_of(std::string const& file, int writes) {
  int const fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::string const page(4096, 'x');
  double const time = seconds([&] {
    for (int i = 0; i < writes; ++i)
      if (write(fd, page.data(), page.size()) < 0 || fdatasync(fd) != 0) std::exit(1);
  });
  close(fd);
  return time;
}

void add_events(jobs::Store& store, int events) {
  for (int i = 0; i < events; ++i)
    if (!store.add_events({{"weir.table.published", fmt::format("sync_core.t{}", i % 100), 1, 1, R"({"rows":1000})"}})
             .ok())
      std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 8) return 2;
  std::string const folder = argv[1];
  int const count = std::atoi(argv[2]), schedules = std::atoi(argv[3]), events = std::atoi(argv[4]);
  Fixed clock;
  auto store = must(jobs::Store::open(must(argc == 8 ? open_server({argv[5], argv[6], argv[7]}, clock)
                                                     : jobs::open_sqlite(folder + "/state.db", clock)),
                                      "bench"));
  auto const job = definition("nightly");
  double const cycles = seconds([&] {
    for (int i = 0; i < count; ++i) {
      must(store->enqueue({job, jobs::Cause::Manual, "bench", {}, {}}));
      auto const claim = must(store->claim("w", std::chrono::seconds(30)));
      must(store->finish(*claim, {}, 0));
    }
  });
  double const floor = floor_of(folder + "/floor", 3 * count);

  std::map<std::string, config::Job> many;
  for (int i = 0; i < schedules; ++i) many.emplace(fmt::format("job{}", i), definition(fmt::format("job{}", i)));
  auto scheduler = must(jobs::Scheduler::make(many));
  double const first = seconds([&] { must(scheduler.tick(*store)); });
  clock.advance(std::chrono::seconds(1));
  double const idle = seconds([&] { must(scheduler.tick(*store)); });
  clock.advance(std::chrono::seconds(11));
  double const look = seconds([&] { must(scheduler.tick(*store)); });
  clock.advance(std::chrono::hours(24));
  double const due = seconds([&] { must(scheduler.tick(*store)); });

  double const adding = seconds([&] { add_events(*store, events); });
  double const verify = seconds([&] { must(store->broken_link()); });
  fmt::print(
      "{{\"cycles\": {}, \"floor\": {}, \"tick_first\": {}, \"tick_idle\": {}, \"tick_look\": {}, \"tick_all_due\": "
      "{}, \"events\": {}, "
      "\"verify\": {}}}\n",
      cycles, floor, first, idle, look, due, adding, verify);
  return 0;
}
