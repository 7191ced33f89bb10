{# Grants of a relation: what the configuration names is granted, what it no longer names is revoked. #}

{# Does a replaced relation keep the grants of the old one? #}
{% macro copy_grants() %}{% do return(adapter.dispatch('copy_grants', 'dbt')()) %}{% endmacro %}
{% macro default__copy_grants() %}{% do return(True) %}{% endmacro %}

{% macro support_multiple_grantees_per_dcl_statement() %}{% do return(adapter.dispatch('support_multiple_grantees_per_dcl_statement', 'dbt')()) %}{% endmacro %}
{% macro default__support_multiple_grantees_per_dcl_statement() %}{% do return(True) %}{% endmacro %}

{# Can there be grants that must go? #}
{% macro should_revoke(existing_relation, full_refresh_mode=True) %}
  {% if not existing_relation %}{% do return(False) %}{% endif %}
  {% do return(copy_grants() if full_refresh_mode else True) %}
{% endmacro %}

{% macro get_show_grant_sql(relation) %}{% do return(adapter.dispatch('get_show_grant_sql', 'dbt')(relation)) %}{% endmacro %}
{% macro default__get_show_grant_sql(relation) %}show grants on {{ relation.render() }}{% endmacro %}

{% macro get_grant_sql(relation, privilege, grantees) %}{% do return(adapter.dispatch('get_grant_sql', 'dbt')(relation, privilege, grantees)) %}{% endmacro %}
{% macro default__get_grant_sql(relation, privilege, grantees) -%}
  grant {{ privilege }} on {{ relation.render() }} to {{ grantees | join(', ') }}
{%- endmacro %}

{% macro get_revoke_sql(relation, privilege, grantees) %}{% do return(adapter.dispatch('get_revoke_sql', 'dbt')(relation, privilege, grantees)) %}{% endmacro %}
{% macro default__get_revoke_sql(relation, privilege, grantees) -%}
  revoke {{ privilege }} on {{ relation.render() }} from {{ get_quoted_csv(grantees) }}
{%- endmacro %}

{# `get_dcl_macro` is get_grant_sql or get_revoke_sql: one statement for each privilege, or for each privilege and grantee. #}
{% macro get_dcl_statement_list(relation, grant_config, get_dcl_macro) %}{% do return(adapter.dispatch('get_dcl_statement_list', 'dbt')(relation, grant_config, get_dcl_macro)) %}{% endmacro %}
{% macro default__get_dcl_statement_list(relation, grant_config, get_dcl_macro) %}
  {% set statements = [] %}
  {% set together = support_multiple_grantees_per_dcl_statement() %}
  {% for privilege, grantees in grant_config.items() if grantees %}
    {% for group in ([grantees] if together else grantees | batch(1)) %}
      {% do statements.append(get_dcl_macro(relation, privilege, group)) %}
    {% endfor %}
  {% endfor %}
  {% do return(statements) %}
{% endmacro %}

{% macro call_dcl_statements(dcl_statement_list) %}{% do return(adapter.dispatch('call_dcl_statements', 'dbt')(dcl_statement_list)) %}{% endmacro %}
{% macro default__call_dcl_statements(dcl_statement_list) %}
  {% call statement('grants') %}
    {% for one in dcl_statement_list %}{{ one }};
    {% endfor %}
  {% endcall %}
{% endmacro %}

{% macro apply_grants(relation, grant_config, should_revoke) %}{% do return(adapter.dispatch('apply_grants', 'dbt')(relation, grant_config, should_revoke)) %}{% endmacro %}
{% macro default__apply_grants(relation, grant_config, should_revoke=True) %}
  {% if not grant_config %}{% do return('') %}{% endif %}
  {% set to_grant = grant_config %}
  {% set to_revoke = {} %}
  {% if should_revoke %}
    {% set present = adapter.standardize_grants_dict(run_query(get_show_grant_sql(relation))) %}
    {% set to_grant = diff_of_two_dicts(grant_config, present) %}
    {% set to_revoke = diff_of_two_dicts(present, grant_config) %}
  {% endif %}
  {% set statements = get_dcl_statement_list(relation, to_revoke, get_revoke_sql) + get_dcl_statement_list(relation, to_grant, get_grant_sql) %}
  {% if statements %}
    {% do call_dcl_statements(statements) %}
  {% else %}
    {% do log('On ' ~ relation.render() ~ ': All grants are in place, no revocation or granting needed.') %}
  {% endif %}
{% endmacro %}
