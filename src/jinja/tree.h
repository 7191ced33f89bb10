#pragma once
// What a template is after parsing: a tree of small nodes in one arena, with names already resolved to slots. Nodes are
// never changed once the template is made. Every node knows the bytes of the source that it stands for.

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "jinja/environment.h"

namespace weir::jinja {

enum class NodeKind : std::uint8_t {
  // expressions
  Constant,
  Name,
  Tuple,
  List,
  Dict,
  Unary,
  Binary,
  And,
  Or,
  Not,
  Compare,
  Concat,
  Conditional,
  Attribute,
  Item,
  Slice,
  Call,
  FilterCall,
  TestCall,
  // targets of an assignment, beside Name and Tuple
  NamespaceTarget,
  // statements
  Text,
  Output,
  If,
  For,
  Macro,
  CallBlock,
  FilterBlock,
  Set,
  SetBlock,
  With,
  Do,
  Break,
  Continue,
  Scoped,
  NamedBlock,
};

struct Node {
  NodeKind kind;
  std::uint32_t begin = 0, end = 0;
  explicit Node(NodeKind kind_) : kind(kind_) {}
};

template <NodeKind K>
struct NodeOf : Node {
  static constexpr NodeKind kKind = K;
  NodeOf() : Node(K) {}
};

template <typename T>
T const& as(Node const& node) {
  assert(node.kind == T::kKind);
  return static_cast<T const&>(node);
}

using Nodes = std::span<Node* const>;

// -------------------------------------------------------------------------------------------------------- expressions

struct Constant : NodeOf<NodeKind::Constant> {
  Value const* value = nullptr;
};

// A variable: slot `slot` of the function that stands `depth` functions further out.
struct Name : NodeOf<NodeKind::Name> {
  Value const* name = nullptr;  // one object for each name of a template
  std::uint32_t depth = 0, slot = 0;
};

struct TupleNode : NodeOf<NodeKind::Tuple> {
  Nodes items;
};
struct ListNode : NodeOf<NodeKind::List> {
  Nodes items;
};
struct DictNode : NodeOf<NodeKind::Dict> {
  Nodes items;  // key, value, key, value, ...
};

enum class Operator : std::uint8_t { Add, Subtract, Multiply, Divide, FloorDivide, Modulo, Power, Plus, Minus };
std::string_view operator_text(Operator op);

struct Unary : NodeOf<NodeKind::Unary> {
  Operator op = Operator::Minus;
  Node* operand = nullptr;
};
struct Binary : NodeOf<NodeKind::Binary> {
  Operator op = Operator::Add;
  Node* left = nullptr;
  Node* right = nullptr;
};
struct And : NodeOf<NodeKind::And> {
  Node* left = nullptr;
  Node* right = nullptr;
};
struct Or : NodeOf<NodeKind::Or> {
  Node* left = nullptr;
  Node* right = nullptr;
};
struct Not : NodeOf<NodeKind::Not> {
  Node* operand = nullptr;
};

enum class Comparison : std::uint8_t { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, In, NotIn };
struct Operand {
  Comparison comparison;
  Node* node;
};
struct Compare : NodeOf<NodeKind::Compare> {
  Node* first = nullptr;
  std::span<Operand const> rest;
};
struct Concat : NodeOf<NodeKind::Concat> {
  Nodes items;
};
struct Conditional : NodeOf<NodeKind::Conditional> {
  Node* test = nullptr;
  Node* yes = nullptr;
  Node* no = nullptr;  // may be absent
};
struct Attribute : NodeOf<NodeKind::Attribute> {
  Node* object = nullptr;
  Value const* name = nullptr;
};
struct Item : NodeOf<NodeKind::Item> {
  Node* object = nullptr;
  Node* key = nullptr;
};
struct Slice : NodeOf<NodeKind::Slice> {
  Node* start = nullptr;  // each may be absent
  Node* stop = nullptr;
  Node* step = nullptr;
};

struct Keyword {
  Value const* name;
  Node* value;
};
// The arguments of a call, filter or test.
struct CallArguments {
  Nodes positional;
  std::span<Keyword const> named;
  Node* star = nullptr;         // *args
  Node* double_star = nullptr;  // **kwargs
};
struct Call : NodeOf<NodeKind::Call> {
  Node* callee = nullptr;
  CallArguments arguments;
};
struct FilterNode : NodeOf<NodeKind::FilterCall> {
  Node* subject = nullptr;  // absent at the beginning of a block's filters: the text of the block
  Value const* name = nullptr;
  Filter const* filter = nullptr;  // absent where it is not there and the template may never come by
  CallArguments arguments;
};
struct TestNode : NodeOf<NodeKind::TestCall> {
  Node* subject = nullptr;
  Value const* name = nullptr;
  Test const* test = nullptr;
  CallArguments arguments;
};

struct NamespaceTarget : NodeOf<NodeKind::NamespaceTarget> {
  Name* object = nullptr;
  Value const* attribute = nullptr;
};

// --------------------------------------------------------------------------------------------------------- statements

// What a variable is when its scope is entered.
enum class LoadKind : std::uint8_t { Missing, FromContext, FromSlot };
struct Load {
  LoadKind kind;
  std::uint32_t slot;
  std::uint32_t from_depth, from_slot;  // FromSlot
  Value const* name;
};
struct Scope {
  std::span<Load const> loads;
};

struct TextNode : NodeOf<NodeKind::Text> {
  std::string_view text;
};
struct Output : NodeOf<NodeKind::Output> {
  Nodes items;  // TextNodes and expressions
};
struct Branch {
  Node* test;
  Nodes body;
};
struct If : NodeOf<NodeKind::If> {
  std::span<Branch const> branches;
  Nodes otherwise;
};

struct FunctionCode {  // a body with variables of its own
  std::uint32_t slots = 0;
  bool is_captured = false;  // a macro or call block in it uses its variables: they may outlive a call of it
  bool uses_outer = false;   // it uses variables of the functions around it
  Scope scope;
};

struct For : NodeOf<NodeKind::For> {
  Node* target = nullptr;
  Node* iterable = nullptr;
  Node* test = nullptr;         // may be absent
  Node* test_target = nullptr;  // the target once more, in the test's scope
  Nodes body, otherwise;
  Scope scope, test_scope, otherwise_scope;
  bool uses_loop = false;
  std::uint32_t loop_slot = 0;
  FunctionCode* recursive = nullptr;  // the body is a function where the loop says `recursive`
};

struct MacroParameter {
  Value const* name;
  std::uint32_t slot;
  Node* default_value;  // may be absent
  std::string_view annotation;
};
struct MacroCode {
  Value const* name = nullptr;  // absent for the body of a call block
  std::span<MacroParameter const> parameters;
  FunctionCode function;
  Nodes body;
  bool takes_varargs = false, takes_kwargs = false, takes_caller = false;
  bool has_caller_parameter = false;
  std::uint32_t varargs_slot = 0, kwargs_slot = 0, caller_slot = 0;
  std::uint32_t begin = 0, end = 0;
};
struct MacroNode : NodeOf<NodeKind::Macro> {
  MacroCode code;
  Name* target = nullptr;
};
struct CallBlock : NodeOf<NodeKind::CallBlock> {
  Call* call = nullptr;
  MacroCode code;
};
struct FilterBlock : NodeOf<NodeKind::FilterBlock> {
  Node* filter = nullptr;
  Scope scope;
  Nodes body;
};
struct Assign : NodeOf<NodeKind::Set> {
  Node* target = nullptr;
  Node* value = nullptr;
};
struct SetBlock : NodeOf<NodeKind::SetBlock> {
  Node* target = nullptr;
  Node* filter = nullptr;  // may be absent
  Scope scope;
  Nodes body;
};
struct With : NodeOf<NodeKind::With> {
  Nodes targets, values;
  Scope scope;
  Nodes body;
};
struct Do : NodeOf<NodeKind::Do> {
  Node* value = nullptr;
};
struct Break : NodeOf<NodeKind::Break> {};
struct Continue : NodeOf<NodeKind::Continue> {};
struct Scoped : NodeOf<NodeKind::Scoped> {  // {% autoescape %}: a scope that changes nothing else
  Scope scope;
  Nodes body;
};
struct NamedBlock : NodeOf<NodeKind::NamedBlock> {  // of one of the environment's own tags
  MacroCode code;
};

// ------------------------------------------------------------------------------------------------------------ program

class Arena {
 public:
  template <typename T>
  T* make() {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T();
  }
  template <typename T>
  std::span<T const> copy(std::vector<T> const& items) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (items.empty()) return {};
    T* memory = static_cast<T*>(allocate(sizeof(T) * items.size(), alignof(T)));
    std::uninitialized_copy(items.begin(), items.end(), memory);
    return {memory, items.size()};
  }

 private:
  void* allocate(std::size_t size, std::size_t alignment);
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::size_t used_ = 0, capacity_ = 0;
};

struct Program {
  std::string name;
  std::shared_ptr<std::string const> source;
  std::size_t part_begin = 0, part_end = 0;  // the bytes of it that were parsed
  Arena arena;
  std::deque<Value> constants;
  std::deque<std::string> texts;     // template text that is not in the source as it stands
  Value const* loop_name = nullptr;  // the objects that stand for these names
  Value const* caller_name = nullptr;
  Value const* varargs_name = nullptr;
  Value const* kwargs_name = nullptr;
  FunctionCode root;
  Nodes body;
  std::vector<Definition> definitions;
  std::vector<MacroCode const*> definition_codes;
};

Place place_in(Program const& program, std::size_t begin, std::size_t end);

}  // namespace weir::jinja
