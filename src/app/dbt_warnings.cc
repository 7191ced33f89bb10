#include "app/dbt_warnings.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "project/yaml_data.h"

namespace weir::app {
namespace {

using project::Data;

bool means_all(Data const& value) {
  return value.is_string() && (value.text() == "all" || value.text() == "*");
}

Error wrong_options(std::string_view what) {
  return Error(ErrorKind::Usage, fmt::format("\"--warn-error-options\" {}", what))
      .next("write it like --warn-error-options '{error: all, warn: [NoNodesForSelectionCriteria], silence: []}'");
}

Result<Data> options_of(Arguments const& arguments, Data const& flags) {
  if (!arguments.has("warn-error-options")) return Data(flags["warn_error_options"]);
  auto const root = project::read_yaml("--warn-error-options", arguments.value("warn-error-options"));
  if (!root.ok() || (*root)->kind != yaml::Kind::Mapping) return wrong_options("is no YAML mapping");
  return project::to_data(**root);
}

// dbt's code of the event.
std::string_view code_of(std::string_view event) {
  static constexpr std::pair<std::string_view, std::string_view> kCodes[] = {
      {"NoNodesForSelectionCriteria", "M030"},
      {"NoNodeForYamlKey", "I058"},
      {"MacroNotFoundForPatch", "I059"},
      {"NodeNotFoundOrDisabled", "I060"},
      {"MicrobatchModelNoEventTimeInputs", "I074"},
      {"InvalidConcurrentBatchesConfig", "I075"},
      {"DuplicateNameDistinctNodeTypesDeprecation", "D040"}};
  for (auto const& [name, code] : kCodes)
    if (name == event) return code;
  return "";
}

}  // namespace

Result<WarningPolicy> WarningPolicy::of(Arguments const& arguments, Data const& flags) {
  WarningPolicy policy;
  WEIR_TRY(Data const options, options_of(arguments, flags));
  if (arguments.has("warn-error") && arguments.has("warn-error-options"))
    return Error(ErrorKind::Usage, "\"--warn-error\" and \"--warn-error-options\" say two things")
        .next("give one of them");
  bool const by_flags = options.is_none() && !arguments.has("no-warn-error") && flags["warn_error"].truth();
  policy.all_fail_ = arguments.has("warn-error") || by_flags;
  for (auto const& [key, value] : options.pairs()) {
    bool const is_fail = key == "error" || key == "include", is_say = key == "warn" || key == "exclude";
    if (!is_fail && !is_say && key != "silence") return wrong_options(fmt::format("has no key \"{}\"", key));
    if (is_fail && means_all(value)) {
      policy.all_fail_ = true;
      continue;
    }
    if (!value.is_list()) return wrong_options(fmt::format("has no list under \"{}\"", key));
    auto& names = is_fail ? policy.fail_ : is_say ? policy.say_ : policy.silence_;
    for (auto const& name : value.texts()) names.insert(name);
  }
  return policy;
}

WarningPolicy::Fate WarningPolicy::fate(std::string_view event) const {
  if (event == "MicrobatchModelNoEventTimeInputs") return Fate::Say;  // dbt only prints it
  if (silence_.find(event) != silence_.end()) return Fate::Silence;
  bool const fails = fail_.find(event) != fail_.end() || (all_fail_ && say_.find(event) == say_.end());
  return fails ? Fate::Fail : Fate::Say;
}

Status WarningPolicy::handle(std::string_view event, std::string const& text, build::EventLog* log) const {
  switch (fate(event)) {
    case Fate::Silence:
      return {};
    case Fate::Say:
      if (log == nullptr) {
        log_info("[WARNING]: {}", text);
      } else {
        log->write({std::string(event),
                    std::string(code_of(event)),
                    build::Level::Warn,
                    fmt::format("[{}]: {}", log->yellow("WARNING"), text),
                    {},
                    false});
      }
      return {};
    case Fate::Fail:
      break;
  }
  return Error(ErrorKind::Config, text)
      .cause(fmt::format("warnings are errors here; this one is {}", event))
      .state("nothing was changed")
      .next(fmt::format("mend it, or leave it a warning: --warn-error-options '{{error: all, warn: [{}]}}'", event));
}

}  // namespace weir::app
