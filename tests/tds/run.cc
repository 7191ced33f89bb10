// Running a bound query: rows are pushed from the sources through joins, groups and order to a sink.

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "tds/plan.h"

namespace weir::tds {
namespace {

Value const& the_null() {
  static Value const null = null_value();
  return null;
}

// Values as a key in which NULL equals NULL: for GROUP BY, DISTINCT, UNION.
std::string group_key(std::vector<Value> const& values) {
  std::string key;
  for (Value const& value : values) {
    if (value.null) {
      key.push_back('\0');
      continue;
    }
    std::string const one = hash_key(value);
    key += fmt::format("{}:", one.size());
    key += one;
  }
  return key;
}

using Rows = std::vector<std::vector<Value>>;

// The sources of one SELECT, joined from left to right.
class Join {
 public:
  Join(Context& context, SelectPlan& plan, Frame const* outer, std::function<Outcome(Frame const&, bool&)> const& row)
      : context_(context),
        plan_(plan),
        slots_(std::max<std::size_t>(plan.slots, 1), &the_null()),
        row_(row),
        held_(plan.sources.size()) {
    frame_.slots = slots_.data();
    frame_.outer = outer;
  }

  Outcome run() {
    for (Expr* conjunct : plan_.constant_where) {
      Truth truth = Truth::Unknown;
      TDS_DO(evaluate_truth(context_, *conjunct, frame_, truth));
      if (truth != Truth::True) return {};
    }
    if (plan_.sources.empty()) return row_(frame_, more_);
    TDS_DO(narrow_first());
    return level(0);
  }

  // Bounds of the first source, from conjuncts `column op constant`. Those that the source guarantees are dropped.
  Outcome narrow_first() {
    SourceSlot& first = plan_.sources.front();
    first.source->widen();
    if (plan_.ends_only) first.source->ends_only();
    first_where_ = first.where;
    std::erase_if(first_where_, [&](Expr* conjunct) { return offers_bound(*conjunct, *first.source); });
    return {};
  }

  // What the first source does not guarantee itself.
  std::vector<Expr*> const& first_where() const { return first_where_; }

 private:
  static bool is_constant(Expr const& expr) {
    if (expr.kind == ExprKind::Column) return expr.depth > 0;
    if (expr.plan != nullptr) return false;
    for (auto const& arg : expr.args)
      if (!is_constant(*arg)) return false;
    return true;
  }

  bool offer(RowSource& source, Expr const& column, Bound::Op op, Expr const& constant) {
    if (column.kind != ExprKind::Column || column.depth != 0 || column.collate != nullptr || !is_constant(constant))
      return false;
    Bound bound;
    bound.column = static_cast<std::size_t>(column.slot);
    bound.op = op;
    if (!evaluate(context_, constant, frame_, bound.value).ok() || bound.value.null) return false;
    return source.narrow(context_, bound);
  }

  bool offers_bound(Expr const& conjunct, RowSource& source) {
    if (conjunct.kind == ExprKind::Between && !conjunct.negated) {
      bool const low = offer(source, *conjunct.args[0], Bound::Op::GreaterEqual, *conjunct.args[1]);
      bool const high = offer(source, *conjunct.args[0], Bound::Op::LessEqual, *conjunct.args[2]);
      return low && high;
    }
    if (conjunct.kind != ExprKind::Compare || conjunct.name == "<>") return false;
    using Op = Bound::Op;
    Op const op = conjunct.name == "="    ? Op::Equal
                  : conjunct.name == "<"  ? Op::Less
                  : conjunct.name == "<=" ? Op::LessEqual
                  : conjunct.name == ">"  ? Op::Greater
                                          : Op::GreaterEqual;
    Op const mirrored = op == Op::Less           ? Op::Greater
                        : op == Op::LessEqual    ? Op::GreaterEqual
                        : op == Op::Greater      ? Op::Less
                        : op == Op::GreaterEqual ? Op::LessEqual
                                                 : op;
    return offer(source, *conjunct.args[0], op, *conjunct.args[1]) ||
           offer(source, *conjunct.args[1], mirrored, *conjunct.args[0]);
  }

  Outcome all_true(std::vector<Expr*> const& conjuncts, bool& yes) {
    yes = true;
    for (Expr* conjunct : conjuncts) {
      Truth truth = Truth::Unknown;
      TDS_DO(evaluate_truth(context_, *conjunct, frame_, truth));
      if (truth != Truth::True) return yes = false, Outcome();
    }
    return {};
  }

  Outcome accepted(std::size_t index) {
    bool yes = true;
    TDS_DO(all_true(index == 0 ? first_where_ : plan_.sources[index].where, yes));
    if (!yes) return {};
    if (index + 1 == plan_.sources.size()) return row_(frame_, more_);
    return level(index + 1);
  }

  // Sources after the first are held in memory, unless they depend on the row before them or are too big to hold.
  struct Held {
    bool ready = false, streamed = false;
    Rows rows;
    std::unordered_multimap<std::string, std::size_t> index;
  };

  Outcome hold(std::size_t index) {
    SourceSlot& source = plan_.sources[index];
    Held& held = held_[index];
    held.ready = true;
    source.source->widen();
    auto const count = source.source->known_count(context_);
    held.streamed = source.source->correlated() || (count && *count > 2'000'000);
    if (held.streamed) return {};
    std::size_t const width = source.source->columns.size();
    TDS_DO(source.source->scan(context_, frame_.outer, slots_.data() + source.first, [&](bool& more) -> Outcome {
      more = true;
      auto& row = held.rows.emplace_back(width);
      for (std::size_t i = 0; i < width; ++i)
        if (plan_.used[source.first + i]) row[i] = *slots_[source.first + i];
      if (source.hash.empty()) return {};
      std::string key;
      bool null = false;
      TDS_DO(key_of(source, false, key, null));
      if (!null) held.index.emplace(std::move(key), held.rows.size() - 1);
      return {};
    }));
    return {};
  }

  Outcome key_of(SourceSlot const& source, bool left, std::string& key, bool& null) {
    for (auto const& [earlier, mine] : source.hash) {
      Value scratch;
      Value const* value = nullptr;
      TDS_DO(evaluate_ref(context_, left ? *earlier : *mine, frame_, scratch, value));
      if (value->null) return null = true, Outcome();
      std::string const one = hash_key(*value);
      key += fmt::format("{}:", one.size());
      key += one;
    }
    return {};
  }

  Outcome try_row(std::size_t index, bool& matched) {
    bool yes = true;
    TDS_DO(all_true(plan_.sources[index].on, yes));
    if (!yes) return {};
    matched = true;
    return accepted(index);
  }

  void point_at(SourceSlot const& source, std::vector<Value> const& row) {
    for (std::size_t i = 0; i < row.size(); ++i) slots_[source.first + i] = &row[i];
  }

  Outcome level(std::size_t index) {
    SourceSlot& source = plan_.sources[index];
    Held& held = held_[index];
    bool matched = false;
    if (index == 0) {
      return source.source->scan(context_, frame_.outer, slots_.data(), [&](bool& more) -> Outcome {
        TDS_DO(accepted(0));
        more = more_;
        return {};
      });
    }
    if (!held.ready) TDS_DO(hold(index));
    if (held.streamed) {
      bool const apply = source.source->correlated();
      TDS_DO(source.source->scan(context_, apply ? &frame_ : frame_.outer, slots_.data() + source.first,
                                 [&](bool& more) -> Outcome {
                                   if (!apply) {
                                     for (auto const& [earlier, mine] : source.hash) {
                                       Value a, b;
                                       TDS_DO(evaluate(context_, *earlier, frame_, a));
                                       TDS_DO(evaluate(context_, *mine, frame_, b));
                                       if (a.null || b.null || hash_key(a) != hash_key(b))
                                         return more = true, Outcome();
                                     }
                                   }
                                   TDS_DO(try_row(index, matched));
                                   more = more_;
                                   return {};
                                 }));
    } else if (!source.hash.empty()) {
      std::string key;
      bool null = false;
      TDS_DO(key_of(source, true, key, null));
      auto [begin, end] = held.index.equal_range(key);
      std::vector<std::size_t> hits;
      for (; !null && begin != end; ++begin) hits.push_back(begin->second);
      std::sort(hits.begin(), hits.end());
      for (std::size_t i = 0; i < hits.size() && more_; ++i) {
        point_at(source, held.rows[hits[i]]);
        TDS_DO(try_row(index, matched));
      }
    } else {
      for (std::size_t i = 0; i < held.rows.size() && more_; ++i) {
        point_at(source, held.rows[i]);
        TDS_DO(try_row(index, matched));
      }
    }
    bool const keeps = source.join == JoinKind::Left || source.join == JoinKind::OuterApply;
    if (matched || !keeps || !more_) return {};
    for (std::size_t i = 0; i < source.source->columns.size(); ++i) slots_[source.first + i] = &the_null();
    return accepted(index);
  }

  Context& context_;
  SelectPlan& plan_;
  std::vector<Value const*> slots_;
  Frame frame_;
  std::function<Outcome(Frame const&, bool&)> const& row_;
  std::vector<Held> held_;
  std::vector<Expr*> first_where_;
  bool more_ = true;
};

struct Group {
  std::vector<Value> sample;   // by slot: the first row
  std::vector<Value> results;  // by aggregate
  std::vector<std::int64_t> counts;
  std::vector<std::unordered_set<std::string>> seen;  // for DISTINCT
};

Outcome accumulate(Context& context, SelectPlan const& plan, Frame const& frame, Group& group) {
  for (std::size_t i = 0; i < plan.aggregates.size(); ++i) {
    Expr const& call = *plan.aggregates[i];
    Value& result = group.results[i];
    if (call.star) {
      ++group.counts[i];
      continue;
    }
    Value scratch;
    Value const* value = nullptr;
    TDS_DO(evaluate_ref(context, *call.args[0], frame, scratch, value));
    if (value->null) continue;
    if (call.distinct && !group.seen[i].insert(hash_key(*value)).second) continue;
    ++group.counts[i];
    if (call.name == "count" || call.name == "count_big") continue;
    if (result.null) {
      TDS_DO(convert(*value, call.type, 0, result));
      if (call.name == "min" || call.name == "max") result = *value;
      continue;
    }
    if (call.name == "min" || call.name == "max") {
      int order = 0;
      TDS_DO(compare(*value, result, order));
      if ((order < 0) == (call.name == "min") && order != 0) result = *value;
      continue;
    }
    Value sum;
    TDS_DO(arithmetic("+", result, *value, call.type, sum));
    result = std::move(sum);
  }
  return {};
}

Outcome finish(SelectPlan const& plan, Group& group) {
  for (std::size_t i = 0; i < plan.aggregates.size(); ++i) {
    Expr const& call = *plan.aggregates[i];
    if (call.name == "count" || call.name == "count_big") group.results[i] = int_value(group.counts[i], call.type.id);
    if (call.name == "avg" && !group.results[i].null) {
      Value average;
      TDS_DO(arithmetic("/", group.results[i], int_value(group.counts[i]), call.type, average));
      group.results[i] = std::move(average);
    }
  }
  return {};
}

// COUNT(*) alone over a source that knows its count; MIN and MAX of a column that the source is ordered by.
Outcome answer_from_ends(Context& context, SelectPlan& plan, Frame const* outer, Group& group, bool& done) {
  done = false;
  plan.ends_only = false;
  if (plan.sources.size() != 1 || !plan.core->group_by.empty() || !plan.constant_where.empty()) return {};
  RowSource& source = *plan.sources[0].source;
  std::function<Outcome(Frame const&, bool&)> const nothing = [](Frame const&, bool&) { return Outcome(); };
  Join narrowing(context, plan, outer, nothing);
  TDS_DO(narrowing.narrow_first());
  if (!narrowing.first_where().empty()) return {};
  bool counts = true, ends = true;
  for (Expr const* call : plan.aggregates) {
    bool const is_count = call->star;
    bool const is_end = (call->name == "min" || call->name == "max") && call->args.size() == 1 &&
                        call->args[0]->kind == ExprKind::Column && call->args[0]->depth == 0 &&
                        source.monotone(context, static_cast<std::size_t>(call->args[0]->slot));
    counts = counts && is_count;
    ends = ends && is_end;
  }
  if (plan.aggregates.empty()) return {};
  if (counts) {
    auto const known = source.known_count(context);
    if (!known) return {};
    for (auto& count : group.counts) count = static_cast<std::int64_t>(*known);
    done = true;
  } else if (ends) {
    plan.ends_only = true;
  }
  return {};
}

Outcome run_grouped(Context& context, SelectPlan& plan, Frame const* outer,
                    std::function<Outcome(Frame const&, bool&)> const& row) {
  std::vector<Group> groups;
  std::unordered_map<std::string, std::size_t> by_key;
  auto add_group = [&](Frame const* frame) -> Group& {
    Group& group = groups.emplace_back();
    group.sample.resize(std::max<std::size_t>(plan.slots, 1));
    for (std::size_t i = 0; frame != nullptr && i < plan.slots; ++i)
      if (plan.used[i]) group.sample[i] = *frame->slots[i];
    group.results.resize(plan.aggregates.size());
    for (std::size_t i = 0; i < plan.aggregates.size(); ++i) group.results[i] = null_value(plan.aggregates[i]->type.id);
    group.counts.resize(plan.aggregates.size());
    group.seen.resize(plan.aggregates.size());
    return group;
  };
  bool done = false;
  if (plan.core->group_by.empty()) {
    Group& only = add_group(nullptr);
    TDS_DO(answer_from_ends(context, plan, outer, only, done));
  }
  std::function<Outcome(Frame const&, bool&)> const gather = [&](Frame const& frame, bool&) -> Outcome {
    if (plan.core->group_by.empty()) return accumulate(context, plan, frame, groups[0]);
    std::vector<Value> key(plan.core->group_by.size());
    for (std::size_t i = 0; i < key.size(); ++i) TDS_DO(evaluate(context, *plan.core->group_by[i], frame, key[i]));
    auto const [it, is_new] = by_key.try_emplace(group_key(key), groups.size());
    if (is_new) add_group(&frame);
    return accumulate(context, plan, frame, groups[it->second]);
  };
  if (!done) TDS_DO(Join(context, plan, outer, gather).run());
  bool more = true;
  for (std::size_t g = 0; g < groups.size() && more; ++g) {
    Group& group = groups[g];
    TDS_DO(finish(plan, group));
    std::vector<Value const*> slots;
    for (Value const& value : group.sample) slots.push_back(&value);
    Frame frame{slots.data(), outer, &group.results};
    if (plan.core->having != nullptr) {
      Truth truth = Truth::Unknown;
      TDS_DO(evaluate_truth(context, *plan.core->having, frame, truth));
      if (truth != Truth::True) continue;
    }
    TDS_DO(row(frame, more));
  }
  return {};
}

Outcome count_of(Context& context, Expr const* expr, Frame const* outer, std::optional<std::uint64_t>& out) {
  if (expr == nullptr) return {};
  Frame frame;
  if (outer != nullptr) frame = *outer;
  Value value;
  TDS_DO(evaluate(context, *expr, frame, value));
  TDS_DO(convert(value, make_type(TypeId::BigInt), 0, value));
  if (value.null || value.integer < 0)
    return sql_error(1060, 15,
                     "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.");
  out = static_cast<std::uint64_t>(value.integer);
  return {};
}

struct SortedRow {
  std::vector<Value> keys;
  std::vector<Value> row;
};

Outcome sort_rows(std::vector<OrderKey> const& order, std::vector<SortedRow>& rows) {
  Outcome failure;
  std::stable_sort(rows.begin(), rows.end(), [&](SortedRow const& a, SortedRow const& b) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      Value const& x = a.keys[i];
      Value const& y = b.keys[i];
      int sign = 0;
      if (x.null || y.null) {
        sign = x.null == y.null ? 0 : x.null ? -1 : 1;
      } else {
        Outcome outcome = compare(x, y, sign);
        if (!outcome.ok()) failure = std::move(outcome);
      }
      if (sign != 0) return order[i].descending ? sign > 0 : sign < 0;
    }
    return false;
  });
  return failure;
}

// True if the first order key is what the only source is ordered by anyway: no sort then, and TOP stops early.
bool is_ordered_already(Context& context, QueryPlan& plan) {
  if (plan.order.empty()) return true;
  if (plan.selects.size() != 1 || plan.selects[0].grouped || plan.selects[0].core->distinct || plan.order[0].descending)
    return false;
  SelectPlan& select = plan.selects[0];
  Expr const* key = plan.order[0].expr != nullptr ? plan.order[0].expr
                                                  : select.outputs[static_cast<std::size_t>(plan.order[0].output)];
  if (key->kind != ExprKind::Column || key->depth != 0 || select.sources.size() != 1) return false;
  return select.sources[0].source->ordered_by(context, static_cast<std::size_t>(key->slot));
}

Outcome check_cancelled(Context& context) {
  if (context.interrupted != nullptr && *context.interrupted && (*context.interrupted)())
    return sql_error(0, 0, "cancelled");
  return {};
}

}  // namespace

Outcome run_sources(Context& context, SelectPlan& plan, Frame const* outer,
                    std::function<Outcome(Frame const&, bool&)> const& row) {
  return Join(context, plan, outer, row).run();
}

Outcome run_query(Context& context, QueryPlan& plan, Frame const* outer, RowSink const& sink) {
  std::optional<std::uint64_t> offset, fetch;
  TDS_DO(count_of(context, plan.query->offset.get(), outer, offset));
  TDS_DO(count_of(context, plan.query->fetch.get(), outer, fetch));
  bool const sorted = is_ordered_already(context, plan);
  std::vector<SortedRow> rows;
  std::unordered_set<std::string> distinct;
  bool more = true;
  std::uint64_t skipped = 0, sent = 0, seen = 0;
  std::optional<std::uint64_t> top_all;  // TOP of a sorted single query applies after the sort
  auto deliver = [&](Value const* const* row) -> Outcome {
    if (offset && skipped < *offset) return ++skipped, Outcome();
    if (fetch && sent >= *fetch) return more = false, Outcome();
    ++sent;
    return sink(row, more);
  };
  std::vector<Value> scratch(plan.columns.size());
  std::vector<Value const*> out(plan.columns.size());
  for (SelectPlan& select : plan.selects) {
    if (!more) break;
    std::optional<std::uint64_t> top;
    TDS_DO(count_of(context, select.core->top.get(), outer, top));
    if (top && *top == 0) continue;
    bool const top_after_sort = !sorted && top.has_value();
    if (top_after_sort) top_all = top;
    std::uint64_t taken = 0;
    std::function<Outcome(Frame const&, bool&)> const row = [&](Frame const& frame, bool& go_on) -> Outcome {
      if ((++seen & 255) == 0) TDS_DO(check_cancelled(context));
      for (std::size_t i = 0; i < out.size(); ++i) {
        TDS_DO(evaluate_ref(context, *select.outputs[i], frame, scratch[i], out[i]));
        if (plan.selects.size() > 1) {
          TDS_DO(convert(*out[i], plan.columns[i].type, 0, scratch[i]));
          out[i] = &scratch[i];
        }
      }
      if (select.core->distinct || plan.query->union_distinct) {
        std::vector<Value> copy;
        for (Value const* value : out) copy.push_back(*value);
        if (!distinct.insert(group_key(copy)).second) return {};
      }
      if (sorted) {
        TDS_DO(deliver(out.data()));
        if (top && ++taken >= *top) return go_on = false, Outcome();
        go_on = more;
        return {};
      }
      SortedRow kept;
      for (OrderKey const& key : plan.order) {
        Value& value = kept.keys.emplace_back();
        if (key.expr != nullptr)
          TDS_DO(evaluate(context, *key.expr, frame, value));
        else
          value = *out[static_cast<std::size_t>(key.output)];
      }
      for (Value const* value : out) kept.row.push_back(*value);
      rows.push_back(std::move(kept));
      return {};
    };
    if (select.grouped)
      TDS_DO(run_grouped(context, select, outer, row));
    else
      TDS_DO(Join(context, select, outer, row).run());
  }
  if (sorted) return {};
  TDS_DO(sort_rows(plan.order, rows));
  for (std::size_t i = 0; i < rows.size() && more; ++i) {
    if (top_all && i >= *top_all) break;
    for (std::size_t k = 0; k < out.size(); ++k) out[k] = &rows[i].row[k];
    TDS_DO(deliver(out.data()));
  }
  return {};
}

}  // namespace weir::tds
