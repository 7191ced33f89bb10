#include "jinja/render.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "jinja/attributes.h"
#include "jinja/iterate.h"
#include "jinja/operators.h"

namespace weir::jinja {

namespace {

// A vector of which the first few items need no memory of their own.
template <typename T, std::size_t N>
class Few {
 public:
  ~Few() { std::destroy_n(data(), size_); }
  Few() = default;
  Few(Few const&) = delete;
  Few& operator=(Few const&) = delete;
  void push_back(T item) {
    if (size_ == capacity_) grow();
    std::construct_at(data() + size_++, std::move(item));
  }
  std::span<T const> span() const { return {data(), size_}; }
  std::size_t size() const { return size_; }

 private:
  T* data() { return heap_ ? reinterpret_cast<T*>(heap_.get()) : reinterpret_cast<T*>(inline_); }
  T const* data() const { return const_cast<Few*>(this)->data(); }
  void grow() {
    std::unique_ptr<std::byte[]> more(new std::byte[sizeof(T) * capacity_ * 2]);
    std::uninitialized_move_n(data(), size_, reinterpret_cast<T*>(more.get()));
    std::destroy_n(data(), size_);
    heap_ = std::move(more);
    capacity_ *= 2;
  }
  alignas(T) std::byte inline_[sizeof(T) * N];
  std::unique_ptr<std::byte[]> heap_;
  std::size_t size_ = 0, capacity_ = N;
};

}  // namespace

struct Renderer::Evaluated {
  Few<Value, 6> positional;
  Few<Named, 4> named;
  Arguments arguments() const { return {positional.span(), named.span()}; }
};

// Makes the variables of a function the current ones, as long as it lives.
class Renderer::FrameHolder {
 public:
  FrameHolder(Renderer& renderer, FunctionCode const& function, Ref<Variables> parent)
      : renderer_(renderer), outer_(renderer.frame_), count_(function.slots), mark_(renderer.slots_end_) {
    parent_ = std::move(parent);
    if (function.is_captured) {
      frame_.own = make<Variables>(parent_, count_);
      frame_.slots = frame_.own->slots.data();
    } else {
      frame_.slots = allocate();
    }
    frame_.parent = parent_.get();
    renderer_.frame_ = &frame_;
  }
  ~FrameHolder() {
    renderer_.frame_ = outer_;
    if (frame_.own) {
      if (!frame_.own->is_only_reference()) renderer_.captured_.push_back(frame_.own);
      return;
    }
    for (std::size_t i = 0; i < count_; ++i) frame_.slots[i] = Value::missing();
    renderer_.slots_end_ = mark_;
  }
  FrameHolder(FrameHolder const&) = delete;

 private:
  Value* allocate() {
    constexpr std::size_t kBlock = 512;
    auto& blocks = renderer_.slot_blocks_;
    auto& end = renderer_.slots_end_;
    if (end.block < blocks.size() && end.used + count_ > blocks[end.block].size()) end = {end.block + 1, 0};
    if (end.block < blocks.size() && blocks[end.block].size() < count_)
      blocks.resize(end.block);  // none of them is in use
    if (end.block == blocks.size()) blocks.emplace_back(std::max(kBlock, count_), Value::missing());
    Value* slots = blocks[end.block].data() + end.used;
    end.used += count_;
    return slots;
  }

  Renderer& renderer_;
  Frame* outer_;
  std::size_t count_;
  SlotMark mark_;
  Ref<Variables> parent_;
  Frame frame_{};
};

// Output goes into a text of its own, as long as it lives.
class Renderer::Capture {
 public:
  explicit Capture(Renderer& renderer)
      : renderer_(renderer),
        out_(std::exchange(renderer.out_, &text)),
        parts_(std::exchange(renderer.parts_, nullptr)) {}
  ~Capture() {
    renderer_.out_ = out_;
    renderer_.parts_ = parts_;
  }
  Capture(Capture const&) = delete;
  std::string text;

 private:
  Renderer& renderer_;
  std::string* out_;
  std::vector<Value>* parts_;
};

// A macro that outlives the call in which it was made keeps its arguments only: the context may be gone.
class Renderer::InstanceEnd {
 public:
  explicit InstanceEnd(Instance& instance) : instance_(instance) {}
  ~InstanceEnd() { instance_.context = nullptr; }
  InstanceEnd(InstanceEnd const&) = delete;

 private:
  Instance& instance_;
};

namespace {

RenderOptions as_tests_want(RenderOptions options) {
  options.limits.steps = test_template_steps().value_or(options.limits.steps);
  return options;
}

}  // namespace

Renderer::Renderer(Environment const& environment, RenderOptions const& options)
    : environment_(environment), options_(as_tests_want(options)), state_(*this), steps_left_(options_.limits.steps) {}

Renderer::~Renderer() {
  // Variables that hold a macro that holds the variables must let go.
  for (auto const& variables : captured_) {
    auto const slots = std::move(variables->slots);
    variables->slots.assign(slots.size(), Value::missing());
  }
}

// ----------------------------------------------------------------------------------------------------------- entering

Outcome<std::string> Renderer::render(Template const& tmpl, Context& context) {
  return run_template(tmpl, context, nullptr);
}

Outcome<Value> Renderer::render_native(Template const& tmpl, Context& context) {
  std::vector<Value> parts;
  JINJA_TRY(auto text, run_template(tmpl, context, &parts));
  if (parts.size() == 1) return parts.front();
  for (auto const& part : parts) {
    JINJA_TRY(auto const part_text, state_.text(part));
    text += part_text;
    JINJA_DO(allow_bytes(text.size()));
  }
  return Value(std::move(text));
}

Outcome<std::string> Renderer::run_template(Template const& tmpl, Context& context, std::vector<Value>* parts) {
  auto const instance = make<Instance>(tmpl.shared_from_this(), &context);
  InstanceEnd const end(*instance);
  auto const outer = std::exchange(instance_, instance);
  Capture capture(*this);
  parts_ = parts;
  Flow flow;
  {
    FrameHolder const frame(*this, tmpl.program().root, {});
    enter(tmpl.program().root.scope);
    flow = run(tmpl.program().body);
  }
  instance_ = outer;
  if (flow == Flow::Fail) return take_failure();
  return std::move(capture.text);
}

Failure Renderer::take_failure() {
  Failure failure = std::move(*failure_);
  failure_.reset();
  return failure;
}

Outcome<Value> Renderer::call(Template const& tmpl, Definition const& definition, Context& context,
                              Arguments const& arguments) {
  Program const& program = tmpl.program();
  MacroCode const& code = *program.definition_codes[definition.index];
  auto const instance = make<Instance>(tmpl.shared_from_this(), &context);
  InstanceEnd const end(*instance);
  Ref<Variables> variables;
  if (code.function.uses_outer) {
    variables = make<Variables>(Ref<Variables>(), program.root.slots);
    auto const outer = std::exchange(instance_, instance);
    for (auto const& load : program.root.scope.loads) variables->slots[load.slot] = find(load.name->string());
    instance_ = outer;
  }
  auto const macro = make<MacroObject>(instance, code, variables);
  auto result = call_macro(*macro, arguments);
  return result;
}

Value Renderer::find(std::string_view name) const {
  if (instance_->context != nullptr) {
    Value value = instance_->context->find(name);
    if (!value.is_missing()) return value;
  }
  Value const* global = environment_.global(name);
  return global != nullptr ? *global : Value::missing();
}

void Renderer::enter(Scope const& scope) {
  for (auto const& load : scope.loads) {
    Value& target = frame_->slots[load.slot];
    switch (load.kind) {
      case LoadKind::Missing:
        target = Value::missing();
        break;
      case LoadKind::FromSlot:
        target = slot(load.from_depth, load.from_slot);
        break;
      case LoadKind::FromContext:
        target = find(load.name->string());
        break;
    }
  }
}

Value& Renderer::slot(std::uint32_t depth, std::uint32_t slot) {
  if (depth == 0) return frame_->slots[slot];
  Variables* variables = frame_->parent;
  while (--depth > 0) variables = variables->parent.get();
  return variables->slots[slot];
}

// -------------------------------------------------------------------------------------------------- limits and places

bool Renderer::spend_one(Node const& at) {
  if (steps_left_ > 0) return --steps_left_, true;
  return fail(Failure(FailureType::Limit, fmt::format("the template took more than {} steps", options_.limits.steps)),
              at);
}

Outcome<Done> Renderer::spend(std::uint64_t steps) {
  if (steps > steps_left_) {
    steps_left_ = 0;
    return Failure(FailureType::Limit, fmt::format("the template took more than {} steps", options_.limits.steps));
  }
  steps_left_ -= steps;
  return Done{};
}

Outcome<Done> Renderer::allow_bytes(std::uint64_t bytes) const {
  if (bytes <= options_.limits.output_bytes) return Done{};
  return Failure(FailureType::Limit,
                 fmt::format("the template made a text or value of more than {} bytes", options_.limits.output_bytes));
}

bool Renderer::fail(Failure failure, Node const& at) {
  if (!failure.has_place() && failure.type() != FailureType::Return)
    failure.set_place(place_in(instance_->tmpl->program(), at.begin, at.end));
  failure_ = std::move(failure);
  return false;
}

bool Renderer::take(Outcome<Value> outcome, Value& out, Node const& at) {
  if (!outcome.ok()) return fail(std::move(outcome).error(), at);
  out = std::move(outcome).value();
  return true;
}

Place Renderer::place() const {
  if (node_ == nullptr) return {};
  return place_in(instance_->tmpl->program(), node_->begin, node_->end);
}

namespace {

std::string macro_name(MacroCode const& code) {
  return code.name != nullptr ? std::string(code.name->string()) : "caller";
}

}  // namespace

std::vector<MacroCall> Renderer::calls() const {
  std::vector<MacroCall> out;
  for (auto at = activations_.rbegin(); at != activations_.rend(); ++at) {
    MacroCall call{macro_name(*at->code), at->instance->tmpl->name(), {}};
    if (at->caller != nullptr && at->called_from != nullptr)
      call.called_from = place_in(at->caller->tmpl->program(), at->called_from->begin, at->called_from->end);
    out.push_back(std::move(call));
  }
  return out;
}

// --------------------------------------------------------------------------------------------------------- statements

Flow Renderer::run(Nodes nodes) {
  for (Node const* node : nodes) {
    Flow const flow = run(*node);
    if (flow != Flow::Next) return flow;
  }
  return Flow::Next;
}

Flow Renderer::run(Node const& node) {
  if (!spend_one(node)) return Flow::Fail;
  switch (node.kind) {
    case NodeKind::Output:
      return run_output(as<Output>(node));
    case NodeKind::If:
      return run_if(as<If>(node));
    case NodeKind::For:
      return run_for(as<For>(node));
    case NodeKind::Set: {
      Value value;
      if (!eval(*as<Assign>(node).value, value)) return Flow::Fail;
      return assign(*as<Assign>(node).target, std::move(value), node) ? Flow::Next : Flow::Fail;
    }
    case NodeKind::Do: {
      Value value;
      return eval(*as<Do>(node).value, value) ? Flow::Next : Flow::Fail;
    }
    case NodeKind::Macro: {
      Name const& target = *as<MacroNode>(node).target;
      slot(target.depth, target.slot) = make_macro(as<MacroNode>(node).code);
      return Flow::Next;
    }
    case NodeKind::SetBlock:
      return run_set_block(as<SetBlock>(node));
    case NodeKind::FilterBlock:
      return run_filter_block(as<FilterBlock>(node));
    case NodeKind::CallBlock:
      return run_call_block(as<CallBlock>(node));
    case NodeKind::With:
      return run_with(as<With>(node));
    case NodeKind::Scoped:
      enter(as<Scoped>(node).scope);
      return run(as<Scoped>(node).body);
    case NodeKind::Break:
      return Flow::Break;
    case NodeKind::Continue:
      return Flow::Continue;
    case NodeKind::NamedBlock:
      return Flow::Next;
    default:
      break;
  }
  assert(false);
  return Flow::Fail;
}

namespace {

// Jinja2 computes a constant that is printed while it compiles, with its own rule for items: `{{ none[1:] }}` is
// undefined, no TypeError.
bool is_absent_constant(Node const& node, Failure const& failure) {
  return failure.type() == FailureType::TypeError && node.kind == NodeKind::Item &&
         as<Item>(node).key->kind == NodeKind::Slice && is_constant(*as<Item>(node).object);
}

}  // namespace

Flow Renderer::run_output(Output const& node) {
  bool was_constant = false;
  for (Node const* item : node.items) {
    if (parts_ != nullptr) {
      Value value;
      bool const constant = item->kind == NodeKind::Text || is_constant(*item);
      if (item->kind == NodeKind::Text)
        value = Value(as<TextNode>(*item).text);
      else if (!eval(*item, value))
        return Flow::Fail;
      if (constant) {
        std::string text;
        if (was_constant) text = parts_->back().string();
        if (!append(text, value, *item)) return Flow::Fail;
        if (was_constant) parts_->pop_back();
        value = Value(std::move(text));
      }
      was_constant = constant;
      parts_->push_back(std::move(value));
      continue;
    }
    if (item->kind == NodeKind::Text) {
      out_->append(as<TextNode>(*item).text);
    } else if (item->kind == NodeKind::Constant) {
      append_text(*out_, *as<Constant>(*item).value);
    } else {
      Value value;
      if (!spend_one(*item)) return Flow::Fail;
      if (!eval(*item, value)) {
        if (!is_absent_constant(*item, *failure_)) return Flow::Fail;
        failure_.reset();
        continue;
      }
      if (!append(*out_, value, *item)) return Flow::Fail;
    }
  }
  if (out_->size() > options_.limits.output_bytes) {
    fail(
        Failure(FailureType::Limit, fmt::format("the template wrote more than {} bytes", options_.limits.output_bytes)),
        node);
    return Flow::Fail;
  }
  return Flow::Next;
}

Flow Renderer::run_if(If const& node) {
  for (auto const& branch : node.branches) {
    Value value;
    bool is_true = false;
    if (!eval(*branch.test, value) || !truth_of(value, *branch.test, is_true)) return Flow::Fail;
    if (is_true) return run(branch.body);
  }
  return run(node.otherwise);
}

Flow Renderer::run_set_block(SetBlock const& node) {
  Value text;
  {
    Capture capture(*this);
    enter(node.scope);
    Flow const flow = run(node.body);
    if (flow != Flow::Next) return flow;
    text = Value(std::move(capture.text));
  }
  if (node.filter != nullptr && !eval_filter(as<FilterNode>(*node.filter), &text, text)) return Flow::Fail;
  return assign(*node.target, std::move(text), node) ? Flow::Next : Flow::Fail;
}

Flow Renderer::run_filter_block(FilterBlock const& node) {
  Value text;
  {
    Capture capture(*this);
    enter(node.scope);
    Flow const flow = run(node.body);
    if (flow != Flow::Next) return flow;
    text = Value(std::move(capture.text));
  }
  Value value;
  if (!eval_filter(as<FilterNode>(*node.filter), &text, value)) return Flow::Fail;
  if (parts_ != nullptr) return parts_->push_back(std::move(value)), Flow::Next;
  return append(*out_, value, node) ? Flow::Next : Flow::Fail;
}

Flow Renderer::run_call_block(CallBlock const& node) {
  Value const caller = make_macro(node.code);
  Value value;
  if (!eval_call(*node.call, &caller, value)) return Flow::Fail;
  if (parts_ != nullptr) return parts_->push_back(std::move(value)), Flow::Next;
  return append(*out_, value, node) ? Flow::Next : Flow::Fail;
}

Flow Renderer::run_with(With const& node) {
  enter(node.scope);
  for (std::size_t i = 0; i < node.targets.size(); ++i) {
    Value value;
    if (!eval(*node.values[i], value) || !assign(*node.targets[i], std::move(value), node)) return Flow::Fail;
  }
  return run(node.body);
}

bool Renderer::assign(Node const& target, Value value, Node const& at) {
  if (target.kind == NodeKind::Name) {
    Name const& name = as<Name>(target);
    slot(name.depth, name.slot) = std::move(value);
    return true;
  }
  if (target.kind == NodeKind::NamespaceTarget) {
    auto const& attribute = as<NamespaceTarget>(target);
    Value object;
    if (!eval_name(*attribute.object, object)) return false;
    if (!object.is_object() || !object.object().takes_attributes())
      return fail(Failure(FailureType::TemplateRuntimeError, "cannot assign attribute on non-namespace object"),
                  target);
    auto done = object.object().set_attribute(state_, attribute.attribute->string(), std::move(value));
    return done.ok() || fail(std::move(done).error(), target);
  }
  auto const& items = as<TupleNode>(target).items;
  auto parts = items_of(state_, value);
  if (!parts.ok()) {
    if (parts.error().type() == FailureType::TypeError && !is_iterable(value))
      return fail(type_error(fmt::format("cannot unpack non-iterable {} object", type_name(value))), at);
    return fail(std::move(parts).error(), at);
  }
  if (parts->size() > items.size())
    return fail(value_error(fmt::format("too many values to unpack (expected {})", items.size())), at);
  if (parts->size() < items.size())
    return fail(
        value_error(fmt::format("not enough values to unpack (expected {}, got {})", items.size(), parts->size())), at);
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!assign(*items[i], std::move((*parts)[i]), at)) return false;
  return true;
}

// -------------------------------------------------------------------------------------------------------------- loops

// The items that pass the loop's condition.
class Renderer::TestedCursor final : public Cursor {
 public:
  TestedCursor(Renderer& renderer, For const& node, std::unique_ptr<Cursor> inner)
      : renderer_(renderer), node_(node), inner_(std::move(inner)) {
    renderer_.enter(node_.test_scope);
  }
  Outcome<Value> next(State& state) override {
    while (true) {
      JINJA_TRY(Value item, inner_->next(state));
      if (item.is_missing()) return item;
      Value value;
      bool passes = false;
      if (!renderer_.spend_one(node_) || !renderer_.assign(*node_.test_target, item, node_) ||
          !renderer_.eval(*node_.test, value) || !renderer_.truth_of(value, *node_.test, passes))
        return renderer_.take_failure();
      if (passes) return item;
    }
  }

 private:
  Renderer& renderer_;
  For const& node_;
  std::unique_ptr<Cursor> inner_;
};

// `loop`. When the loop is over it keeps what it knows and hands out nothing more.
class Renderer::LoopObject final : public Object {
 public:
  LoopObject(Renderer& renderer, For const& node, Value items, std::unique_ptr<Cursor> cursor, std::int64_t depth)
      : renderer_(&renderer), node_(node), items_(std::move(items)), cursor_(std::move(cursor)), depth0_(depth) {
    if (node.test == nullptr)
      if (auto const length = length_of(items_)) length_ = static_cast<std::int64_t>(*length);
    if (node.recursive != nullptr) {
      instance_ = renderer.instance_;
      variables_ = Ref<Variables>(renderer.frame_->parent);
    }
  }

  Outcome<Value> next() {
    Value item = std::exchange(after_, Value::missing());
    if (item.is_missing()) {
      JINJA_TRY(item, pull());
    }
    if (item.is_missing()) return item;
    ++index0_;
    before_ = std::exchange(current_, item);
    return item;
  }
  void finish() {
    cursor_.reset();
    renderer_ = nullptr;
    variables_ = {};
    instance_ = {};
  }

  std::string type_name() const override { return "LoopContext"; }
  std::optional<std::size_t> length() const override {
    auto const known = const_cast<LoopObject*>(this)->known_length();
    return known.ok() ? static_cast<std::size_t>(*known) : 0;
  }
  bool is_iterable() const override { return true; }
  std::string repr() const override { return fmt::format("<LoopContext {}/{}>", index0_ + 1, length().value_or(0)); }
  bool is_callable() const override { return true; }

  Outcome<Value> attribute(State& state, std::string_view name) override {
    if (name == "index") return index0_ + 1;
    if (name == "index0") return index0_;
    if (name == "first") return index0_ == 0;
    if (name == "last") {
      JINJA_TRY(auto const after, peek());
      return after.is_missing();
    }
    if (name == "length" || name == "revindex" || name == "revindex0") {
      JINJA_TRY(auto const length, known_length());
      return name == "length" ? length : name == "revindex" ? length - index0_ : length - index0_ - 1;
    }
    if (name == "depth") return depth0_ + 1;
    if (name == "depth0") return depth0_;
    if (name == "previtem") return index0_ == 0 ? state.undefined_with_hint("there is no previous item") : before_;
    if (name == "nextitem") {
      JINJA_TRY(auto after, peek());
      return after.is_missing() ? state.undefined_with_hint("there is no next item") : after;
    }
    if (name == "cycle" || name == "changed") {
      Ref<LoopObject> const self(this);
      return function(std::string(name), [self, name = std::string(name)](State& at, Arguments const& arguments) {
        return self->call_method(at, name, arguments);
      });
    }
    return Value::missing();
  }

  Outcome<Value> call_method(State& state, std::string_view name, Arguments const& arguments) override {
    if (name == "cycle") {
      if (arguments.positional.empty()) return type_error("no items for cycling given");
      return arguments.positional[static_cast<std::size_t>(index0_) % arguments.positional.size()];
    }
    if (name == "changed") {
      Value const now = tuple_of({arguments.positional.begin(), arguments.positional.end()});
      if (!last_changed_.is_missing() && jinja::equals(last_changed_, now)) return false;
      last_changed_ = now;
      return true;
    }
    return Object::call_method(state, name, arguments);
  }

  Outcome<Value> call(State&, Arguments const& arguments) override {
    if (node_.recursive == nullptr || renderer_ == nullptr)
      return type_error("The loop must have the 'recursive' marker to be called recursively.");
    JINJA_TRY(auto const bound, arguments.bind("__call__", {"iterable"}, 1));
    return renderer_->call_recursive_loop(node_, instance_, variables_, bound[0], depth0_ + 1);
  }

 private:
  Outcome<Value> pull() {
    if (!buffer_.empty()) {
      Value item = std::move(buffer_.front());
      buffer_.pop_front();
      return item;
    }
    if (!cursor_) return Value::missing();
    return cursor_->next(renderer_->state_);
  }
  Outcome<Value> peek() {
    if (after_.is_missing()) {
      JINJA_TRY(after_, pull());
    }
    return after_;
  }
  Outcome<std::int64_t> known_length() {
    if (length_) return *length_;
    while (cursor_) {
      JINJA_TRY(auto item, cursor_->next(renderer_->state_));
      if (item.is_missing()) {
        cursor_.reset();
        break;
      }
      buffer_.push_back(std::move(item));
    }
    length_ = static_cast<std::int64_t>(buffer_.size()) + index0_ + 1 + (after_.is_missing() ? 0 : 1);
    return *length_;
  }

  Renderer* renderer_;
  For const& node_;
  Value items_;
  std::unique_ptr<Cursor> cursor_;
  std::deque<Value> buffer_;
  std::int64_t index0_ = -1, depth0_;
  std::optional<std::int64_t> length_;
  Value after_ = Value::missing(), current_, before_, last_changed_ = Value::missing();
  Ref<Instance> instance_;
  Ref<Variables> variables_;
};

Flow Renderer::run_for(For const& node) {
  Value items;
  if (!eval(*node.iterable, items)) return Flow::Fail;
  if (node.recursive == nullptr) return run_loop(node, items, 0);
  Value text;
  if (!take(call_recursive_loop(node, instance_, frame_->own, items, 0), text, node)) return Flow::Fail;
  if (parts_ != nullptr) return parts_->push_back(std::move(text)), Flow::Next;
  return append(*out_, text, node) ? Flow::Next : Flow::Fail;
}

Outcome<Value> Renderer::call_recursive_loop(For const& node, Ref<Instance> const& instance,
                                             Ref<Variables> const& variables, Value const& items, std::int64_t depth) {
  StackGuard const guard;
  if (guard.is_low() || depth > 1000) return too_deep();
  auto const outer = std::exchange(instance_, instance);
  Capture capture(*this);
  Flow flow;
  {
    FrameHolder const frame(*this, *node.recursive, variables);
    flow = run_loop(node, items, depth);
  }
  instance_ = outer;
  if (flow == Flow::Fail) return take_failure();
  return Value(std::move(capture.text));
}

Flow Renderer::run_loop(For const& node, Value const& items, std::int64_t depth) {
  auto cursor = iterate(state_, items);
  if (!cursor.ok()) return fail(std::move(cursor).error(), *node.iterable), Flow::Fail;
  std::unique_ptr<Cursor> source = std::move(*cursor);
  if (node.test != nullptr) source = std::make_unique<TestedCursor>(*this, node, std::move(source));
  Ref<LoopObject> loop;
  if (node.uses_loop) loop = make<LoopObject>(*this, node, items, std::move(source), depth);
  bool is_empty = true;
  Flow flow = Flow::Next;
  while (true) {
    auto item = loop ? loop->next() : source->next(state_);
    if (!item.ok()) {
      fail(std::move(item).error(), *node.iterable);
      flow = Flow::Fail;
      break;
    }
    if (item->is_missing()) break;
    is_empty = false;
    enter(node.scope);
    if (loop) frame_->slots[node.loop_slot] = loop;
    flow = spend_one(node) && assign(*node.target, std::move(*item), node) ? run(node.body) : Flow::Fail;
    if (flow == Flow::Break || flow == Flow::Fail) break;
  }
  if (loop) {
    frame_->slots[node.loop_slot] = Value::missing();
    loop->finish();
  }
  if (flow == Flow::Fail) return flow;
  if (!is_empty || node.otherwise.empty()) return Flow::Next;
  enter(node.otherwise_scope);
  return run(node.otherwise);
}

// ------------------------------------------------------------------------------------------------------------- macros

Value Renderer::make_macro(MacroCode const& code) {
  return make<MacroObject>(instance_, code, code.function.uses_outer ? frame_->own : Ref<Variables>());
}

Outcome<Value> MacroObject::call(State& state, Arguments const& arguments) {
  return state.renderer().call_macro(*this, arguments);
}

Outcome<Value> MacroObject::attribute(State&, std::string_view name) {
  if (name == "name") return code.name != nullptr ? *code.name : Value();
  if (name == "arguments") {
    std::vector<Value> names;
    for (auto const& parameter : code.parameters) names.push_back(*parameter.name);
    return tuple_of(std::move(names));
  }
  if (name == "catch_kwargs") return code.takes_kwargs;
  if (name == "catch_varargs") return code.takes_varargs;
  if (name == "caller") return code.takes_caller;
  return Value::missing();
}

std::string MacroObject::repr() const {
  std::string out = "<Macro ";
  if (code.name == nullptr) return out + "anonymous>";
  append_quoted(out, code.name->string());
  return out + ">";
}

Outcome<Value> Renderer::call_macro(MacroObject const& macro, Arguments const& arguments) {
  StackGuard const guard;
  if (guard.is_low() || activations_.size() >= static_cast<std::size_t>(options_.limits.depth)) return too_deep();
  Ref<MacroObject const> const keep(&macro);
  Node const* const called_from = node_;
  activations_.push_back({&macro.code, macro.instance.get(), instance_.get(), called_from});
  auto const caller = std::exchange(instance_, macro.instance);
  auto result = run_macro(macro, arguments);
  instance_ = caller;
  node_ = called_from;
  activations_.pop_back();
  if (result.ok()) return result;
  Failure failure = std::move(result).error();
  if (failure.type() == FailureType::Return) {
    if (macro.code.name != nullptr) return std::move(failure.value());
    return failure;
  }
  MacroCall call{macro_name(macro.code), macro.instance->tmpl->name(), {}};
  if (caller && called_from != nullptr)
    call.called_from = place_in(caller->tmpl->program(), called_from->begin, called_from->end);
  failure.add_call(std::move(call));
  return failure;
}

Outcome<Value> Renderer::run_macro(MacroObject const& macro, Arguments const& arguments) {
  MacroCode const& code = macro.code;
  Capture capture(*this);
  FrameHolder const frame(*this, code.function, macro.variables);
  JINJA_DO(bind(code, arguments));
  enter(code.function.scope);
  for (auto const& parameter : code.parameters) {
    Value& target = frame_->slots[parameter.slot];
    if (!target.is_missing()) continue;
    if (parameter.default_value == nullptr) {
      std::string hint = "parameter ";
      append_quoted(hint, parameter.name->string());
      target = state_.undefined_with_hint(hint + " was not provided");
    } else {
      Value value;
      if (!eval(*parameter.default_value, value)) return take_failure();
      frame_->slots[parameter.slot] = std::move(value);
    }
  }
  if (run(code.body) == Flow::Fail) return take_failure();
  return Value(std::move(capture.text));
}

// Arguments to parameters, by the rules of Jinja2's Macro.__call__ (Jinja2 docs: "Macros").
Outcome<Done> Renderer::bind(MacroCode const& code, Arguments const& arguments) {
  auto const shown = [&] { return code.name != nullptr ? repr(*code.name) : std::string("None"); };
  std::size_t const given = std::min(arguments.positional.size(), code.parameters.size());
  for (std::size_t i = 0; i < given; ++i) frame_->slots[code.parameters[i].slot] = arguments.positional[i];
  auto const rest = make<Dict>();
  Value caller = Value::missing();
  for (auto const& named : arguments.named) {
    auto const name = named.name.string();
    MacroParameter const* parameter = nullptr;
    for (std::size_t i = given; i < code.parameters.size(); ++i)
      if (code.parameters[i].name->string() == name) parameter = &code.parameters[i];
    if (parameter != nullptr)
      frame_->slots[parameter->slot] = named.value;
    else if (name == "caller" && code.takes_caller && !code.has_caller_parameter)
      caller = named.value;
    else if (code.takes_kwargs)
      rest->set(name, named.value);
    else if (name == "caller")
      return type_error(fmt::format(
          "macro {} was invoked with two values for the special caller argument. This is most likely a bug.", shown()));
    else
      return type_error(fmt::format("macro {} takes no keyword argument {}", shown(), repr(named.name)));
  }
  if (code.takes_caller && !code.has_caller_parameter)
    frame_->slots[code.caller_slot] =
        caller.is_missing() || caller.is_none() ? state_.undefined_with_hint("No caller defined") : caller;
  if (code.takes_kwargs) frame_->slots[code.kwargs_slot] = rest;
  if (code.takes_varargs) {
    auto const more = arguments.positional.subspan(given);
    frame_->slots[code.varargs_slot] = tuple_of({more.begin(), more.end()});
  } else if (arguments.positional.size() > code.parameters.size()) {
    return type_error(fmt::format("macro {} takes not more than {} argument(s)", shown(), code.parameters.size()));
  }
  return Done{};
}

// -------------------------------------------------------------------------------------------------------- expressions

bool Renderer::eval_name(Name const& node, Value& out) {
  Value const& value = slot(node.depth, node.slot);
  if (value.is_missing())
    out = state_.undefined(node.name->string());
  else
    out = value;
  return true;
}

bool Renderer::eval(Node const& node, Value& out) {
  switch (node.kind) {
    case NodeKind::Constant:
      out = *as<Constant>(node).value;
      return true;
    case NodeKind::Name:
      return eval_name(as<Name>(node), out);
    default:
      break;
  }
  if (!spend_one(node)) return false;
  StackGuard const guard;
  if (guard.is_low()) return fail(too_deep(), node);
  switch (node.kind) {
    case NodeKind::Tuple: {
      std::vector<Value> items;
      if (!eval_items(as<TupleNode>(node).items, items)) return false;
      out = tuple_of(std::move(items));
      return true;
    }
    case NodeKind::List: {
      std::vector<Value> items;
      if (!eval_items(as<ListNode>(node).items, items)) return false;
      out = list_of(std::move(items));
      return true;
    }
    case NodeKind::Dict: {
      std::vector<Value> items;
      if (!eval_items(as<DictNode>(node).items, items)) return false;
      auto dict = make<Dict>();
      for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
        auto done = dict->set(std::move(items[i]), std::move(items[i + 1]));
        if (!done.ok()) return fail(std::move(done).error(), *as<DictNode>(node).items[i]);
      }
      out = dict;
      return true;
    }
    case NodeKind::Unary:
      return eval_unary(as<Unary>(node), out);
    case NodeKind::Binary:
      return eval_binary(as<Binary>(node), out);
    case NodeKind::And:
    case NodeKind::Or: {
      bool const is_and = node.kind == NodeKind::And;
      Node const& left = is_and ? *as<And>(node).left : *as<Or>(node).left;
      bool is_true = false;
      if (!eval(left, out) || !truth_of(out, left, is_true)) return false;
      if (is_true != is_and) return true;
      return eval(is_and ? *as<And>(node).right : *as<Or>(node).right, out);
    }
    case NodeKind::Not: {
      bool is_true = false;
      if (!eval(*as<Not>(node).operand, out) || !truth_of(out, node, is_true)) return false;
      out = !is_true;
      return true;
    }
    case NodeKind::Compare:
      return eval_compare(as<Compare>(node), out);
    case NodeKind::Concat:
      return eval_concat(as<Concat>(node), out);
    case NodeKind::Conditional: {
      auto const& conditional = as<Conditional>(node);
      bool is_true = false;
      if (!eval(*conditional.test, out) || !truth_of(out, *conditional.test, is_true)) return false;
      if (is_true) return eval(*conditional.yes, out);
      if (conditional.no != nullptr) return eval(*conditional.no, out);
      auto const place = place_in(instance_->tmpl->program(), node.begin, node.end);
      out = state_.undefined_with_hint(
          fmt::format("the inline if-expression on line {} in '{}' evaluated to false and no else section was defined.",
                      place.line, place.template_name));
      return true;
    }
    case NodeKind::Attribute: {
      auto const& attribute = as<Attribute>(node);
      Value object;
      if (!eval(*attribute.object, object)) return false;
      node_ = &node;
      return take(get_attribute(state_, object, *attribute.name), out, node);
    }
    case NodeKind::Item:
      return eval_item(as<Item>(node), out);
    case NodeKind::Call:
      return eval_call(as<Call>(node), nullptr, out);
    case NodeKind::FilterCall:
      return eval_filter(as<FilterNode>(node), nullptr, out);
    case NodeKind::TestCall:
      return eval_test(as<TestNode>(node), out);
    default:
      break;
  }
  assert(false);
  return false;
}

bool Renderer::eval_items(Nodes nodes, std::vector<Value>& out) {
  out.reserve(nodes.size());
  for (Node const* node : nodes) {
    Value value;
    if (!eval(*node, value)) return false;
    out.push_back(std::move(value));
  }
  return true;
}

bool Renderer::eval_unary(Unary const& node, Value& out) {
  Value operand;
  return eval(*node.operand, operand) && take(unary(state_, node.op, operand), out, node);
}

bool Renderer::eval_binary(Binary const& node, Value& out) {
  Value left, right;
  if (!eval(*node.left, left) || !eval(*node.right, right)) return false;
  if (left.kind() == Kind::Int && right.kind() == Kind::Int) {
    std::int64_t result = 0;
    if (node.op == Operator::Add && !__builtin_add_overflow(left.integer(), right.integer(), &result))
      return out = result, true;
    if (node.op == Operator::Subtract && !__builtin_sub_overflow(left.integer(), right.integer(), &result))
      return out = result, true;
  }
  return take(binary(state_, node.op, left, right), out, node);
}

bool Renderer::eval_compare(Compare const& node, Value& out) {
  Value left;
  if (!eval(*node.first, left)) return false;
  for (std::size_t i = 0; i < node.rest.size(); ++i) {
    Value right;
    if (!eval(*node.rest[i].node, right)) return false;
    auto const result = compare(state_, node.rest[i].comparison, left, right);
    if (!result.ok()) return fail(std::move(const_cast<Outcome<bool>&>(result)).error(), node);
    if (!*result || i + 1 == node.rest.size()) return out = *result, true;
    left = std::move(right);
  }
  return true;
}

bool Renderer::eval_concat(Concat const& node, Value& out) {
  std::string text;
  for (Node const* item : node.items) {
    Value value;
    if (!eval(*item, value) || !append(text, value, *item)) return false;
  }
  auto const allowed = allow_bytes(text.size());
  if (!allowed.ok()) return fail(std::move(const_cast<Outcome<Done>&>(allowed)).error(), node);
  out = Value(std::move(text));
  return true;
}

bool Renderer::eval_item(Item const& node, Value& out) {
  Value object;
  if (!eval(*node.object, object)) return false;
  if (node.key->kind == NodeKind::Slice) {
    auto const& parts = as<Slice>(*node.key);
    Value start, stop, step;
    if ((parts.start != nullptr && !eval(*parts.start, start)) || (parts.stop != nullptr && !eval(*parts.stop, stop)) ||
        (parts.step != nullptr && !eval(*parts.step, step)))
      return false;
    return take(slice(object, start, stop, step), out, node);
  }
  Value key;
  if (!eval(*node.key, key)) return false;
  node_ = &node;
  return take(get_item(state_, object, key), out, node);
}

bool Renderer::eval_arguments(CallArguments const& arguments, Value const* subject, Value const* caller,
                              Evaluated& out) {
  if (subject != nullptr) out.positional.push_back(*subject);
  for (Node const* node : arguments.positional) {
    Value value;
    if (!eval(*node, value)) return false;
    out.positional.push_back(std::move(value));
  }
  if (arguments.star != nullptr) {
    Value value;
    if (!eval(*arguments.star, value)) return false;
    auto items = items_of(state_, value);
    if (!items.ok()) {
      if (is_iterable(value)) return fail(std::move(items).error(), *arguments.star);
      return fail(type_error(fmt::format("argument after * must be an iterable, not {}", type_name(value))),
                  *arguments.star);
    }
    for (auto& item : *items) out.positional.push_back(std::move(item));
  }
  for (auto const& keyword : arguments.named) {
    Value value;
    if (!eval(*keyword.value, value)) return false;
    out.named.push_back({*keyword.name, std::move(value)});
  }
  if (caller != nullptr) out.named.push_back({*instance_->tmpl->program().caller_name, *caller});
  if (arguments.double_star == nullptr) return true;
  Value value;
  if (!eval(*arguments.double_star, value)) return false;
  if (!value.is_dict())
    return fail(type_error(fmt::format("argument after ** must be a mapping, not {}", type_name(value))),
                *arguments.double_star);
  for (auto const& entry : value.dict()) {
    if (!entry.key.is_string()) return fail(type_error("keywords must be strings"), *arguments.double_star);
    for (auto const& other : out.named.span())
      if (equals(other.name, entry.key))
        return fail(type_error(fmt::format("got multiple values for keyword argument {}", repr(entry.key))),
                    *arguments.double_star);
    out.named.push_back({entry.key, entry.value});
  }
  return true;
}

bool Renderer::eval_call(Call const& node, Value const* caller, Value& out) {
  if (node.callee->kind == NodeKind::Attribute) {
    auto const& attribute = as<Attribute>(*node.callee);
    Value object;
    Evaluated evaluated;
    if (!eval(*attribute.object, object) || !eval_arguments(node.arguments, nullptr, caller, evaluated)) return false;
    node_ = &node;
    return take(call_method(state_, object, *attribute.name, evaluated.arguments()), out, node);
  }
  Value callee;
  Evaluated evaluated;
  if (!eval(*node.callee, callee) || !eval_arguments(node.arguments, nullptr, caller, evaluated)) return false;
  node_ = &node;
  return take(call_value(state_, callee, evaluated.arguments()), out, node);
}

bool Renderer::eval_filter(FilterNode const& node, Value const* text, Value& out) {
  Value subject;
  if (node.subject == nullptr)
    subject = *text;
  else if (text != nullptr && node.subject->kind == NodeKind::FilterCall
               ? !eval_filter(as<FilterNode>(*node.subject), text, subject)
               : !eval(*node.subject, subject))
    return false;
  if (node.filter == nullptr)
    return fail(Failure(FailureType::TemplateRuntimeError, fmt::format("No filter named {} found.", repr(*node.name))),
                node);
  Evaluated evaluated;
  if (!eval_arguments(node.arguments, &subject, nullptr, evaluated)) return false;
  node_ = &node;
  return take((*node.filter)(state_, evaluated.arguments()), out, node);
}

bool Renderer::eval_test(TestNode const& node, Value& out) {
  Value subject;
  if (!eval(*node.subject, subject)) return false;
  if (node.test == nullptr)
    return fail(Failure(FailureType::TemplateRuntimeError, fmt::format("No test named {} found.", repr(*node.name))),
                node);
  Evaluated evaluated;
  if (!eval_arguments(node.arguments, &subject, nullptr, evaluated)) return false;
  node_ = &node;
  auto result = (*node.test)(state_, evaluated.arguments());
  if (!result.ok()) return fail(std::move(result).error(), node);
  out = *result;
  return true;
}

bool Renderer::truth_of(Value const& value, Node const& at, bool& out) {
  if (value.kind() == Kind::Undefined && undefined_info(value).policy == UndefinedPolicy::Strict)
    return fail(undefined_info(value).failure(), at);
  out = truth(value);
  return true;
}

bool Renderer::append(std::string& out, Value const& value, Node const& at) {
  if (value.kind() == Kind::Undefined && undefined_info(value).policy == UndefinedPolicy::Strict)
    return fail(undefined_info(value).failure(), at);
  append_text(out, value);
  return true;
}

bool is_constant(Node const& node) {
  auto const all = [](Nodes nodes) {
    return std::all_of(nodes.begin(), nodes.end(), [](Node* item) { return is_constant(*item); });
  };
  auto const arguments = [&](CallArguments const& given) {
    for (auto const& keyword : given.named)
      if (!is_constant(*keyword.value)) return false;
    return all(given.positional) && (given.star == nullptr || is_constant(*given.star)) &&
           (given.double_star == nullptr || is_constant(*given.double_star));
  };
  switch (node.kind) {
    case NodeKind::Constant:
      return true;
    case NodeKind::Tuple:
      return all(as<TupleNode>(node).items);
    case NodeKind::List:
      return all(as<ListNode>(node).items);
    case NodeKind::Dict:
      return all(as<DictNode>(node).items);
    case NodeKind::Unary:
      return is_constant(*as<Unary>(node).operand);
    case NodeKind::Binary:
      return is_constant(*as<Binary>(node).left) && is_constant(*as<Binary>(node).right);
    case NodeKind::And:
      return is_constant(*as<And>(node).left) && is_constant(*as<And>(node).right);
    case NodeKind::Or:
      return is_constant(*as<Or>(node).left) && is_constant(*as<Or>(node).right);
    case NodeKind::Not:
      return is_constant(*as<Not>(node).operand);
    case NodeKind::Concat:
      return all(as<Concat>(node).items);
    case NodeKind::Compare:
      for (auto const& operand : as<Compare>(node).rest)
        if (!is_constant(*operand.node)) return false;
      return is_constant(*as<Compare>(node).first);
    case NodeKind::Conditional: {
      auto const& conditional = as<Conditional>(node);
      return conditional.no != nullptr && is_constant(*conditional.test) && is_constant(*conditional.yes) &&
             is_constant(*conditional.no);
    }
    case NodeKind::Attribute:
      return is_constant(*as<Attribute>(node).object);
    case NodeKind::Item:
      return is_constant(*as<Item>(node).object) && is_constant(*as<Item>(node).key);
    case NodeKind::FilterCall: {
      auto const& filter = as<FilterNode>(node);
      return filter.subject != nullptr && is_constant(*filter.subject) && arguments(filter.arguments);
    }
    case NodeKind::TestCall:
      return is_constant(*as<TestNode>(node).subject) && arguments(as<TestNode>(node).arguments);
    default:
      return false;
  }
}

}  // namespace weir::jinja
