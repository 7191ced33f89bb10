#include "jinja/value.h"

#include <cmath>
#include <functional>

#include "jinja/kinds.h"
#include "jinja/numbers.h"
#include "jinja/object.h"
#include "jinja/unicode.h"

namespace weir::jinja {

// Structures may be nested as deep as a template likes: a deleted one hands its parts to the outermost deletion.
void Shared::destroy(Shared const* shared) {
  constexpr int kDeep = 50;
  thread_local int depth = 0;
  thread_local std::vector<Shared const*> waiting;
  if (depth >= kDeep) {
    waiting.push_back(shared);
    return;
  }
  ++depth;
  delete shared;
  --depth;
  while (depth == 0 && !waiting.empty()) {
    Shared const* next = waiting.back();
    waiting.pop_back();
    ++depth;
    delete next;
    --depth;
  }
}

// ------------------------------------------------------------------------------------------------------------- values

Value::Value(Kind kind, Ref<Shared> shared) : kind_(kind) {
  held_.shared = shared.get();
  held_.shared->retain();
}
Value::Value(std::string text) : Value(Kind::String, Ref<Shared>(new String(std::move(text)))) {}
Value::Value(std::string_view text) : Value(std::string(text)) {}
Value::Value(Ref<String> string) : Value(Kind::String, Ref<Shared>(string)) {}
Value::Value(Ref<Tuple> tuple) : Value(Kind::Tuple, Ref<Shared>(tuple)) {}
Value::Value(Ref<List> list) : Value(Kind::List, Ref<Shared>(list)) {}
Value::Value(Ref<Dict> dict) : Value(Kind::Dict, Ref<Shared>(dict)) {}
Value::Value(Ref<Set> set) : Value(Kind::Set, Ref<Shared>(set)) {}
Value::Value(Ref<Object> object) : Value(Kind::Object, Ref<Shared>(object)) {}

Value Value::of_unsigned(std::uint64_t integer) {
  if (integer <= static_cast<std::uint64_t>(INT64_MAX)) return static_cast<std::int64_t>(integer);
  mpz_class number;
  mpz_set_ui(number.get_mpz_t(), integer);
  return integer_of(number);
}

Value Value::missing() {
  Value value;
  value.kind_ = Kind::Missing;
  return value;
}

Value Value::undefined(std::string_view name) {
  auto info = make<UndefinedInfo>();
  info->name = Value(name);
  return Value(Kind::Undefined, info);
}

Value Value::undefined_with_hint(std::string hint) {
  auto info = make<UndefinedInfo>();
  info->hint = std::move(hint);
  return Value(Kind::Undefined, info);
}

bool Value::is_undefined() const {
  return kind_ == Kind::Undefined || (kind_ == Kind::Object && object().is_undefined());
}
bool Value::is_number() const {
  return is_bool() || is_int() || is_float() || kind_ == Kind::Decimal;
}
std::string_view Value::string() const {
  return string_object().text();
}
String& Value::string_object() const {
  return assert(is_string()), static_cast<String&>(*held_.shared);
}
Tuple& Value::tuple() const {
  return assert(is_tuple()), static_cast<Tuple&>(*held_.shared);
}
List& Value::list() const {
  return assert(is_list()), static_cast<List&>(*held_.shared);
}
Dict& Value::dict() const {
  return assert(is_dict()), static_cast<Dict&>(*held_.shared);
}
Set& Value::set() const {
  return assert(is_set()), static_cast<Set&>(*held_.shared);
}
Object& Value::object() const {
  return assert(is_object()), static_cast<Object&>(*held_.shared);
}

bool Value::is_same(Value const& other) const {
  if (kind_ != other.kind_) return false;
  if (is_counted()) return held_.shared == other.held_.shared;
  return kind_ == Kind::None || kind_ == Kind::Missing || held_.integer == other.held_.integer;
}

Value tuple_of(std::vector<Value> items) {
  return make<Tuple>(std::move(items));
}
Value list_of(std::vector<Value> items) {
  return make<List>(std::move(items));
}
Value dict_of(std::vector<std::pair<std::string, Value>> entries) {
  auto dict = make<Dict>();
  for (auto& [key, value] : entries) dict->set(key, std::move(value));
  return dict;
}

// ------------------------------------------------------------------------------------------------- equality and hashes

namespace {

bool is_numeric(Value const& value) {
  return value.is_number();
}

bool equal_items(std::vector<Value> const& a, std::vector<Value> const& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!a[i].is_same(b[i]) && !equals(a[i], b[i])) return false;
  return true;
}

bool equal_dicts(Dict const& a, Dict const& b) {
  if (a.size() != b.size()) return false;
  for (auto const& entry : a) {
    Value const* other = b.find(entry.key, entry.hash);
    if (other == nullptr || (!other->is_same(entry.value) && !equals(entry.value, *other))) return false;
  }
  return true;
}

bool equal_sets(Set const& a, Set const& b) {
  if (a.size() != b.size()) return false;
  for (auto const& entry : a.items)
    if (!b.contains(entry.key, entry.hash)) return false;
  return true;
}

bool equal_numbers(Value const& a, Value const& b) {
  if (a.kind() == Kind::Float && b.kind() == Kind::Float) return a.number() == b.number();
  return compare_numbers(a, b) == 0;
}

}  // namespace

bool equals(Value const& a, Value const& b) {
  if (a.kind() == Kind::Int && b.kind() == Kind::Int) return a.integer() == b.integer();
  if (a.is_string() && b.is_string()) return a.string() == b.string();
  if (a.is_object()) return a.object().equals(b);
  if (b.is_object()) return b.object().equals(a);
  if (is_numeric(a) && is_numeric(b)) return equal_numbers(a, b);
  if (a.kind() != b.kind()) return false;
  StackGuard const guard;
  if (guard.is_low()) return a.is_same(b);
  switch (a.kind()) {
    case Kind::None:
    case Kind::Undefined:
      return true;
    case Kind::Bytes:
      return static_cast<Bytes&>(a.shared()).data == static_cast<Bytes&>(b.shared()).data;
    case Kind::Tuple:
      return equal_items(a.tuple().items, b.tuple().items);
    case Kind::List:
      return equal_items(a.list().items, b.list().items);
    case Kind::Dict:
      return equal_dicts(a.dict(), b.dict());
    case Kind::Set:
      return equal_sets(a.set(), b.set());
    case Kind::Date:
    case Kind::Time:
    case Kind::DateTime:
    case Kind::TimeDelta:
      return equal_times(a, b);
    default:
      return false;
  }
}

Outcome<std::uint64_t> hash(Value const& value) {
  switch (value.kind()) {
    case Kind::None:
      return std::uint64_t{0x1234'5678'9abc'def1ULL};
    case Kind::Missing:
      return std::uint64_t{0};
    case Kind::Bool:
    case Kind::Int:
      return hash_of_integer(value.integer());
    case Kind::Float:
      return hash_of_number(value.number());
    case Kind::BigInt:
      return hash_of_big(big_int(value).number);
    case Kind::Decimal:
      return hash_of_decimal(value);
    case Kind::String:
      return value.string_object().hash();
    case Kind::Bytes:
      return std::uint64_t{std::hash<std::string>()(static_cast<Bytes&>(value.shared()).data) * 31 + 7};
    case Kind::Undefined:
      return std::uint64_t{0x0bad'0bad'0bad'0bad};
    case Kind::Tuple: {
      StackGuard const guard;
      if (guard.is_low()) return too_deep();
      std::uint64_t sum = 0x345678;
      for (auto const& item : value.tuple().items) {
        JINJA_TRY(auto const part, hash(item));
        sum = hash_of_integer(static_cast<std::int64_t>(sum * 1000003 ^ part));
      }
      return sum;
    }
    case Kind::Date:
    case Kind::Time:
    case Kind::DateTime:
    case Kind::TimeDelta:
      return hash_of_time(value);
    case Kind::Object:
      return value.object().hash();
    case Kind::List:
    case Kind::Dict:
    case Kind::Set:
      break;
  }
  return Failure(FailureType::TypeError, "unhashable type: '" + type_name(value) + "'");
}

bool truth(Value const& value) {
  switch (value.kind()) {
    case Kind::None:
    case Kind::Missing:
    case Kind::Undefined:
      return false;
    case Kind::Bool:
    case Kind::Int:
      return value.integer() != 0;
    case Kind::Float:
      return value.number() != 0;
    case Kind::String:
      return !value.string().empty();
    case Kind::Bytes:
      return !static_cast<Bytes&>(value.shared()).data.empty();
    case Kind::Decimal:
      return !is_zero_decimal(value);
    case Kind::TimeDelta:
      return !is_zero_time_delta(value);
    case Kind::Tuple:
      return !value.tuple().items.empty();
    case Kind::List:
      return !value.list().items.empty();
    case Kind::Dict:
      return value.dict().size() != 0;
    case Kind::Set:
      return value.set().size() != 0;
    case Kind::Object:
      return value.object().is_true();
    case Kind::BigInt:
    case Kind::Date:
    case Kind::Time:
    case Kind::DateTime:
      return true;
  }
  return true;
}

std::string type_name(Value const& value) {
  switch (value.kind()) {
    case Kind::None:
      return "NoneType";
    case Kind::Missing:
      return "MissingType";
    case Kind::Bool:
      return "bool";
    case Kind::Int:
    case Kind::BigInt:
      return "int";
    case Kind::Float:
      return "float";
    case Kind::String:
      return value.string_object().is_markup() ? "Markup" : "str";
    case Kind::Bytes:
      return "bytes";
    case Kind::Decimal:
      return "decimal.Decimal";
    case Kind::Date:
      return "datetime.date";
    case Kind::Time:
      return "datetime.time";
    case Kind::DateTime:
      return "datetime.datetime";
    case Kind::TimeDelta:
      return "datetime.timedelta";
    case Kind::Undefined:
      return "Undefined";
    case Kind::Tuple:
      return "tuple";
    case Kind::List:
      return "list";
    case Kind::Dict:
      return "dict";
    case Kind::Set:
      return "set";
    case Kind::Object:
      return value.object().type_name();
  }
  return "";
}

// ------------------------------------------------------------------------------------------------------ str() and
// repr()

void append_quoted(std::string& out, std::string_view text) {
  bool const has_single = text.find('\'') != std::string_view::npos;
  char const quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  out += quote;
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t const character = next_character(text, at);
    if (character == static_cast<unsigned char>(quote) || character == '\\') {
      out += '\\';
      out += static_cast<char>(character);
    } else if (character == '\n') {
      out += "\\n";
    } else if (character == '\r') {
      out += "\\r";
    } else if (character == '\t') {
      out += "\\t";
    } else if (is_printable(character)) {
      append_character(out, character);
    } else {
      append_escape(out, character);
    }
  }
  out += quote;
}

void append_escape(std::string& out, std::uint32_t character) {
  static constexpr char kHex[] = "0123456789abcdef";
  int const digits = character < 0x100 ? 2 : character < 0x10000 ? 4 : 8;
  out += digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
  for (int i = digits - 1; i >= 0; --i) out += kHex[(character >> (4 * i)) & 15];
}

namespace {

void append_items(std::string& out, std::vector<Value> const& items) {
  bool first = true;
  for (auto const& item : items) {
    if (!std::exchange(first, false)) out += ", ";
    append_repr(out, item);
  }
}

// Structures that are being written, so that one that holds itself is written as Python does: [...].
thread_local std::vector<Shared const*> t_being_written;

void append_structure(std::string& out, Value const& value) {
  char const* marks = value.is_list() ? "[...]" : value.is_dict() ? "{...}" : value.is_tuple() ? "(...)" : "set(...)";
  Shared const* self = &value.shared();
  for (auto const* other : t_being_written)
    if (other == self) return void(out += marks);
  StackGuard const guard;
  if (guard.is_low() || t_being_written.size() > 1000) return void(out += "...");
  t_being_written.push_back(self);
  if (value.is_list()) {
    out += '[';
    append_items(out, value.list().items);
    out += ']';
  } else if (value.is_tuple()) {
    out += '(';
    append_items(out, value.tuple().items);
    if (value.tuple().items.size() == 1) out += ',';
    out += ')';
  } else if (value.is_dict()) {
    out += '{';
    bool first = true;
    for (auto const& entry : value.dict()) {
      if (!std::exchange(first, false)) out += ", ";
      append_repr(out, entry.key);
      out += ": ";
      append_repr(out, entry.value);
    }
    out += '}';
  } else {
    bool first = true;
    out += value.set().size() == 0 ? "set(" : "{";
    for (auto const& entry : value.set().items) {
      if (!std::exchange(first, false)) out += ", ";
      append_repr(out, entry.key);
    }
    out += value.set().size() == 0 ? ")" : "}";
  }
  t_being_written.pop_back();
}

}  // namespace

void append_repr(std::string& out, Value const& value) {
  switch (value.kind()) {
    case Kind::None:
      out += "None";
      break;
    case Kind::Missing:
      out += "missing";
      break;
    case Kind::Bool:
      out += value.boolean() ? "True" : "False";
      break;
    case Kind::Int:
      out += std::to_string(value.integer());
      break;
    case Kind::BigInt:
      out += big_int(value).number.get_str();
      break;
    case Kind::Float:
      out += float_repr(value.number());
      break;
    case Kind::String:
      if (value.string_object().is_markup()) out += "Markup(";
      append_quoted(out, value.string());
      if (value.string_object().is_markup()) out += ')';
      break;
    case Kind::Bytes:
      append_bytes(out, static_cast<Bytes&>(value.shared()).data);
      break;
    case Kind::Decimal:
      out.append("Decimal('").append(decimal_text(value)).append("')");
      break;
    case Kind::Date:
    case Kind::Time:
    case Kind::DateTime:
    case Kind::TimeDelta:
      out += time_repr(value);
      break;
    case Kind::Undefined:
      out += "Undefined";
      break;
    case Kind::Tuple:
    case Kind::List:
    case Kind::Dict:
    case Kind::Set:
      append_structure(out, value);
      break;
    case Kind::Object:
      out += value.object().repr();
      break;
  }
}

void append_text(std::string& out, Value const& value) {
  switch (value.kind()) {
    case Kind::String:
      out += value.string();
      break;
    case Kind::Undefined:
      break;
    case Kind::Decimal:
      out += decimal_text(value);
      break;
    case Kind::Date:
    case Kind::Time:
    case Kind::DateTime:
    case Kind::TimeDelta:
      out += time_text(value);
      break;
    case Kind::Object:
      out += value.object().text();
      break;
    default:
      append_repr(out, value);
  }
}

std::string to_text(Value const& value) {
  std::string out;
  append_text(out, value);
  return out;
}

std::string repr(Value const& value) {
  std::string out;
  append_repr(out, value);
  return out;
}

// ------------------------------------------------------------------------------------------------------------- strings

std::size_t String::length() const {
  std::int64_t length = length_.load(std::memory_order_relaxed);
  if (length < 0) {
    length = static_cast<std::int64_t>(count_characters(text_));
    length_.store(length, std::memory_order_relaxed);
  }
  return static_cast<std::size_t>(length);
}

namespace {

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t const hash = std::hash<std::string_view>()(text);
  return hash == 0 ? 1 : hash;
}

}  // namespace

std::uint64_t String::hash() const {
  std::uint64_t hash = hash_.load(std::memory_order_relaxed);
  if (hash == 0) {
    hash = hash_text(text_);
    hash_.store(hash, std::memory_order_relaxed);
  }
  return hash;
}

// --------------------------------------------------------------------------------------------------------------- dicts

namespace {
constexpr std::size_t kNowhere = SIZE_MAX;
constexpr std::size_t kFew = 8;  // so many entries are searched one by one
}  // namespace

template <typename Same>
std::size_t Dict::locate(std::uint64_t hash, Same const& same) const {
  if (slots_.empty()) {
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (entries_[i].hash == hash && !entries_[i].key.is_missing() && same(entries_[i].key)) return i;
    return kNowhere;
  }
  std::size_t const mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at] != 0; at = (at + 1) & mask) {
    Entry const& entry = entries_[slots_[at] - 1];
    if (entry.hash == hash && !entry.key.is_missing() && same(entry.key)) return slots_[at] - 1;
  }
  return kNowhere;
}

Value const* Dict::find(std::string_view key) const {
  if (size_ == 0) return nullptr;
  std::size_t const at =
      locate(hash_text(key), [&](Value const& other) { return other.is_string() && other.string() == key; });
  return at == kNowhere ? nullptr : &entries_[at].value;
}

Value const* Dict::find(Value const& key, std::uint64_t hash) const {
  std::size_t const at = locate(hash, [&](Value const& other) { return other.is_same(key) || equals(other, key); });
  return at == kNowhere ? nullptr : &entries_[at].value;
}

Value const* Dict::find(Value const& key) const {
  auto const hashed = hash(key);
  return hashed.ok() ? find(key, *hashed) : nullptr;
}

void Dict::set(std::string_view key, Value value) {
  set(Value(key), hash_text(key), std::move(value));
}

Outcome<Done> Dict::set(Value key, Value value) {
  JINJA_TRY(auto const hashed, hash(key));
  set(std::move(key), hashed, std::move(value));
  return Done{};
}

void Dict::set(Value key, std::uint64_t hash, Value value) {
  std::size_t const at = locate(hash, [&](Value const& other) { return other.is_same(key) || equals(other, key); });
  if (at != kNowhere)
    entries_[at].value = std::move(value);
  else
    insert(std::move(key), hash, std::move(value));
}

void Dict::insert(Value key, std::uint64_t hash, Value value) {
  ++version_;
  ++size_;
  entries_.push_back({std::move(key), std::move(value), hash});
  if (entries_.size() <= kFew && slots_.empty()) return;
  if (slots_.size() < entries_.size() * 2) return rebuild();
  std::size_t const mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = static_cast<std::uint32_t>(entries_.size());
}

void Dict::rebuild() {
  std::erase_if(entries_, [](Entry const& entry) { return entry.key.is_missing(); });
  std::size_t slots = 32;
  while (slots < entries_.size() * 3) slots *= 2;
  slots_.assign(slots, 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::size_t at = entries_[i].hash & (slots - 1);
    while (slots_[at] != 0) at = (at + 1) & (slots - 1);
    slots_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

std::optional<Value> Dict::take(Value const& key, std::uint64_t hash) {
  std::size_t const at = locate(hash, [&](Value const& other) { return other.is_same(key) || equals(other, key); });
  if (at == kNowhere) return std::nullopt;
  Value value = std::move(entries_[at].value);
  entries_[at].key = Value::missing();  // the slot keeps pointing here until the next rebuild
  ++version_;
  if (--size_ == 0) clear();
  if (slots_.empty()) std::erase_if(entries_, [](Entry const& entry) { return entry.key.is_missing(); });
  return value;
}

void Dict::clear() {
  auto const entries = std::move(entries_);  // their destructors may come back here
  entries_.clear();
  slots_.clear();
  size_ = 0;
  ++version_;
}

Outcome<bool> Set::add(Value item) {
  JINJA_TRY(auto const hashed, hash(item));
  if (contains(item, hashed)) return false;
  items.set(std::move(item), hashed, Value());
  return true;
}

}  // namespace weir::jinja
