#include "build/compile.h"

#include <algorithm>

#include <fmt/format.h>

#include "build/together.h"
#include "build/written_sql.h"
#include "project/templates.h"

namespace weir::build {
namespace {

using jinja::Value;
using project::Data;

constexpr std::string_view kTestArguments = "_dbt_generic_test_kwargs";

Status add_test_arguments(RunContext& context) {
  if (!context.node().generic_test) return {};
  std::vector<std::pair<std::string, Value>> arguments;
  for (auto const& [key, value] : context.node().generic_test->kwargs.pairs()) {
    WEIR_TRY(auto argument, project::render_argument(value, key == "column_name", context, {}, "<test argument>"));
    arguments.emplace_back(key, std::move(argument));
  }
  context.set(std::string(kTestArguments), jinja::dict_of(std::move(arguments)));
  return {};
}

void add_cte(std::vector<InjectedCte>& ctes, InjectedCte cte) {
  auto const known = std::find_if(ctes.begin(), ctes.end(), [&cte](auto const& one) { return one.id == cte.id; });
  if (known == ctes.end()) ctes.push_back(std::move(cte));
}

// The ephemeral models that the rendered text named, each with what it needs itself.
Result<std::vector<InjectedCte>> needed_ctes(RunContext& context) {
  std::vector<InjectedCte> ctes;
  auto const named = context.ephemeral();
  for (auto const index : named) {
    auto const& node = context.run().manifest.nodes()[index];
    auto code = context.run().compiled(node.unique_id);
    if (code == nullptr) {
      RunContext inner(context.run(), context.worker(), node);
      WEIR_TRY(code, compile(inner));
    }
    for (auto const& cte : code->ctes) add_cte(ctes, cte);
    add_cte(ctes, {node.unique_id, fmt::format(" {} as (\n{}\n)", cte_name(node.identifier()), code->own_code)});
  }
  return ctes;
}

}  // namespace

Result<CompiledNode> compile_text(RunContext& context, std::string_view name, std::string_view text, int first_line) {
  CompiledNode out;
  WEIR_TRY(out.own_code, context.render(std::string(name), text, first_line));
  if (auto const* together = context.run().together)
    out.own_code = together->with_published_strings(std::move(out.own_code));
  WEIR_TRY(out.ctes, needed_ctes(context));
  out.code = context.run().options.inject_ephemeral_ctes ? inject_ctes(out.own_code, out.ctes) : out.own_code;
  return out;
}

Result<std::shared_ptr<CompiledNode const>> compile(RunContext& context) {
  auto const& node = context.node();
  WEIR_DO(add_test_arguments(context));
  WEIR_TRY(auto compiled, compile_text(context, node.original_file_path, node.raw_code, node.first_line));
  bool const is_written = node.kind != project::NodeKind::Snapshot;
  if (is_written) compiled.file = compiled_sql_file(context);
  auto shared = std::make_shared<CompiledNode const>(std::move(compiled));
  context.run().keep(node.unique_id, shared);
  context.set_compiled(shared);
  if (is_written) {
    WEIR_DO(write_compiled_sql(context, shared->code));
  }
  return std::shared_ptr<CompiledNode const>(shared);
}

}  // namespace weir::build
