#include "jinja/environment.h"

#include <algorithm>

#include <fmt/format.h>

#include "jinja/attributes.h"
#include "jinja/builtins.h"
#include "jinja/iterate.h"
#include "jinja/parser.h"
#include "jinja/render.h"
#include "jinja/unicode.h"

namespace weir::jinja {

// -------------------------------------------------------------------------------------------------------- environment

struct Environment::Tables {
  EnvironmentOptions options;
  std::map<std::string, Filter, std::less<>> filters;
  std::map<std::string, Test, std::less<>> tests;
  std::map<std::string, Value, std::less<>> globals;
};

namespace {

template <typename T>
T const* find_in(std::map<std::string, T, std::less<>> const& table, std::string_view name) {
  auto const found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace

Environment::Environment(EnvironmentOptions options) {
  auto tables = std::make_unique<Tables>();
  tables->filters = options.filters;
  tables->filters.merge(builtin_filters());
  tables->tests = options.tests;
  tables->tests.merge(builtin_tests());
  tables->globals = options.globals;
  tables->globals.merge(builtin_globals());
  tables->options = std::move(options);
  tables_ = std::move(tables);
}
Environment::~Environment() = default;

std::shared_ptr<Environment const> Environment::create(EnvironmentOptions options) {
  return std::shared_ptr<Environment const>(new Environment(std::move(options)));
}

EnvironmentOptions const& Environment::options() const {
  return tables_->options;
}
Filter const* Environment::filter(std::string_view name) const {
  return find_in(tables_->filters, name);
}
Test const* Environment::test(std::string_view name) const {
  return find_in(tables_->tests, name);
}
Value const* Environment::global(std::string_view name) const {
  return find_in(tables_->globals, name);
}

namespace {

// Line ends as \n.
std::string normalized(std::string source) {
  if (source.find('\r') == std::string::npos) return source;
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  return out;
}

}  // namespace

Outcome<std::shared_ptr<Template const>> Environment::parse(std::string name, std::string source,
                                                            std::size_t lines_above) const {
  source = normalized(std::move(source));
  if (!options().keep_trailing_newline && source.ends_with('\n')) source.pop_back();
  source.insert(0, lines_above, '\n');
  auto const whole = std::make_shared<std::string const>(std::move(source));
  return parse_part(std::move(name), whole, lines_above, whole->size());
}

Outcome<std::shared_ptr<Template const>> Environment::parse_part(std::string name,
                                                                 std::shared_ptr<std::string const> source,
                                                                 std::size_t begin, std::size_t end) const {
  if (source->size() > UINT32_MAX / 2) return Failure(FailureType::Limit, "the template is larger than 2 GiB");
  std::shared_ptr<Template> made(new Template());
  made->environment_ = shared_from_this();
  made->program_ = std::make_unique<Program>();
  made->program_->name = std::move(name);
  made->program_->source = std::move(source);
  made->program_->part_begin = begin;
  made->program_->part_end = end;
  JINJA_DO(parse_program(*made->program_, *this));
  return std::shared_ptr<Template const>(std::move(made));
}

// ----------------------------------------------------------------------------------------------------------- template

Template::~Template() = default;
std::string const& Template::name() const {
  return program_->name;
}
std::string const& Template::source() const {
  return *program_->source;
}
Environment const& Template::environment() const {
  return *environment_;
}
std::vector<Definition> const& Template::definitions() const {
  return program_->definitions;
}
Place Template::place(std::size_t begin, std::size_t end) const {
  return place_in(*program_, begin, end);
}

Definition const* Template::find(std::string_view tag, std::string_view name) const {
  for (auto const& definition : program_->definitions)
    if (definition.tag == tag && definition.name == name) return &definition;
  return nullptr;
}

Outcome<std::string> Template::render(Context& context, RenderOptions const& options) const {
  return Renderer(*environment_, options).render(*this, context);
}
Outcome<Value> Template::render_native(Context& context, RenderOptions const& options) const {
  return Renderer(*environment_, options).render_native(*this, context);
}
Outcome<Value> Template::call(Definition const& definition, Context& context, Arguments const& arguments,
                              RenderOptions const& options) const {
  return Renderer(*environment_, options).call(*this, definition, context, arguments);
}

Place place_in(Program const& program, std::size_t begin, std::size_t end) {
  std::string_view const text = *program.source;
  begin = std::min(begin, text.size());
  end = std::min(std::max(end, begin), text.size());
  Place place;
  place.template_name = program.name;
  auto const locate = [&](std::size_t at, int& line, int& column) {
    std::size_t const line_at = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    line = static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(line_at), '\n')) + 1;
    column = static_cast<int>(count_characters(text.substr(line_at, at - line_at))) + 1;
    return line_at;
  };
  std::size_t const line_at = locate(begin, place.line, place.column);
  locate(end, place.end_line, place.end_column);
  std::string_view line = text.substr(line_at);
  line = line.substr(0, line.find('\n'));
  std::string const head = fmt::format("{:4} | ", place.line);
  std::size_t const shown_end = std::min(end, line_at + line.size());
  std::size_t const width =
      std::max<std::size_t>(1, shown_end > begin ? count_characters(text.substr(begin, shown_end - begin)) : 1);
  constexpr std::size_t kLongLine = 300;
  if (line.size() > kLongLine) return place;
  place.excerpt = fmt::format("{}{}\n{:>7}{}{}", head, line, "| ",
                              std::string(static_cast<std::size_t>(place.column) - 1, ' '), std::string(width, '^'));
  return place;
}

void* Arena::allocate(std::size_t size, std::size_t alignment) {
  constexpr std::size_t kBlock = 16U << 10;
  used_ = (used_ + alignment - 1) / alignment * alignment;
  if (blocks_.empty() || used_ + size > capacity_) {
    capacity_ = std::max(size, kBlock);
    blocks_.emplace_back(new std::byte[capacity_]);
    used_ = 0;
  }
  void* memory = blocks_.back().get() + used_;
  used_ += size;
  return memory;
}

// ------------------------------------------------------------------------------------------------------------ context

DictContext::DictContext(std::vector<std::pair<std::string, Value>> names) : names_(make<Dict>()) {
  for (auto& [name, value] : names) names_->set(name, std::move(value));
}

Value DictContext::find(std::string_view name) {
  Value const* found = names_->find(name);
  return found != nullptr ? *found : Value::missing();
}

// -------------------------------------------------------------------------------------------------------------- state

Environment const& State::environment() const {
  return renderer_.environment();
}
Template const& State::current_template() const {
  return *renderer_.instance().tmpl;
}
Context& State::context() const {
  static DictContext none{std::vector<std::pair<std::string, Value>>()};
  return renderer_.instance().context != nullptr ? *renderer_.instance().context : none;
}
Value State::find(std::string_view name) const {
  return renderer_.find(name);
}

Outcome<Value> State::call(Value const& callee, Arguments const& arguments) {
  return call_value(*this, callee, arguments);
}
Outcome<Value> State::call_method(Value const& object, std::string_view name, Arguments const& arguments) {
  return jinja::call_method(*this, object, Value(name), arguments);
}
Outcome<Value> State::call(Template const& of, Definition const& definition, Context& context,
                           Arguments const& arguments) {
  return renderer_.call(of, definition, context, arguments);
}
Outcome<std::string> State::render(Template const& tmpl, Context& context) {
  return renderer_.render(tmpl, context);
}
Outcome<Value> State::render_native(Template const& tmpl, Context& context) {
  return renderer_.render_native(tmpl, context);
}

Outcome<Value> State::attribute(Value const& object, std::string_view name) {
  return get_attribute(*this, object, Value(name));
}
Outcome<Value> State::item(Value const& object, Value const& key) {
  return get_item(*this, object, key);
}
Outcome<std::string> State::text(Value const& value) {
  if (value.kind() == Kind::Undefined && undefined_info(value).policy == UndefinedPolicy::Strict)
    return undefined_info(value).failure();
  return to_text(value);
}
Outcome<std::vector<Value>> State::items(Value const& value) {
  return items_of(*this, value);
}

Value State::undefined(std::string_view name) const {
  auto info = make<UndefinedInfo>();
  info->name = Value(name);
  info->policy = renderer_.options().undefined;
  return Value(Kind::Undefined, info);
}
Value State::undefined_with_hint(std::string hint) const {
  auto info = make<UndefinedInfo>();
  info->hint = std::move(hint);
  info->policy = renderer_.options().undefined;
  return Value(Kind::Undefined, info);
}

Place State::place() const {
  return renderer_.place();
}
std::vector<MacroCall> State::calls() const {
  return renderer_.calls();
}
Outcome<Done> State::spend(std::uint64_t steps) {
  return renderer_.spend(steps);
}

}  // namespace weir::jinja
