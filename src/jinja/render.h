#pragma once
// The evaluator: walks the tree. One Renderer a render; it belongs to one thread. Control flow is values: a statement
// says how it ended, an expression whether it worked, and the failure is kept in the Renderer.

#include "jinja/kinds.h"
#include "jinja/tree.h"

namespace weir::jinja {

// The variables of a function that a macro defined in it may still use later.
class Variables final : public Shared {
 public:
  Variables(Ref<Variables> outer, std::size_t count) : parent(std::move(outer)), slots(count, Value::missing()) {}
  Ref<Variables> parent;
  std::vector<Value> slots;
};

// A template together with the context in which it is carried out. The context is gone when the render ends.
class Instance final : public Shared {
 public:
  Instance(std::shared_ptr<Template const> of, Context* in) : tmpl(std::move(of)), context(in) {}
  std::shared_ptr<Template const> const tmpl;
  Context* context;
};

class MacroObject final : public Object {
 public:
  MacroObject(Ref<Instance> in, MacroCode const& of, Ref<Variables> around)
      : instance(std::move(in)), code(of), variables(std::move(around)) {}
  Ref<Instance> const instance;
  MacroCode const& code;
  Ref<Variables> const variables;  // of the function around it

  std::string type_name() const override { return "Macro"; }
  bool is_callable() const override { return true; }
  Outcome<Value> call(State& state, Arguments const& arguments) override;
  Outcome<Value> attribute(State& state, std::string_view name) override;
  std::string repr() const override;
};

enum class Flow : std::uint8_t { Next, Break, Continue, Fail };

class Renderer {
 public:
  Renderer(Environment const& environment, RenderOptions const& options);
  ~Renderer();

  Outcome<std::string> render(Template const& tmpl, Context& context);
  Outcome<Value> render_native(Template const& tmpl, Context& context);
  Outcome<Value> call(Template const& tmpl, Definition const& definition, Context& context, Arguments const& arguments);
  Outcome<Value> call_macro(MacroObject const& macro, Arguments const& arguments);
  Outcome<Value> call_recursive_loop(For const& loop, Ref<Instance> const& instance, Ref<Variables> const& variables,
                                     Value const& items, std::int64_t depth);

  State& state() { return state_; }
  RenderOptions const& options() const { return options_; }
  Environment const& environment() const { return environment_; }
  Instance& instance() const { return *instance_; }
  Place place() const;
  std::vector<MacroCall> calls() const;
  Outcome<Done> spend(std::uint64_t steps);
  // A text or value of this size would be within the limits.
  Outcome<Done> allow_bytes(std::uint64_t bytes) const;
  Value find(std::string_view name) const;

 private:
  struct Frame {
    Value* slots;
    Ref<Variables> own;  // absent where the function is not captured
    Variables* parent;
  };
  class FrameHolder;
  class Capture;
  class InstanceEnd;
  struct Activation {  // a macro that is being carried out
    MacroCode const* code;
    Instance const* instance;
    Instance const* caller;
    Node const* called_from;
  };
  class LoopObject;
  class TestedCursor;
  struct SlotMark {
    std::size_t block, used;
  };

  Flow run(Nodes nodes);
  Flow run(Node const& node);
  Flow run_output(Output const& node);
  Flow run_if(If const& node);
  Flow run_for(For const& node);
  Flow run_loop(For const& node, Value const& items, std::int64_t depth);
  Flow run_set_block(SetBlock const& node);
  Flow run_filter_block(FilterBlock const& node);
  Flow run_call_block(CallBlock const& node);
  Flow run_with(With const& node);
  bool assign(Node const& target, Value value, Node const& at);

  bool eval(Node const& node, Value& out);
  bool eval_unary(Unary const& node, Value& out);
  bool eval_binary(Binary const& node, Value& out);
  bool eval_compare(Compare const& node, Value& out);
  bool eval_concat(Concat const& node, Value& out);
  bool eval_item(Item const& node, Value& out);
  bool eval_call(Call const& node, Value const* caller, Value& out);
  bool eval_filter(FilterNode const& node, Value const* text, Value& out);
  bool eval_test(TestNode const& node, Value& out);
  bool eval_items(Nodes nodes, std::vector<Value>& out);
  bool eval_name(Name const& node, Value& out);
  bool truth_of(Value const& value, Node const& at, bool& out);
  bool append(std::string& out, Value const& value, Node const& at);

  // Evaluated arguments of a call; they live as long as it.
  struct Evaluated;
  bool eval_arguments(CallArguments const& arguments, Value const* subject, Value const* caller, Evaluated& out);

  void enter(Scope const& scope);
  Value& slot(std::uint32_t depth, std::uint32_t slot);
  bool spend_one(Node const& at);
  bool fail(Failure failure, Node const& at);
  bool take(Outcome<Value> outcome, Value& out, Node const& at);
  Value make_macro(MacroCode const& code);
  Outcome<Done> bind(MacroCode const& code, Arguments const& arguments);
  Outcome<Value> run_macro(MacroObject const& macro, Arguments const& arguments);
  Outcome<std::string> run_template(Template const& tmpl, Context& context, std::vector<Value>* parts);
  Failure take_failure();

  Environment const& environment_;
  RenderOptions const options_;
  State state_;
  StackBounds const bounds_;
  std::uint64_t steps_left_;
  Ref<Instance> instance_;
  Frame* frame_ = nullptr;
  Node const* node_ = nullptr;  // being evaluated: where a host function was called from
  std::string* out_ = nullptr;
  std::vector<Value>* parts_ = nullptr;  // of a native render, while its top level is carried out
  std::vector<Activation> activations_;
  std::vector<Ref<Variables>> captured_;
  std::optional<Failure> failure_;
  std::vector<std::vector<Value>> slot_blocks_;  // variables of functions that are not captured
  SlotMark slots_end_{0, 0};
};

// True where the engine of Python's Jinja2 would compute the expression while compiling: native rendering makes text of
// it.
bool is_constant(Node const& node);

}  // namespace weir::jinja
