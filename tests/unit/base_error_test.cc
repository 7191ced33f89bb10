// Errors: their text, JSON, exit codes, and the macros that pass them on.
#include "base/error.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/result.h"
#include "base/secret.h"

namespace weir {
namespace {

Error full_error() {
  return Error(ErrorKind::Busy, "could not publish \"sync_core.Country\": the table is locked")
      .sqlstate("55P03")
      .context("publishing stream \"dbo.Country\"")
      .context("connection \"core\"")
      .cause("pid 4211, role \"bi\"\npid 4212, role \"bi\"")
      .state("nothing changed")
      .next("end that session");
}

TEST(Error, TextHasTheFourParts) {
  EXPECT_EQ(full_error().to_text(),
            "error: could not publish \"sync_core.Country\": the table is locked [SQLSTATE 55P03]\n"
            "  while: publishing stream \"dbo.Country\", connection \"core\"\n"
            "  cause: pid 4211, role \"bi\"\n"
            "         pid 4212, role \"bi\"\n"
            "  state: nothing changed\n"
            "  next: end that session");
}

TEST(Error, JsonHasTheSameFields) {
  auto const json = full_error().to_json();
  EXPECT_EQ(json["kind"], "busy");
  EXPECT_EQ(json["sqlstate"], "55P03");
  EXPECT_EQ(json["while"].size(), 2U);
  EXPECT_FALSE(json.contains("where"));
}

TEST(Error, TextAndJsonMaskSecrets) {
  Secret const secret("k4naryValue");
  Error const error = Error(ErrorKind::Denied, "server said: password k4naryValue is wrong").cause("k4naryValue");
  EXPECT_EQ(error.to_text().find("k4nary"), std::string::npos);
  EXPECT_EQ(error.to_json().dump().find("k4nary"), std::string::npos);
}

TEST(Error, ExitCodes) {
  EXPECT_EQ(exit_code(ErrorKind::Data), 1);
  EXPECT_EQ(exit_code(ErrorKind::Config), 2);
  EXPECT_EQ(exit_code(ErrorKind::Denied), 4);
  EXPECT_EQ(exit_code(ErrorKind::Unavailable), 5);
  EXPECT_EQ(exit_code(ErrorKind::Refused), 6);
  EXPECT_EQ(exit_code(ErrorKind::Cancelled), 130);
}

TEST(Error, KindsAreReadBackByTheirNames) {
  for (int i = 0; i <= static_cast<int>(ErrorKind::Internal); ++i) {
    auto const kind = static_cast<ErrorKind>(i);
    EXPECT_EQ(error_kind(kind_name(kind)), kind) << kind_name(kind);
  }
  EXPECT_EQ(kind_name(ErrorKind::Usage), "usage");
  EXPECT_EQ(kind_name(ErrorKind::InDoubt), "in_doubt");
  EXPECT_EQ(kind_name(ErrorKind::Internal), "internal");
  EXPECT_EQ(error_kind("Usage"), std::nullopt);
  EXPECT_EQ(error_kind(""), std::nullopt);
}

Result<int> half(int n) {
  if (n % 2 != 0) return Error(ErrorKind::Data, "odd");
  return n / 2;
}
Result<int> quarter(int n) {
  WEIR_TRY(int h, half(n));
  WEIR_TRY(int q, half(h));
  return q;
}
Status even(int n) {
  WEIR_TRY(auto h, half(n));
  (void)h;
  return {};
}
Result<int> checked(int n) {
  WEIR_DO(even(n));
  return n;
}

TEST(Result, MacrosPassValuesAndErrorsOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message(), "odd");
  EXPECT_EQ(checked(4).value(), 4);
  EXPECT_EQ(checked(3).error().message(), "odd");
}

TEST(Error, CloneIsIndependent) {
  Error first(ErrorKind::Sql, "a");
  Error second = first.clone();
  second.context("later");
  EXPECT_TRUE(first.contexts().empty());
  EXPECT_EQ(second.contexts().size(), 1U);
}

}  // namespace
}  // namespace weir
