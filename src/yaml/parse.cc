#include <yaml.h>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "yaml/node.h"

namespace weir::yaml {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// One libyaml event, freed when it goes.
struct Event {
  yaml_event_t raw{};
  bool filled = false;
  Event() = default;
  Event(Event const&) = delete;
  Event& operator=(Event const&) = delete;
  ~Event() { clear(); }
  void clear() {
    if (filled) yaml_event_delete(&raw);
    filled = false;
  }
};

std::string_view view(unsigned char const* text) {
  return text == nullptr ? std::string_view() : std::string_view(reinterpret_cast<char const*>(text));
}

// Turns libyaml's events into nodes. Used once.
class Composer {
 public:
  Composer(std::shared_ptr<Source const> source, Options const& options)
      : source_(std::move(source)), options_(options) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<unsigned char const*>(source_->text.data()),
                                 source_->text.size());
  }
  Composer(Composer const&) = delete;
  Composer& operator=(Composer const&) = delete;
  ~Composer() { yaml_parser_delete(&parser_); }

  Result<NodePtr> document() {
    Event event;
    WEIR_DO(next(event));  // stream start
    WEIR_DO(next(event));
    if (event.raw.type == YAML_STREAM_END_EVENT) {
      Node empty;
      empty.mark = Mark{source_, 1, 1, 1};
      return std::make_shared<Node const>(std::move(empty));
    }
    WEIR_DO(next(event));
    WEIR_TRY(NodePtr root, node(event, 1));
    WEIR_DO(next(event));  // document end
    WEIR_DO(next(event));
    if (event.raw.type != YAML_STREAM_END_EVENT)
      return error_at(mark(event), "a second document begins here, and one is expected")
          .next("remove the \"---\" line and what follows");
    return root;
  }

 private:
  // What a node costs a reader that walks it, aliases written out.
  struct Weight {
    std::size_t values = 1;
    int depth = 1;
  };
  struct Anchor {
    NodePtr node;  // null while it is being read
    Weight weight;
  };

  Status next(Event& event) {
    event.clear();
    if (yaml_parser_parse(&parser_, &event.raw) == 0) return syntax_error();
    event.filled = true;
    return {};
  }

  Mark mark(yaml_mark_t const& start, yaml_mark_t const& end) const {
    std::size_t const width = start.line == end.line && end.column > start.column ? end.column - start.column : 1;
    return Mark{source_, static_cast<int>(start.line) + 1, static_cast<int>(start.column) + 1, static_cast<int>(width)};
  }
  Mark mark(Event const& event) const { return mark(event.raw.start_mark, event.raw.end_mark); }

  Error syntax_error() const {
    Mark place = mark(parser_.problem_mark, parser_.problem_mark);
    std::string problem = parser_.problem == nullptr ? "not YAML" : parser_.problem;
    Error error = error_at(place, fmt::format("cannot read {} as YAML: {}", source_->name, problem));
    if (parser_.context != nullptr) {
      std::string context = parser_.context;
      if (parser_.context_mark.line != parser_.problem_mark.line)
        context += fmt::format(" that begins on line {}", parser_.context_mark.line + 1);
      error.cause(std::move(context));
    }
    if (line_indented_by_tab(place.line)) error.next("indent with spaces: YAML does not allow tabs there");
    return error;
  }

  bool line_indented_by_tab(int line) const {
    auto const lines = split(source_->text, '\n');
    for (int at = line - 1; at >= 0 && at >= line - 2; --at) {
      if (at >= static_cast<int>(lines.size())) continue;
      auto const& text = lines[static_cast<std::size_t>(at)];
      auto const first = text.find_first_not_of(' ');
      if (first != std::string::npos && text[first] == '\t') return true;
    }
    return false;
  }

  Status check_weight(Weight const& weight, Mark const& place) const {
    if (weight.values > options_.max_values)
      return error_at(place, fmt::format("the file holds more than {} values up to here, aliases written out",
                                         format_count(options_.max_values)))
          .next("write the repeated part once, or split the file");
    if (weight.depth > options_.max_depth)
      return error_at(place, fmt::format("values are nested deeper than {} levels", options_.max_depth));
    return {};
  }

  Result<NodePtr> node(Event& event, int depth) {
    if (depth > options_.max_depth)
      return error_at(mark(event), fmt::format("values are nested deeper than {} levels", options_.max_depth));
    switch (event.raw.type) {
      case YAML_ALIAS_EVENT:
        return alias(event);
      case YAML_SCALAR_EVENT:
        return scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        return sequence(event, depth);
      default:
        return mapping(event, depth);
    }
  }

  Result<NodePtr> alias(Event const& event) {
    std::string const name(view(event.raw.data.alias.anchor));
    auto const found = anchors_.find(name);
    if (found == anchors_.end()) {
      std::vector<std::string> known;
      for (auto const& [anchor, unused] : anchors_) known.push_back(anchor);
      return error_at(mark(event), fmt::format("alias \"*{}\" refers to an anchor that does not exist above it", name))
          .next(did_you_mean(name, known));
    }
    if (found->second.node == nullptr)
      return error_at(mark(event), fmt::format("alias \"*{}\" stands inside the value that it refers to", name));
    weight_ = found->second.weight;
    return found->second.node;
  }

  void remember(unsigned char const* anchor, NodePtr const& made) {
    if (anchor != nullptr) anchors_[std::string(view(anchor))] = Anchor{made, weight_};
  }

  Result<NodePtr> scalar(Event const& event) {
    auto const& raw = event.raw.data.scalar;
    Node made;
    made.text.assign(reinterpret_cast<char const*>(raw.value), raw.length);
    made.is_plain = raw.style == YAML_PLAIN_SCALAR_STYLE;
    made.mark = mark(event);
    made.kind = made.is_plain ? resolve_plain(made.text) : Kind::String;
    if (raw.tag != nullptr) {
      WEIR_DO(apply_tag(made, view(raw.tag)));
    }
    weight_ = Weight{};
    auto node = std::make_shared<Node const>(std::move(made));
    remember(raw.anchor, node);
    return NodePtr(node);
  }

  // An explicit tag must agree with the text.
  Status apply_tag(Node& node, std::string_view tag) const {
    if (tag == "!") {
      node.kind = Kind::String;
      return {};
    }
    if (!tag.starts_with(kTagPrefix)) return unknown_tag(node.mark, tag);
    std::string_view const type = tag.substr(kTagPrefix.size());
    Kind const plain = resolve_plain(node.text);
    if (type == "str") {
      node.kind = Kind::String;
    } else if (type == "int" && plain == Kind::Int) {
      node.kind = Kind::Int;
    } else if (type == "float" && (plain == Kind::Float || plain == Kind::Int)) {
      node.kind = plain;
    } else if (type == "bool" && plain == Kind::Bool) {
      node.kind = Kind::Bool;
    } else if (type == "null" && plain == Kind::Null) {
      node.kind = Kind::Null;
    } else if (type == "timestamp" && plain == Kind::Timestamp) {
      node.kind = Kind::Timestamp;
    } else if (type == "int" || type == "float" || type == "bool" || type == "null" || type == "timestamp") {
      return error_at(node.mark, fmt::format("the value is tagged !!{} and is not one", type));
    } else {
      return unknown_tag(node.mark, tag);
    }
    return {};
  }

  static Error unknown_tag(Mark const& place, std::string_view tag) {
    std::string const shown =
        tag.starts_with(kTagPrefix) ? "!!" + std::string(tag.substr(kTagPrefix.size())) : std::string(tag);
    return error_at(place, fmt::format("tag \"{}\" is not supported", shown)).next("remove the tag");
  }
  static Status check_collection_tag(unsigned char const* tag, std::string_view expected, Mark const& place) {
    if (tag == nullptr || view(tag) == "!" || view(tag) == std::string(kTagPrefix) + std::string(expected)) return {};
    return unknown_tag(place, view(tag));
  }

  // Names the anchor before its value is read, so that an alias inside the value is recognized.
  std::string open_anchor(unsigned char const* anchor) {
    std::string name(view(anchor));
    if (!name.empty()) anchors_[name] = Anchor{};
    return name;
  }
  void close_anchor(std::string const& name, NodePtr const& made, Weight const& weight) {
    weight_ = weight;
    if (!name.empty()) anchors_[name] = Anchor{made, weight};
  }
  static void add(Weight& total, Weight const& part) {
    total.values += part.values;
    total.depth = std::max(total.depth, part.depth + 1);
  }

  Result<NodePtr> sequence(Event& event, int depth) {
    Node made;
    made.kind = Kind::Sequence;
    made.mark = mark(event);
    WEIR_DO(check_collection_tag(event.raw.data.sequence_start.tag, "seq", made.mark));
    std::string const anchor = open_anchor(event.raw.data.sequence_start.anchor);
    Weight weight;
    for (;;) {
      WEIR_DO(next(event));
      if (event.raw.type == YAML_SEQUENCE_END_EVENT) break;
      Mark const place = mark(event);
      WEIR_TRY(NodePtr item, node(event, depth + 1));
      add(weight, weight_);
      WEIR_DO(check_weight(weight, place));
      made.items.push_back(std::move(item));
    }
    NodePtr node = std::make_shared<Node const>(std::move(made));
    close_anchor(anchor, node, weight);
    return node;
  }

  Result<NodePtr> mapping(Event& event, int depth) {
    Node made;
    made.kind = Kind::Mapping;
    made.mark = mark(event);
    WEIR_DO(check_collection_tag(event.raw.data.mapping_start.tag, "map", made.mark));
    std::string const anchor = open_anchor(event.raw.data.mapping_start.anchor);
    Weight weight;
    std::vector<NodePtr> merges;
    std::map<std::pair<Kind, std::string>, std::size_t> seen;
    for (;;) {
      WEIR_DO(next(event));
      if (event.raw.type == YAML_MAPPING_END_EVENT) break;
      Mark const place = mark(event);
      WEIR_TRY(NodePtr key, node(event, depth + 1));
      if (!key->is_scalar()) return error_at(place, "a key must be a single value, not a list or a mapping");
      WEIR_DO(next(event));
      WEIR_TRY(NodePtr value, node(event, depth + 1));
      add(weight, weight_);
      ++weight.values;
      WEIR_DO(check_weight(weight, place));
      if (key->is_plain && key->text == "<<") {
        WEIR_DO(collect_merges(value, merges));
        continue;
      }
      auto const [at, is_new] = seen.emplace(std::pair(key->kind, key->text), made.entries.size());
      if (is_new) {
        made.entries.push_back(Entry{std::move(key), std::move(value)});
      } else if (options_.allow_duplicate_keys) {
        made.entries[at->second].value = std::move(value);
      } else {
        return error_at(place, fmt::format("key \"{}\" stands here a second time: the first is on line {}", key->text,
                                           made.entries[at->second].key->mark.line))
            .next("remove one of the two");
      }
    }
    for (auto const& merge : merges) {
      for (auto const& entry : merge->entries) {
        if (seen.emplace(std::pair(entry.key->kind, entry.key->text), 0).second)
          made.entries.push_back(Entry{entry.key, entry.value, true});
      }
    }
    NodePtr node = std::make_shared<Node const>(std::move(made));
    close_anchor(anchor, node, weight);
    return node;
  }

  static Status collect_merges(NodePtr const& value, std::vector<NodePtr>& merges) {
    if (value->kind == Kind::Mapping) {
      merges.push_back(value);
      return {};
    }
    if (value->kind != Kind::Sequence)
      return error_at(value->mark, fmt::format("a merge key (<<) takes a mapping or a list of mappings, not {}",
                                               kind_name(value->kind)));
    for (auto const& item : value->items) {
      if (item->kind != Kind::Mapping)
        return error_at(item->mark, fmt::format("a merge key (<<) takes mappings, not {}", kind_name(item->kind)));
      merges.push_back(item);
    }
    return {};
  }

  std::shared_ptr<Source const> source_;
  Options const& options_;
  yaml_parser_t parser_{};
  std::map<std::string, Anchor> anchors_;
  Weight weight_;  // of the node made last
};

// The first byte that is not UTF-8, as a place.
Mark first_wrong_byte(std::shared_ptr<Source const> const& source) {
  std::string_view const text = source->text;
  int line = 1;
  for (std::size_t begin = 0; begin <= text.size();) {
    auto const end = std::min(text.find('\n', begin), text.size());
    if (!is_utf8(text.substr(begin, end - begin))) return Mark{source, line, 1, 1};
    begin = end + 1;
    ++line;
  }
  return Mark{source, 1, 1, 1};
}

std::size_t character_bytes(std::string_view text, std::size_t at) {
  std::size_t n = 1;
  while (at + n < text.size() && (static_cast<unsigned char>(text[at + n]) & 0xC0) == 0x80) ++n;
  return n;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::Null:
      return "nothing";
    case Kind::Bool:
      return "true or false";
    case Kind::Int:
      return "a whole number";
    case Kind::Float:
      return "a number";
    case Kind::Timestamp:
      return "a date or time";
    case Kind::String:
      return "text";
    case Kind::Sequence:
      return "a list";
    case Kind::Mapping:
      return "a mapping";
  }
  return "nothing";
}

std::string Mark::text() const {
  return fmt::format("{}:{}:{}", source == nullptr ? "" : source->name, line, column);
}

std::string Mark::excerpt() const {
  if (source == nullptr || line < 1 || !is_utf8(source->text)) return {};
  auto const lines = split(source->text, '\n');
  if (static_cast<std::size_t>(line) > lines.size()) return {};
  std::string_view shown = lines[static_cast<std::size_t>(line - 1)];
  if (shown.ends_with('\r')) shown.remove_suffix(1);
  if (trim(shown).empty()) return {};
  // Tabs keep their width under the caret, and control characters do not reach a terminal.
  std::string text, pad;
  int at_column = 1;
  for (std::size_t at = 0; at < shown.size(); ++at_column) {
    auto const bytes = character_bytes(shown, at);
    bool const control = static_cast<unsigned char>(shown[at]) < 0x20 && shown[at] != '\t';
    text += control ? std::string_view("?") : shown.substr(at, bytes);
    if (at_column < column) pad += shown[at] == '\t' ? '\t' : ' ';
    at += bytes;
  }
  std::string const number = std::to_string(line);
  auto const carets = static_cast<std::size_t>(std::clamp(width, 1, std::max(1, at_column - column)));
  return fmt::format("{} | {}\n{} | {}{}", number, text, std::string(number.size(), ' '), pad,
                     std::string(carets, '^'));
}

Error error_at(Mark const& mark, std::string message) {
  return Error(ErrorKind::Config, std::move(message)).where(mark.text()).excerpt(mark.excerpt());
}

Node const* Node::find(std::string_view key) const {
  for (auto const& entry : entries)
    if (entry.key->text == key) return entry.value.get();
  return nullptr;
}

Result<NodePtr> parse(std::string name, std::string text, Options const& options) {
  if (text.size() > options.max_bytes)
    return Error(ErrorKind::Config, fmt::format("cannot read {}: it is {} and the limit is {}", name,
                                                format_bytes(text.size()), format_bytes(options.max_bytes)))
        .where(name);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  auto source = std::make_shared<Source const>(Source{std::move(name), std::move(text)});
  if (!is_utf8(source->text)) {
    Mark const place = first_wrong_byte(source);
    return Error(ErrorKind::Config, fmt::format("cannot read {}: line {} is not UTF-8", source->name, place.line))
        .where(place.text())
        .next("save the file as UTF-8");
  }
  auto root = Composer(source, options).document();
  if (!root.ok() && !options.quote_lines) root.error().excerpt({});
  return root;
}

}  // namespace weir::yaml
