#pragma once
// ODBC's numbers of SQL types (sql.h, sqlext.h), for those who may not see ODBC's own headers.

namespace weir::odbc {

enum SqlType : int {
  kChar = 1,
  kNumeric = 2,
  kDecimal = 3,
  kInteger = 4,
  kSmallInt = 5,
  kFloat = 6,
  kReal = 7,
  kDouble = 8,
  kVarChar = 12,
  kDate2 = 9,
  kTime2 = 10,
  kTimestamp2 = 11,  // ODBC 2's, which some drivers still give
  kTypeDate = 91,
  kTypeTime = 92,
  kTypeTimestamp = 93,
  kLongVarChar = -1,
  kBinary = -2,
  kVarBinary = -3,
  kLongVarBinary = -4,
  kBigInt = -5,
  kTinyInt = -6,
  kBit = -7,
  kWChar = -8,
  kWVarChar = -9,
  kWLongVarChar = -10,
  kGuid = -11
};

}  // namespace weir::odbc
