#include "jinja/failure.h"

#include <fmt/format.h>

#include "jinja/value.h"

namespace weir::jinja {

struct Failure::Fields {
  FailureType type;
  Error error;
  Place place;
  std::vector<MacroCall> calls;
  Value value;
};

std::string_view type_name(FailureType type) {
  switch (type) {
    case FailureType::Host:
      return "Error";
    case FailureType::TemplateSyntaxError:
      return "TemplateSyntaxError";
    case FailureType::TemplateAssertionError:
      return "TemplateAssertionError";
    case FailureType::TemplateRuntimeError:
      return "TemplateRuntimeError";
    case FailureType::TemplateNotFound:
      return "TemplateNotFound";
    case FailureType::UndefinedError:
      return "UndefinedError";
    case FailureType::SecurityError:
      return "SecurityError";
    case FailureType::FilterArgumentError:
      return "FilterArgumentError";
    case FailureType::TypeError:
      return "TypeError";
    case FailureType::ValueError:
      return "ValueError";
    case FailureType::LookupError:
      return "LookupError";
    case FailureType::KeyError:
      return "KeyError";
    case FailureType::IndexError:
      return "IndexError";
    case FailureType::AttributeError:
      return "AttributeError";
    case FailureType::ZeroDivisionError:
      return "ZeroDivisionError";
    case FailureType::OverflowError:
      return "OverflowError";
    case FailureType::RecursionError:
      return "RecursionError";
    case FailureType::RuntimeError:
      return "RuntimeError";
    case FailureType::MemoryError:
      return "MemoryError";
    case FailureType::StopIteration:
      return "StopIteration";
    case FailureType::NotImplementedError:
      return "NotImplementedError";
    case FailureType::AssertionError:
      return "AssertionError";
    case FailureType::UnicodeError:
      return "UnicodeError";
    case FailureType::DecimalError:
      return "InvalidOperation";
    case FailureType::RegexError:
      return "error";
    case FailureType::ZoneError:
      return "pytz.exceptions";
    case FailureType::Limit:
      return "Limit";
    case FailureType::Return:
      return "Return";
  }
  return "";
}

std::string Place::text() const {
  if (line == 0) return template_name;
  return fmt::format("{}:{}:{}", template_name, line, column);
}

Failure::Failure(FailureType type, std::string message)
    : fields_(new Fields{type, Error(ErrorKind::Template, std::move(message)), {}, {}, {}}) {}
Failure::Failure(Error error) : fields_(new Fields{FailureType::Host, std::move(error), {}, {}, {}}) {}
Failure::Failure(Failure&&) noexcept = default;
Failure& Failure::operator=(Failure&&) noexcept = default;
Failure::~Failure() = default;

Failure Failure::exit_with(Value value) {
  Failure failure(FailureType::Return, "return outside of a macro");
  failure.fields_->value = std::move(value);
  return failure;
}

FailureType Failure::type() const {
  return fields_->type;
}
std::string const& Failure::message() const {
  return fields_->error.message();
}
Place const& Failure::place() const {
  return fields_->place;
}
std::vector<MacroCall> const& Failure::calls() const {
  return fields_->calls;
}
Value& Failure::value() {
  return fields_->value;
}

bool Failure::has_place() const {
  return fields_->place.line != 0;
}
void Failure::set_place(Place place) {
  fields_->place = std::move(place);
}
void Failure::add_call(MacroCall call) {
  fields_->calls.push_back(std::move(call));
}

Error Failure::to_error() && {
  Error error = std::move(fields_->error);
  if (error.where().empty()) error.where(fields_->place.text());
  if (error.excerpt().empty()) error.excerpt(fields_->place.excerpt);
  // Of a recursion without end, both ends.
  constexpr std::size_t kInner = 4, kOuter = 2;
  auto const& calls = fields_->calls;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (i == kInner && calls.size() > kInner + kOuter + 1) {
      i = calls.size() - kOuter;
      error.context(fmt::format("{} more calls", i - kInner));
    }
    auto const& [macro, template_name, called_from] = calls[i];
    error.context(fmt::format("in macro \"{}\" ({}){}", macro, template_name,
                              called_from.line == 0 ? "" : ", called from " + called_from.text()));
  }
  return error;
}

}  // namespace weir::jinja
