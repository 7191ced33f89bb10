#include "tds/batch.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::tds {
namespace {

void collect(Query const& query, std::vector<std::string>& out);

void collect(Expr const& expr, std::vector<std::string>& out) {
  if (expr.query != nullptr) collect(*expr.query, out);
  for (auto const& arg : expr.args) collect(*arg, out);
}

void collect(TableRef const& ref, std::vector<std::string>& out) {
  if (ref.kind == TableRef::Kind::Named && !ref.name.empty()) {
    std::size_t const parts = ref.name.size();
    out.push_back((parts > 1 && !ref.name[parts - 2].empty() ? ref.name[parts - 2] : "dbo") + "." + ref.name.back());
  }
  if (ref.query != nullptr) collect(*ref.query, out);
  if (ref.on != nullptr) collect(*ref.on, out);
}

void collect(Query const& query, std::vector<std::string>& out) {
  for (auto const& core : query.cores) {
    for (TableRef const& ref : core->from) collect(ref, out);
    for (SelectItem const& item : core->items)
      if (item.expr != nullptr) collect(*item.expr, out);
    if (core->where != nullptr) collect(*core->where, out);
  }
}

// Errors after which SQL Server goes on with the next statement.
bool continues(int number) {
  for (int const one : {8134, 515, 2627, 2601, 547, 1222, 3902, 3903, 229, 2714, 50000})
    if (number == one) return true;
  return false;
}

bool ends_transaction(int number) {
  return number == 1205 || number == 3960 || number == 3961 || number == 3952;
}

std::string format_message(std::string text, std::vector<std::string> const& args) {
  std::string out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 >= text.size()) {
      out.push_back(text[i]);
      continue;
    }
    char const kind = text[++i];
    if (kind == '%')
      out.push_back('%');
    else if ((kind == 's' || kind == 'd' || kind == 'i' || kind == 'u') && next < args.size())
      out += args[next++];
  }
  return out;
}

}  // namespace

std::vector<std::string> tables_of(Statement const& statement) {
  std::vector<std::string> out;
  if (statement.query != nullptr) collect(*statement.query, out);
  if (statement.kind != StatementKind::AlterDatabase && statement.kind != StatementKind::SetOption)
    collect(statement.target, out);
  for (TableRef const& ref : statement.from) collect(ref, out);
  if (statement.where != nullptr) collect(*statement.where, out);
  return out;
}

void Batch::reset() {
  if (transaction_) database_.rollback(*transaction_);
  transaction_.reset();
  SessionState fresh;
  fresh.spid = session_.spid;
  fresh.login = session_.login;
  fresh.app = session_.app;
  fresh.host = session_.host;
  session_ = std::move(fresh);
  prepared_.clear();
  cursors_.clear();
}

Context Batch::context() {
  Context context{database_, session_, {}, &interrupted_};
  context.snapshot.sequence = database_.sequence();
  if (transaction_) {
    context.snapshot.transaction = transaction_->id;
    if (transaction_->snapshot) context.snapshot.sequence = *transaction_->snapshot;
  }
  context.snapshot.dirty = session_.isolation == Isolation::ReadUncommitted;
  return context;
}

// Under SNAPSHOT the state is fixed at the first access of a table, not at BEGIN TRANSACTION.
Outcome Batch::fix_snapshot(Context& context, std::vector<std::string> const& tables) {
  if (session_.isolation != Isolation::Snapshot || tables.empty()) return {};
  if (!database_.options().snapshot_isolation)
    return sql_error(
        3952, 16,
        fmt::format("Snapshot isolation transaction failed accessing database '{}' because snapshot isolation is not "
                    "allowed in this database. Use ALTER DATABASE to allow snapshot isolation.",
                    database_.name));
  if (!transaction_ || transaction_->snapshot) return {};
  transaction_->snapshot = database_.sequence();
  context.snapshot.sequence = *transaction_->snapshot;
  return {};
}

Transaction& Batch::transaction() {
  if (!transaction_) transaction_ = database_.begin();
  return *transaction_;
}

void Batch::end_statement(bool good) {
  if (in_transaction() || !transaction_) return;
  if (good)
    database_.commit(*transaction_);
  else
    database_.rollback(*transaction_);
  transaction_.reset();
}

Outcome Batch::begin_transaction(Reply* reply) {
  if (session_.transaction_count++ > 0) return {};
  transaction_ = database_.begin();
  if (reply != nullptr) {
    std::string id;
    put(id, transaction_->id);
    put_env_change_bytes(reply->out(), 8, id, "");
  }
  return {};
}

Outcome Batch::commit(Reply* reply) {
  if (session_.transaction_count == 0)
    return sql_error(3902, 16, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.");
  if (--session_.transaction_count > 0) return {};
  std::string id;
  put(id, transaction_->id);
  database_.commit(*transaction_);
  transaction_.reset();
  if (reply != nullptr) put_env_change_bytes(reply->out(), 9, "", id);
  return {};
}

Outcome Batch::rollback(Reply* reply) {
  if (session_.transaction_count == 0)
    return sql_error(3903, 16, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.");
  session_.transaction_count = 0;
  std::string id;
  put(id, transaction_->id);
  database_.rollback(*transaction_);
  transaction_.reset();
  if (reply != nullptr) put_env_change_bytes(reply->out(), 10, "", id);
  return {};
}

Outcome Batch::run_text(std::string_view text, Reply& reply) {
  text_ = text;
  interrupted_ = [&reply] { return reply.interrupted(); };
  std::vector<std::unique_ptr<Statement>> statements;
  Outcome outcome = parse_batch(text, statements);
  if (nesting_ == 0) session_.variables.clear(), session_.variable_types.clear();
  Flow flow = Flow::Next;
  if (outcome.ok()) return run_statements(statements, &reply, flow);
  session_.last_error = outcome.error().number;
  reply.error(outcome.error(), in_transaction());
  return {};
}

Outcome Batch::run_quietly(std::string_view text) {
  std::vector<std::unique_ptr<Statement>> statements;
  TDS_DO(parse_batch(text, statements));
  text_ = text;
  interrupted_ = nullptr;
  session_.variables.clear();
  session_.variable_types.clear();
  Flow flow = Flow::Next;
  for (auto& statement : statements) {
    Outcome outcome = run_one(*statement, nullptr, flow);
    if (outcome.ok()) continue;
    if (ends_transaction(outcome.error().number) && in_transaction()) (void)rollback(nullptr).ok();
    return outcome;
  }
  return {};
}

Outcome Batch::read_all(std::string_view text, std::vector<OutputColumn>& columns, std::vector<StoredRow>& rows) {
  std::vector<std::unique_ptr<Statement>> statements;
  TDS_DO(parse_batch(text, statements));
  if (statements.size() != 1 || statements[0]->kind != StatementKind::Select)
    return sql_error(102, 15, "Incorrect syntax: one SELECT is expected.");
  return read_statement(*statements[0], columns, rows);
}

Outcome Batch::read_statement(Statement& statement, std::vector<OutputColumn>& columns, std::vector<StoredRow>& rows) {
  Context now = context();
  std::shared_ptr<QueryPlan> plan;
  TDS_DO(bind_query(now, *statement.query, nullptr, plan));
  TDS_DO(fix_snapshot(now, plan->tables));
  columns = plan->columns;
  return run_query(now, *plan, nullptr, [&](Value const* const* row, bool&) {
    StoredRow& kept = rows.emplace_back();
    for (std::size_t i = 0; i < plan->columns.size(); ++i) kept.push_back(*row[i]);
    return Outcome();
  });
}

Outcome Batch::run_statements(std::vector<std::unique_ptr<Statement>>& statements, Reply* reply, Flow& flow) {
  for (auto& statement : statements) {
    Outcome outcome = run_one(*statement, reply, flow);
    if (!outcome.ok()) {
      bool abort = false;
      TDS_DO(describe_error(std::move(outcome), reply, abort));
      if (abort) {
        flow = Flow::Return;
        return {};
      }
    }
    if (flow == Flow::Return) return {};
  }
  return {};
}

// Puts an error into the reply. What is no error for the client goes on up.
Outcome Batch::describe_error(Outcome outcome, Reply* reply, bool& abort) {
  if (outcome.ok()) return {};
  SqlError const& error = outcome.error();
  if (error.number == kCancelled || error.number == kConnectionGone || reply == nullptr) {
    if (reply != nullptr) {
      Outcome why = reply->interruption();
      if (!why.ok()) return why;
    }
    return outcome;
  }
  session_.last_error = error.number;
  abort = !continues(error.number) || error.severity >= 17;
  if (ends_transaction(error.number) && in_transaction()) TDS_DO(rollback(reply));
  reply->error(error, in_transaction());
  if (error.severity >= 20) return sql_error(kConnectionGone, 25, "the session was ended");
  return {};
}

Outcome Batch::meet_fault(Statement const& statement, Reply* reply) {
  if (reply == nullptr) return {};
  std::vector<std::string> const tables = tables_of(statement);
  std::optional<Fault> fault = database_.faults.meet(FaultEvent::Query, text_, tables);
  if (fault && !fault->execute.empty()) {
    SessionState aside;
    aside.login = session_.login;
    TDS_DO(Batch(database_, aside).run_quietly(fault->execute));
  }
  reply->set_fault(fault);
  return {};
}

Outcome Batch::run_one(Statement& statement, Reply* reply, Flow& flow) {
  Outcome outcome;
  auto count_done = [&](std::uint16_t command) {
    if (reply != nullptr) reply->done(command, std::nullopt, in_transaction());
  };
  switch (statement.kind) {
    case StatementKind::Select:
      outcome = meet_fault(statement, reply);
      if (outcome.ok()) outcome = select(statement, reply);
      break;
    case StatementKind::Insert:
      outcome = meet_fault(statement, reply);
      if (outcome.ok()) outcome = insert(statement, reply);
      break;
    case StatementKind::Update:
    case StatementKind::Delete:
      outcome = meet_fault(statement, reply);
      if (outcome.ok()) outcome = update_or_delete(statement, reply);
      break;
    case StatementKind::Truncate:
      outcome = truncate(statement);
      count_done(0xfd);
      break;
    case StatementKind::Declare:
      outcome = declare(statement);
      break;
    case StatementKind::SetVariable:
      outcome = set_variable(statement.assignments[0]);
      break;
    case StatementKind::SetOption:
      outcome = set_option(statement);
      break;
    case StatementKind::Begin:
      outcome = begin_transaction(reply);
      count_done(0xd4);
      return outcome;
    case StatementKind::Commit:
      outcome = commit(reply);
      if (outcome.ok()) count_done(0xd5);
      return outcome;
    case StatementKind::Rollback:
      outcome = rollback(reply);
      if (outcome.ok()) count_done(0xd2);
      return outcome;
    case StatementKind::Use:
      if (!equals_ignoring_case(statement.name, database_.name) && !equals_ignoring_case(statement.name, "master"))
        outcome = sql_error(
            911, 16,
            fmt::format("Database '{}' does not exist. Make sure that the name is entered correctly.", statement.name));
      else if (reply != nullptr) {
        put_env_change(reply->out(), 1, database_.name, database_.name);
        reply->info(5701, 0, 2, fmt::format("Changed database context to '{}'.", database_.name), statement.line);
      }
      break;
    case StatementKind::Print: {
      Context now = context();
      Value text;
      TDS_DO(bind_expression(now, *statement.args[0]));
      TDS_DO(evaluate(now, *statement.args[0], Frame(), text));
      if (reply != nullptr) reply->info(0, 0, 1, to_text(text), statement.line);
      break;
    }
    case StatementKind::RaiseError:
      outcome = raise_error(statement, reply);
      break;
    case StatementKind::Throw:
      outcome = throw_error(statement);
      break;
    case StatementKind::Execute:
      outcome = execute(statement, reply);
      break;
    case StatementKind::If: {
      Context now = context();
      TDS_DO(bind_expression(now, *statement.args[0]));
      Truth truth = Truth::Unknown;
      TDS_DO(evaluate_truth(now, *statement.args[0], Frame(), truth));
      return run_statements(truth == Truth::True ? statement.body : statement.otherwise, reply, flow);
    }
    case StatementKind::Block:
      return run_statements(statement.body, reply, flow);
    case StatementKind::CreateTable:
      outcome = create_table(statement);
      count_done(0xc6);
      break;
    case StatementKind::DropTable:
      outcome = drop_table(statement);
      count_done(0xc7);
      break;
    case StatementKind::AlterAdd:
    case StatementKind::AlterDrop:
    case StatementKind::AlterColumn:
      outcome = alter_table(statement);
      count_done(0xd8);
      break;
    case StatementKind::AlterDatabase:
      outcome = alter_database(statement);
      count_done(0xfd);
      break;
    case StatementKind::Return:
      flow = Flow::Return;
      break;
    case StatementKind::WaitFor: {
      Context now = context();
      Value time;
      TDS_DO(bind_expression(now, *statement.args[0]));
      TDS_DO(evaluate(now, *statement.args[0], Frame(), time));
      TDS_DO(convert(time, make_type(TypeId::Time, 0, 0, 7), 0, time));
      auto const until = std::chrono::steady_clock::now() + std::chrono::microseconds(time.ticks / 10);
      while (std::chrono::steady_clock::now() < until) {
        if (reply != nullptr && reply->interrupted()) return reply->interruption();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      break;
    }
    case StatementKind::Nothing:
      break;
  }
  if (statement.kind != StatementKind::Execute) end_statement(outcome.ok());
  if (!outcome.ok() && outcome.error().line <= 1) outcome.error().line = statement.line;
  if (outcome.ok()) session_.last_error = 0;
  return outcome;
}

Outcome Batch::select(Statement& statement, Reply* reply) {
  Context now = context();
  std::shared_ptr<QueryPlan> plan;
  TDS_DO(bind_query(now, *statement.query, nullptr, plan));
  TDS_DO(fix_snapshot(now, plan->tables));
  SelectPlan const& first = plan->selects.front();
  bool const assigns =
      std::any_of(first.assign_to.begin(), first.assign_to.end(), [](std::string const& v) { return !v.empty(); });
  std::uint64_t rows = 0;
  std::uint64_t const limit = session_.row_limit;
  if (assigns) {
    for (std::string const& variable : first.assign_to)
      if (!session_.variable_types.contains(variable))
        return sql_error(137, 15, fmt::format("Must declare the scalar variable \"{}\".", variable), 2);
    TDS_DO(run_query(now, *plan, nullptr, [&](Value const* const* row, bool&) -> Outcome {
      for (std::size_t i = 0; i < first.assign_to.size(); ++i)
        TDS_DO(
            convert(*row[i], session_.variable_types[first.assign_to[i]], 0, session_.variables[first.assign_to[i]]));
      ++rows;
      return {};
    }));
    session_.row_count = static_cast<std::int64_t>(rows);
    return {};
  }
  if (reply == nullptr) return run_query(now, *plan, nullptr, [](Value const* const*, bool&) { return Outcome(); });
  bool nbcrow = false, plp_unknown = false;
  for (std::string const& table : plan->tables) {
    auto const dot = table.find('.');
    auto const def = database_.find(table.substr(0, dot), table.substr(dot + 1));
    nbcrow = nbcrow || (def != nullptr && def->nbcrow);
    plp_unknown = plp_unknown || (def != nullptr && def->plp_unknown);
  }
  TDS_DO(reply->metadata(plan->columns, nbcrow, plp_unknown));
  if (!session_.format_only) {
    TDS_DO(run_query(now, *plan, nullptr, [&](Value const* const* row, bool& more) -> Outcome {
      TDS_DO(reply->row(row));
      if (++rows == limit) more = false;
      return {};
    }));
  }
  session_.row_count = static_cast<std::int64_t>(reply->claimed(rows));
  reply->done(0xc1, session_.no_count ? std::nullopt : std::optional(rows), in_transaction());
  return {};
}

Outcome Batch::declare(Statement& statement) {
  Context now = context();
  for (std::size_t i = 0; i < statement.assignments.size(); ++i) {
    Assignment& one = statement.assignments[i];
    if (session_.variable_types.contains(one.target))
      return sql_error(134, 15,
                       fmt::format("The variable name '{}' has already been declared. Variable names must be unique "
                                   "within a query batch or stored procedure.",
                                   one.target),
                       2);
    if (one.value != nullptr) TDS_DO(bind_expression(now, *one.value));
    session_.variable_types[one.target] = statement.types[i];
    session_.variables[one.target] = null_value(statement.types[i].id);
    if (one.value != nullptr) TDS_DO(set_variable(one));
  }
  return {};
}

Outcome Batch::set_variable(Assignment& assignment) {
  Context now = context();
  auto const it = session_.variable_types.find(assignment.target);
  if (it == session_.variable_types.end())
    return sql_error(137, 15, fmt::format("Must declare the scalar variable \"{}\".", assignment.target), 2);
  TDS_DO(bind_expression(now, *assignment.value));
  TDS_DO(fix_snapshot(now,
                      assignment.value->plan != nullptr ? assignment.value->plan->tables : std::vector<std::string>()));
  Value value;
  TDS_DO(evaluate(now, *assignment.value, Frame(), value));
  return convert(value, it->second, 0, session_.variables[assignment.target]);
}

Outcome Batch::set_option(Statement& statement) {
  std::string const& name = statement.name;
  std::string const value = to_lower(statement.value);
  bool const on = value == "on";
  if (name == "isolation") {
    if (value == "read uncommitted")
      session_.isolation = Isolation::ReadUncommitted;
    else if (value == "read committed")
      session_.isolation = Isolation::ReadCommitted;
    else if (value == "repeatable" || value == "repeatable read")
      session_.isolation = Isolation::RepeatableRead;
    else if (value == "serializable")
      session_.isolation = Isolation::Serializable;
    else if (value == "snapshot")
      session_.isolation = Isolation::Snapshot;
    else
      return sql_error(102, 15, fmt::format("Incorrect syntax near '{}'.", statement.value));
    return {};
  }
  for (std::string const& option : statement.columns) {
    if (option == "nocount")
      session_.no_count = on;
    else if (option == "fmtonly")
      session_.format_only = on;
    else if (option == "textsize")
      session_.text_size = static_cast<int>(parse_int(value).value_or(0));
    else if (option == "lock_timeout")
      session_.lock_timeout_ms = static_cast<int>(parse_int(value).value_or(-1));
    else if (option == "rowcount")
      session_.row_limit = static_cast<std::uint64_t>(parse_int(value).value_or(0));
    else if (option == "language")
      session_.language = value;
    else {
      static constexpr std::string_view kAccepted[] = {"ansi_nulls",
                                                       "quoted_identifier",
                                                       "ansi_warnings",
                                                       "arithabort",
                                                       "concat_null_yields_null",
                                                       "ansi_padding",
                                                       "ansi_null_dflt_on",
                                                       "ansi_null_dflt_off",
                                                       "ansi_defaults",
                                                       "numeric_roundabort",
                                                       "cursor_close_on_commit",
                                                       "implicit_transactions",
                                                       "xact_abort",
                                                       "dateformat",
                                                       "datefirst",
                                                       "deadlock_priority",
                                                       "arithignore",
                                                       "noexec",
                                                       "parseonly",
                                                       "showplan_all",
                                                       "io",
                                                       "time",
                                                       "context_info",
                                                       "no_browsetable",
                                                       "query_governor_cost_limit",
                                                       "remote_proc_transactions",
                                                       "offsets"};
      if (std::find(std::begin(kAccepted), std::end(kAccepted), option) == std::end(kAccepted))
        return sql_error(195, 15, fmt::format("'{}' is not a recognized SET option.", option));
    }
  }
  if (name == "identity_insert")
    session_.identity_insert = on || statement.value.empty() ? statement.target.name.back() : "";
  return {};
}

Outcome Batch::raise_error(Statement& statement, Reply* reply) {
  Context now = context();
  std::vector<Value> values(statement.args.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    TDS_DO(bind_expression(now, *statement.args[i]));
    TDS_DO(evaluate(now, *statement.args[i], Frame(), values[i]));
  }
  if (values.size() < 3) return sql_error(102, 15, "Incorrect syntax near ')'.");
  std::vector<std::string> args;
  for (std::size_t i = 3; i < values.size(); ++i) args.push_back(to_text(values[i]));
  int const severity = static_cast<int>(values[1].integer);
  int const state = static_cast<int>(values[2].integer);
  std::string const message = format_message(to_text(values[0]), args);
  if (severity > 10) return sql_error(50000, severity, message, state);
  if (reply != nullptr) reply->info(50000, severity, state, message, statement.line);
  return {};
}

Outcome Batch::throw_error(Statement& statement) {
  if (statement.args.empty())
    return sql_error(10704, 15,
                     "To rethrow an error, a THROW statement must be used inside a CATCH block. Insert the THROW "
                     "statement inside a CATCH block, or add error parameters to the THROW statement.");
  Context now = context();
  std::vector<Value> values(statement.args.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    TDS_DO(bind_expression(now, *statement.args[i]));
    TDS_DO(evaluate(now, *statement.args[i], Frame(), values[i]));
  }
  if (values.size() != 3) return sql_error(102, 15, "Incorrect syntax near 'THROW'.");
  return sql_error(static_cast<int>(values[0].integer), 16, to_text(values[1]), static_cast<int>(values[2].integer));
}

}  // namespace weir::tds
