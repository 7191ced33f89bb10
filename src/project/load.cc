#include "project/load.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <random>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/file.h"
#include "project/loading.h"
#include "project/select_spec.h"
#include "project/templates.h"

namespace weir::project {
namespace {

std::string new_invocation_id() {
  std::random_device device;
  auto const word = [&] { return static_cast<std::uint64_t>(device()) << 32U | device(); };
  std::uint64_t const a = (word() & ~0xF000ULL) | 0x4000ULL, b = (word() & ~(0xC0ULL << 56U)) | (0x80ULL << 56U);
  std::string const hex = fmt::format("{:016x}{:016x}", a, b);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

// 2026-11-24T03:00:00.123456
std::string utc_text(double seconds) {
  auto const whole = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:06}", text, static_cast<int>((seconds - static_cast<double>(whole)) * 1e6));
}

// selectors.yml, rendered: the list under `selectors`.
Result<Data> read_selector_definitions(Draft const& draft) {
  auto const path = draft.root().root / "selectors.yml";
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) return Data(Data::List{});
  WEIR_TRY(std::string text, read_file(path));
  WEIR_TRY(auto const root, read_yaml("selectors.yml", std::move(text)));
  YamlContext context(draft.facts, true, YamlContext::Secrets::Refused);
  WEIR_TRY(Data const data,
           render_yaml(*root, [&](std::string_view one) { return render_value(one, context, "selectors.yml"); }));
  if (!data["selectors"].is_list())
    return yaml::error_at(root->mark, "selectors.yml holds a list under \"selectors\"")
        .next("begin it with selectors:");
  for (auto const& one : data["selectors"].items())
    if (!one["name"].truth() || one["definition"].is_none())
      return yaml::error_at(root->mark, "each selector has a \"name\" and a \"definition\"");
  return data["selectors"];
}

}  // namespace

Result<ManifestPtr> load_project(LoadOptions const& options) {
  Draft draft;
  draft.options = &options;
  draft.now = std::chrono::duration<double>(system_clock().now().time_since_epoch()).count();
  draft.projects.reserve(256);  // contexts point into it
  WEIR_DO(read_projects(draft));
  draft.facts.target = draft.target;
  draft.facts.projects = &draft.projects;
  draft.facts.cli_vars = options.vars;
  Data::Dict flags{{"FULL_REFRESH", false}, {"STORE_FAILURES", false}, {"WHICH", options.which}, {"EMPTY", false}};
  update(flags, options.flags);
  draft.facts.flags = Data(std::move(flags));
  draft.facts.invocation_id = new_invocation_id();
  draft.facts.run_started_us = static_cast<std::int64_t>(draft.now * 1e6);
  draft.facts.lenient_vars = true;
  for (auto const& project : draft.projects) {
    WEIR_TRY(auto files, read_files(project));
    draft.files.insert(draft.files.end(), std::make_move_iterator(files.begin()), std::make_move_iterator(files.end()));
  }
  WEIR_DO(load_macros(draft));
  WEIR_DO(parse_nodes(draft));
  draft.facts.lenient_vars = false;  // properties need their vars
  WEIR_DO(read_properties(draft));
  WEIR_DO(build_sources(draft));
  draft.facts.lenient_vars = true;
  WEIR_DO(build_generic_tests(draft));
  WEIR_DO(resolve_references(draft));
  Manifest::Parts parts;
  WEIR_TRY(parts.selector_definitions, read_selector_definitions(draft));
  WEIR_TRY(auto const checked, parse_selectors(parts.selector_definitions, IndirectSelection::Eager));
  WEIR_TRY(parts.selectors, canonical_selectors(parts.selector_definitions));
  parts.target = draft.target;
  parts.vars = options.vars;
  parts.invocation_id = draft.facts.invocation_id;
  parts.generated_at = utc_text(draft.now) + "Z";
  parts.warnings = std::move(draft.warnings);
  // A test of something that is not there stays a node, disabled; selection leaves it out.
  auto const nodes = draft.nodes.all();
  parts.nodes.reserve(nodes.size());
  for (auto* node : nodes) parts.nodes.push_back(std::move(*node));
  parts.disabled = std::move(draft.disabled);
  parts.macros = std::move(draft.macros);
  parts.docs = std::move(draft.docs);
  parts.groups = std::move(draft.groups);
  parts.library = draft.facts.library;
  parts.projects = std::move(draft.projects);
  return ManifestPtr(std::make_shared<Manifest const>(std::move(parts)));
}

}  // namespace weir::project
