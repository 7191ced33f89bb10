// weir incident ls, show, ack, note, resolve, reopen, report.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/incident_view.h"
#include "app/job_state.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

Result<std::int64_t> incident_number(Context& context) {
  std::string_view text = context.arguments().positionals[0];
  if (text.starts_with('#')) text.remove_prefix(1);
  auto const number = parse_int(text);
  if (!number || *number < 1)
    return Error(ErrorKind::Usage,
                 fmt::format("\"{}\" is not the number of an incident", context.arguments().positionals[0]))
        .next("weir incident ls lists the numbers");
  return *number;
}

Result<int> change(Context& context, std::string_view action) {
  WEIR_TRY(auto const number, incident_number(context));
  auto const& words = context.arguments().positionals;
  Json body = Json::object();
  if (words.size() > 1) body["text"] = join(std::vector<std::string>(words.begin() + 1, words.end()), " ");
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const incident, state.post(fmt::format("/api/v1/incidents/{}/{}", number, action), body));
  if (context.format() == Format::Json) {
    write_json(incident);
  } else {
    write_out(action == "note" ? fmt::format("noted on incident {}\n", number)
                               : fmt::format("incident {} is {}\n", number, text_at(incident, "state")));
  }
  return 0;
}

}  // namespace

Result<int> run_incident_ls(Context& context) {
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const answer,
           state.get("/api/v1/incidents", {{"open", context.arguments().has("open") ? "1" : "0"}, {"most", "100"}}));
  auto const& incidents = answer["incidents"];
  if (context.format() == Format::Json) {
    write_json(incidents);
  } else if (!incidents.empty()) {
    write_out(incident_table(incidents, context.terminal()));
  } else {
    log_info("{}", context.arguments().has("open") ? "no incident is open" : "there has been no incident");
  }
  return 0;
}

Result<int> run_incident_show(Context& context) {
  WEIR_TRY(auto const number, incident_number(context));
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const incident, state.get(fmt::format("/api/v1/incidents/{}", number)));
  if (context.format() == Format::Json) {
    write_json(incident);
  } else {
    write_out(incident_page(incident, context.terminal()));
  }
  return 0;
}

Result<int> run_incident_ack(Context& context) {
  return change(context, "acknowledge");
}
Result<int> run_incident_note(Context& context) {
  return change(context, "note");
}
Result<int> run_incident_resolve(Context& context) {
  return change(context, "resolve");
}
Result<int> run_incident_reopen(Context& context) {
  return change(context, "reopen");
}

Result<int> run_incident_report(Context& context) {
  WEIR_TRY(auto const number, incident_number(context));
  auto const format = context.arguments().has("output") ? context.arguments().value("output") : std::string("md");
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const report, state.get(fmt::format("/api/v1/incidents/{}/report", number),
                                        {{"format", format}, {"zone", context.arguments().value("zone")}}));
  if (format == "json") {
    write_json(report);
  } else {
    write_out(text_at(report, "text"));
  }
  return 0;
}

}  // namespace weir::app
