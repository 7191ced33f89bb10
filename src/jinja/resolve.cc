// Names to slots, by Jinja2's rules of scope (Jinja2 docs: "Assignments", "Scoping Behavior"): a macro, loop, `with`
// and block has a scope of its own, an `if` has none. A name that a scope writes is a variable of that scope from its
// beginning: a copy of the outer one of that name, or of what the context holds where the name is written on some paths
// only.

#include <unordered_map>
#include <unordered_set>

#include "jinja/kinds.h"
#include "jinja/parser.h"

namespace weir::jinja {

namespace {

struct FunctionScope {
  FunctionCode* code;
  FunctionScope* parent;
};

struct Found {
  std::uint32_t depth, slot;
};

// The names of one scope.
class Symbols {
 public:
  Symbols(Symbols* parent, FunctionScope* function) : parent_(parent), function_(function) {}

  FunctionScope* function() const { return function_; }

  void load(Value const* name) {
    if (!find(name)) define(name, {LoadKind::FromContext, 0, 0, 0, name});
  }

  void store(Value const* name) {
    if (stores_.insert(name).second) stored_.push_back(name);
    if (references_.contains(name)) return;
    auto const outer = find_outside(name);
    if (outer)
      define(name, {LoadKind::FromSlot, 0, outer->depth, outer->slot, name});
    else
      define(name, {LoadKind::Missing, 0, 0, 0, name});
  }

  std::uint32_t declare_parameter(Value const* name) {
    if (stores_.insert(name).second) stored_.push_back(name);
    references_[name] = slot_of(name);
    loads_.erase(name);
    return slot_of(name);
  }

  // Where the name's variable is, seen from this scope's function.
  std::optional<Found> find(Value const* name) const {
    auto const found = references_.find(name);
    if (found != references_.end()) return Found{0, found->second};
    return find_outside(name);
  }

  // The names that a branch of an `if` defines; they are taken out again, for the next branch.
  struct Branch {
    std::vector<std::pair<Value const*, Load>> defined;
    std::vector<Value const*> stored;
  };
  struct Mark {
    std::size_t defined, stored;
  };
  Mark mark() const { return {defined_.size(), stored_.size()}; }
  Branch take_since(Mark mark) {
    Branch branch;
    for (std::size_t i = mark.defined; i < defined_.size(); ++i) {
      branch.defined.emplace_back(defined_[i], loads_.at(defined_[i]));
      references_.erase(defined_[i]);
      loads_.erase(defined_[i]);
    }
    branch.stored.assign(stored_.begin() + static_cast<std::ptrdiff_t>(mark.stored), stored_.end());
    for (auto const* name : branch.stored) stores_.erase(name);
    defined_.resize(mark.defined);
    stored_.resize(mark.stored);
    return branch;
  }

  // A name that not every branch writes is, where it is not written, what it is outside.
  void merge(std::vector<Branch> const& branches) {
    std::unordered_map<Value const*, std::size_t> counts;
    for (auto const& branch : branches)
      for (auto const* name : branch.stored) ++counts[name];
    for (auto const& branch : branches) {
      for (auto const& [name, load] : branch.defined) {
        if (references_.emplace(name, load.slot).second) defined_.push_back(name);
        loads_[name] = load;
      }
      for (auto const* name : branch.stored)
        if (stores_.insert(name).second) stored_.push_back(name);
    }
    for (auto const& [name, count] : counts) {
      if (count == branches.size() || !loads_.contains(name)) continue;
      auto const outer = find_outside(name);
      std::uint32_t const slot = slot_of(name);
      loads_[name] = outer ? Load{LoadKind::FromSlot, slot, outer->depth, outer->slot, name}
                           : Load{LoadKind::FromContext, slot, 0, 0, name};
    }
  }

  std::vector<Load> loads() const {
    std::vector<Load> out;
    for (auto const* name : defined_) {
      auto const found = loads_.find(name);
      if (found != loads_.end()) out.push_back(found->second);
    }
    return out;
  }

 private:
  std::optional<Found> find_outside(Value const* name) const {
    if (parent_ == nullptr) return std::nullopt;
    auto found = parent_->find(name);
    if (found && parent_->function_ != function_) {
      ++found->depth;
      function_->code->uses_outer = true;
    }
    return found;
  }

  void define(Value const* name, Load load) {
    load.slot = slot_of(name);
    references_[name] = load.slot;
    loads_[name] = load;
    defined_.push_back(name);
  }

  std::uint32_t slot_of(Value const* name) {
    auto const [at, is_new] = slots_.emplace(name, function_->code->slots);
    if (is_new) ++function_->code->slots;
    return at->second;
  }

  Symbols* parent_;
  FunctionScope* function_;
  std::unordered_map<Value const*, std::uint32_t> references_;
  std::unordered_map<Value const*, Load> loads_;
  std::unordered_map<Value const*, std::uint32_t> slots_;
  std::unordered_set<Value const*> stores_;
  std::vector<Value const*> defined_, stored_;  // in their order
};

class Resolver {
 public:
  explicit Resolver(Program& program) : program_(program) {}

  Outcome<Done> run() {
    FunctionScope root{&program_.root, nullptr};
    Symbols symbols(nullptr, &root);
    collect(program_.body, symbols);
    assign(program_.body, symbols);
    program_.root.scope.loads = program_.arena.copy(symbols.loads());
    if (is_too_deep_)
      return failure_at(program_, FailureType::RecursionError, "maximum recursion depth exceeded during compilation",
                        deep_at_, deep_at_ + 1);
    return Done{};
  }

 private:
  bool is_too_deep(Node const& node) {
    StackGuard const guard;
    if (guard.is_low() && !is_too_deep_) {
      is_too_deep_ = true;
      deep_at_ = node.begin;
    }
    return is_too_deep_;
  }

  // ------------------------------------------------------------- which names a scope has: inner scopes are left out

  void collect(Nodes nodes, Symbols& symbols) {
    for (Node* node : nodes) collect(node, symbols);
  }

  void collect_target(Node* target, Symbols& symbols) {
    if (target->kind == NodeKind::Name) symbols.store(as<Name>(*target).name);
    if (target->kind == NodeKind::Tuple)
      for (Node* item : as<TupleNode>(*target).items) collect_target(item, symbols);
    if (target->kind == NodeKind::NamespaceTarget) symbols.load(as<NamespaceTarget>(*target).object->name);
  }

  void declare_target(Node* target, Symbols& symbols) {
    if (target->kind == NodeKind::Name) symbols.declare_parameter(as<Name>(*target).name);
    if (target->kind == NodeKind::Tuple)
      for (Node* item : as<TupleNode>(*target).items) declare_target(item, symbols);
  }

  void collect(Node* node, Symbols& symbols) {
    if (node == nullptr || is_too_deep(*node)) return;
    switch (node->kind) {
      case NodeKind::Name:
        return symbols.load(as<Name>(*node).name);
      case NodeKind::If:
        return collect_if(as<If>(*node), symbols);
      case NodeKind::For:
        return collect(as<For>(*node).iterable, symbols);
      case NodeKind::Macro:
        return symbols.store(as<MacroNode>(*node).code.name);
      case NodeKind::CallBlock:
        return collect(as<CallBlock>(*node).call, symbols);
      case NodeKind::FilterBlock:
      case NodeKind::Scoped:
      case NodeKind::NamedBlock:
        return;
      case NodeKind::Set:
        collect(as<Assign>(*node).value, symbols);
        return collect_target(as<Assign>(*node).target, symbols);
      case NodeKind::SetBlock:
        return collect_target(as<SetBlock>(*node).target, symbols);
      case NodeKind::With:
        return collect(as<With>(*node).values, symbols);
      default:
        each_child(*node, [&](Node* child) { collect(child, symbols); });
    }
  }

  void collect_if(If const& node, Symbols& symbols) {
    // Jinja2 counts three branches: the first, all `elif` together, and `else`.
    collect(node.branches[0].test, symbols);
    std::vector<Symbols::Branch> branches;
    auto const start = symbols.mark();
    collect(node.branches[0].body, symbols);
    branches.push_back(symbols.take_since(start));
    for (auto const& branch : node.branches.subspan(1)) {
      std::vector<Symbols::Branch> inner;
      collect(branch.test, symbols);
      auto const inner_start = symbols.mark();
      collect(branch.body, symbols);
      inner.push_back(symbols.take_since(inner_start));
      inner.push_back({});
      inner.push_back({});
      symbols.merge(inner);
    }
    branches.push_back(symbols.take_since(start));
    collect(node.otherwise, symbols);
    branches.push_back(symbols.take_since(start));
    symbols.merge(branches);
  }

  // --------------------------------------------------------------------------------- every name's slot, scope by scope

  void assign(Nodes nodes, Symbols& symbols) {
    for (Node* node : nodes) assign(node, symbols);
  }

  Scope finished(Symbols const& symbols) { return {program_.arena.copy(symbols.loads())}; }

  void assign(Node* node, Symbols& symbols) {
    if (node == nullptr || is_too_deep(*node)) return;
    switch (node->kind) {
      case NodeKind::Name: {
        Name& name = static_cast<Name&>(*node);
        auto const found = symbols.find(name.name);
        assert(found);
        name.depth = found->depth;
        name.slot = found->slot;
        return;
      }
      case NodeKind::NamespaceTarget:
        return assign(as<NamespaceTarget>(*node).object, symbols);
      case NodeKind::For:
        return assign_for(static_cast<For&>(*node), symbols);
      case NodeKind::Macro: {
        MacroNode& macro = static_cast<MacroNode&>(*node);
        assign(macro.target, symbols);
        return assign_macro(macro.code, symbols);
      }
      case NodeKind::NamedBlock:
        return assign_macro(static_cast<NamedBlock&>(*node).code, symbols);
      case NodeKind::CallBlock: {
        CallBlock& block = static_cast<CallBlock&>(*node);
        assign(block.call, symbols);
        return assign_macro(block.code, symbols);
      }
      case NodeKind::FilterBlock: {
        FilterBlock& block = static_cast<FilterBlock&>(*node);
        Symbols inner(&symbols, symbols.function());
        collect(block.body, inner);
        collect(block.filter, inner);
        assign(block.body, inner);
        assign(block.filter, inner);
        block.scope = finished(inner);
        return;
      }
      case NodeKind::SetBlock: {
        SetBlock& block = static_cast<SetBlock&>(*node);
        assign(block.target, symbols);
        Symbols inner(&symbols, symbols.function());
        collect(block.body, inner);
        collect(block.filter, inner);
        assign(block.body, inner);
        assign(block.filter, inner);
        block.scope = finished(inner);
        return;
      }
      case NodeKind::Scoped: {
        Scoped& scoped = static_cast<Scoped&>(*node);
        Symbols inner(&symbols, symbols.function());
        collect(scoped.body, inner);
        assign(scoped.body, inner);
        scoped.scope = finished(inner);
        return;
      }
      case NodeKind::With: {
        With& with = static_cast<With&>(*node);
        assign(with.values, symbols);
        Symbols inner(&symbols, symbols.function());
        for (Node* target : with.targets) declare_target(target, inner);
        collect(with.body, inner);
        assign(with.targets, inner);
        assign(with.body, inner);
        with.scope = finished(inner);
        return;
      }
      default:
        each_child(*node, [&](Node* child) { assign(child, symbols); });
    }
  }

  void assign_for(For& node, Symbols& symbols) {
    assign(node.iterable, symbols);
    FunctionScope inner_function{node.recursive, symbols.function()};
    FunctionScope* function = symbols.function();
    if (node.recursive != nullptr) {
      function = &inner_function;
      symbols.function()->code->is_captured = true;
    }
    Symbols body(&symbols, function);
    if (node.uses_loop) node.loop_slot = body.declare_parameter(program_.loop_name);
    declare_target(node.target, body);
    collect(node.body, body);
    assign(node.target, body);
    assign(node.body, body);
    node.scope = finished(body);
    if (node.test != nullptr) {
      Symbols test(&symbols, function);
      declare_target(node.test_target, test);
      collect(node.test, test);
      assign(node.test_target, test);
      assign(node.test, test);
      node.test_scope = finished(test);
    }
    if (node.otherwise.empty()) return;
    Symbols otherwise(&symbols, function);
    collect(node.otherwise, otherwise);
    assign(node.otherwise, otherwise);
    node.otherwise_scope = finished(otherwise);
  }

  void assign_macro(MacroCode& code, Symbols& symbols) {
    FunctionScope function{&code.function, symbols.function()};
    Symbols inner(&symbols, &function);
    std::vector<MacroParameter> parameters(code.parameters.begin(), code.parameters.end());
    for (auto& parameter : parameters) parameter.slot = inner.declare_parameter(parameter.name);
    if (code.takes_caller && !code.has_caller_parameter)
      code.caller_slot = inner.declare_parameter(program_.caller_name);
    if (code.takes_kwargs) code.kwargs_slot = inner.declare_parameter(program_.kwargs_name);
    if (code.takes_varargs) code.varargs_slot = inner.declare_parameter(program_.varargs_name);
    for (auto const& parameter : parameters) collect(parameter.default_value, inner);
    collect(code.body, inner);
    for (auto const& parameter : parameters) assign(parameter.default_value, inner);
    assign(code.body, inner);
    code.function.scope = finished(inner);
    if (code.function.uses_outer) symbols.function()->code->is_captured = true;
    code.parameters = program_.arena.copy(parameters);
  }

  // ------------------------------------------------------------------------------------------------------- children

  template <typename Visit>
  static void each_argument(CallArguments const& arguments, Visit const& visit) {
    for (Node* node : arguments.positional) visit(node);
    for (auto const& keyword : arguments.named) visit(keyword.value);
    visit(arguments.star);
    visit(arguments.double_star);
  }

  template <typename Visit>
  static void each_child(Node const& node, Visit const& visit) {
    auto const all = [&](Nodes nodes) {
      for (Node* child : nodes) visit(child);
    };
    switch (node.kind) {
      case NodeKind::Tuple:
        return all(as<TupleNode>(node).items);
      case NodeKind::List:
        return all(as<ListNode>(node).items);
      case NodeKind::Dict:
        return all(as<DictNode>(node).items);
      case NodeKind::Unary:
        return visit(as<Unary>(node).operand);
      case NodeKind::Binary:
        return visit(as<Binary>(node).left), visit(as<Binary>(node).right);
      case NodeKind::And:
        return visit(as<And>(node).left), visit(as<And>(node).right);
      case NodeKind::Or:
        return visit(as<Or>(node).left), visit(as<Or>(node).right);
      case NodeKind::Not:
        return visit(as<Not>(node).operand);
      case NodeKind::Compare:
        visit(as<Compare>(node).first);
        for (auto const& operand : as<Compare>(node).rest) visit(operand.node);
        return;
      case NodeKind::Concat:
        return all(as<Concat>(node).items);
      case NodeKind::Conditional: {
        auto const& conditional = as<Conditional>(node);
        return visit(conditional.test), visit(conditional.yes), visit(conditional.no);
      }
      case NodeKind::Attribute:
        return visit(as<Attribute>(node).object);
      case NodeKind::Item:
        return visit(as<Item>(node).object), visit(as<Item>(node).key);
      case NodeKind::Slice:
        return visit(as<Slice>(node).start), visit(as<Slice>(node).stop), visit(as<Slice>(node).step);
      case NodeKind::Call:
        return visit(as<Call>(node).callee), each_argument(as<Call>(node).arguments, visit);
      case NodeKind::FilterCall:
        return visit(as<FilterNode>(node).subject), each_argument(as<FilterNode>(node).arguments, visit);
      case NodeKind::TestCall:
        return visit(as<TestNode>(node).subject), each_argument(as<TestNode>(node).arguments, visit);
      case NodeKind::Output:
        return all(as<Output>(node).items);
      case NodeKind::If:
        for (auto const& branch : as<If>(node).branches) visit(branch.test), all(branch.body);
        return all(as<If>(node).otherwise);
      case NodeKind::Set:
        return visit(as<Assign>(node).value), visit(as<Assign>(node).target);
      case NodeKind::Do:
        return visit(as<Do>(node).value);
      default:
        return;
    }
  }

  Program& program_;
  bool is_too_deep_ = false;
  std::size_t deep_at_ = 0;
};

}  // namespace

Outcome<Done> resolve_names(Program& program) {
  return Resolver(program).run();
}

}  // namespace weir::jinja
