#include "pg/faults.h"

#if defined(WEIR_TEST_HOOKS)

#include <cstdlib>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"

namespace weir::pg {
namespace {

// "17:error:53100" as a plan. A wrong value would make a fault test pass without a fault, so it ends the program.
FaultPlan parse_plan(std::string_view text) {
  auto const parts = split(text, ':');
  auto const at = parse_int(parts[0]);
  std::string const kind = parts.size() > 1 ? parts[1] : "";
  FaultPlan plan;
  if (kind == "error")
    plan.kind = FaultKind::Error;
  else if (kind == "disconnect")
    plan.kind = FaultKind::Disconnect;
  else if (kind == "lost")
    plan.kind = FaultKind::Lost;
  else
    plan.kind = FaultKind::None;
  if (!at || *at < 1 || plan.kind == FaultKind::None) {
    fmt::print(stderr, "WEIR_FAIL_AT=\"{}\" is not N:error[:SQLSTATE], N:disconnect or N:lost\n", text);
    std::abort();
  }
  plan.at = static_cast<std::uint64_t>(*at);
  if (parts.size() > 2) plan.sqlstate = parts[2];
  return plan;
}

class Faults {
 public:
  Faults() {
    if (char const* plan = std::getenv("WEIR_FAIL_AT")) plan_ = parse_plan(plan);
    if (std::getenv("WEIR_FAIL_REPORT") != nullptr) std::atexit([] { instance().report(); });
  }
  static Faults& instance() {
    static Faults* const faults = new Faults;
    return *faults;
  }

  void install(std::optional<FaultPlan> plan) WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    plan_ = std::move(plan);
    fired_ = false;
  }
  bool fired() const WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return fired_;
  }
  std::uint64_t sent() const WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return sent_;
  }
  Fault next(std::string_view sql) WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    ++sent_;
    if (!plan_ || fired_ || sql.find(plan_->containing) == std::string_view::npos || --plan_->at > 0) return {};
    fired_ = true;
    return {.kind = plan_->kind, .sqlstate = plan_->sqlstate};
  }

 private:
  void report() const WEIR_EXCLUDES(mutex_) {
    auto const written = write_file(std::getenv("WEIR_FAIL_REPORT"), fmt::format("{}\n", sent()));
    if (!written.ok()) fmt::print(stderr, "{}\n", written.error().to_text());
  }

  mutable Mutex mutex_;
  std::optional<FaultPlan> plan_ WEIR_GUARDED_BY(mutex_);
  bool fired_ WEIR_GUARDED_BY(mutex_) = false;
  std::uint64_t sent_ WEIR_GUARDED_BY(mutex_) = 0;
};

// The environment is read before main, so that a report is written even by a process that sends nothing.
[[maybe_unused]] Faults& g_at_start = Faults::instance();

}  // namespace

InstalledFault::InstalledFault(FaultPlan plan) {
  Faults::instance().install(std::move(plan));
}
InstalledFault::~InstalledFault() {
  Faults::instance().install(std::nullopt);
}
bool InstalledFault::fired() const {
  return Faults::instance().fired();
}
std::uint64_t statements_sent() {
  return Faults::instance().sent();
}
Fault next_fault(std::string_view sql) {
  return Faults::instance().next(sql);
}

}  // namespace weir::pg

#endif
