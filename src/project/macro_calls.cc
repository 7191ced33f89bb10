#include "project/macro_calls.h"

#include <algorithm>

#include "jinja/tree.h"

namespace weir::project {
namespace {

using namespace jinja;  // NOLINT: the tree's own node names are used throughout

std::string text_of(Value const* value) {
  return value == nullptr || !value->is_string() ? std::string() : std::string(value->string());
}

std::string constant_text(jinja::Node const* node) {
  return node != nullptr && node->kind == NodeKind::Constant ? text_of(as<Constant>(*node).value) : std::string();
}

class Walker {
 public:
  std::vector<MacroCall> calls;

  void walk(Nodes nodes) {
    for (auto const* node : nodes) walk(node);
  }

  void walk(MacroCode const& code) {
    for (auto const& parameter : code.parameters) walk(parameter.default_value);
    walk(code.body);
  }

  void walk(jinja::Node const* node) {
    if (node == nullptr) return;
    switch (node->kind) {
      case NodeKind::Tuple:
        return walk(as<TupleNode>(*node).items);
      case NodeKind::List:
        return walk(as<ListNode>(*node).items);
      case NodeKind::Dict:
        return walk(as<DictNode>(*node).items);
      case NodeKind::Unary:
        return walk(as<Unary>(*node).operand);
      case NodeKind::Binary:
        return walk_both(as<Binary>(*node).left, as<Binary>(*node).right);
      case NodeKind::And:
        return walk_both(as<And>(*node).left, as<And>(*node).right);
      case NodeKind::Or:
        return walk_both(as<Or>(*node).left, as<Or>(*node).right);
      case NodeKind::Not:
        return walk(as<Not>(*node).operand);
      case NodeKind::Compare:
        walk(as<Compare>(*node).first);
        for (auto const& operand : as<Compare>(*node).rest) walk(operand.node);
        return;
      case NodeKind::Concat:
        return walk(as<Concat>(*node).items);
      case NodeKind::Conditional:
        walk(as<Conditional>(*node).test);
        return walk_both(as<Conditional>(*node).yes, as<Conditional>(*node).no);
      case NodeKind::Attribute:
        return walk(as<Attribute>(*node).object);
      case NodeKind::Item:
        return walk_both(as<Item>(*node).object, as<Item>(*node).key);
      case NodeKind::Slice:
        walk(as<Slice>(*node).start);
        return walk_both(as<Slice>(*node).stop, as<Slice>(*node).step);
      case NodeKind::Call:
        return walk_call(as<Call>(*node));
      case NodeKind::FilterCall:
        walk(as<FilterNode>(*node).subject);
        return walk(as<FilterNode>(*node).arguments);
      case NodeKind::TestCall:
        walk(as<TestNode>(*node).subject);
        return walk(as<TestNode>(*node).arguments);
      case NodeKind::Output:
        return walk(as<Output>(*node).items);
      case NodeKind::If:
        for (auto const& branch : as<If>(*node).branches) {
          walk(branch.test);
          walk(branch.body);
        }
        return walk(as<If>(*node).otherwise);
      case NodeKind::For:
        walk(as<For>(*node).iterable);
        walk(as<For>(*node).body);
        walk(as<For>(*node).otherwise);
        return walk(as<For>(*node).test);
      case NodeKind::Macro:
        return walk(as<MacroNode>(*node).code);
      case NodeKind::NamedBlock:
        return walk(as<NamedBlock>(*node).code);
      case NodeKind::CallBlock:
        walk(as<CallBlock>(*node).call);
        return walk(as<CallBlock>(*node).code);
      case NodeKind::FilterBlock:
        walk(as<FilterBlock>(*node).body);
        return walk(as<FilterBlock>(*node).filter);
      case NodeKind::Set:
        return walk_both(as<Assign>(*node).target, as<Assign>(*node).value);
      case NodeKind::SetBlock:
        walk(as<SetBlock>(*node).filter);
        return walk(as<SetBlock>(*node).body);
      case NodeKind::With:
        walk(as<With>(*node).values);
        return walk(as<With>(*node).body);
      case NodeKind::Do:
        return walk(as<Do>(*node).value);
      case NodeKind::Scoped:
        return walk(as<Scoped>(*node).body);
      default:
        return;
    }
  }

 private:
  void walk_both(jinja::Node const* first, jinja::Node const* second) {
    walk(first);
    walk(second);
  }

  void walk(CallArguments const& arguments) {
    walk(arguments.positional);
    for (auto const& keyword : arguments.named) walk(keyword.value);
    walk_both(arguments.star, arguments.double_star);
  }

  void walk_call(Call const& call) {
    note(call);
    walk(call.callee);
    walk(call.arguments);
  }

  void add(MacroCall call) {
    if (std::find(calls.begin(), calls.end(), call) == calls.end()) calls.push_back(std::move(call));
  }

  void note(Call const& call) {
    if (call.callee->kind == NodeKind::Name) {
      std::string name = text_of(as<Name>(*call.callee).name);
      if (name != "ref" && name != "source" && name != "config") add({"", std::move(name), false});
      return;
    }
    if (call.callee->kind != NodeKind::Attribute) return;
    auto const& attribute = as<Attribute>(*call.callee);
    if (attribute.object->kind != NodeKind::Name) return;
    std::string package = text_of(as<Name>(*attribute.object).name), name = text_of(attribute.name);
    if (package != "adapter") return add({std::move(package), std::move(name), false});
    if (name == "dispatch") note_dispatch(call.arguments);
  }

  void note_dispatch(CallArguments const& arguments) {
    std::string name = arguments.positional.empty() ? "" : constant_text(arguments.positional[0]);
    std::string package = arguments.positional.size() > 1 ? constant_text(arguments.positional[1]) : "";
    for (auto const& keyword : arguments.named) {
      if (text_of(keyword.name) == "macro_name") name = constant_text(keyword.value);
      if (text_of(keyword.name) == "macro_namespace") package = constant_text(keyword.value);
    }
    if (!name.empty()) add({std::move(package), std::move(name), true});
  }
};

}  // namespace

std::vector<MacroCall> macro_calls(Template const& tmpl) {
  Walker walker;
  auto const& program = tmpl.program();
  if (program.definition_codes.empty()) walker.walk(program.body);
  for (auto const* code : program.definition_codes) walker.walk(*code);
  return std::move(walker.calls);
}

}  // namespace weir::project
