#include "app/step_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

#include "base/clock_lead.h"
#include "base/secret.h"
#include "base/text.h"
#include "swap/fence.h"

namespace weir::app {
namespace {

constexpr char const* kVariable = "WEIR_STEP_FD";
constexpr char const* kJobVariable = "WEIR_STEP_JOB";
constexpr char const* kClockVariable = "WEIR_STEP_CLOCK";
constexpr char const* kFenceVariable = "WEIR_STEP_FENCE";
int g_channel = -1;
std::int64_t g_job = 0;

bool other_end_is_gone(int channel) {
  pollfd asked{channel, 0, 0};
  return poll(&asked, 1, 0) > 0 && (asked.revents & (POLLHUP | POLLERR)) != 0;
}

// The token of the attempt and what it is of: "17 state 3f9c01aa: connection core".
void take_fence() {
  char const* const text = std::getenv(kFenceVariable);
  if (text == nullptr) return;
  std::string const said = text;
  unsetenv(kFenceVariable);
  auto const space = said.find(' ');
  auto const token = parse_int(said.substr(0, space));
  if (token && *token > 0 && space != std::string::npos) swap::set_job_fence({said.substr(space + 1), *token});
}

}  // namespace

void open_step_channel() {
  char const* const text = std::getenv(kVariable);
  if (text == nullptr) return;
  auto const number = parse_int(text);
  unsetenv(kVariable);  // programs that this one starts are no steps
  int kind = 0;
  socklen_t size = sizeof kind;
  if (!number || *number < 3 || getsockopt(static_cast<int>(*number), SOL_SOCKET, SO_TYPE, &kind, &size) != 0) return;
  g_channel = static_cast<int>(*number);
  if (char const* const job = std::getenv(kJobVariable); job != nullptr) g_job = parse_int(job).value_or(0);
  unsetenv(kJobVariable);
  if (char const* const lead = std::getenv(kClockVariable); lead != nullptr)
    set_clock_lead(Duration(parse_int(lead).value_or(0)));
  unsetenv(kClockVariable);
  take_fence();
  fcntl(g_channel, F_SETFD, FD_CLOEXEC);
  // The thread that started this program waits for it: it goes away with its program alone (prctl(2)).
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (other_end_is_gone(g_channel)) raise(SIGTERM);  // before that was said
}

bool is_step() {
  return g_channel >= 0;
}

std::int64_t step_job() {
  return g_job;
}

void report_step(nlohmann::ordered_json const& line) {
  if (!is_step()) return;
  std::string const text = redact(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    ssize_t const put = send(g_channel, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return;  // nobody waits for it any more
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
}

void report_step_error(Error const& error) {
  if (is_step()) report_step({{"type", "error"}, {"error", error.to_json()}});
}

}  // namespace weir::app
