// weir status, why and impact: what is wrong, why, and what hangs on it.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/incident_view.h"
#include "app/job_state.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

bool is_job_reference(std::string const& text) {
  return text.find('#') != std::string::npos || parse_int(text).has_value();
}

template <typename View>
int show(Context& context, Json const& json, View view) {
  write_out(context.format() == Format::Json ? json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                                             : view(json, context.terminal()));
  return 0;
}

// What differs from one look to the next although nothing happened.
std::string without_clock(Json json) {
  json.erase("at");
  return json_line(json);
}

}  // namespace

Result<int> run_status(Context& context) {
  bool const watches = context.arguments().has("watch");
  std::string before;
  for (;;) {
    WEIR_TRY(auto state, JobState::open(context));
    WEIR_TRY(auto const status, state.get("/api/v1/status"));
    if (auto now = without_clock(status); now != before) {
      if (watches && context.terminal().out_is_tty) write_out("\x1b[H\x1b[2J");
      show(context, status, status_view);
      before = std::move(now);
    }
    if (!watches) {
      bool const is_well = status["incidents"].empty();
      return is_well || !context.arguments().has("exit-code") ? 0 : 1;
    }
    if (!system_clock().sleep(std::chrono::seconds(1), context.interrupt().token())) return 0;
  }
}

Result<int> run_why(Context& context) {
  auto const& what = context.arguments().positionals[0];
  WEIR_TRY(auto state, JobState::open(context));
  if (is_job_reference(what)) {
    WEIR_TRY(auto const reference, parse_job_reference(what));
    WEIR_TRY(auto const answer, state.get(fmt::format("/api/v1/jobs/{}/why", reference.job)));
    return show(context, answer, why_job_view);
  }
  WEIR_TRY(auto const answer, state.get("/api/v1/why", {{"name", what}}));
  return show(context, answer, why_relation_view);
}

Result<int> run_impact(Context& context) {
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const answer, state.get("/api/v1/impact", {{"name", context.arguments().positionals[0]}}));
  return show(context, answer, impact_view);
}

}  // namespace weir::app
