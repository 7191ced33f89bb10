#include <algorithm>

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/text.h"
#include "project/blocks.h"
#include "project/loading.h"
#include "project/macro_calls.h"
#include "project/templates.h"

namespace weir::project {
namespace {

struct MacroFile {
  std::string package, original_file_path;
  std::string_view contents;
  bool only_tests = false;
};

std::string materialization_name(jinja::Definition const& definition) {
  std::string adapter = "default";
  for (auto const& option : definition.options)
    if (option.name == "adapter" && option.value.is_string()) adapter = option.value.string();
  return fmt::format("materialization_{}_{}", definition.name, adapter);
}

std::vector<std::string> languages_of(jinja::Definition const& definition) {
  for (auto const& option : definition.options)
    if (option.name == "supported_languages") return to_data(option.value).texts();
  return {"sql"};
}

std::string macro_name(jinja::Definition const& definition) {
  if (definition.tag == "materialization") return materialization_name(definition);
  if (definition.tag == "test" || definition.tag == "data_test") return "test_" + definition.name;
  return definition.name;
}

struct ParsedMacro {
  Macro macro;
  MacroCode code;
};

Result<ParsedMacro> parse_macro(MacroFile const& file, Block const& block, double now) {
  WEIR_TRY(auto tmpl, parse_template(file.original_file_path, block.full, block.first_line));
  auto const& definitions = tmpl->definitions();
  if (definitions.size() != 1)
    return Error(ErrorKind::Template, fmt::format("a macro stands within \"{} {}\"", block.tag, block.name))
        .where(fmt::format("{}:{}", file.original_file_path, block.first_line))
        .next("define each macro at the top level of the file");
  auto const& definition = definitions[0];
  ParsedMacro made;
  auto& macro = made.macro;
  macro.name = macro_name(definition);
  macro.package_name = file.package;
  macro.unique_id = fmt::format("macro.{}.{}", file.package, macro.name);
  macro.path = macro.original_file_path = file.original_file_path;
  macro.macro_sql = block.full;
  macro.first_line = block.first_line;
  macro.is_materialization = definition.tag == "materialization";
  if (macro.is_materialization) macro.supported_languages = languages_of(definition);
  macro.created_at = now;
  made.code = MacroCode{macro.unique_id, macro.name, macro.package_name, tmpl, &definition};
  return made;
}

Result<std::vector<ParsedMacro>> parse_file(MacroFile const& file, double now) {
  static std::vector<std::string_view> const all{"macro", "materialization", "test", "data_test"},
      tests{"test", "data_test"};
  WEIR_TRY(auto const blocks, find_blocks(file.contents, file.only_tests ? tests : all, file.original_file_path));
  std::vector<ParsedMacro> made;
  for (auto const& block : blocks) {
    WEIR_TRY(auto one, parse_macro(file, block, now));
    made.push_back(std::move(one));
  }
  return made;
}

// weir's own library: macros/PACKAGE/....sql
void add_own_files(std::vector<MacroFile>& files) {
  constexpr std::string_view kFolder = "macros/";
  for (auto const path : embedded_files(kFolder)) {
    std::string_view const below = path.substr(kFolder.size());
    files.push_back({std::string(below.substr(0, below.find('/'))),
                     "macros/" + std::string(below.substr(below.find('/') + 1)), embedded_file(path), false});
  }
}

// Macros that a macro's text calls.
void find_dependencies(Draft& draft, std::vector<MacroCode> const& codes) {
  auto const& library = *draft.facts.library;
  for (std::size_t i = 0; i < draft.macros.size(); ++i) {
    auto& macro = draft.macros[i];
    for (auto const& call : macro_calls(*codes[i].code)) {
      std::vector<MacroCode const*> found;
      if (call.is_dispatch) {
        found.push_back(library.find_anywhere(macro.package_name, call.name));
        found.push_back(library.dispatch(macro.package_name, call.name, call.package));
      } else if (call.package.empty()) {
        if (call.name == macro.name) continue;
        found.push_back(library.find_anywhere(macro.package_name, call.name));
      } else {
        found.push_back(library.find_anywhere(call.package, call.name));
      }
      for (auto const* code : found)
        if (code != nullptr && code->unique_id != macro.unique_id &&
            std::find(macro.depends_on.begin(), macro.depends_on.end(), code->unique_id) == macro.depends_on.end())
          macro.depends_on.push_back(code->unique_id);
    }
  }
}

Status load_docs(Draft& draft) {
  static std::vector<std::string_view> const tags{"docs"};
  std::map<std::string, std::string> seen;
  for (auto const& file : draft.files) {
    if (file.kind != FileKind::Docs) continue;
    WEIR_TRY(auto const blocks, find_blocks(file.contents, tags, file.original_file_path));
    for (auto const& block : blocks) {
      DocBlock doc;
      doc.name = block.name;
      doc.package_name = file.package;
      doc.unique_id = fmt::format("doc.{}.{}", file.package, block.name);
      doc.path = file.relative_path;
      doc.original_file_path = file.original_file_path;
      doc.contents = trim(block.contents);
      if (has_template(doc.contents)) {
        WEIR_TRY(auto const tmpl, parse_template(file.original_file_path, block.contents, block.contents_line));
        jinja::DictContext empty;
        auto text = tmpl->render(empty);
        if (!text.ok()) return std::move(text).error().to_error();
        doc.contents = trim(*text);
      }
      auto const [at, is_new] = seen.emplace(doc.unique_id, file.original_file_path);
      if (!is_new)
        return Error(ErrorKind::Config,
                     fmt::format("there are two doc blocks \"{}\" in \"{}\"", doc.name, doc.package_name))
            .object(doc.unique_id)
            .where(fmt::format("{}:{}", file.original_file_path, block.first_line))
            .cause(fmt::format("the other one is in {}", at->second))
            .next("rename one of the two");
      draft.docs.push_back(std::move(doc));
    }
  }
  draft.docs.push_back({"doc.dbt.__overview__", "__overview__", "dbt", "overview.md", "docs/overview.md", ""});
  return {};
}

}  // namespace

Status load_macros(Draft& draft) {
  std::vector<MacroFile> files;
  for (auto const& file : draft.files)
    if (file.kind == FileKind::Macro || file.kind == FileKind::GenericTest)
      files.push_back({file.package, file.original_file_path, file.contents, file.kind == FileKind::GenericTest});
  add_own_files(files);
  std::vector<std::vector<ParsedMacro>> parsed(files.size());
  WEIR_DO(in_parallel(files.size(), [&](std::size_t i) -> Status {
    WEIR_TRY(parsed[i], parse_file(files[i], draft.now));
    return {};
  }));
  std::vector<MacroCode> codes;
  std::map<std::string, std::string> seen;
  for (auto& list : parsed) {
    for (auto& one : list) {
      auto const [at, is_new] = seen.emplace(one.macro.unique_id, one.macro.original_file_path);
      if (!is_new)
        return Error(ErrorKind::Config,
                     fmt::format("there are two macros \"{}\" in \"{}\"", one.macro.name, one.macro.package_name))
            .object(one.macro.unique_id)
            .where(fmt::format("{}:{}", one.macro.original_file_path, one.macro.first_line))
            .cause(fmt::format("the other one is in {}", at->second))
            .state("nothing was changed")
            .next("rename or remove one of the two");
      draft.macros.push_back(std::move(one.macro));
      codes.push_back(std::move(one.code));
    }
  }
  std::vector<std::string> packages;
  for (auto const& project : draft.projects) packages.push_back(project.name);
  draft.facts.library =
      std::make_shared<MacroLibrary const>(codes, draft.root().name, draft.root().dispatch, std::move(packages));
  find_dependencies(draft, codes);
  return load_docs(draft);
}

}  // namespace weir::project
