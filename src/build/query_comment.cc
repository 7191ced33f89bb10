#include "build/query_comment.h"

#include <fmt/format.h>

#include "base/text.h"
#include "build/run_context.h"
#include "build/show.h"

namespace weir::build {
namespace {

using jinja::Value;
using project::Data;

struct Setting {
  std::optional<std::string> text;  // nothing: dbt's own comment
  pg::Session::CommentPlace place = pg::Session::CommentPlace::Before;
};

Setting setting_of(project::ProjectFile const& root) {
  Setting out;
  auto const& said = root.query_comment;
  auto const& text = said.is_dict() ? said["comment"] : said;
  if (said["append"].truth()) out.place = pg::Session::CommentPlace::Behind;
  bool const is_said = said.is_dict() ? said.contains("comment") : root.query_comment_said;
  if (is_said) out.text = text.is_none() ? std::string() : text.str();
  return out;
}

std::string own_comment(RunState const& run, std::string const& connection, project::Node const* node) {
  auto const& target = run.manifest.target();
  std::string out;
  project::append_json(out, Data(Data::Dict{{"app", Data("dbt")},
                                            {"dbt_version", Data(project::kDbtVersion)},
                                            {"profile_name", Data(target.profile_name)},
                                            {"target_name", Data(target.name)},
                                            {node == nullptr ? "connection_name" : "node_id",
                                             Data(node == nullptr ? connection : node->unique_id)}}));
  return out;
}

// As the body of a macro, so that it may say return().
Result<std::string> rendered(RunState& run, Worker& worker, std::string const& text, std::string const& connection,
                             project::Node const* node) {
  if (text.find('{') == std::string::npos) return text;
  auto const stand_in = made_up_node(run, connection);
  RunContext context(run, worker, node == nullptr ? stand_in : *node);
  context.set("connection_name", Value(connection));
  context.set("node", node == nullptr ? Value() : context.find("model"));
  return context.render("query-comment",
                        "{%- macro query_comment_macro(connection_name, node) -%}\n" + text +
                            "\n{% endmacro %}{{ query_comment_macro(connection_name, node) }}",
                        0);
}

}  // namespace

Status name_statements(RunState& run, Worker& worker, std::string const& connection, project::Node const* node) {
  auto const setting = setting_of(run.facts().root());
  std::string comment;
  if (!setting.text) {
    comment = own_comment(run, connection, node);
  } else if (!trim(*setting.text).empty()) {
    WEIR_TRY(comment, rendered(run, worker, *setting.text, connection, node));
  }
  comment = trim(comment);
  if (comment.find("*/") != std::string::npos)
    return Error(ErrorKind::Template, "the query comment holds \"*/\", which would end it")
        .object(comment)
        .where("dbt_project.yml")
        .state("nothing of it was run")
        .next("leave \"*/\" out of what `query-comment` says");
  worker.name_statements(connection, std::move(comment), setting.place);
  return {};
}

}  // namespace weir::build
