// A case as a whole: its setup, and, where it has fault points or permutations, the rest once per variant.

#include "runner/run.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"
#include "base/words.h"

namespace weir::cases {
namespace {

constexpr auto kFaultyRunLimit = std::chrono::seconds(240);
constexpr int kMostStatements = 5000;  // a fault loop that goes on longer does not end by itself

Error wrong(Section const& section, std::string message) {
  return Error(ErrorKind::Config, std::move(message)).where(fmt::format("line {}", section.line));
}

std::string describe(CaseFile const& file, std::vector<Broken> const& broken) {
  std::string out;
  for (auto const& one : broken)
    out += fmt::format("tests/cases/{}.case:{}: {}\n", file.name, one.line, trim(one.what));
  return out;
}

// Variants are run by several threads; the first ones that go wrong are told.
class Problems {
 public:
  void add(std::string text) WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (++count_ <= 3) text_ += std::move(text);
  }
  std::string text() WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return count_ > 3 ? text_ + fmt::format("... and {} more\n", count_ - 3) : text_;
  }

 private:
  Mutex mutex_;
  std::string text_ WEIR_GUARDED_BY(mutex_);
  int count_ WEIR_GUARDED_BY(mutex_) = 0;
};

// -----------------------------------------------------------------------------------------------------------------
// faults

struct FaultSpec {
  std::vector<std::string> command;
  std::vector<std::string> crash;              // labels
  std::vector<std::vector<std::string>> fail;  // loops over the statements, each with the modes that take turns in it
  int every = 1;                               // a loop fails the statements 1, 1 + every, 1 + 2 * every ...
};

Result<FaultSpec> read_faults(Section const& section, bool all_faults) {
  FaultSpec spec;
  for (auto const& line : split(section.body, '\n')) {
    auto const colon = line.find(':');
    if (trim(line).empty()) continue;
    if (colon == std::string::npos) return wrong(section, "a line of faults is not `key: value`");
    auto const key = line.substr(0, colon);
    WEIR_TRY(auto words, split_words(std::string_view(line).substr(colon + 1)));
    if (key == "run")
      spec.command = std::move(words);
    else if (key == "crash")
      spec.crash = std::move(words);
    else if (key == "fail")
      for (auto const& word : words) spec.fail.push_back(split(word, '/'));
    else if (key == "every" && words.size() == 1)
      spec.every = std::max(1, static_cast<int>(parse_int(words[0]).value_or(1)));
    else
      return wrong(section, fmt::format("faults have no \"{}\": run, crash, fail, every", key));
  }
  if (all_faults) {
    spec.every = 1;
    std::vector<std::vector<std::string>> loops;
    for (auto const& modes : spec.fail)
      for (auto const& mode : modes) loops.push_back({mode});
    spec.fail = std::move(loops);
  }
  if (spec.command.empty() || (spec.crash.empty() && spec.fail.empty()))
    return wrong(section, "faults need run:, and crash: or fail:");
  return spec;
}

// One fault point. Nothing, if the command was over before the fault came.
struct Fault {
  std::string variable, value;  // WEIR_CRASH_AT=kL7, WEIR_FAIL_AT=12:lost
  std::string text() const { return variable + "=" + value; }
};

class FaultLoop {
 public:
  FaultLoop(World const& setup, CaseFile const& file, FaultSpec spec, std::vector<Section> rest)
      : setup_(setup), file_(file), spec_(std::move(spec)), rest_(std::move(rest)) {}

  // The number of fault points that were hit.
  int run(int workers) {
    std::atomic<std::size_t> next_label = 0;
    std::vector<std::atomic<int>> next_turn(spec_.fail.size());
    auto work = [&] {
      for (std::size_t i; (i = next_label++) < spec_.crash.size();) {
        if (!passes_through({"WEIR_CRASH_AT", spec_.crash[i]}))
          problems_.add(fmt::format("{}: the command never came to this point\n", spec_.crash[i]));
      }
      for (std::size_t loop = 0; loop < spec_.fail.size(); ++loop) {
        auto const& modes = spec_.fail[loop];
        for (int turn = 0; (turn = next_turn[loop]++) < kMostStatements;) {
          int const n = 1 + turn * spec_.every;
          std::string const& mode = modes[static_cast<std::size_t>(turn) % modes.size()];
          if (passes_through({"WEIR_FAIL_AT", fmt::format("{}:{}", n, mode)})) continue;
          if (n == 1) problems_.add(fmt::format("{}: the command sent no statement\n", mode));
          next_turn[loop] = kMostStatements;
        }
      }
    };
    std::vector<std::jthread> threads;
    for (int i = 1; i < workers; ++i) threads.emplace_back(work);
    work();
    threads.clear();
    return hit_;
  }

  std::string problems() { return problems_.text(); }

 private:
  // Runs the command with the fault and then the rest of the case. False if the fault never came.
  bool passes_through(Fault const& fault) {
    auto const status = one(fault);
    if (status.ok()) return status.value();
    problems_.add(fmt::format("with {}:\n{}\n", fault.text(), status.error().to_text()));
    return true;
  }

  Result<bool> one(Fault const& fault) {
    WEIR_TRY(auto world, setup_.copy());
    auto const report = world->work().parent_path() / "statements";
    WEIR_TRY(auto process,
             world->start(spec_.command, {{fault.variable, fault.value}, {"WEIR_FAIL_REPORT", report.string()}}));
    auto const end = process.wait(kFaultyRunLimit);
    bool const crash = fault.variable == "WEIR_CRASH_AT";
    if (crash && end.signal == 0) return false;
    if (!crash) {
      if (end.is_broken())
        return Error(ErrorKind::Internal, fmt::format("the command crashed (signal {}, exit {}{})", end.signal,
                                                      end.exit_code, end.timed_out ? ", time-out" : ""))
            .cause(end.err);
      WEIR_TRY(auto const sent, read_file(report));
      auto const wanted = parse_int(std::string_view(fault.value).substr(0, fault.value.find(':')));
      if (parse_int(trim(sent)).value_or(0) < wanted.value_or(0)) return false;
    }
    ++hit_;
    auto const carried = carry_out(*world, rest_);
    std::string trouble = describe(file_, carried.broken);
    if (trouble.empty()) {
      CaseFile expected, actual;
      expected.sections = rest_;
      actual.sections = carried.sections;
      trouble = unified_diff(write_case(expected), write_case(actual), file_.name);
    }
    if (!trouble.empty())
      return Error(ErrorKind::Data, "after the fault:\n" + trouble + "the faulty run had said:\n" + end.err);
    return true;
  }

  World const& setup_;
  CaseFile const& file_;
  FaultSpec const spec_;
  std::vector<Section> const rest_;
  Problems problems_;
  std::atomic<int> hit_ = 0;
};

// -----------------------------------------------------------------------------------------------------------
// permutations

// `== step LABEL SECTION` as the section itself, by label.
std::map<std::string, Section> steps_of(std::vector<Section> const& sections) {
  std::map<std::string, Section> steps;
  for (auto const& section : sections) {
    auto const words = section.words();
    if (words[0] != "step" || words.size() < 3) continue;
    Section step = section;
    step.header = join(std::span(words).subspan(2), " ");
    steps[words[1]] = std::move(step);
  }
  return steps;
}

// What a step said, as lines `label: text`.
std::string transcript(std::string const& label, std::vector<Section> const& sections) {
  std::string out;
  auto add = [&](std::string const& text) {
    for (auto const& line : split(text, '\n'))
      if (!line.empty()) out += fmt::format("{}: {}\n", label, line);
  };
  for (auto const& section : sections) {
    auto const parts = split_expectation(section.body);
    if (section.words()[0] == "expect")
      add(section.words().back() + " is the exit code");
    else if (section.words()[0] == "finish" || is_expectation(section))
      add(section.body);
    else
      add(parts.expected);
  }
  return out.empty() ? fmt::format("{}: ok\n", label) : out;
}

// Fills `permutation` with what really came; what went wrong in the steps and the sections behind is told.
std::string run_permutation(World const& setup, CaseFile const& file, std::map<std::string, Section> const& steps,
                            Section& permutation, std::vector<Section> const& rest) {
  auto world = setup.copy();
  if (!world.ok()) return world.error().to_text();
  auto const words = permutation.words();
  permutation.body.clear();
  for (auto const& label : std::span(words).subspan(1)) {
    auto const step = steps.find(label);
    if (step == steps.end()) return fmt::format("there is no step \"{}\"\n", label);
    auto const carried = carry_out(**world, {step->second});
    if (!carried.broken.empty()) return describe(file, carried.broken);
    permutation.body += transcript(label, carried.sections);
  }
  (*world)->sessions.clear();
  auto const after = carry_out(**world, rest);
  if (!after.broken.empty()) return describe(file, after.broken);
  CaseFile expected, actual;
  expected.sections = rest;
  actual.sections = after.sections;
  auto const differs = unified_diff(write_case(expected), write_case(actual), file.name);
  return differs.empty() ? "" : fmt::format("after == {}:\n{}", permutation.header, differs);
}

// ---------------------------------------------------------------------------------------------------------------- a
// case

// Whether this process may mount file systems: being root is not enough in a container (capabilities(7)).
bool may_mount() {
  constexpr std::uint64_t kSysAdmin = std::uint64_t{1} << 21;
  constexpr std::string_view kEffective = "CapEff:";
  auto const status = read_file("/proc/self/status");
  if (!status.ok()) return false;
  for (auto const& line : split(*status, '\n'))
    if (line.starts_with(kEffective))
      return (std::strtoull(line.c_str() + kEffective.size(), nullptr, 16) & kSysAdmin) != 0;
  return false;
}

std::string missing_need(Site const& site, CaseFile const& file) {
  constexpr std::string_view kServer = "server ";
  for (auto const& need : file.list_of("needs")) {
    bool const there = need == "root"    ? geteuid() == 0
                       : need == "mount" ? may_mount()
                       : need.starts_with(kServer)
                           ? parse_int(std::string_view(need).substr(kServer.size())) == site.server_version
                           : access(("/usr/bin/" + need).c_str(), X_OK) == 0;
    if (!there) return fmt::format("needs {}", need);
  }
  return "";
}

bool is_verb(Section const& section, std::string_view verb) {
  return section.words()[0] == verb;
}

// The standard files that a case need not write itself.
Status write_standard_files(World& world, CaseFile const& file) {
  std::string sources;
  std::set<std::string> names;  // a source may be started again with other rows
  for (auto const& section : file.sections) {
    auto const words = section.words();
    if (words[0] != "source" || words.size() < 2 || !names.insert(words[1]).second) continue;
    auto const& name = words[1];
    std::string variable;
    for (char c : name) variable += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    sources += fmt::format(
        "  {0}:\n    kind: sqlserver\n    host: 127.0.0.1\n    port: ${{env:{1}_PORT}}\n    database: Core\n    user: "
        "weir\n"
        "    password: ${{env:SOURCE_PASSWORD}}\n    encrypt: off\n",
        name, variable);
  }
  world.environment()["SOURCE_PASSWORD"] = "canary-source-7Q";
  constexpr std::string_view kDatabase =
      "    kind: postgres\n    host: ${env:WAREHOUSE_HOST}\n    port: ${env:WAREHOUSE_PORT}\n"
      "    database: ${env:WAREHOUSE_DATABASE}\n    user: loader\n";
  return write_file(world.work() / "endpoints.yml",
                    fmt::format("version: 1\nwarehouses:\n  dwh:\n{0}sources:\n  shop:\n{0}{1}", kDatabase, sources));
}

}  // namespace

Outcome run_case(Site const& site, CaseFile const& file, int workers) {
  Outcome outcome;
  outcome.actual = write_case(file);
  auto fail = [&](std::string problem) {
    outcome.problem = std::move(problem);
    return outcome;
  };
  if (outcome.problem = missing_need(site, file); !outcome.problem.empty()) {
    outcome.verdict = Verdict::Skipped;
    return outcome;
  }
  auto world = World::create(site);
  if (!world.ok()) return fail(world.error().to_text());
  if (auto const written = write_standard_files(**world, file); !written.ok()) return fail(written.error().to_text());

  // Setup: all that stands before the first step, permutation or fault.
  auto const& all = file.sections;
  auto const first = std::ranges::find_if(
      all, [](Section const& s) { return is_verb(s, "step") || is_verb(s, "permutation") || is_verb(s, "faults"); });
  auto carried = carry_out(**world, {all.begin(), first});
  CaseFile actual = file;
  actual.sections = std::move(carried.sections);
  std::string problem = describe(file, carried.broken);

  if (first != all.end() && problem.empty()) {
    (*world)->sessions.clear();
    // Variants: the last permutation or the faults, and what stands behind them runs after each.
    auto const last = std::find_if(all.rbegin(), std::make_reverse_iterator(first), [](Section const& s) {
                        return is_verb(s, "permutation") || is_verb(s, "faults");
                      }).base();
    std::vector<Section> variants(first, last), rest(last, all.end());
    if (is_verb(*first, "faults")) {
      auto spec = read_faults(*first, site.all_faults);
      if (!spec.ok()) return fail(spec.error().to_text());
      FaultLoop loop(**world, file, std::move(spec).value(), rest);
      outcome.variants = loop.run(workers);
      problem = loop.problems();
    } else {
      auto const steps = steps_of(variants);
      outcome.variants = 0;
      for (auto& section : variants) {
        if (!is_verb(section, "permutation")) continue;
        problem += run_permutation(**world, file, steps, section, rest);
        ++outcome.variants;
      }
      if (outcome.variants == 0) problem = "the case has steps and no permutation\n";
    }
    actual.sections.insert(actual.sections.end(), variants.begin(), variants.end());
    actual.sections.insert(actual.sections.end(), rest.begin(), rest.end());
  }
  outcome.actual = write_case(actual);
  outcome.acceptable = problem.empty();
  bool const same = outcome.actual == write_case(file);
  outcome.verdict = problem.empty() && same ? Verdict::Passed : Verdict::Failed;
  outcome.problem = std::move(problem);
  return outcome;
}

}  // namespace weir::cases
