#include "jinja/iterate.h"

#include <fmt/format.h>

#include <cmath>

#include "jinja/kinds.h"
#include "jinja/operators.h"
#include "jinja/render.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

class SequenceCursor final : public Cursor {  // a list may grow while it is read
 public:
  explicit SequenceCursor(Value sequence) : sequence_(std::move(sequence)) {}
  Outcome<Value> next(State&) override {
    auto const& items = sequence_.is_list() ? sequence_.list().items : sequence_.tuple().items;
    return at_ < items.size() ? items[at_++] : Value::missing();
  }

 private:
  Value sequence_;
  std::size_t at_ = 0;
};

class TextCursor final : public Cursor {
 public:
  explicit TextCursor(Value text) : text_(std::move(text)) {}
  Outcome<Value> next(State&) override {
    std::string_view const text = text_.string();
    if (at_ >= text.size()) return Value::missing();
    std::size_t const begin = at_;
    next_character(text, at_);
    return Value(text.substr(begin, at_ - begin));
  }

 private:
  Value text_;
  std::size_t at_ = 0;
};

class BytesCursor final : public Cursor {
 public:
  explicit BytesCursor(Value bytes) : bytes_(std::move(bytes)) {}
  Outcome<Value> next(State&) override {
    auto const& data = static_cast<Bytes&>(bytes_.shared()).data;
    if (at_ >= data.size()) return Value::missing();
    return static_cast<std::int64_t>(static_cast<unsigned char>(data[at_++]));
  }

 private:
  Value bytes_;
  std::size_t at_ = 0;
};

class DictCursor final : public Cursor {
 public:
  DictCursor(Value owner, Dict const& dict, View view, bool is_set)
      : owner_(std::move(owner)),
        dict_(dict),
        view_(view),
        size_(dict.size()),
        version_(dict.version()),
        is_set_(is_set) {}
  Outcome<Value> next(State&) override {
    if (dict_.size() != size_ || (dict_.version() != version_ && at_ < dict_.entries().size())) {
      if (dict_.size() != size_)
        return Failure(FailureType::RuntimeError,
                       is_set_ ? "Set changed size during iteration" : "dictionary changed size during iteration");
      return Failure(FailureType::RuntimeError, "dictionary keys changed during iteration");
    }
    auto const& entries = dict_.entries();
    while (at_ < entries.size() && entries[at_].key.is_missing()) ++at_;
    if (at_ >= entries.size()) return Value::missing();
    auto const& entry = entries[at_++];
    switch (view_) {
      case View::Keys:
        return entry.key;
      case View::Values:
        return entry.value;
      case View::Items:
        return tuple_of({entry.key, entry.value});
    }
    return Value::missing();
  }

 private:
  Value owner_;
  Dict const& dict_;
  View view_;
  std::size_t size_, at_ = 0;
  std::uint64_t version_;
  bool is_set_;
};

class FunctionCursor final : public Cursor {
 public:
  explicit FunctionCursor(std::function<Outcome<Value>(State&)> next) : next_(std::move(next)) {}
  Outcome<Value> next(State& state) override { return next_(state); }

 private:
  std::function<Outcome<Value>(State&)> next_;
};

class Iterator final : public Object {
 public:
  Iterator(std::string type, std::string name, std::unique_ptr<Cursor> cursor)
      : type_(std::move(type)), name_(std::move(name)), cursor_(std::move(cursor)) {}
  std::string type_name() const override { return type_; }
  std::string repr() const override {
    return fmt::format("<{} at {:#x}>", name_, reinterpret_cast<std::uintptr_t>(this));
  }
  bool is_iterable() const override { return true; }
  bool is_true() const override { return true; }
  Outcome<std::unique_ptr<Cursor>> iterate(State&) override {
    Ref<Iterator> const self(this);
    return cursor_of([self](State& at) -> Outcome<Value> { return self->next(at); });
  }
  Outcome<Value> next(State& state) {
    if (!cursor_) return Value::missing();
    if (is_running_) return value_error("generator already executing");
    is_running_ = true;
    auto item = cursor_->next(state);
    is_running_ = false;
    if (!item.ok() || item->is_missing()) cursor_.reset();
    return item;
  }

 private:
  std::string type_, name_;
  std::unique_ptr<Cursor> cursor_;
  bool is_running_ = false;
};

class DictView final : public Object {
 public:
  DictView(Ref<Dict> dict, View view) : dict_(std::move(dict)), view_(view) {}
  std::string type_name() const override {
    return view_ == View::Keys ? "dict_keys" : view_ == View::Values ? "dict_values" : "dict_items";
  }
  bool is_iterable() const override { return true; }
  std::optional<std::size_t> length() const override { return dict_->size(); }
  Outcome<std::unique_ptr<Cursor>> iterate(State&) override {
    return std::unique_ptr<Cursor>(std::make_unique<DictCursor>(Value(dict_), *dict_, view_, false));
  }
  std::string repr() const override {
    std::string out = type_name() + "([";
    bool first = true;
    for (auto const& entry : *dict_) {
      if (!std::exchange(first, false)) out += ", ";
      if (view_ == View::Items) out += "(";
      if (view_ != View::Values) append_repr(out, entry.key);
      if (view_ == View::Items) out += ", ";
      if (view_ != View::Keys) append_repr(out, entry.value);
      if (view_ == View::Items) out += ")";
    }
    return out + "])";
  }
  bool equals(Value const& other) const override {
    auto const* view = other.as<DictView>();
    if (view == this) return true;
    if (view_ == View::Values) return false;
    Set mine;
    fill(mine);
    Set theirs;
    if (view != nullptr && view->view_ != View::Values)
      view->fill(theirs);
    else if (other.is_set())
      for (auto const& entry : other.set().items) theirs.items.set(entry.key, entry.hash, Value());
    else
      return false;
    if (mine.size() != theirs.size()) return false;
    for (auto const& entry : mine.items)
      if (!theirs.contains(entry.key, entry.hash)) return false;
    return true;
  }
  void fill(Set& set) const {
    for (auto const& entry : *dict_) {
      Value item = view_ == View::Keys ? entry.key : tuple_of({entry.key, entry.value});
      static_cast<void>(set.add(std::move(item)).ok());
    }
  }

 private:
  Ref<Dict> dict_;
  View view_;
};

}  // namespace

std::unique_ptr<Cursor> cursor_of(std::function<Outcome<Value>(State&)> next) {
  return std::make_unique<FunctionCursor>(std::move(next));
}

Value iterator_of(std::string type, std::string name, std::unique_ptr<Cursor> cursor) {
  return make<Iterator>(std::move(type), std::move(name), std::move(cursor));
}

Value view_of(Ref<Dict> dict, View view) {
  return make<DictView>(std::move(dict), view);
}

Outcome<std::unique_ptr<Cursor>> iterate(State& state, Value const& value) {
  using MadeCursor = std::unique_ptr<Cursor>;
  switch (value.kind()) {
    case Kind::List:
    case Kind::Tuple:
      return MadeCursor(std::make_unique<SequenceCursor>(value));
    case Kind::Dict:
      return MadeCursor(std::make_unique<DictCursor>(value, value.dict(), View::Keys, false));
    case Kind::Set:
      return MadeCursor(std::make_unique<DictCursor>(value, value.set().items, View::Keys, true));
    case Kind::String:
      return MadeCursor(std::make_unique<TextCursor>(value));
    case Kind::Bytes:
      return MadeCursor(std::make_unique<BytesCursor>(value));
    case Kind::Undefined:
      if (undefined_info(value).policy == UndefinedPolicy::Strict) return undefined_info(value).failure();
      return cursor_of([](State&) -> Outcome<Value> { return Value::missing(); });
    case Kind::Object:
      if (value.object().is_iterable()) return value.object().iterate(state);
      break;
    default:
      break;
  }
  return type_error(fmt::format("'{}' object is not iterable", type_name(value)));
}

Outcome<std::vector<Value>> items_of(State& state, Value const& value) {
  if (value.is_list() || value.is_tuple()) {
    auto const& items = value.is_list() ? value.list().items : value.tuple().items;
    JINJA_DO(state.renderer().spend(items.size()));
    return items;
  }
  JINJA_TRY(auto const cursor, iterate(state, value));
  std::vector<Value> items;
  while (true) {
    JINJA_TRY(auto item, cursor->next(state));
    if (item.is_missing()) return items;
    items.push_back(std::move(item));
    JINJA_DO(state.renderer().spend(1));
  }
}

bool is_iterable(Value const& value) {
  switch (value.kind()) {
    case Kind::List:
    case Kind::Tuple:
    case Kind::Dict:
    case Kind::Set:
    case Kind::String:
    case Kind::Bytes:
    case Kind::Undefined:
      return true;
    case Kind::Object:
      return value.object().is_iterable();
    default:
      return false;
  }
}

std::optional<std::size_t> length_of(Value const& value) {
  switch (value.kind()) {
    case Kind::List:
      return value.list().items.size();
    case Kind::Tuple:
      return value.tuple().items.size();
    case Kind::Dict:
      return value.dict().size();
    case Kind::Set:
      return value.set().size();
    case Kind::String:
      return value.string_object().length();
    case Kind::Bytes:
      return static_cast<Bytes&>(value.shared()).data.size();
    case Kind::Undefined:
      return 0;
    case Kind::Object:
      return value.object().length();
    default:
      return std::nullopt;
  }
}

// -------------------------------------------------------------------------------------------------------------- range

std::size_t Range::size() const {
  if (step > 0)
    return start >= stop ? 0
                         : (static_cast<std::uint64_t>(stop) - static_cast<std::uint64_t>(start) - 1) /
                                   static_cast<std::uint64_t>(step) +
                               1;
  std::uint64_t const width = 0 - static_cast<std::uint64_t>(step);
  return start <= stop ? 0 : (static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(stop) - 1) / width + 1;
}

Outcome<std::unique_ptr<Cursor>> Range::iterate(State&) {
  Ref<Range> const self(this);
  std::size_t at = 0;
  return cursor_of([self, at](State&) mutable -> Outcome<Value> {
    if (at >= self->size()) return Value::missing();
    return self->start + static_cast<std::int64_t>(at++) * self->step;
  });
}

Outcome<bool> Range::contains(State&, Value const& item) {
  Value whole = item;
  if (item.is_float()) {
    if (item.number() != std::trunc(item.number()) || std::abs(item.number()) > 9e15) return false;
    whole = static_cast<std::int64_t>(item.number());
  }
  if (whole.kind() != Kind::Int && !whole.is_bool()) return false;
  std::int64_t const value = whole.integer();
  if (step > 0 ? value < start || value >= stop : value > start || value <= stop) return false;
  return (value - start) % step == 0;
}

Outcome<Value> Range::item(State&, Value const& key) {
  if (!is_index(key))
    return type_error(fmt::format("range indices must be integers or slices, not {}", jinja::type_name(key)));
  auto const at = place_of_index(key, size());
  if (!at) return Failure(FailureType::IndexError, "range object index out of range");
  return start + static_cast<std::int64_t>(*at) * step;
}

bool Range::equals(Value const& other) const {
  auto const* range = other.as<Range>();
  if (range == nullptr || range->size() != size()) return false;
  return size() == 0 || (range->start == start && (size() == 1 || range->step == step));
}

Outcome<std::uint64_t> Range::hash() const {
  return static_cast<std::uint64_t>(size()) * 31 + (size() > 0 ? static_cast<std::uint64_t>(start) : 0);
}

std::string Range::repr() const {
  if (step == 1) return fmt::format("range({}, {})", start, stop);
  return fmt::format("range({}, {}, {})", start, stop, step);
}

}  // namespace weir::jinja
