// weir_cases [FILTER...]: runs the cases of tests/cases whose name is FILTER, lies below it, or matches it as a glob.
// --accept NAME...: runs them and takes what came as the expectation. --list: their names. --all-faults: fault loops
// leave no statement out. See tests/README.md.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"
#include "pg/private_cluster.h"
#include "runner/run.h"
#include "sql/name.h"

namespace weir::cases {
namespace {

namespace fs = std::filesystem;

struct Options {
  bool accept = false, list = false, all_faults = false;
  int workers = 2;
  fs::path root = WEIR_SOURCE_ROOT;
  std::vector<std::string> filters;
};

Result<Options> read_options(std::vector<std::string> const& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    auto const& word = arguments[i];
    if (word == "--accept")
      options.accept = true;
    else if (word == "--list")
      options.list = true;
    else if (word == "--all-faults")
      options.all_faults = true;
    else if (word == "-j" && i + 1 < arguments.size())
      options.workers = static_cast<int>(parse_int(arguments[++i]).value_or(1));
    else if (word == "--root" && i + 1 < arguments.size())
      options.root = arguments[++i];
    else if (word.starts_with("-"))
      return Error(ErrorKind::Usage, fmt::format("there is no option \"{}\"", word));
    else
      options.filters.push_back(word);
  }
  if (options.accept && options.filters.empty())
    return Error(ErrorKind::Usage, "--accept needs the names of cases: never all");
  for (auto const& filter : options.filters)
    if (options.accept && filter.find_first_of("*?") != std::string::npos)
      return Error(ErrorKind::Usage, "--accept takes names, not patterns: read each diff");
  return options;
}

bool is_wanted(Options const& options, std::string const& name) {
  if (options.filters.empty()) return true;
  return std::ranges::any_of(options.filters, [&](std::string const& filter) {
    return name == filter || (!options.accept && name.starts_with(filter + "/")) || matches_glob(filter, name);
  });
}

Result<std::vector<CaseFile>> read_cases(Options const& options) {
  auto const folder = options.root / "tests" / "cases";
  std::vector<std::string> names;
  for (auto const& entry : fs::recursive_directory_iterator(folder)) {
    auto path = entry.path();
    if (path.extension() == ".case") names.push_back(fs::relative(path.replace_extension(), folder).string());
  }
  std::ranges::sort(names);
  std::vector<CaseFile> cases;
  for (auto const& name : names) {
    if (!is_wanted(options, name)) continue;
    WEIR_TRY(auto const text, read_file(folder / (name + ".case")));
    WEIR_TRY(auto file, parse_case(name, text));
    cases.push_back(std::move(file));
  }
  if (cases.empty()) return Error(ErrorKind::Usage, "there is no such case").next("weir_cases --list names them");
  return cases;
}

// Roles belong to the whole cluster: those that the cases name are made before the first case runs.
Status make_roles(Site& site, std::vector<CaseFile> const& cases) {
  std::set<std::string> roles = {"loader"};
  for (auto const& file : cases)
    for (auto const& role : file.list_of("roles")) roles.insert(role);
  WEIR_TRY(auto session, SqlSession::connect(site.conninfo("postgres", site.superuser)));
  site.server_version = session.server_version();
  for (auto const& role : roles) {
    WEIR_TRY(auto const answer,
             session.run(fmt::format("CREATE ROLE {} LOGIN", sql::quote_pg(role)), std::chrono::seconds(30)));
    if (answer.failed) return Error(ErrorKind::Sql, answer.text);
  }
  return {};
}

std::string parameter(pg::SessionOptions const& options, std::string_view name) {
  for (auto const& [key, value] : options.parameters)
    if (key == name) return value;
  return "";
}

Site make_site(Options const& options, pg::PrivateCluster const& cluster, fs::path temp) {
  Site site;
  auto const session = cluster.options();
  site.host = parameter(session, "host");
  site.port = cluster.port();
  site.superuser = parameter(session, "user");
  site.root = options.root;
  site.bin = WEIR_BIN_FOLDER;
  site.temp = std::move(temp);
  site.all_faults = options.all_faults;
  for (char const* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"})
    if (char const* value = std::getenv(name)) site.environment[name] = value;
  return site;
}

class Report {
 public:
  void add(CaseFile const& file, Outcome const& outcome, Duration time) WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::string const variants = outcome.variants > 1 ? fmt::format(", {} variants", outcome.variants) : "";
    auto const seconds = static_cast<double>(time.count()) / 1e6;
    if (outcome.verdict == Verdict::Passed) {
      ++passed_;
      fmt::print("ok      {} ({:.1f} s{})\n", file.name, seconds, variants);
    } else if (outcome.verdict == Verdict::Skipped) {
      ++skipped_;
      fmt::print("SKIPPED {}: {}\n", file.name, outcome.problem);
    } else {
      ++failed_;
      fmt::print("FAILED  {} ({:.1f} s{}): {}\n{}{}\n", file.name, seconds, variants, file.why, outcome.problem,
                 unified_diff(write_case(file), outcome.actual, "tests/cases/" + file.name + ".case"));
    }
    std::fflush(stdout);
  }
  // The line that tools/dev/count_tests.py reads.
  int end() WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    fmt::print("cases: {} passed, {} failed, {} skipped\n", passed_, failed_, skipped_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  Mutex mutex_;
  int passed_ WEIR_GUARDED_BY(mutex_) = 0;
  int failed_ WEIR_GUARDED_BY(mutex_) = 0;
  int skipped_ WEIR_GUARDED_BY(mutex_) = 0;
};

int run_all(Site const& site, std::vector<CaseFile> const& cases, int workers) {
  Report report;
  std::atomic<std::size_t> next = 0;
  int const inner = cases.size() == 1 ? workers : 1;
  auto work = [&] {
    for (std::size_t i; (i = next++) < cases.size();) {
      auto const begin = system_clock().monotonic();
      auto const outcome = run_case(site, cases[i], inner);
      report.add(cases[i], outcome, system_clock().monotonic() - begin);
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 1; i < workers; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  return report.end();
}

int accept_all(Site const& site, fs::path const& root, std::vector<CaseFile> const& cases) {
  int refused = 0;
  for (auto const& file : cases) {
    auto const first = run_case(site, file, 1);
    auto const name = "tests/cases/" + file.name + ".case";
    auto refuse = [&](std::string const& why) {
      fmt::print("refused {}: {}\n", file.name, why);
      ++refused;
    };
    if (!first.acceptable) {
      refuse(first.problem);
      continue;
    }
    auto const second = run_case(site, file, 1);
    if (!second.acceptable || second.actual != first.actual) {
      refuse("two runs differ:\n" + second.problem + unified_diff(first.actual, second.actual, name));
      continue;
    }
    fmt::print("{}", unified_diff(write_case(file), first.actual, name));
    if (auto const written = write_file(root / name, first.actual); !written.ok()) refuse(written.error().to_text());
  }
  return refused == 0 ? 0 : 1;
}

Result<int> main_of(std::vector<std::string> const& arguments) {
  WEIR_TRY(auto const options, read_options(arguments));
  WEIR_TRY(auto const cases, read_cases(options));
  if (options.list) {
    for (auto const& file : cases) fmt::print("{}  {}\n", file.name, file.why);
    return 0;
  }
  pg::ClusterOptions cluster_options;
  if (char const* bin = std::getenv("WEIR_TEST_PG_BIN")) cluster_options.bin = bin;
  cluster_options.settings = {{"max_connections", "200"}, {"deadlock_timeout", "200ms"}};
  cluster_options.hba = {"local all guarded scram-sha-256", "host all guarded 127.0.0.1/32 scram-sha-256"};
  WEIR_TRY(auto const cluster, pg::PrivateCluster::start(cluster_options));
  WEIR_TRY(auto const temp, TempFolder::create("weir-cases-"));
  auto site = make_site(options, cluster, temp.path());
  WEIR_DO(make_roles(site, cases));
  return options.accept ? accept_all(site, options.root, cases) : run_all(site, cases, options.workers);
}

}  // namespace
}  // namespace weir::cases

int main(int argc, char** argv) {
  auto const code = weir::cases::main_of({argv + 1, argv + argc});
  if (code.ok()) return code.value();
  fmt::print(stderr, "{}\n", code.error().to_text());
  return 2;
}
