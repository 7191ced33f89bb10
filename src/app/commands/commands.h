#pragma once
// The functions behind the command table, one file each in this folder. Each returns the exit status of a command that
// ran.

#include "app/command.h"

namespace weir::app {

Result<int> run_init(Context& context);
Result<int> run_demo(Context& context);
Result<int> run_doctor(Context& context);
Result<int> run_version(Context& context);
Result<int> run_sync(Context& context);
Result<int> run_sync_ls(Context& context);
Result<int> run_sync_verify(Context& context);
Result<int> run_sync_reset(Context& context);
Result<int> run_release(Context& context);
Result<int> run_run(Context& context);
Result<int> run_retry(Context& context);
Result<int> run_serve(Context& context);
Result<int> run_job_ls(Context& context);
Result<int> run_job_show(Context& context);
Result<int> run_job_next(Context& context);
Result<int> run_job_cancel(Context& context);
Result<int> run_job_enable(Context& context);
Result<int> run_job_disable(Context& context);
Result<int> run_alert_ls(Context& context);
Result<int> run_alert_test(Context& context);
Result<int> run_logs(Context& context);
Result<int> run_events(Context& context);
Result<int> run_status(Context& context);
Result<int> run_why(Context& context);
Result<int> run_impact(Context& context);
Result<int> run_incident_ls(Context& context);
Result<int> run_incident_show(Context& context);
Result<int> run_incident_ack(Context& context);
Result<int> run_incident_note(Context& context);
Result<int> run_incident_resolve(Context& context);
Result<int> run_incident_reopen(Context& context);
Result<int> run_incident_report(Context& context);
Result<int> run_state_backup(Context& context);
Result<int> run_state_restore(Context& context);
Result<int> run_state_export(Context& context);
Result<int> run_state_rebuild(Context& context);
Result<int> run_state_prune(Context& context);
Result<int> run_user_add(Context& context);
Result<int> run_user_passwd(Context& context);
Result<int> run_user_ls(Context& context);
Result<int> run_user_rm(Context& context);
Result<int> run_token_create(Context& context);
Result<int> run_token_ls(Context& context);
Result<int> run_token_revoke(Context& context);
Result<int> run_deps(Context& context);
Result<int> run_table_show(Context& context);
Result<int> run_table_rollback(Context& context);
Result<int> run_endpoint_ls(Context& context);
Result<int> run_endpoint_test(Context& context);
Result<int> run_endpoint_discover(Context& context);
Result<int> run_config_check(Context& context);
Result<int> run_config_show(Context& context);
Result<int> run_config_schema(Context& context);
Result<int> run_completion(Context& context);
Result<int> run_complete_words(Context& context);
Result<int> run_help(Context& context);

}  // namespace weir::app
