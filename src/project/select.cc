#include "project/select.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "project/select_spec.h"

namespace weir::project {
namespace {

using Marks = std::vector<char>;

bool is_test(Node const& node) {
  return node.kind == NodeKind::Test || node.kind == NodeKind::UnitTest;
}

Marks joined(Marks a, Marks const& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = a[i] != 0 || b[i] != 0 ? 1 : 0;
  return a;
}

bool contains_all(Marks const& marks, std::span<NodeIndex const> nodes) {
  return std::all_of(nodes.begin(), nodes.end(), [&](NodeIndex i) { return marks[i] != 0; });
}

// What was chosen, and tests that hang on it but were not.
struct Chosen {
  Marks direct, indirect;
};

class Selector {
 public:
  Selector(Manifest const& manifest, PreviousState const* state, std::vector<NamedSelector> const& selectors)
      : manifest_(manifest), graph_(manifest.graph()), state_(state), selectors_(selectors) {}

  std::vector<std::string> empty_criteria;

  Result<Chosen> choose(SelectionSpec const& spec) {
    if (spec.kind == SelectionSpec::Kind::One) return criterion(spec);
    Chosen all;
    bool is_first = true;
    for (auto const& part : spec.parts) {
      WEIR_TRY(Chosen one, choose(part));
      Marks const reached = joined(one.direct, one.indirect);
      if (is_first) {
        all = {std::move(one.direct), reached};
      } else {
        combine(spec.kind, all.direct, one.direct);
        combine(spec.kind, all.indirect, reached);
      }
      is_first = false;
    }
    if (is_first) all = {none(), none()};
    all.direct = incorporated(std::move(all.direct), all.indirect, spec.indirect);
    if (spec.must_match && std::none_of(all.direct.begin(), all.direct.end(), [](char mark) { return mark != 0; }))
      empty_criteria.push_back(spec.raw);
    return all;
  }

 private:
  Marks none() const { return Marks(graph_.size(), 0); }

  static void combine(SelectionSpec::Kind kind, Marks& into, Marks const& with) {
    for (std::size_t i = 0; i < into.size(); ++i) {
      bool const a = into[i] != 0, b = with[i] != 0;
      into[i] = (kind == SelectionSpec::Kind::Union          ? a || b
                 : kind == SelectionSpec::Kind::Intersection ? a && b
                                                             : a && !b)
                    ? 1
                    : 0;
    }
  }

  Result<Chosen> criterion(SelectionSpec const& spec) {
    auto const& said = spec.criterion;
    if (said.method == "selector") return named(said);
    WEIR_TRY(Marks const found, find_nodes(manifest_, said, state_));
    return expanded(with_relatives(said, found), spec.indirect);
  }

  Result<Chosen> named(Criterion const& said) {
    for (auto const& selector : selectors_) {
      if (selector.name != said.value) continue;
      WEIR_TRY(Chosen chosen, choose(selector.spec));
      chosen.direct = with_relatives(said, chosen.direct);
      return chosen;
    }
    return no_selector(said.value);
  }

 public:
  Error no_selector(std::string const& name) const {
    std::vector<std::string> names;
    for (auto const& selector : selectors_) names.push_back(selector.name);
    std::string next = did_you_mean(name, names);
    if (next.empty())
      next = names.empty() ? "define it in selectors.yml" : fmt::format("selectors.yml has: {}", join(names, ", "));
    return Error(ErrorKind::Usage, fmt::format("selector \"{}\" does not exist", name))
        .object(name)
        .next(std::move(next));
  }

 private:
  Marks with_relatives(Criterion const& said, Marks const& found) const {
    Marks all = found;
    if (said.childrens_parents) {
      Marks marks = found;
      graph_.add_descendants(marks);
      graph_.add_ancestors(marks);
      all = joined(std::move(all), marks);
    }
    if (said.parents) {
      Marks marks = found;
      graph_.add_ancestors(marks, said.parents_depth);
      all = joined(std::move(all), marks);
    }
    if (said.children) {
      Marks marks = found;
      graph_.add_descendants(marks, said.children_depth);
      all = joined(std::move(all), marks);
    }
    return all;
  }

  // The tests of what was chosen.
  Chosen expanded(Marks const& selected, IndirectSelection how) const {
    Chosen made{selected, none()};
    if (how == IndirectSelection::Empty) return made;
    Marks const buildable = how == IndirectSelection::Buildable ? with_parents_and_sources(selected) : Marks();
    for (NodeIndex i = 0; i < selected.size(); ++i) {
      if (selected[i] == 0) continue;
      for (NodeIndex const child : graph_.children(i)) {
        if (!is_test(manifest_.nodes()[child])) continue;
        auto const parents = graph_.parents(child);
        bool const comes_along = how == IndirectSelection::Eager || contains_all(selected, parents) ||
                                 (how == IndirectSelection::Buildable && contains_all(buildable, parents));
        (comes_along ? made.direct : made.indirect)[child] = 1;
      }
    }
    return made;
  }

  Marks with_parents_and_sources(Marks const& selected) const {
    Marks marks = selected;
    graph_.add_ancestors(marks);
    for (NodeIndex i = 0; i < marks.size(); ++i)
      if (manifest_.nodes()[i].kind == NodeKind::Source) marks[i] = 1;
    return marks;
  }

  // Tests all of whose parents were chosen by one part or another.
  Marks incorporated(Marks direct, Marks const& indirect, IndirectSelection how) const {
    if (how != IndirectSelection::Cautious && how != IndirectSelection::Buildable) return direct;
    Marks reach = direct;
    if (how == IndirectSelection::Buildable) graph_.add_ancestors(reach);
    Marks made = direct;
    for (NodeIndex i = 0; i < made.size(); ++i)
      if (indirect[i] != 0 && made[i] == 0 && manifest_.nodes()[i].kind == NodeKind::Test &&
          contains_all(reach, graph_.parents(i)))
        made[i] = 1;
    return made;
  }

  Manifest const& manifest_;
  Graph const& graph_;
  PreviousState const* state_;
  std::vector<NamedSelector> const& selectors_;
};

bool is_blank(Node const& node) {
  return node.kind == NodeKind::Model && trim(node.raw_code).empty();
}

}  // namespace

Result<SelectedNodes> select(Manifest const& manifest, SelectionOptions const& options) {
  IndirectSelection const indirect = options.indirect.value_or(IndirectSelection::Eager);
  WEIR_TRY(auto const selectors, parse_selectors(manifest.selector_definitions(), indirect));
  Selector selector(manifest, options.state, selectors);
  SelectionSpec spec;
  auto const fallback =
      std::find_if(selectors.begin(), selectors.end(), [](NamedSelector const& one) { return one.is_default; });
  if (options.selector) {
    auto const found = std::find_if(selectors.begin(), selectors.end(),
                                    [&](NamedSelector const& one) { return one.name == *options.selector; });
    if (found == selectors.end()) return selector.no_selector(*options.selector);
    spec = found->spec;
  } else if (options.select.empty() && options.exclude.empty() && fallback != selectors.end()) {
    spec = fallback->spec;
  } else {
    static std::vector<std::string> const everything{"fqn:*", "source:*", "exposure:*", "metric:*", "semantic_model:*"};
    spec.kind = SelectionSpec::Kind::Difference;
    WEIR_TRY(auto included,
             parse_union(options.select.empty() ? everything : options.select, indirect, !options.select.empty()));
    WEIR_TRY(auto excluded, parse_union(options.exclude, indirect, !options.exclude.empty()));
    spec.parts.push_back(std::move(included));
    spec.parts.push_back(std::move(excluded));
  }
  WEIR_TRY(auto const chosen, selector.choose(spec));
  SelectedNodes made;
  made.empty_criteria = std::move(selector.empty_criteria);
  for (NodeIndex i = 0; i < chosen.direct.size(); ++i) {
    auto const& node = manifest.nodes()[i];
    if (chosen.direct[i] == 0 || !node.enabled() || (!options.include_empty && is_blank(node))) continue;
    if (options.kinds.empty() ||
        std::find(options.kinds.begin(), options.kinds.end(), node.kind) != options.kinds.end())
      made.nodes.push_back(i);
  }
  std::sort(made.nodes.begin(), made.nodes.end(),
            [&](NodeIndex a, NodeIndex b) { return manifest.nodes()[a].unique_id < manifest.nodes()[b].unique_id; });
  return made;
}

}  // namespace weir::project
