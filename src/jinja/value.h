#pragma once
// A value of a template, with Python's semantics. A Value is 16 bytes; none, bools, 64-bit ints and floats stand in it,
// everything else is shared and counted (atomically). Copying a Value copies the reference, as in Python: a list that
// two names hold is one list. Strings, tuples, numbers and dates never change and may be read by any thread. Lists,
// dicts, sets and objects are not locked: while one thread may change one, no other may touch it. A list that holds
// itself is never freed.

#include <atomic>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jinja/failure.h"

namespace weir::jinja {

// What is counted. `release` of the last reference deletes, deep structures without recursion.
class Shared {
 public:
  Shared() = default;
  Shared(Shared const&) = delete;
  Shared& operator=(Shared const&) = delete;
  virtual ~Shared() = default;
  void retain() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(this);
  }
  bool is_only_reference() const { return references_.load(std::memory_order_acquire) == 1; }

 private:
  static void destroy(Shared const* shared);
  mutable std::atomic<std::uint32_t> references_{0};
};

template <typename T>
class Ref {
 public:
  Ref() = default;
  Ref(T* shared) : shared_(shared) {
    if (shared_ != nullptr) shared_->retain();
  }
  Ref(Ref const& other) : Ref(other.shared_) {}
  Ref(Ref&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  template <std::derived_from<T> U>
  Ref(Ref<U> const& other) : Ref(other.get()) {}
  ~Ref() {
    if (shared_ != nullptr) shared_->release();
  }
  Ref& operator=(Ref other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  T* get() const { return shared_; }
  T& operator*() const { return *shared_; }
  T* operator->() const { return shared_; }
  explicit operator bool() const { return shared_ != nullptr; }

 private:
  T* shared_ = nullptr;
};

template <typename T, typename... Args>
Ref<T> make(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

enum class Kind : std::uint8_t {
  None,
  Bool,
  Int,  // 64 bits
  Float,
  Missing,  // no value at all: a parameter that was not given. Never seen by a template
  // from here on counted
  BigInt,  // an int that does not fit 64 bits
  String,
  Bytes,
  Decimal,
  Date,
  Time,
  DateTime,
  TimeDelta,
  Undefined,
  Tuple,
  List,
  Dict,
  Set,
  Object,  // everything else: functions, macros, the host's own (object.h)
};

class String;
class Tuple;
class List;
class Dict;
class Set;
class Object;
class UndefinedInfo;

class Value {
 public:
  Value() : kind_(Kind::None) { held_.integer = 0; }
  Value(bool truth) : kind_(Kind::Bool) { held_.integer = truth ? 1 : 0; }
  template <std::signed_integral T>
  Value(T integer) : kind_(Kind::Int) {
    held_.integer = integer;
  }
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Value(T integer) : Value(of_unsigned(integer)) {}
  Value(double number) : kind_(Kind::Float) { held_.number = number; }
  Value(std::string text);
  Value(std::string_view text);
  Value(char const* text) : Value(std::string_view(text)) {}
  Value(Ref<String> string);
  Value(Ref<Tuple> tuple);
  Value(Ref<List> list);
  Value(Ref<Dict> dict);
  Value(Ref<Set> set);
  Value(Ref<Object> object);
  template <std::derived_from<Object> T>
  Value(Ref<T> const& object) : Value(Ref<Object>(object)) {}
  Value(Kind kind, Ref<Shared> shared);  // for the engine's own kinds

  Value(Value const& other) : kind_(other.kind_), held_(other.held_) {
    if (is_counted()) held_.shared->retain();
  }
  Value(Value&& other) noexcept : kind_(std::exchange(other.kind_, Kind::None)), held_(other.held_) {}
  Value& operator=(Value const& other) { return *this = Value(other); }
  Value& operator=(Value&& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(held_, other.held_);
    return *this;
  }
  ~Value() {
    if (is_counted()) held_.shared->release();
  }

  static Value missing();
  // Prints empty, is false, iterates as empty; anything else fails with `'name' is undefined`, or with `hint`.
  static Value undefined(std::string_view name);
  static Value undefined_with_hint(std::string hint);

  Kind kind() const { return kind_; }
  bool is_none() const { return kind_ == Kind::None; }
  bool is_missing() const { return kind_ == Kind::Missing; }
  bool is_undefined() const;
  bool is_bool() const { return kind_ == Kind::Bool; }
  bool is_int() const { return kind_ == Kind::Int || kind_ == Kind::BigInt; }  // a bool is not
  bool is_float() const { return kind_ == Kind::Float; }
  bool is_number() const;  // bool, int, float, Decimal: Python's numbers.Number
  bool is_string() const { return kind_ == Kind::String; }
  bool is_tuple() const { return kind_ == Kind::Tuple; }
  bool is_list() const { return kind_ == Kind::List; }
  bool is_dict() const { return kind_ == Kind::Dict; }
  bool is_set() const { return kind_ == Kind::Set; }
  bool is_object() const { return kind_ == Kind::Object; }

  // What is in it; the kind must be right.
  bool boolean() const { return assert(is_bool()), held_.integer != 0; }
  std::int64_t integer() const { return assert(kind_ == Kind::Int || kind_ == Kind::Bool), held_.integer; }
  double number() const { return assert(is_float()), held_.number; }
  std::string_view string() const;  // UTF-8
  String& string_object() const;
  Tuple& tuple() const;
  List& list() const;
  Dict& dict() const;
  Set& set() const;
  Object& object() const;
  Shared& shared() const { return assert(is_counted()), *held_.shared; }
  // The host's own object, or null where it is something else.
  template <std::derived_from<Object> T>
  T* as() const {
    return is_object() ? dynamic_cast<T*>(held_.shared) : nullptr;
  }

  // True if both are one object (Python's `is`).
  bool is_same(Value const& other) const;

 private:
  static Value of_unsigned(std::uint64_t integer);
  bool is_counted() const { return kind_ > Kind::Missing; }

  Kind kind_;
  union Held {
    std::int64_t integer;
    double number;
    Shared* shared;
  } held_;
};

// Python's ==, across kinds: 1 == 1.0 == True. Never fails; what cannot be compared is not equal.
bool equals(Value const& a, Value const& b);
// Python's truth.
bool truth(Value const& value);
// Equal values have equal hashes. A list, dict or set has none: TypeError.
Outcome<std::uint64_t> hash(Value const& value);
// Python's name of the type: "int", "str", "NoneType", ...
std::string type_name(Value const& value);
// Python's str() and repr(). The second form appends.
std::string to_text(Value const& value);
std::string repr(Value const& value);
void append_text(std::string& out, Value const& value);
void append_repr(std::string& out, Value const& value);

class String final : public Shared {
 public:
  explicit String(std::string text, bool is_markup = false) : text_(std::move(text)), is_markup_(is_markup) {}
  std::string const& text() const { return text_; }
  bool is_markup() const { return is_markup_; }  // markupsafe's: text that needs no HTML escaping
  std::size_t length() const;                    // in characters
  bool is_ascii() const { return length() == text_.size(); }
  std::uint64_t hash() const;

 private:
  std::string text_;
  bool is_markup_;
  mutable std::atomic<std::int64_t> length_{-1};
  mutable std::atomic<std::uint64_t> hash_{0};
};

class Tuple final : public Shared {
 public:
  explicit Tuple(std::vector<Value> from = {}) : items(std::move(from)) {}
  std::vector<Value> const items;
};

class List final : public Shared {
 public:
  explicit List(std::vector<Value> from = {}) : items(std::move(from)) {}
  std::vector<Value> items;
};

// Keys of any hashable kind, in the order in which they came.
class Dict final : public Shared {
 public:
  struct Entry {
    Value key;  // Missing where the entry was removed
    Value value;
    std::uint64_t hash = 0;
  };

  std::size_t size() const { return size_; }
  Value const* find(std::string_view key) const;
  Value const* find(std::string const& key) const { return find(std::string_view(key)); }
  Value const* find(char const* key) const { return find(std::string_view(key)); }
  Value const* find(Value const& key) const;  // null for a key that has no hash
  Value const* find(Value const& key, std::uint64_t hash) const;
  void set(std::string_view key, Value value);
  void set(std::string const& key, Value value) { set(std::string_view(key), std::move(value)); }
  void set(char const* key, Value value) { set(std::string_view(key), std::move(value)); }
  Outcome<Done> set(Value key, Value value);  // TypeError where the key has no hash
  void set(Value key, std::uint64_t hash, Value value);
  std::optional<Value> take(Value const& key, std::uint64_t hash);  // removes it
  void clear();
  std::uint64_t version() const { return version_; }  // changes whenever a key comes or goes

  // for (auto const& entry : dict): in order, without what was removed.
  class Iterator {
   public:
    Iterator(std::vector<Entry> const* entries, std::size_t at) : entries_(entries), at_(at) { skip(); }
    Entry const& operator*() const { return (*entries_)[at_]; }
    Entry const* operator->() const { return &(*entries_)[at_]; }
    Iterator& operator++() { return ++at_, skip(), *this; }
    bool operator==(Iterator const& other) const { return at_ == other.at_; }

   private:
    void skip() {
      while (at_ < entries_->size() && (*entries_)[at_].key.is_missing()) ++at_;
    }
    std::vector<Entry> const* entries_;
    std::size_t at_;
  };
  Iterator begin() const { return {&entries_, 0}; }
  Iterator end() const { return {&entries_, entries_.size()}; }
  std::vector<Entry> const& entries() const { return entries_; }  // with the removed ones

 private:
  template <typename Same>
  std::size_t locate(std::uint64_t hash, Same const& same) const;  // an index of entries_, or npos
  void insert(Value key, std::uint64_t hash, Value value);
  void rebuild();

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  // open addressing into entries_, + 1; empty while there are few entries
  std::size_t size_ = 0;
  std::uint64_t version_ = 0;
};

class Set final : public Shared {
 public:
  std::size_t size() const { return items.size(); }
  bool contains(Value const& item, std::uint64_t hash) const { return items.find(item, hash) != nullptr; }
  Outcome<bool> add(Value item);  // false if it was there
  Dict items;                     // the keys; iteration is in the order in which they came
};

// Shorthand to build values.
Value tuple_of(std::vector<Value> items);
Value list_of(std::vector<Value> items);
Value dict_of(std::vector<std::pair<std::string, Value>> entries);

}  // namespace weir::jinja
