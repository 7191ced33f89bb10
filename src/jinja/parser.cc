#include "jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "jinja/kinds.h"
#include "jinja/numbers.h"
#include "jinja/unicode.h"

namespace weir::jinja {

Failure failure_at(Program const& program, FailureType type, std::string message, std::size_t begin, std::size_t end) {
  Failure failure(type, std::move(message));
  failure.set_place(place_in(program, begin, end));
  return failure;
}

namespace {

using EndTags = std::vector<std::string_view>;

// A special variable that is read or written somewhere, in the order of the source: what makes a macro take `caller`,
// and a loop keep count.
struct Mention {
  std::string_view name;
  bool is_load;
};

std::string quoted_text(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

class Parser {
 public:
  Parser(Program& program, Environment const& environment)
      : program_(program),
        environment_(environment),
        lexer_(*program.source, program.part_begin, program.part_end, environment.options()) {
    program.loop_name = intern("loop");
    program.caller_name = intern("caller");
    program.varargs_name = intern("varargs");
    program.kwargs_name = intern("kwargs");
    current_ = lexer_.next();
  }

  // Every parse function returns null (or false) after a failure, which is kept here.
  Outcome<Done> run() {
    auto const body = statements_until({});
    if (failure_) return std::move(*failure_);
    program_.body = body;
    return Done{};
  }

 private:
  // -------------------------------------------------------------------------------------------------------- tokens

  void advance() {
    last_end_ = current_.end;
    if (ahead_) {
      current_ = *ahead_;
      ahead_.reset();
    } else {
      current_ = lexer_.next();
    }
    if (lexer_.failure() && !failure_ && current_.kind == TokenKind::End && !ahead_) fail_from_lexer();
  }
  void fail_from_lexer() {
    auto const& failure = *lexer_.failure();
    failure_ = failure_at(program_, failure.type, failure.message, failure.at, failure.at + 1);
  }
  Token const& look() {
    if (!ahead_) ahead_ = lexer_.next();
    return *ahead_;
  }
  bool is(TokenKind kind) const { return current_.kind == kind; }
  bool is_name(std::string_view name) const { return is(TokenKind::Name) && current_.text == name; }
  bool skip_if(TokenKind kind) { return is(kind) ? (advance(), true) : false; }
  bool skip_if_name(std::string_view name) { return is_name(name) ? (advance(), true) : false; }
  std::string current_text() const { return describe_token(current_); }
  static std::string describe_token(Token const& token) {
    return std::string(token.kind == TokenKind::Name ? token.text : describe(token.kind));
  }

  std::nullptr_t fail(std::string message, Token const& at, FailureType type = FailureType::TemplateSyntaxError) {
    if (lexer_.failure() && !failure_) fail_from_lexer();
    if (!failure_) failure_ = failure_at(program_, type, std::move(message), at.begin, std::max(at.end, at.begin + 1));
    return nullptr;
  }
  std::nullptr_t fail(std::string message) { return fail(std::move(message), current_); }

  bool expect(TokenKind kind) { return expect_described(is(kind), describe(kind)); }
  bool expect_name(std::string_view name) { return expect_described(is_name(name), name); }
  bool expect_described(bool there, std::string_view what) {
    if (failure_) return false;
    if (there) return advance(), true;
    if (is(TokenKind::End))
      fail(fmt::format("unexpected end of template, expected {}.", quoted_text(what)));
    else
      fail(fmt::format("expected token {}, got {}", quoted_text(what), quoted_text(current_text())));
    return false;
  }

  // -------------------------------------------------------------------------------------------------------- values

  Value const* constant(Value value) {
    program_.constants.push_back(std::move(value));
    return &program_.constants.back();
  }
  // One object for each name, so that names compare by address.
  Value const* intern(std::string_view name) {
    auto const found = names_.find(name);
    if (found != names_.end()) return found->second;
    Value const* value = constant(Value(name));
    names_.emplace(value->string(), value);
    return value;
  }
  template <typename T>
  T* make(std::size_t begin) {
    T* node = program_.arena.make<T>();
    node->begin = static_cast<std::uint32_t>(begin);
    node->end = static_cast<std::uint32_t>(last_end_);
    return node;
  }
  template <typename T>
  T* finish(T* node) {
    node->end = static_cast<std::uint32_t>(last_end_);
    return node;
  }
  Nodes keep(std::vector<Node*> const& nodes) { return program_.arena.copy(nodes); }
  void mention(std::string_view name, bool is_load) {
    if (name == "loop" || name == "caller" || name == "varargs" || name == "kwargs")
      mentions_.push_back({name, is_load});
  }
  // `name` is read in what was parsed since `from`, before anything there writes it.
  bool is_read(std::string_view name, std::size_t from) const {
    for (std::size_t i = from; i < mentions_.size(); ++i)
      if (mentions_[i].name == name) return mentions_[i].is_load;
    return false;
  }

  bool is_too_deep() {
    StackGuard const guard;
    if (!guard.is_low()) return false;
    fail("maximum recursion depth exceeded during compilation", current_, FailureType::RecursionError);
    return true;
  }

  // ---------------------------------------------------------------------------------------------------- statements

  // Up to one of the tags, which is the current token then, or to the end of the template where there are none.
  Nodes statements_until(EndTags const& ends) {
    std::vector<Node*> body;
    std::vector<Node*> items;
    auto const flush = [&] {
      if (items.empty()) return;
      Output* output = make<Output>(items.front()->begin);
      output->items = keep(items);
      output->end = items.back()->end;
      body.push_back(output);
      items.clear();
    };
    if (!ends.empty()) end_tags_.push_back(ends);
    while (!failure_ && !is(TokenKind::End)) {
      if (is(TokenKind::Text)) {
        items.push_back(text_node());
      } else if (is(TokenKind::OutputBegin)) {
        advance();
        Node* node = tuple({});
        if (node == nullptr || !expect(TokenKind::OutputEnd)) break;
        items.push_back(node);
      } else {
        flush();
        advance();
        if (is_end_tag(ends)) break;
        Node* node = statement();
        if (failure_) break;
        if (node != nullptr) body.push_back(node);
        if (!expect(TokenKind::BlockEnd)) break;
      }
    }
    flush();
    if (lexer_.failure() && !failure_) fail_from_lexer();
    if (!failure_ && !ends.empty() && is(TokenKind::End)) fail_at_unknown_tag({});
    if (!ends.empty()) end_tags_.pop_back();
    return failure_ ? Nodes() : keep(body);
  }

  bool is_end_tag(EndTags const& ends) const {
    if (!is(TokenKind::Name)) return false;
    return std::find(ends.begin(), ends.end(), current_.text) != ends.end();
  }

  // The body of a block tag, whose head is read; the end tag is the current token, or behind it with `drop`.
  enum class EndTag { Keep, Drop };
  Nodes block_body(EndTags const& ends, EndTag end_tag = EndTag::Drop) {
    skip_if(TokenKind::Colon);
    if (!expect(TokenKind::BlockEnd)) return {};
    Nodes const body = statements_until(ends);
    if (!failure_ && end_tag == EndTag::Drop) advance();
    return body;
  }

  // ... of a tag that opens a scope. What is in it stands under no condition of the scope around it.
  Nodes scope_body(EndTags const& ends, EndTag end_tag = EndTag::Drop) {
    std::size_t const outer = std::exchange(conditional_, 0);
    Nodes const body = block_body(ends, end_tag);
    conditional_ = outer;
    return body;
  }

  Node* text_node() {
    TextNode* node = make<TextNode>(current_.begin);
    node->text = current_.text;
    node->end = current_.end;
    advance();
    return node;
  }

  std::nullptr_t fail_at_unknown_tag(std::string_view name) {
    std::string looking;
    if (!end_tags_.empty())
      for (auto const tag : end_tags_.back()) looking += (looking.empty() ? "" : " or ") + quoted_text(tag);
    bool is_expected = false;
    for (auto const& tags : end_tags_) is_expected |= std::find(tags.begin(), tags.end(), name) != tags.end();
    std::string message =
        name.empty() ? "Unexpected end of template." : fmt::format("Encountered unknown tag {}.", quoted_text(name));
    if (!looking.empty() && !name.empty() && is_expected)
      message += " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for " +
                 looking + ".";
    else if (!looking.empty())
      message += " Jinja was looking for the following tags: " + looking + ".";
    if (!tags_.empty())
      message += fmt::format(" The innermost block that needs to be closed is {}.", quoted_text(tags_.back()));
    return fail(std::move(message));
  }

  Node* statement() {
    if (!is(TokenKind::Name)) return fail("tag name expected");
    if (is_too_deep()) return nullptr;
    std::string_view const tag = current_.text;
    using Parse = Node* (Parser::*)();
    static std::unordered_map<std::string_view, Parse> const kTags = {
        {"for", &Parser::for_loop},     {"if", &Parser::if_block},
        {"set", &Parser::set},          {"macro", &Parser::macro},
        {"call", &Parser::call_block},  {"filter", &Parser::filter_block},
        {"with", &Parser::with},        {"do", &Parser::do_expression},
        {"break", &Parser::break_loop}, {"continue", &Parser::continue_loop},
        {"print", &Parser::print},      {"autoescape", &Parser::autoescape},
    };
    auto const found = kTags.find(tag);
    BlockTag const* own = nullptr;
    for (auto const& block : environment_.options().block_tags)
      if (block.name == tag) own = &block;
    for (auto const other : {"extends", "block", "include", "import", "from"})
      if (tag == other && own == nullptr)
        return fail(fmt::format("the tag {} is not supported: a template stands alone here", quoted_text(tag)));
    if (found == kTags.end() && own == nullptr) return fail_at_unknown_tag(tag);
    tags_.push_back(tag);
    Node* node = own != nullptr ? named_block(*own) : (this->*found->second)();
    tags_.pop_back();
    return node;
  }

  Node* for_loop() {
    For* node = make<For>(current_.begin);
    advance();
    std::size_t const target_at = current_.begin;
    node->target = assignment_target({"in"}, Namespaces::No);
    if (node->target == nullptr) return nullptr;
    if (assigns_loop(*node->target))
      return fail(
          "Can't assign to special loop variable in for-loop target",
          Token{TokenKind::Name, static_cast<std::uint32_t>(target_at), static_cast<std::uint32_t>(last_end_), {}},
          FailureType::TemplateAssertionError);
    if (!expect_name("in")) return nullptr;
    node->iterable = tuple({.with_conditional = false, .end = "recursive"});
    if (failure_) return nullptr;
    if (skip_if_name("if")) {
      node->test = expression();
      if (failure_) return nullptr;
      node->test_target = copy_target(*node->target);
    }
    bool const is_recursive = skip_if_name("recursive");
    std::size_t const mentioned = mentions_.size();
    ++loops_;
    node->body = scope_body({"endfor", "else"}, EndTag::Keep);
    --loops_;
    if (failure_) return nullptr;
    node->uses_loop = is_recursive || is_read("loop", mentioned);
    if (is_recursive) node->recursive = program_.arena.make<FunctionCode>();
    bool const has_else = is_name("else");
    advance();
    if (has_else) node->otherwise = scope_body({"endfor"});
    return finish(node);
  }

  static bool assigns_loop(Node const& target) {
    if (target.kind == NodeKind::Name) return as<Name>(target).name->string() == "loop";
    if (target.kind != NodeKind::Tuple) return false;
    for (Node const* item : as<TupleNode>(target).items)
      if (assigns_loop(*item)) return true;
    return false;
  }

  Node* copy_target(Node const& target) {
    if (target.kind == NodeKind::Name) {
      Name* copy = make<Name>(target.begin);
      copy->name = as<Name>(target).name;
      return copy;
    }
    TupleNode* copy = make<TupleNode>(target.begin);
    std::vector<Node*> items;
    for (Node const* item : as<TupleNode>(target).items) items.push_back(copy_target(*item));
    copy->items = keep(items);
    return copy;
  }

  Node* if_block() {
    If* node = make<If>(current_.begin);
    advance();
    std::vector<Branch> branches;
    ++conditional_;
    while (true) {
      Branch branch{tuple({.with_conditional = false}), {}};
      if (failure_) break;
      branch.body = block_body({"elif", "else", "endif"}, EndTag::Keep);
      branches.push_back(branch);
      if (failure_) break;
      std::string_view const tag = current_.text;
      advance();
      if (tag == "elif") continue;
      if (tag == "else") node->otherwise = block_body({"endif"});
      break;
    }
    --conditional_;
    node->branches = program_.arena.copy(branches);
    return finish(node);
  }

  Node* set() {
    std::size_t const begin = current_.begin;
    advance();
    Node* target = assignment_target({}, Namespaces::Yes);
    if (target == nullptr) return nullptr;
    if (skip_if(TokenKind::Assign)) {
      Assign* node = make<Assign>(begin);
      node->target = target;
      node->value = tuple({});
      return finish(node);
    }
    SetBlock* node = make<SetBlock>(begin);
    node->target = target;
    node->filter = filters(nullptr);
    if (failure_) return nullptr;
    node->body = scope_body({"endset"});
    return finish(node);
  }

  Node* macro() {
    MacroNode* node = make<MacroNode>(current_.begin);
    node->code.begin = current_.begin;
    bool const is_top_level = tags_.size() == 1;
    advance();
    Name* target = name_target();
    if (target == nullptr) return nullptr;
    node->target = target;
    node->code.name = target->name;
    macro_signature_and_body(node->code, "endmacro");
    if (failure_) return nullptr;
    if (is_top_level) define(node->code, "macro", {});
    return finish(node);
  }

  // `(...)` and the body of a macro up to its end tag.
  void macro_signature_and_body(MacroCode& code, std::string_view end) {
    if (signature(code)) macro_body(code, end);
  }

  void macro_body(MacroCode& code, std::string_view end) {
    std::size_t const mentioned = mentions_.size();
    Token const at = current_;
    std::size_t const loops = std::exchange(loops_, 0);
    code.body = scope_body({end});
    loops_ = loops;
    if (failure_) return;
    code.end = static_cast<std::uint32_t>(last_end_);
    auto const has = [&](std::string_view name) {
      for (auto const& parameter : code.parameters)
        if (parameter.name->string() == name) return &parameter;
      return static_cast<MacroParameter const*>(nullptr);
    };
    MacroParameter const* caller = has("caller");
    code.has_caller_parameter = caller != nullptr;
    if (is_read("caller", mentioned)) {
      if (caller != nullptr && caller->default_value == nullptr)
        fail(
            "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a "
            "default.",
            at, FailureType::TemplateAssertionError);
      code.takes_caller = true;
    }
    code.takes_kwargs = is_read("kwargs", mentioned) && has("kwargs") == nullptr;
    code.takes_varargs = is_read("varargs", mentioned) && has("varargs") == nullptr;
  }

  bool signature(MacroCode& code) {
    std::vector<MacroParameter> parameters;
    if (!expect(TokenKind::LeftParen)) return false;
    bool has_defaults = false;
    while (!is(TokenKind::RightParen)) {
      if (!parameters.empty() && !expect(TokenKind::Comma)) return false;
      Name* name = name_target();
      if (name == nullptr) return false;
      MacroParameter parameter{name->name, 0, nullptr, {}};
      if (skip_if(TokenKind::Colon)) parameter.annotation = annotation();
      if (failure_) return false;
      if (skip_if(TokenKind::Assign)) {
        has_defaults = true;
        parameter.default_value = expression();
        if (failure_) return false;
      } else if (has_defaults) {
        return fail("non-default argument follows default argument"), false;
      }
      parameters.push_back(parameter);
    }
    code.parameters = program_.arena.copy(parameters);
    return expect(TokenKind::RightParen);
  }

  // string, list[int], dict[str, list[any]]: read, kept as text.
  std::string_view annotation() {
    std::size_t const begin = current_.begin;
    if (!expect(TokenKind::Name)) return {};
    if (is_too_deep()) return {};
    if (skip_if(TokenKind::LeftBracket)) {
      do {
        annotation();
        if (failure_) return {};
      } while (skip_if(TokenKind::Comma));
      if (!expect(TokenKind::RightBracket)) return {};
    }
    return std::string_view(*program_.source).substr(begin, last_end_ - begin);
  }

  void define(MacroCode const& code, std::string_view tag, std::vector<TagOption> options) {
    Definition definition;
    definition.tag = tag;
    definition.name = code.name->string();
    for (auto const& parameter : code.parameters)
      definition.parameters.push_back({std::string(parameter.name->string()), std::string(parameter.annotation),
                                       parameter.default_value != nullptr});
    definition.options = std::move(options);
    if (!code.body.empty()) {
      std::size_t const begin = code.body.front()->begin;
      definition.body = std::string_view(*program_.source).substr(begin, code.body.back()->end - begin);
    }
    definition.place = place_in(program_, code.begin, code.begin + 2);
    definition.index = program_.definitions.size();
    program_.definitions.push_back(std::move(definition));
    program_.definition_codes.push_back(&code);
  }

  Node* named_block(BlockTag const& tag) {
    NamedBlock* node = make<NamedBlock>(current_.begin);
    node->code.begin = current_.begin;
    bool const is_top_level = tags_.size() == 1;
    advance();
    Name* name = name_target();
    if (name == nullptr) return nullptr;
    node->code.name = name->name;
    if (is(TokenKind::LeftParen) && !signature(node->code)) return nullptr;
    std::vector<TagOption> options;
    while (!failure_ && !is(TokenKind::BlockEnd) && !is(TokenKind::Colon)) {
      if (!expect(TokenKind::Comma)) return nullptr;
      std::string option(current_.text);
      if (!expect(TokenKind::Name)) return nullptr;
      Value value = Value::missing();
      if (skip_if(TokenKind::Assign)) {
        Node* written = expression();
        if (failure_) return nullptr;
        auto const text = std::string_view(*program_.source).substr(written->begin, written->end - written->begin);
        auto const constant = literal(text);
        if (!constant) return fail("the options of a block are literals");
        value = *constant;
      }
      options.push_back({std::move(option), std::move(value)});
    }
    macro_body(node->code, tag.end);
    if (failure_) return nullptr;
    if (is_top_level) define(node->code, tag.name, std::move(options));
    return finish(node);
  }

  Node* call_block() {
    CallBlock* node = make<CallBlock>(current_.begin);
    node->code.begin = current_.begin;
    Token const at = current_;
    advance();
    if (is(TokenKind::LeftParen) && !signature(node->code)) return nullptr;
    Node* call = expression();
    if (failure_) return nullptr;
    if (call->kind != NodeKind::Call) return fail("expected call", at);
    node->call = static_cast<Call*>(call);
    macro_body(node->code, "endcall");
    return finish(node);
  }

  Node* filter_block() {
    FilterBlock* node = make<FilterBlock>(current_.begin);
    advance();
    node->filter = filter(nullptr);
    if (failure_) return nullptr;
    node->filter = filters(node->filter);
    if (failure_) return nullptr;
    node->body = scope_body({"endfilter"});
    return finish(node);
  }

  Node* with() {
    With* node = make<With>(current_.begin);
    advance();
    std::vector<Node*> targets;
    std::vector<Node*> values;
    while (!failure_ && !is(TokenKind::BlockEnd)) {
      if (!targets.empty() && !expect(TokenKind::Comma)) return nullptr;
      targets.push_back(assignment_target({}, Namespaces::No));
      if (failure_ || !expect(TokenKind::Assign)) return nullptr;
      values.push_back(expression());
    }
    if (failure_) return nullptr;
    node->targets = keep(targets);
    node->values = keep(values);
    node->body = scope_body({"endwith"});
    return finish(node);
  }

  Node* autoescape() {
    Scoped* node = make<Scoped>(current_.begin);
    advance();
    expression();
    if (failure_) return nullptr;
    node->body = scope_body({"endautoescape"});
    return finish(node);
  }

  Node* do_expression() {
    Do* node = make<Do>(current_.begin);
    advance();
    node->value = tuple({});
    return finish(node);
  }

  Node* break_loop() { return loop_control<Break>("'break' outside loop"); }
  Node* continue_loop() { return loop_control<Continue>("'continue' not properly in loop"); }
  template <typename T>
  Node* loop_control(char const* outside) {
    if (loops_ == 0) return fail(outside);
    T* node = make<T>(current_.begin);
    advance();
    return finish(node);
  }

  Node* print() {
    Output* node = make<Output>(current_.begin);
    advance();
    std::vector<Node*> items;
    while (!failure_ && !is(TokenKind::BlockEnd)) {
      if (!items.empty() && !expect(TokenKind::Comma)) return nullptr;
      items.push_back(expression());
    }
    if (failure_) return nullptr;
    node->items = keep(items);
    return finish(node);
  }

  // ------------------------------------------------------------------------------------------------------- targets

  Name* name_target() {
    Token const token = current_;
    if (!expect(TokenKind::Name)) return nullptr;
    if (!is_identifier(token)) return nullptr;
    if (is_constant_name(token.text)) return fail_assignment("name", token);
    mention(token.text, false);
    Name* name = make<Name>(token.begin);
    name->name = intern(token.text);
    return name;
  }

  static bool is_constant_name(std::string_view name) {
    return name == "true" || name == "false" || name == "none" || name == "True" || name == "False" || name == "None";
  }
  std::nullptr_t fail_assignment(std::string_view what, Token const& at) {
    return fail(fmt::format("can't assign to {}", quoted_text(what)), at);
  }

  enum class Namespaces { No, Yes };
  // A name, names separated by commas, or namespace.attribute.
  Node* assignment_target(EndTags const& ends, Namespaces namespaces) {
    if (namespaces == Namespaces::Yes && is(TokenKind::Name) && look().kind == TokenKind::Dot) {
      NamespaceTarget* node = make<NamespaceTarget>(current_.begin);
      node->object = make<Name>(current_.begin);
      node->object->name = intern(current_.text);
      mention(current_.text, true);
      advance();
      advance();
      std::string_view const attribute = current_.text;
      if (!expect(TokenKind::Name)) return nullptr;
      node->attribute = intern(attribute);
      return finish(node);
    }
    Token const at = current_;
    std::size_t const mentioned = mentions_.size();
    Node* node = tuple({.is_target = true, .end = ends.empty() ? "" : ends[0]});
    if (failure_) return nullptr;
    for (std::size_t i = mentioned; i < mentions_.size(); ++i) mentions_[i].is_load = false;
    return check_target(node, at) ? node : nullptr;
  }

  bool check_target(Node* node, Token const& at) {
    if (node->kind == NodeKind::Name) return true;
    if (node->kind == NodeKind::Tuple) {
      for (Node* item : as<TupleNode>(*node).items)
        if (item->kind != NodeKind::Name && !(item->kind == NodeKind::Tuple && check_target(item, at)))
          return failure_ ? false : (fail_assignment("tuple", at), false);
      return true;
    }
    std::string_view const what = node->kind == NodeKind::Constant ? "const"
                                  : node->kind == NodeKind::List   ? "list"
                                  : node->kind == NodeKind::Dict   ? "dict"
                                                                   : "expression";
    return fail_assignment(what, at), false;
  }

  // --------------------------------------------------------------------------------------------------- expressions

  struct TupleOptions {
    bool with_conditional = true;
    bool is_target = false;  // only names and literals
    bool in_parentheses = false;
    std::string_view end = {};  // a name at which the tuple ends
  };

  // What may stand without parentheses: one expression, or several with commas.
  Node* tuple(TupleOptions const& options) {
    std::size_t const begin = current_.begin;
    std::vector<Node*> items;
    bool is_tuple = false;
    while (!failure_) {
      if (!items.empty() && !expect(TokenKind::Comma)) return nullptr;
      bool const at_end = is(TokenKind::OutputEnd) || is(TokenKind::BlockEnd) || is(TokenKind::RightParen) ||
                          (!options.end.empty() && is_name(options.end));
      if (at_end) break;
      items.push_back(options.is_target ? primary() : expression(options.with_conditional));
      if (failure_) return nullptr;
      if (!is(TokenKind::Comma)) break;
      is_tuple = true;
    }
    if (failure_) return nullptr;
    if (!is_tuple) {
      if (!items.empty()) return items.front();
      if (!options.in_parentheses)
        return fail(fmt::format("Expected an expression, got {}", quoted_text(current_text())));
    }
    TupleNode* node = make<TupleNode>(begin);
    node->items = keep(items);
    return finish(node);
  }

  Node* expression(bool with_conditional = true) {
    if (failure_ || is_too_deep()) return nullptr;
    return with_conditional ? conditional() : or_expression();
  }

  Node* conditional() {
    std::size_t const begin = current_.begin;
    // Whether what comes is the branch of a conditional is known only behind it; a filter that is not there is then no
    // failure yet.
    std::size_t const absent = absent_.size();
    Node* node = or_expression();
    while (!failure_ && skip_if_name("if")) {
      Conditional* conditional_node = make<Conditional>(begin);
      conditional_node->yes = node;
      conditional_node->test = or_expression();
      if (failure_) return nullptr;
      if (skip_if_name("else")) {
        conditional_node->no = conditional();
        if (failure_) return nullptr;
      }
      absent_.resize(absent);
      node = finish(conditional_node);
    }
    if (failure_) return nullptr;
    return node;
  }

  Node* or_expression() {
    std::size_t const begin = current_.begin;
    Node* left = and_expression();
    while (!failure_ && skip_if_name("or")) {
      Or* node = make<Or>(begin);
      node->left = left;
      node->right = and_expression();
      left = finish(node);
    }
    return left;
  }

  Node* and_expression() {
    std::size_t const begin = current_.begin;
    Node* left = not_expression();
    while (!failure_ && skip_if_name("and")) {
      And* node = make<And>(begin);
      node->left = left;
      node->right = not_expression();
      left = finish(node);
    }
    return left;
  }

  Node* not_expression() {
    if (!is_name("not")) return comparison();
    if (is_too_deep()) return nullptr;
    Not* node = make<Not>(current_.begin);
    advance();
    node->operand = not_expression();
    return finish(node);
  }

  std::optional<Comparison> comparison_operator() {
    switch (current_.kind) {
      case TokenKind::Equal:
        return Comparison::Equal;
      case TokenKind::NotEqual:
        return Comparison::NotEqual;
      case TokenKind::Less:
        return Comparison::Less;
      case TokenKind::LessEqual:
        return Comparison::LessEqual;
      case TokenKind::Greater:
        return Comparison::Greater;
      case TokenKind::GreaterEqual:
        return Comparison::GreaterEqual;
      default:
        break;
    }
    if (is_name("in")) return Comparison::In;
    if (is_name("not") && look().kind == TokenKind::Name && look().text == "in") return advance(), Comparison::NotIn;
    return std::nullopt;
  }

  Node* comparison() {
    std::size_t const begin = current_.begin;
    Node* first = sum();
    std::vector<Operand> rest;
    while (!failure_) {
      auto const found = comparison_operator();
      if (!found) break;
      advance();
      Node* right = sum();
      if (failure_) return nullptr;
      rest.push_back({*found, right});
    }
    if (failure_ || rest.empty()) return first;
    Compare* node = make<Compare>(begin);
    node->first = first;
    node->rest = program_.arena.copy(rest);
    return finish(node);
  }

  Node* binary(std::size_t begin, Operator op, Node* left, Node* right) {
    if (failure_) return nullptr;
    Binary* node = make<Binary>(begin);
    node->op = op;
    node->left = left;
    node->right = right;
    return finish(node);
  }

  Node* sum() {
    std::size_t const begin = current_.begin;
    Node* left = concat();
    while (!failure_ && (is(TokenKind::Add) || is(TokenKind::Subtract))) {
      Operator const op = is(TokenKind::Add) ? Operator::Add : Operator::Subtract;
      advance();
      Node* right = concat();
      left = binary(begin, op, left, right);
    }
    return left;
  }

  Node* concat() {
    std::size_t const begin = current_.begin;
    Node* first = product();
    if (failure_ || !is(TokenKind::Tilde)) return first;
    std::vector<Node*> items = {first};
    while (!failure_ && skip_if(TokenKind::Tilde)) items.push_back(product());
    if (failure_) return nullptr;
    Concat* node = make<Concat>(begin);
    node->items = keep(items);
    return finish(node);
  }

  Node* product() {
    std::size_t const begin = current_.begin;
    Node* left = power();
    while (!failure_) {
      Operator op;
      switch (current_.kind) {
        case TokenKind::Multiply:
          op = Operator::Multiply;
          break;
        case TokenKind::Divide:
          op = Operator::Divide;
          break;
        case TokenKind::FloorDivide:
          op = Operator::FloorDivide;
          break;
        case TokenKind::Modulo:
          op = Operator::Modulo;
          break;
        default:
          return left;
      }
      advance();
      Node* right = power();
      left = binary(begin, op, left, right);
    }
    return nullptr;
  }

  Node* power() {
    std::size_t const begin = current_.begin;
    Node* left = unary(true);
    while (!failure_ && skip_if(TokenKind::Power)) {
      Node* right = unary(true);
      left = binary(begin, Operator::Power, left, right);
    }
    return left;
  }

  Node* unary(bool with_filter) {
    if (failure_ || is_too_deep()) return nullptr;
    std::size_t const begin = current_.begin;
    Node* node = nullptr;
    if (is(TokenKind::Subtract) || is(TokenKind::Add)) {
      Operator const op = is(TokenKind::Subtract) ? Operator::Minus : Operator::Plus;
      advance();
      Node* operand = unary(false);
      if (failure_) return nullptr;
      Unary* made = make<Unary>(begin);
      made->op = op;
      made->operand = operand;
      node = finish(made);
    } else {
      node = primary();
    }
    if (failure_) return nullptr;
    node = postfix(node);
    return with_filter ? filter_expression(node) : node;
  }

  bool is_identifier(Token const& token) {
    std::size_t at = 0;
    std::uint32_t const first = next_character(token.text, at);
    if (first == '_' || is_alpha(first)) return true;
    fail("Invalid character in identifier", token);
    return false;
  }

  Node* primary() {
    if (failure_ || is_too_deep()) return nullptr;
    switch (current_.kind) {
      case TokenKind::Name:
        return name_or_constant();
      case TokenKind::String:
        return string_constant();
      case TokenKind::Integer:
      case TokenKind::Float:
        return number_constant();
      case TokenKind::LeftParen: {
        advance();
        Node* node = tuple({.in_parentheses = true});
        if (failure_ || !expect(TokenKind::RightParen)) return nullptr;
        return node;
      }
      case TokenKind::LeftBracket:
        return list();
      case TokenKind::LeftBrace:
        return dict();
      default:
        return fail(fmt::format("unexpected {}", quoted_text(current_text())));
    }
  }

  Node* constant_node(std::size_t begin, Value value) {
    Constant* node = make<Constant>(begin);
    node->value = constant(std::move(value));
    return finish(node);
  }

  Node* name_or_constant() {
    Token const token = current_;
    if (!is_identifier(token)) return nullptr;
    advance();
    if (token.text == "true" || token.text == "True") return constant_node(token.begin, true);
    if (token.text == "false" || token.text == "False") return constant_node(token.begin, false);
    if (token.text == "none" || token.text == "None") return constant_node(token.begin, Value());
    mention(token.text, true);
    Name* node = make<Name>(token.begin);
    node->name = intern(token.text);
    return finish(node);
  }

  Node* string_constant() {
    std::size_t const begin = current_.begin;
    std::string text;
    while (!failure_ && is(TokenKind::String)) {
      std::string message;
      auto const part = unescape(current_.text, message);
      if (!part) return fail(std::move(message));
      text += *part;
      advance();
    }
    return constant_node(begin, std::move(text));
  }

  Node* number_constant() {
    Token const token = current_;
    advance();
    std::string digits;
    for (char c : token.text)
      if (c != '_') digits += c;
    if (token.kind == TokenKind::Float) return constant_node(token.begin, parse_float(digits).value_or(0));
    constexpr std::size_t kMostDigits = 4300;  // Python's own limit (sys.set_int_max_str_digits)
    auto const integer = digits.size() > kMostDigits ? std::nullopt : parse_integer(digits, 0);
    if (!integer) return fail("Exceeds the limit (4300 digits) for integer string conversion", token);
    return constant_node(token.begin, *integer);
  }

  Node* list() {
    ListNode* node = make<ListNode>(current_.begin);
    advance();
    std::vector<Node*> items;
    while (!failure_ && !is(TokenKind::RightBracket)) {
      if (!items.empty() && !expect(TokenKind::Comma)) return nullptr;
      if (is(TokenKind::RightBracket)) break;
      items.push_back(expression());
    }
    if (failure_ || !expect(TokenKind::RightBracket)) return nullptr;
    node->items = keep(items);
    return finish(node);
  }

  Node* dict() {
    DictNode* node = make<DictNode>(current_.begin);
    advance();
    std::vector<Node*> items;
    while (!failure_ && !is(TokenKind::RightBrace)) {
      if (!items.empty() && !expect(TokenKind::Comma)) return nullptr;
      if (is(TokenKind::RightBrace)) break;
      items.push_back(expression());
      if (failure_ || !expect(TokenKind::Colon)) return nullptr;
      items.push_back(expression());
    }
    if (failure_ || !expect(TokenKind::RightBrace)) return nullptr;
    node->items = keep(items);
    return finish(node);
  }

  Node* postfix(Node* node) {
    while (!failure_) {
      if (is(TokenKind::Dot))
        node = attribute(node);
      else if (is(TokenKind::LeftBracket))
        node = subscript(node);
      else if (is(TokenKind::LeftParen))
        node = call(node);
      else
        return node;
    }
    return nullptr;
  }

  Node* filter_expression(Node* node) {
    while (!failure_) {
      if (is(TokenKind::Pipe))
        node = filters(node);
      else if (is_name("is"))
        node = test(node);
      else if (is(TokenKind::LeftParen))
        node = call(node);
      else
        return node;
    }
    return nullptr;
  }

  Node* attribute(Node* object) {
    advance();
    Token const token = current_;
    if (token.kind == TokenKind::Integer) {
      Item* node = make<Item>(object->begin);
      node->object = object;
      node->key = number_constant();
      return finish(node);
    }
    if (token.kind != TokenKind::Name) return fail("expected name or number");
    advance();
    Attribute* node = make<Attribute>(object->begin);
    node->object = object;
    node->name = intern(token.text);
    return finish(node);
  }

  Node* subscript(Node* object) {
    std::size_t const begin = current_.begin;
    advance();
    std::vector<Node*> keys;
    while (!failure_ && !is(TokenKind::RightBracket)) {
      if (!keys.empty() && !expect(TokenKind::Comma)) return nullptr;
      keys.push_back(subscript_part());
    }
    if (failure_ || !expect(TokenKind::RightBracket)) return nullptr;
    Item* node = make<Item>(object->begin);
    node->object = object;
    if (keys.size() == 1) {
      node->key = keys.front();
    } else {
      for (Node const* key : keys)
        if (key->kind == NodeKind::Slice) return fail("invalid syntax");
      TupleNode* key = make<TupleNode>(begin);
      key->items = keep(keys);
      node->key = finish(key);
    }
    return finish(node);
  }

  // An expression, or start:stop:step.
  Node* subscript_part() {
    std::size_t const begin = current_.begin;
    Slice parts;
    if (!is(TokenKind::Colon)) {
      parts.start = expression();
      if (failure_ || !is(TokenKind::Colon)) return parts.start;
    }
    advance();
    auto const is_end = [&] { return is(TokenKind::RightBracket) || is(TokenKind::Comma); };
    if (!is(TokenKind::Colon) && !is_end()) parts.stop = expression();
    if (failure_) return nullptr;
    if (skip_if(TokenKind::Colon) && !is_end()) parts.step = expression();
    if (failure_) return nullptr;
    Slice* node = make<Slice>(begin);
    node->start = parts.start;
    node->stop = parts.stop;
    node->step = parts.step;
    return finish(node);
  }

  bool call_arguments(CallArguments& arguments) {
    Token const at = current_;
    std::vector<Node*> positional;
    std::vector<Keyword> named;
    if (!expect(TokenKind::LeftParen)) return false;
    auto const wrong = [&] { return fail("invalid syntax for function call expression", at), false; };
    for (bool first = true; !failure_ && !is(TokenKind::RightParen); first = false) {
      if (!first) {
        if (!expect(TokenKind::Comma)) return false;
        if (is(TokenKind::RightParen)) break;
      }
      if (is(TokenKind::Multiply)) {
        if (arguments.star != nullptr || arguments.double_star != nullptr) return wrong();
        advance();
        arguments.star = expression();
      } else if (is(TokenKind::Power)) {
        if (arguments.double_star != nullptr) return wrong();
        advance();
        arguments.double_star = expression();
      } else if (is(TokenKind::Name) && look().kind == TokenKind::Assign) {
        if (arguments.double_star != nullptr) return wrong();
        Value const* name = intern(current_.text);
        advance();
        advance();
        Node* value = expression();
        if (failure_) return false;
        for (auto const& other : named)
          if (other.name == name) return fail(fmt::format("keyword argument repeated: {}", name->string()), at), false;
        named.push_back({name, value});
      } else {
        if (arguments.star != nullptr || arguments.double_star != nullptr || !named.empty()) return wrong();
        positional.push_back(expression());
      }
    }
    if (failure_ || !expect(TokenKind::RightParen)) return false;
    arguments.positional = keep(positional);
    arguments.named = program_.arena.copy(named);
    return true;
  }

  Node* call(Node* callee) {
    Call* node = make<Call>(callee->begin);
    node->callee = callee;
    return call_arguments(node->arguments) ? finish(node) : nullptr;
  }

  std::string_view dotted_name(Token& token) {
    token = current_;
    std::string_view name = current_.text;
    if (!expect(TokenKind::Name)) return {};
    if (!is(TokenKind::Dot)) return name;
    std::string whole(name);
    while (skip_if(TokenKind::Dot)) {
      whole += "." + std::string(current_.text);
      if (!expect(TokenKind::Name)) return {};
    }
    program_.texts.push_back(std::move(whole));
    return program_.texts.back();
  }

  Node* filters(Node* node) {
    while (!failure_ && skip_if(TokenKind::Pipe)) node = filter(node);
    return node;
  }

  Node* filter(Node* subject) {
    Token token;
    std::string_view const name = dotted_name(token);
    if (failure_) return nullptr;
    FilterNode* node = make<FilterNode>(subject != nullptr ? subject->begin : token.begin);
    node->subject = subject;
    node->name = intern(name);
    node->filter = environment_.filter(name);
    if (node->filter == nullptr)
      absent_.push_back({fmt::format("No filter named {}.", quoted_text(name)), token, conditional_ > 0});
    if (is(TokenKind::LeftParen) && !call_arguments(node->arguments)) return nullptr;
    return finish(node);
  }

  Node* test(Node* subject) {
    advance();
    bool const is_negated = skip_if_name("not");
    Token token;
    std::string_view const name = dotted_name(token);
    if (failure_) return nullptr;
    TestNode* node = make<TestNode>(subject->begin);
    node->subject = subject;
    node->name = intern(name);
    node->test = environment_.test(name);
    if (node->test == nullptr)
      absent_.push_back({fmt::format("No test named {}.", quoted_text(name)), token, conditional_ > 0});
    if (is(TokenKind::LeftParen)) {
      if (!call_arguments(node->arguments)) return nullptr;
    } else if (begins_argument()) {
      if (is_name("is")) return fail("You cannot chain multiple tests with is");
      Node* argument = primary();
      if (failure_) return nullptr;
      argument = postfix(argument);
      if (failure_) return nullptr;
      node->arguments.positional = keep({argument});
    }
    finish(node);
    if (!is_negated) return node;
    Not* negated = make<Not>(subject->begin);
    negated->operand = node;
    return finish(negated);
  }

  bool begins_argument() const {
    switch (current_.kind) {
      case TokenKind::Name:
        return current_.text != "else" && current_.text != "or" && current_.text != "and";
      case TokenKind::String:
      case TokenKind::Integer:
      case TokenKind::Float:
      case TokenKind::LeftBracket:
      case TokenKind::LeftBrace:
        return true;
      default:
        return false;
    }
  }

 public:
  // A filter or test that is not there is a failure of the template, but where it stands under a condition only when it
  // is reached.
  Outcome<Done> check_absent() {
    for (auto const& absent : absent_)
      if (!absent.is_conditional)
        return failure_at(program_, FailureType::TemplateAssertionError, absent.message, absent.token.begin,
                          absent.token.end);
    return Done{};
  }

 private:
  struct Absent {
    std::string message;
    Token token;
    bool is_conditional;
  };

  Program& program_;
  Environment const& environment_;
  Lexer lexer_;
  Token current_;
  std::optional<Token> ahead_;
  std::size_t last_end_ = 0;
  std::optional<Failure> failure_;
  std::vector<EndTags> end_tags_;
  std::vector<std::string_view> tags_;
  std::vector<Mention> mentions_;
  std::vector<Absent> absent_;
  std::size_t conditional_ = 0;  // how many conditions what is read stands under
  std::size_t loops_ = 0;
  std::unordered_map<std::string_view, Value const*> names_;
};

}  // namespace

Outcome<Done> parse_program(Program& program, Environment const& environment) {
  StackBounds const bounds;
  Parser parser(program, environment);
  JINJA_DO(parser.run());
  JINJA_DO(parser.check_absent());
  return resolve_names(program);
}

}  // namespace weir::jinja
