#include <algorithm>
#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "project/blocks.h"
#include "project/csv.h"
#include "project/loading.h"
#include "project/parse_context.h"
#include "project/relation.h"
#include "project/static_calls.h"
#include "project/templates.h"

namespace weir::project {
namespace {

using jinja::Value;

// -----------------------------------------------------------------------------------------------------------------
// database, schema and alias

// True where nothing between the name and dbt's own macro was overridden.
bool is_own(MacroLibrary const& library, std::string_view name) {
  auto const* first = library.find_generator(name);
  auto const* last = library.dispatch(library.root_package(), name, "dbt");
  return first != nullptr && last != nullptr && is_internal_package(first->package_name) &&
         is_internal_package(last->package_name);
}

std::string version_suffix(Node const& node) {
  return "_v" + replace_all(node.version.str(), ".", "_");
}

// What dbt's own generate_*_name macros say.
std::string own_name(std::string_view component, Draft const& draft, Node const& node, Data const& custom) {
  std::string const said = custom.truth() ? std::string(trim(custom.str())) : std::string();
  if (component == "database") return said.empty() ? draft.target.database : said;
  if (component == "schema")
    return custom.is_none() ? draft.target.schema : draft.target.schema + "_" + std::string(trim(custom.str()));
  if (!said.empty()) return said;
  return node.version.truth() ? node.name + version_suffix(node) : node.name;
}

Result<std::string> generated_name(std::string_view component, Draft const& draft, Node const& node,
                                   Data const& custom) {
  std::string const macro_name = fmt::format("generate_{}_name", component);
  auto const& library = *draft.facts.library;
  MacroCode const* macro =
      node.package_name == draft.root().name ? nullptr : library.find_generator(macro_name, node.package_name);
  if (macro == nullptr) {
    macro = library.find_generator(macro_name);
    if (macro == nullptr || is_own(library, macro_name)) return own_name(component, draft, node, custom);
  }
  GenerateContext context(draft.facts, draft.root().name);
  std::vector<Value> const positional{to_value(custom), node_object(node)};
  auto result = macro->code->call(*macro->definition, context, jinja::Arguments{positional, {}});
  if (!result.ok())
    return std::move(result).error().to_error().context(
        fmt::format("naming {} \"{}\" by {}", kind_name(node.kind), node.name, macro_name));
  if (result->is_none()) return std::string();
  return std::string(trim(jinja::to_text(*result)));
}

Status name_relation(Draft const& draft, Node& node, Data::Dict const& config) {
  auto const said = [&](std::string_view key) {
    auto const* value = find(config, key);
    return value == nullptr ? Data() : *value;
  };
  WEIR_TRY(node.database, generated_name("database", draft, node, said("database")));
  WEIR_TRY(node.schema, generated_name("schema", draft, node, said("schema")));
  WEIR_TRY(node.alias, generated_name("alias", draft, node, said("alias")));
  if (node.kind == NodeKind::Snapshot) {
    if (said("target_database").truth()) node.database = said("target_database").str();
    if (said("target_schema").truth()) node.schema = said("target_schema").str();
  }
  bool const stores_failures = node.kind == NodeKind::Test &&
                               (said("store_failures").truth() ||
                                (said("store_failures").is_none() && draft.facts.flags["STORE_FAILURES"].truth()));
  bool const has_relation = (node.is_relational() && !node.is_ephemeral()) || stores_failures;
  node.relation_name = has_relation ? std::optional(relation_of(node, draft.root().quoting).render()) : std::nullopt;
  return {};
}

// ----------------------------------------------------------------------------------------------------- what has a file

// One thing to parse: a file, or a block of one.
struct Seedling {
  SourceFile const* file = nullptr;
  NodeKind kind = NodeKind::Model;
  std::string name, raw_code;
  int first_line = 1;
  std::string hook;  // on-run-start, on-run-end
  std::int64_t hook_index = 0;
};

std::string extension_of(std::string_view path) {
  auto const name = path.substr(path.rfind('/') + 1);
  auto const dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string() : std::string(name.substr(dot));
}

std::string node_path(Seedling const& seedling) {
  if (seedling.kind == NodeKind::Operation) return "hooks/" + seedling.name + ".sql";
  if (seedling.kind == NodeKind::Analysis) return "analysis/" + seedling.file->relative_path;
  return seedling.file->relative_path;
}

Node begin_node(Draft const& draft, Seedling const& seedling) {
  Node node;
  node.kind = seedling.kind;
  node.name = node.alias = seedling.name;
  node.package_name = seedling.file->package;
  node.unique_id = fmt::format("{}.{}.{}", kind_name(node.kind), node.package_name, node.name);
  node.path = node_path(seedling);
  node.original_file_path = seedling.file->original_file_path;
  node.database = draft.target.database;
  node.schema = draft.target.schema;
  node.raw_code = seedling.raw_code;
  node.first_line = seedling.first_line;
  node.checksum = seedling.file->checksum;
  node.created_at = draft.now;
  node.fqn = fqn_of(node.package_name, node.path);
  if (node.kind == NodeKind::Snapshot) node.fqn.push_back(file_stem(node.path));
  node.fqn.push_back(node.name);
  std::string const extension = extension_of(node.original_file_path);
  if (extension == ".py") node.language = "python";
  if (extension == ".js") node.language = "javascript";
  if (node.kind == NodeKind::Operation) {
    node.hook_index = seedling.hook_index;
    node.tags = {seedling.hook};
    node.language = "sql";
  }
  if (node.kind == NodeKind::Seed) {
    node.raw_code.clear();
    if (auto const* project = draft.project(node.package_name)) node.root_path = project->root.string();
  }
  if (node.kind == NodeKind::Function) node.function = FunctionFacts{};
  return node;
}

// The text between the quotes behind each `function(` of a Python model.
std::vector<std::vector<std::string>> python_calls(std::string_view code, std::string_view function) {
  std::vector<std::vector<std::string>> calls;
  for (auto at = code.find(function); at != std::string_view::npos; at = code.find(function, at + 1)) {
    auto const close = code.find(')', at);
    if (close == std::string_view::npos) break;
    std::vector<std::string> names;
    std::string_view rest = code.substr(at + function.size(), close - at - function.size());
    for (auto quote = rest.find_first_of("'\""); quote != std::string_view::npos; quote = rest.find_first_of("'\"")) {
      auto const end = rest.find(rest[quote], quote + 1);
      if (end == std::string_view::npos) break;
      names.emplace_back(rest.substr(quote + 1, end - quote - 1));
      rest.remove_prefix(end + 1);
    }
    calls.push_back(std::move(names));
  }
  return calls;
}

void read_python(Node& node, Data::Dict& calls) {
  for (auto const& names : python_calls(node.raw_code, "dbt.ref("))
    if (!names.empty()) node.refs.push_back({names.back(), names.size() > 1 ? names[0] : "", {}});
  for (auto const& names : python_calls(node.raw_code, "dbt.source("))
    if (names.size() == 2) node.sources.push_back(names);
  if (find(static_cast<Data::Dict const&>(calls), "materialized") == nullptr) set(calls, "materialized", Data("table"));
}

Error in_node(Error error, Node const& node) {
  if (error.where().empty()) error.where(node.original_file_path);
  return std::move(
      error.object(node.unique_id).context(fmt::format("parsing {} \"{}\"", kind_name(node.kind), node.name)));
}

// A model that dbt does not render names each source once: dbt keeps those in a set.
void drop_repeated_sources(MacroLibrary const& library, jinja::Template const& tmpl, Node& node) {
  if (node.kind != NodeKind::Model || node.sources.size() < 2) return;
  std::vector<std::vector<std::string>> once;
  for (auto const& source : node.sources)
    if (std::find(once.begin(), once.end(), source) == once.end()) once.push_back(source);
  if (once.size() == node.sources.size() || !has_only_static_calls(tmpl)) return;
  for (auto const* name : {"ref", "source", "config"})
    for (auto const& package : {node.package_name, library.root_package()})
      if (library.find_in(package, name) != nullptr) return;
  node.sources = std::move(once);
}

Status render_node(Draft const& draft, Node& node) {
  Data::Dict calls;
  ConfigInputs const inputs{draft.root(), *draft.project(node.package_name), node.kind, node.fqn, {}, {}};
  auto base = node_config(inputs);
  if (!base.ok()) return in_node(std::move(base).error(), node);
  node.config = Data(std::move(base).value());
  if (node.language == "python") {
    read_python(node, calls);
  } else if (node.kind != NodeKind::Seed && has_template(node.raw_code)) {
    auto tmpl = parse_template(node.original_file_path, node.raw_code, node.first_line);
    if (!tmpl.ok()) return in_node(std::move(tmpl).error(), node);
    ParseContext context(draft.facts, node, calls);
    auto rendered = (*tmpl)->render(context, ParseContext::render_options());
    if (!rendered.ok()) return in_node(std::move(rendered).error().to_error(), node);
    drop_repeated_sources(*draft.facts.library, **tmpl, node);
    node.depends_on.macros = context.called_macros();
  }
  node.config_call = Data(std::move(calls));
  Status configured = configure(draft, node, {}, {});
  if (!configured.ok()) return in_node(std::move(configured).error(), node);
  Status hooks = render_hooks(draft, node);
  if (!hooks.ok()) return in_node(std::move(hooks).error(), node);
  return {};
}

Status add_snapshots(SourceFile const& file, std::vector<Seedling>& into) {
  static std::vector<std::string_view> const tags{"snapshot"};
  WEIR_TRY(auto const blocks, find_blocks(file.contents, tags, file.original_file_path));
  for (auto const& block : blocks) {
    Seedling one;
    one.file = &file;
    one.kind = NodeKind::Snapshot;
    one.name = block.name;
    one.raw_code = block.contents;
    one.first_line = block.contents_line + file.first_line - 1;
    into.push_back(std::move(one));
  }
  return {};
}

void add_hooks(ProjectFile const& project, SourceFile const& file, std::vector<Seedling>& into) {
  auto const add = [&](std::string const& when, std::vector<std::string> const& hooks) {
    for (std::size_t i = 0; i < hooks.size(); ++i) {
      Seedling one;
      one.file = &file;
      one.kind = NodeKind::Operation;
      one.name = fmt::format("{}-{}-{}", project.name, when, i);
      one.raw_code = hooks[i];
      one.hook = when;
      one.hook_index = static_cast<std::int64_t>(i);
      into.push_back(std::move(one));
    }
  };
  add("on-run-start", project.on_run_start);
  add("on-run-end", project.on_run_end);
}

std::optional<NodeKind> node_kind(FileKind kind) {
  switch (kind) {
    case FileKind::Model:
      return NodeKind::Model;
    case FileKind::Analysis:
      return NodeKind::Analysis;
    case FileKind::SingularTest:
      return NodeKind::Test;
    case FileKind::Seed:
      return NodeKind::Seed;
    case FileKind::Function:
      return NodeKind::Function;
    default:
      return std::nullopt;
  }
}

Data fixture_rows(SourceFile const& file) {
  if (file.relative_path.ends_with(".sql")) return file.contents;
  return csv_rows(file.contents);
}

}  // namespace

Status in_parallel(std::size_t count, std::function<Status(std::size_t)> const& work) {
  std::size_t const workers =
      std::min<std::size_t>(count / 8 + 1, std::clamp(std::thread::hardware_concurrency(), 1U, 8U));
  std::atomic<std::size_t> next{0}, failed_at{count};
  std::vector<std::optional<Error>> errors(count);
  auto const run = [&] {
    for (std::size_t i = next++; i < count && i < failed_at; i = next++) {
      Status status = work(i);
      if (status.ok()) continue;
      errors[i] = std::move(status).error();
      std::size_t known = failed_at;
      while (i < known && !failed_at.compare_exchange_weak(known, i)) {
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < workers; ++i) threads.emplace_back(run);
    run();
  }
  for (auto& error : errors)
    if (error) return std::move(*error);
  return {};
}

Status configure(Draft const& draft, Node& node, Data::Dict const& patch, Data::Dict const& unrendered_patch) {
  ConfigInputs const inputs{draft.root(), *draft.project(node.package_name), node.kind, node.fqn,
                            patch,        node.config_call.pairs()};
  WEIR_TRY(auto config, node_config(inputs));
  Data const made(std::move(config));
  for (auto const& tag : made["tags"].texts())
    if (std::find(node.tags.begin(), node.tags.end(), tag) == node.tags.end()) node.tags.push_back(tag);
  if (made["meta"].truth()) node.meta = made["meta"];
  if (made["group"].truth()) node.group = made["group"].str();
  if (node.kind == NodeKind::Model && made["access"].truth()) {
    node.access = made["access"].str();
    if (node.access != "private" && node.access != "protected" && node.access != "public")
      return Error(ErrorKind::Config, fmt::format("access is private, protected or public, not \"{}\"", node.access))
          .object(node.unique_id);
  }
  if (made["docs"].truth()) {
    node.docs.show = made["docs"]["show"].truth();
    node.docs.node_color =
        made["docs"]["node_color"].is_none() ? std::nullopt : std::optional(made["docs"]["node_color"].str());
  }
  if (made["contract"].truth()) {
    node.contract.enforced = made["contract"]["enforced"].truth();
    node.contract.alias_types = made["contract"]["alias_types"].truth();
  }
  ConfigInputs const unrendered{draft.root(),     *draft.project(node.package_name), node.kind, node.fqn,
                                unrendered_patch, node.config_call.pairs()};
  node.unrendered_config = Data(unrendered_config(unrendered));
  node.config = made;
  node.pre_hooks = hooks_of(made["pre-hook"]);
  node.post_hooks = hooks_of(made["post-hook"]);
  return name_relation(draft, node, made.pairs());
}

Status render_hooks(Draft const& draft, Node& node) {
  if (node.kind == NodeKind::Test) return {};
  std::vector<Hook> all = node.pre_hooks;
  all.insert(all.end(), node.post_hooks.begin(), node.post_hooks.end());
  if (std::none_of(all.begin(), all.end(), [](Hook const& hook) { return has_template(hook.sql); })) return {};
  Data::Dict ignored = node.config_call.pairs();
  ParseContext context(draft.facts, node, ignored);
  for (auto const& hook : all) {
    WEIR_TRY(auto const tmpl, parse_template("<hook>", hook.sql));
    auto rendered = tmpl->render(context, ParseContext::render_options());
    if (!rendered.ok()) return std::move(rendered).error().to_error().context("rendering a hook");
  }
  if (node.kind == NodeKind::Seed && (!node.refs.empty() || !node.sources.empty()))
    return Error(ErrorKind::Template, fmt::format("seed \"{}\" cannot depend on other nodes", node.name))
        .where(node.original_file_path)
        .cause("a hook of it calls ref() or source()")
        .next("name the relation as SQL, or do it in a hook of a model");
  for (auto const& id : context.called_macros())
    if (std::find(node.depends_on.macros.begin(), node.depends_on.macros.end(), id) == node.depends_on.macros.end())
      node.depends_on.macros.push_back(id);
  return {};
}

std::string without_extension(std::string_view path) {
  auto const name_begin = path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1;
  auto const dot = path.rfind('.');
  return std::string(dot == std::string_view::npos || dot <= name_begin ? path : path.substr(0, dot));
}

std::string file_stem(std::string_view path) {
  return without_extension(path.substr(path.rfind('/') + 1));
}

std::vector<std::string> fqn_of(std::string const& package, std::string_view path) {
  std::vector<std::string> fqn{package};
  auto parts = split(path, '/');
  parts.pop_back();
  fqn.insert(fqn.end(), parts.begin(), parts.end());
  return fqn;
}

std::string patch_path_of(SourceFile const& file) {
  return file.package + "://" + file.original_file_path;
}

Status parse_nodes(Draft& draft) {
  std::vector<Seedling> seedlings;
  std::deque<SourceFile> project_files;
  for (auto const& project : draft.projects) {
    for (FileKind const kind : {FileKind::Model, FileKind::Snapshot, FileKind::Analysis, FileKind::SingularTest,
                                FileKind::Seed, FileKind::Function}) {
      for (auto const& file : draft.files) {
        if (file.package != project.name || file.kind != kind) continue;
        if (kind == FileKind::Snapshot) {
          WEIR_DO(add_snapshots(file, seedlings));
          continue;
        }
        Seedling one;
        one.file = &file;
        one.kind = *node_kind(kind);
        one.name = file_stem(file.relative_path);
        one.raw_code = file.contents;
        one.first_line = kind == FileKind::Seed ? 1 : file.first_line;
        seedlings.push_back(std::move(one));
      }
    }
    if (project.on_run_start.empty() && project.on_run_end.empty()) continue;
    auto& file = project_files.emplace_back();
    file.package = project.name;
    file.original_file_path = "./dbt_project.yml";
    WEIR_TRY(auto const text, read_file(project.root / "dbt_project.yml"));
    file.checksum = checksum_of(text);
    add_hooks(project, file, seedlings);
  }
  std::vector<Node> nodes(seedlings.size());
  WEIR_DO(in_parallel(seedlings.size(), [&](std::size_t i) -> Status {
    nodes[i] = begin_node(draft, seedlings[i]);
    return render_node(draft, nodes[i]);
  }));
  for (auto& node : nodes) {
    WEIR_DO(draft.add_node(std::move(node)));
  }
  for (auto const& file : draft.files)
    if (file.kind == FileKind::Fixture)
      draft.fixtures[file.package + "." + file_stem(file.relative_path)] = fixture_rows(file);
  draft.refs.rebuild(draft.nodes);
  return {};
}

}  // namespace weir::project
