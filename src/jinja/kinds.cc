#include "jinja/kinds.h"

#include <algorithm>

#include <fmt/format.h>
#include <pthread.h>

namespace weir::jinja {

namespace {

// The least address that the stack of this thread may reach; 0 outside of a render.
thread_local std::uintptr_t t_stack_limit = 0;

std::uintptr_t here() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

// Where the thread's stack ends.
std::uintptr_t end_of_stack() {
  thread_local std::uintptr_t end = 0;
  if (end != 0) return end;
  pthread_attr_t attributes;
  void* address = nullptr;
  std::size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    pthread_attr_getstack(&attributes, &address, &size);
    pthread_attr_destroy(&attributes);
  }
  end = address != nullptr ? reinterpret_cast<std::uintptr_t>(address) : here() - (1U << 20);
  return end;
}

}  // namespace

bool StackGuard::is_low() const {
  return here() < t_stack_limit;
}

StackBounds::StackBounds() : outer_(t_stack_limit) {
  constexpr std::uintptr_t kReserve = 512U << 10;  // for what is called from the deepest place
  constexpr std::uintptr_t kMost = 6U << 20;
  if (outer_ != 0) return;
  std::uintptr_t const end = end_of_stack() + kReserve;
  std::uintptr_t const most = here() > kMost ? here() - kMost : 0;
  t_stack_limit = std::max(end, most);
}

StackBounds::~StackBounds() {
  t_stack_limit = outer_;
}

Failure too_deep() {
  return Failure(FailureType::RecursionError, "maximum recursion depth exceeded");
}

UndefinedInfo const& undefined_info(Value const& value) {
  assert(value.kind() == Kind::Undefined);
  return static_cast<UndefinedInfo const&>(value.shared());
}

std::string UndefinedInfo::message() const {
  if (!hint.empty()) return hint;
  if (owner.empty()) return jinja::repr(name) + " is undefined";
  if (!name.is_string()) return fmt::format("{} has no element {}", owner, jinja::repr(name));
  return fmt::format("{} has no attribute {}", jinja::repr(Value(owner)), jinja::repr(name));
}

Failure UndefinedInfo::failure() const {
  return Failure(is_unsafe ? FailureType::SecurityError : FailureType::UndefinedError, message());
}

void append_bytes(std::string& out, std::string_view data) {
  bool const has_single = data.find('\'') != std::string_view::npos;
  char const quote = has_single && data.find('"') == std::string_view::npos ? '"' : '\'';
  out += 'b';
  out += quote;
  for (char c : data) {
    auto const byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\')
      out.append(1, '\\').append(1, c);
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (byte >= 0x20 && byte < 0x7F)
      out += c;
    else
      append_escape(out, byte);
  }
  out += quote;
}

}  // namespace weir::jinja
