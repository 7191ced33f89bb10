#include "project/static_calls.h"

#include <algorithm>

#include "jinja/tree.h"

namespace weir::project {
namespace {

using namespace jinja;  // NOLINT: the tree's own node names are used throughout

class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  bool is_static(jinja::Node const& node) const {
    if (node.kind != NodeKind::Output) return false;
    auto const items = as<Output>(node).items;
    return std::all_of(items.begin(), items.end(), [this](jinja::Node const* item) {
      return item->kind == NodeKind::Text || (item->kind == NodeKind::Call && is_static_call(as<Call>(*item)));
    });
  }

 private:
  bool is_static_call(Call const& call) const {
    auto const& arguments = call.arguments;
    if (call.callee->kind != NodeKind::Name || arguments.star != nullptr || arguments.double_star != nullptr)
      return false;
    auto const function = as<Name>(*call.callee).name->string();
    if (function == "ref")
      return !arguments.positional.empty() && arguments.positional.size() <= 2 && arguments.named.size() <= 1 &&
             are_texts(arguments.positional);
    if (function == "source")
      return arguments.positional.size() == 2 && arguments.named.empty() && are_texts(arguments.positional);
    return function == "config" && arguments.positional.empty() && !arguments.named.empty() &&
           std::all_of(arguments.named.begin(), arguments.named.end(), [this](Keyword const& keyword) {
             auto const name = keyword.name->string();
             return name != "pre_hook" && name != "post_hook" && is_config_value(*keyword.value);
           });
  }

  static bool is_text(jinja::Node const* node) {
    return node->kind == NodeKind::Constant && as<Constant>(*node).value->is_string();
  }

  static bool are_texts(Nodes nodes) { return std::all_of(nodes.begin(), nodes.end(), is_text); }

  bool is_config_value(jinja::Node const& node) const {
    if (node.kind == NodeKind::List || node.kind == NodeKind::Dict) {
      auto const items = node.kind == NodeKind::List ? as<ListNode>(node).items : as<DictNode>(node).items;
      return std::all_of(items.begin(), items.end(),
                         [this](jinja::Node const* item) { return is_config_value(*item); });
    }
    if (node.kind != NodeKind::Constant) return false;
    auto const& value = *as<Constant>(node).value;
    auto const written = source_.substr(node.begin, node.end - node.begin);
    return value.is_string() || (value.is_bool() && (written == "True" || written == "False"));
  }

  std::string_view source_;
};

}  // namespace

bool has_only_static_calls(Template const& tmpl) {
  std::string_view const source = tmpl.source();
  for (std::string_view const mark : {"{{-", "-}}", "{{+", "+}}", "{%", "{#-", "-#}"})
    if (source.find(mark) != std::string_view::npos) return false;
  Reader const reader(source);
  auto const body = tmpl.program().body;
  return std::all_of(body.begin(), body.end(), [&reader](jinja::Node const* node) { return reader.is_static(*node); });
}

}  // namespace weir::project
