// Python's ast.literal_eval: the parser's own grammar, of which only literals are taken.

#include "jinja/numbers.h"
#include "jinja/operators.h"
#include "jinja/parser.h"
#include "jinja/render.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

std::optional<Value> value_of(Node const& node) {
  switch (node.kind) {
    case NodeKind::Constant:
      return *as<Constant>(node).value;
    case NodeKind::Tuple:
    case NodeKind::List: {
      Nodes const nodes = node.kind == NodeKind::Tuple ? as<TupleNode>(node).items : as<ListNode>(node).items;
      std::vector<Value> items;
      for (Node const* item : nodes) {
        auto value = value_of(*item);
        if (!value) return std::nullopt;
        items.push_back(std::move(*value));
      }
      return node.kind == NodeKind::Tuple ? tuple_of(std::move(items)) : list_of(std::move(items));
    }
    case NodeKind::Dict: {
      auto dict = make<Dict>();
      Nodes const nodes = as<DictNode>(node).items;
      for (std::size_t i = 0; i + 1 < nodes.size(); i += 2) {
        auto key = value_of(*nodes[i]);
        auto value = value_of(*nodes[i + 1]);
        if (!key || !value || !dict->set(std::move(*key), std::move(*value)).ok()) return std::nullopt;
      }
      return Value(dict);
    }
    case NodeKind::Unary: {
      auto const& unary = as<Unary>(node);
      auto const operand = value_of(*unary.operand);
      if (!operand || !(operand->is_int() || operand->is_float())) return std::nullopt;
      if (unary.op == Operator::Plus) return operand;
      if (operand->is_float()) return -operand->number();
      return integer_of(-big_of(*operand));
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Value> literal(std::string_view text) {
  static auto const environment = Environment::create({});
  std::string const source = "{{" + std::string(strip(text)) + "\n}}";
  auto const parsed = environment->parse("", source);
  if (!parsed.ok()) return std::nullopt;
  auto const& body = (*parsed)->program().body;
  if (body.size() != 1 || body[0]->kind != NodeKind::Output || as<Output>(*body[0]).items.size() != 1)
    return std::nullopt;
  Node const& node = *as<Output>(*body[0]).items[0];
  // Python's names only: `true` and `none` are no literals there.
  std::string_view const word = strip(text);
  if (word == "true" || word == "false" || word == "none") return std::nullopt;
  return value_of(node);
}

}  // namespace weir::jinja
