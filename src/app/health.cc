#include "app/health.h"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/listen_address.h"
#include "app/version.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/service_manager.h"
#include "base/text.h"
#include "server/api.h"
#include "server/metrics.h"

namespace weir::app {
namespace {

// A round takes a second, and longer where the state does not answer: an ask of it ends by itself in less than that.
constexpr Duration kLongestRound = std::chrono::minutes(2);
constexpr Duration kLongestTrouble = std::chrono::seconds(30);

double unix_seconds(Instant at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

// The second number of /proc/self/statm is pages in memory.
std::int64_t resident_bytes() {
  auto const text = read_file("/proc/self/statm");
  if (!text.ok()) return 0;
  auto const numbers = split(*text, ' ');
  return numbers.size() < 2 ? 0 : parse_int(numbers[1]).value_or(0) * sysconf(_SC_PAGESIZE);
}

http::Answer answer_of(Status const& status) {
  if (status.ok()) return {200, "{\"ok\":true}\n"};
  nlohmann::ordered_json const body{{"ok", false}, {"error", status.error().to_json()}};
  return {503, json_line(body) + "\n"};
}

}  // namespace

Health::Health(jobs::Store& store, Clock& clock)
    : store_(store),
      clock_(clock),
      started_(clock.now()),
      is_watched_(std::getenv("WATCHDOG_USEC") != nullptr),
      last_round_(clock.monotonic().count()),
      last_good_round_(clock.monotonic().count()) {}

void Health::beat(bool well) {
  auto const now = clock_.monotonic().count();
  last_round_ = now;
  if (well) last_good_round_ = now;
  if (is_watched_) {
    // A manager that does not hear it starts weir again: there is nobody else to tell.
    [[maybe_unused]] auto const told = tell_service_manager("WATCHDOG=1");
  }
}

Status Health::live() const {
  Duration const since = clock_.monotonic() - Duration(last_round_);
  if (since < kLongestRound) return {};
  return Error(ErrorKind::Internal, fmt::format("the loop that carries out jobs has not gone round for {} s",
                                                std::chrono::duration_cast<std::chrono::seconds>(since).count()))
      .state("jobs that run may go on; none are begun")
      .next("start weir again: attempts that it ends count for nothing");
}

Status Health::ready() const {
  WEIR_DO(live());
  if (is_draining_)
    return Error(ErrorKind::Unavailable, "weir is stopping")
        .state("what runs is being ended; nothing more is begun")
        .next("wait for its next start");
  if (clock_.monotonic() - Duration(last_good_round_) < kLongestTrouble) return {};
  return Error(ErrorKind::Unavailable, "the state does not answer")
      .state("no job is begun; it is tried again every second")
      .next("see weir's log for what is wrong with it");
}

Result<std::string> Health::metrics() const {
  std::string out = fmt::format(
      "# HELP weir_build_info The program.\n# TYPE weir_build_info gauge\nweir_build_info{{version=\"{}\"}} 1\n"
      "# HELP weir_start_time_seconds When it was started.\n# TYPE weir_start_time_seconds gauge\n"
      "weir_start_time_seconds {:.3f}\n"
      "# HELP weir_resident_memory_bytes Its memory.\n# TYPE weir_resident_memory_bytes gauge\n"
      "weir_resident_memory_bytes {}\n"
      "# HELP weir_ready Whether it takes up jobs.\n# TYPE weir_ready gauge\nweir_ready {}\n"
      "# HELP weir_last_round_age_seconds How long ago it last looked for jobs.\n"
      "# TYPE weir_last_round_age_seconds gauge\nweir_last_round_age_seconds {:.3f}\n",
      kVersion, unix_seconds(started_), resident_bytes(), ready().ok() ? 1 : 0,
      std::chrono::duration<double>(clock_.monotonic() - Duration(last_round_)).count());
  WEIR_TRY(auto const now, store_.now());
  WEIR_DO(store_.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(auto const text, server::metrics_text(database, now));
    out += text;
    return {};
  }));
  return out;
}

http::Answer Health::answer(http::Call const& call) const {
  if (call.method != "GET") return {405, "{}\n"};
  if (call.path == "/livez") return answer_of(live());
  if (call.path == "/readyz") return answer_of(ready());
  if (call.path != "/metrics") return {404, "{}\n"};
  auto const text = metrics();
  if (!text.ok()) return answer_of(text.error().clone());
  return {200, *text, "text/plain; version=0.0.4; charset=utf-8"};
}

Result<std::unique_ptr<http::Listening>> listen_for_health(std::string const& address, Health const& health) {
  WEIR_TRY(auto const where, parse_listen_address("--listen", address, "127.0.0.1:9464"));
  http::CallServing serving;
  serving.host = where.host;
  serving.port = where.port;
  serving.threads = 2;
  auto listening = http::listen(serving, [&health](http::Call const& call) { return health.answer(call); });
  if (!listening.ok()) return std::move(listening).error().next("name another address with --listen");
  log_info("health at http://{}:{}/readyz, metrics at /metrics", where.shown, (*listening)->port());
  return std::move(*listening);
}

}  // namespace weir::app
