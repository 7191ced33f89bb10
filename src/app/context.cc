#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

template <typename Map>
std::vector<std::string> keys_of(Map const& map) {
  std::vector<std::string> names;
  for (auto const& [name, value] : map) names.push_back(name);
  return names;
}

Error no_such(std::string_view what, std::string const& name, std::vector<std::string> const& known,
              std::string_view file) {
  std::string next = did_you_mean(name, known);
  if (next.empty())
    next = known.empty() ? fmt::format("{} has none", file) : fmt::format("{} has: {}", file, join(known, ", "));
  return Error(ErrorKind::Usage, fmt::format("{} \"{}\" does not exist", what, name))
      .object(name)
      .next(std::move(next));
}

}  // namespace

void write_json(nlohmann::ordered_json const& json, int indent) {
  write_out(json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

Format Context::format() const {
  // dbt's --output says what is listed, not how weir talks.
  if (arguments_.command != nullptr && arguments_.command->path.starts_with("dbt"))
    return arguments_.value("log-format") == "json" ? Format::Json : Format::Text;
  if (arguments_.has("json")) return Format::Json;
  auto const name = arguments_.value("output", "text");
  return name == "json" ? Format::Json : name == "ndjson" ? Format::NdJson : Format::Text;
}

std::filesystem::path Context::project_folder() const {
  char const* from_environment = std::getenv("WEIR_PROJECT_DIR");
  return arguments_.value("project-dir", from_environment == nullptr ? "." : from_environment);
}

Result<config::Config const*> Context::config() {
  if (!config_) {
    WEIR_TRY(config_, config::load(project_folder()));
    for (auto const& warning : config_->warnings) log_info("warning: {}", warning);
  }
  return &*config_;
}

Result<config::Connection const*> Context::connection(std::string const& name) {
  WEIR_TRY(auto const* known, config());
  auto const found = known->connections.find(name);
  if (found != known->connections.end()) return &found->second;
  return no_such("connection", name, keys_of(known->connections), "weir.yml");
}

Result<std::vector<config::Connection const*>> Context::connections() {
  WEIR_TRY(auto const* known, config());
  std::vector<config::Connection const*> chosen;
  for (auto const& name : arguments_.positionals) {
    WEIR_TRY(auto const* one, connection(name));
    chosen.push_back(one);
  }
  if (!arguments_.positionals.empty()) return chosen;
  for (auto const& [name, connection] : known->connections) chosen.push_back(&connection);
  if (chosen.empty())
    return Error(ErrorKind::Config, "weir.yml has no connection")
        .where((known->root / "weir.yml").string())
        .next("add one under connections:, weir help config shows how");
  return chosen;
}

Result<config::Endpoint const*> Context::endpoint(std::string const& name) {
  WEIR_TRY(auto const* known, config());
  auto const found = known->endpoints.find(name);
  if (found != known->endpoints.end()) return &found->second;
  return no_such("endpoint", name, keys_of(known->endpoints), "endpoints.yml");
}

Result<config::Endpoint const*> Context::warehouse() {
  WEIR_TRY(auto const* known, config());
  std::string const name = arguments_.value("warehouse", known->warehouse);
  if (name.empty())
    return Error(ErrorKind::Usage, "endpoints.yml has several warehouses, or none")
        .next("name one with --warehouse ENDPOINT");
  WEIR_TRY(auto const* found, endpoint(name));
  if (!found->is_warehouse)
    return Error(ErrorKind::Usage, fmt::format("endpoint \"{}\" is a source, not a warehouse", name))
        .next("weir endpoint ls lists the warehouses");
  return found;
}

Status Context::confirm(std::string const& question, config::Endpoint const& endpoint) {
  if (endpoint.is_protected && arguments_.value("confirm") != endpoint.name)
    return Error(ErrorKind::Usage, fmt::format("endpoint \"{}\" is protected", endpoint.name))
        .object(endpoint.name)
        .where(endpoint.place.text())
        .state("nothing was changed")
        .next(fmt::format("add --confirm {}", endpoint.name));
  if (arguments_.has("yes")) return {};
  if (!terminal_.in_is_tty || !terminal_.err_is_tty)
    return Error(ErrorKind::Usage, fmt::format("this asks first: {}", question))
        .cause("there is no terminal to ask at")
        .state("nothing was changed")
        .next("add --yes");
  write_err(question + " [y/N] ");
  std::string const answer = to_lower(read_answer(interrupt_.token()).value_or(""));
  if (answer == "y" || answer == "yes") return {};
  return Error(ErrorKind::Cancelled, "not confirmed").state("nothing was changed");
}

}  // namespace weir::app
