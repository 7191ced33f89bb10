#pragma once
// Private to pg/: libpq, loaded when it is first needed: with the libraries that it needs itself (Kerberos, LDAP,
// GnuTLS) it would cost every command 4 ms at its start. Its functions have their own names here: within this namespace
// they are variables, which hide the declarations of <libpq-fe.h>. Never unloaded. Any thread.

#include <libpq-fe.h>

#include <memory>

#include "base/result.h"

// clang-format off
#define WEIR_LIBPQ_FUNCTIONS(each)                                                                              \
  each(PQbackendPID) each(PQcancel) each(PQclear) each(PQcmdStatus) each(PQcmdTuples) each(PQconndefaults)      \
  each(PQconnectPoll) each(PQconnectStartParams) each(PQconninfo) each(PQconninfoFree) each(PQconninfoParse)    \
  each(PQconsumeInput) each(PQerrorMessage) each(PQexec) each(PQfinish) each(PQflush) each(PQfmod)              \
  each(PQfname) each(PQfreeCancel) each(PQfreemem) each(PQftype) each(PQgetCancel) each(PQgetCopyData)          \
  each(PQgetisnull) each(PQgetlength) each(PQgetResult) each(PQgetvalue) each(PQhost) each(PQhostaddr)          \
  each(PQisBusy) each(PQlibVersion) each(PQnfields) each(PQntuples) each(PQport) each(PQputCopyData)            \
  each(PQputCopyEnd) each(PQresultErrorField) each(PQresultErrorMessage) each(PQresultStatus) each(PQsendQuery) \
  each(PQsendQueryParams) each(PQserverVersion) each(PQsetErrorVerbosity) each(PQsetnonblocking)                \
  each(PQsetNoticeReceiver) each(PQsocket) each(PQstatus) each(PQtransactionStatus)
// clang-format on

namespace weir::pg {

#define WEIR_DECLARE(function) extern decltype(::function)* function;
WEIR_LIBPQ_FUNCTIONS(WEIR_DECLARE)
#undef WEIR_DECLARE

// Before any of them is called for the first time; whoever holds something of libpq's has asked. Error: Config (it
// cannot be loaded).
Status need_libpq();

struct FreeOptions {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};
using OptionList = std::unique_ptr<PQconninfoOption, FreeOptions>;

}  // namespace weir::pg
