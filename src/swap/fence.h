#pragma once
// Who may write. An attempt has a token, and the warehouse keeps the highest one that it has seen of a scope: a lower
// one is refused, however long its program was frozen or cut off.
//
// A program that is a step of a job has one more, of the job: an attempt that was overtaken cannot publish anything,
// not even what the later attempt has not come to yet.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "pg/session.h"

namespace weir::swap {

// The statement that raises the token of a scope. It returns no row where the warehouse has seen a higher one. Both are
// SQL: a parameter, or a literal.
std::string raise_statement(std::string_view scope, std::string_view token);

// The token was overtaken: Refused.
Error fenced(std::string const& scope, std::int64_t token, std::int64_t seen);

// Of the job that this program is a step of. Said once, before there is a second thread.
struct JobFence {
  std::string scope;  // "state 3f9c01aa: connection "shop"": whose, and what the step uses
  std::int64_t token = 0;
};
void set_job_fence(JobFence fence);
// What sessions of this attempt are named by, "5f1c02aa.17": whose, and its token; "" where this is no step.
std::string job_fence_name();
// The highest token that the warehouse has seen of each scope of jobs, of whatever state.
Result<std::map<std::string, std::int64_t>> job_fences(pg::Session& session);
// Before anything is written: earlier attempts are refused from here on. Their sessions that are left are ended, what
// they are committing is waited for. Nothing where this is no step. Error: Refused.
Status raise_job_fence(pg::Session& session);
// In a transaction that publishes: no later attempt begins before it has ended. Error: Refused where one has.
Status hold_job_fence(pg::Session& session);

}  // namespace weir::swap
