#include "build/kept_in_graph.h"

#include <algorithm>

namespace weir::build {
namespace {

using jinja::Dict;
using jinja::Kind;
using jinja::Value;

constexpr int kMaxDepth = 64;  // of what refers to itself

bool is_section(Value const& key) {
  return key.is_string() &&
         std::find(kGraphSections.begin(), kGraphSections.end(), key.string()) != kGraphSections.end();
}

// Nothing that can change is shared with the original.
Value deep_copy(Value const& value, int depth = 0) {
  if (depth > kMaxDepth) return Value();
  auto const copied = [depth](std::vector<Value> const& items) {
    std::vector<Value> out;
    out.reserve(items.size());
    for (auto const& item : items) out.push_back(deep_copy(item, depth + 1));
    return out;
  };
  switch (value.kind()) {
    case Kind::Tuple:
      return jinja::tuple_of(copied(value.tuple().items));
    case Kind::List:
      return jinja::list_of(copied(value.list().items));
    case Kind::Dict: {
      auto out = jinja::make<Dict>();
      for (auto const& entry : value.dict()) out->set(entry.key, entry.hash, deep_copy(entry.value, depth + 1));
      return Value(out);
    }
    case Kind::Set: {
      auto out = jinja::make<jinja::Set>();
      for (auto const& entry : value.set().items) out->items.set(entry.key, entry.hash, Value());
      return Value(out);
    }
    default:
      return value;
  }
}

bool begins_with(std::vector<Value> const& list, std::vector<Value> const& head) {
  return list.size() >= head.size() && std::equal(head.begin(), head.end(), list.begin(), jinja::equals);
}

void bring_changes(Dict& into, Dict const& now, Dict const& before);

void bring_change(Dict& into, Dict::Entry const& entry, Value const* before) {
  auto const* there = into.find(entry.key, entry.hash);
  if (entry.value.is_dict() && there != nullptr && there->is_dict()) {
    Dict const nothing;
    Value target = *there;
    return bring_changes(target.dict(), entry.value.dict(),
                         before != nullptr && before->is_dict() ? before->dict() : nothing);
  }
  if (entry.value.is_list() && there != nullptr && there->is_list()) {
    auto const& items = entry.value.list().items;
    auto const head = before != nullptr && before->is_list() ? before->list().items : std::vector<Value>();
    if (begins_with(items, head)) {
      Value target = *there;
      for (std::size_t i = head.size(); i < items.size(); ++i) target.list().items.push_back(deep_copy(items[i]));
      return;
    }
  }
  into.set(entry.key, entry.hash, deep_copy(entry.value));
}

void bring_changes(Dict& into, Dict const& now, Dict const& before) {
  for (auto const& entry : now) {
    auto const* old = before.find(entry.key, entry.hash);
    if (old == nullptr || !jinja::equals(*old, entry.value)) bring_change(into, entry, old);
  }
  for (auto const& entry : before)
    if (now.find(entry.key, entry.hash) == nullptr) into.take(entry.key, entry.hash);
}

}  // namespace

Value KeptInGraph::take(Dict& graph) {
  MutexLock lock(mutex_);
  for (auto const& entry : kept_.dict()) graph.set(entry.key, entry.hash, deep_copy(entry.value));
  return deep_copy(kept_);
}

void KeptInGraph::give(Dict const& graph, Value const& taken) {
  Dict own;
  for (auto const& entry : graph)
    if (!is_section(entry.key)) own.set(entry.key, entry.hash, entry.value);
  MutexLock lock(mutex_);
  bring_changes(kept_.dict(), own, taken.dict());
}

}  // namespace weir::build
