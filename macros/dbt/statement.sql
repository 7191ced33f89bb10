{# Carrying out SQL, and the small questions that a materialization asks about its configuration. #}

{# {% call statement('name', fetch_result=True) %} select 1 {% endcall %}: the result is load_result('name') afterwards. The
   statement named `main` is the one that the run's report is about, and is written to target/run. #}
{% macro statement(name=None, fetch_result=False, auto_begin=True, language='sql') -%}
  {%- if execute -%}
    {%- if language != 'sql' -%}
      {%- do exceptions.raise_compiler_error('statement: language "' ~ language ~ '" is not supported on ' ~ adapter.type()) -%}
    {%- endif -%}
    {%- set text = caller() -%}
    {%- if name == 'main' -%}
      {%- do log('Writing runtime sql for node "' ~ model['unique_id'] ~ '"') -%}
      {%- do write(text) -%}
    {%- endif -%}
    {%- set response, table = adapter.execute(text, auto_begin=auto_begin, fetch=fetch_result) -%}
    {%- if name is not none -%}{%- do store_result(name, response=response, agate_table=table) -%}{%- endif -%}
  {%- endif -%}
{%- endmacro %}

{# The same for work that was done some other way: only its text is written and its result stored. #}
{% macro noop_statement(name=None, message=None, code=None, rows_affected=None, res=None) -%}
  {%- set text = caller() -%}
  {%- if name == 'main' -%}
    {%- do log('Writing runtime SQL for node "' ~ model['unique_id'] ~ '"') -%}
    {%- do write(text) -%}
  {%- endif -%}
  {%- if name is not none -%}
    {%- do store_raw_result(name, message=message, code=code, rows_affected=rows_affected, agate_table=res) -%}
  {%- endif -%}
{%- endmacro %}

{# A query's rows as a table. #}
{% macro run_query(sql) %}
  {% call statement('run_query_statement', fetch_result=true, auto_begin=false) %}
    {{ sql }}
  {% endcall %}
  {% do return(load_result('run_query_statement').table) %}
{% endmacro %}

{% macro set_sql_header(config) -%}
  {%- do config.set('sql_header', caller()) -%}
{%- endmacro %}

{# The node's own setting, else the command line's. #}
{% macro should_full_refresh() %}
  {% set configured = config.get('full_refresh') %}
  {% do return(flags.FULL_REFRESH if configured is none else configured) %}
{% endmacro %}
{% macro should_store_failures() %}
  {% set configured = config.get('store_failures') %}
  {% do return(flags.STORE_FAILURES if configured is none else configured) %}
{% endmacro %}

{% macro is_incremental() %}
  {% if not execute %}{% do return(False) %}{% endif %}
  {% set existing = adapter.get_relation(this.database, this.schema, this.table) %}
  {% do return(existing is not none and existing.type == 'table' and model.config.materialized == 'incremental' and not should_full_refresh()) %}
{% endmacro %}

{% macro is_core_v2() %}{% do return(dbt_version.split('.') | first | int == 2) %}{% endmacro %}

{% macro validate_sql(sql) %}{% do return(adapter.dispatch('validate_sql', 'dbt')(sql)) %}{% endmacro %}
{% macro default__validate_sql(sql) %}
  {% call statement('validate_sql') %}explain {{ sql }}{% endcall %}
  {% do return(load_result('validate_sql')) %}
{% endmacro %}

{# -- hooks -- #}

{# Hooks outside the transaction run each by itself: what went before is committed first. #}
{% macro run_hooks(hooks, inside_transaction=True) %}
  {% for hook in hooks | selectattr('transaction', 'equalto', inside_transaction) %}
    {% if loop.first and not inside_transaction %}
      {% call statement(auto_begin=False) %}commit;{% endcall %}
    {% endif %}
    {% set text = render(hook.get('sql')) | trim %}
    {% if text %}
      {% call statement(auto_begin=inside_transaction) %}{{ text }}{% endcall %}
    {% endif %}
  {% endfor %}
{% endmacro %}

{% macro make_hook_config(sql, inside_transaction) %}{{ tojson({'sql': sql, 'transaction': inside_transaction}) }}{% endmacro %}
{% macro before_begin(sql) %}{{ make_hook_config(sql, inside_transaction=False) }}{% endmacro %}
{% macro in_transaction(sql) %}{{ make_hook_config(sql, inside_transaction=True) }}{% endmacro %}
{% macro after_commit(sql) %}{{ make_hook_config(sql, inside_transaction=False) }}{% endmacro %}

{# -- weir dbt show -- #}

{% macro get_show_sql(compiled_code, sql_header, limit) -%}
  {%- if sql_header is not none %}{{ sql_header }}{% endif %}
  {{ get_limit_subquery_sql(compiled_code, limit) }}
{% endmacro %}
{% macro get_limit_subquery_sql(sql, limit) -%}
  {{ adapter.dispatch('get_limit_sql', 'dbt')(sql, limit) }}
{%- endmacro %}
{% macro default__get_limit_sql(sql, limit) %}
  {{ sql }}
  {% if limit is not none %}
  limit {{ limit }}
  {%- endif -%}
{% endmacro %}

{# -- Python models: PostgreSQL runs none -- #}

{% macro resolve_model_name(input_model_name) %}{% do return(adapter.dispatch('resolve_model_name', 'dbt')(input_model_name)) %}{% endmacro %}
{% macro default__resolve_model_name(input_model_name) %}{% do return(input_model_name | string | replace('"', '\\"')) %}{% endmacro %}
{% macro build_ref_function(model) %}{% do exceptions.raise_not_implemented('build_ref_function macro not implemented for adapter ' ~ adapter.type()) %}{% endmacro %}
{% macro build_source_function(model) %}{% do exceptions.raise_not_implemented('build_source_function macro not implemented for adapter ' ~ adapter.type()) %}{% endmacro %}
{% macro build_config_dict(model) %}{% do exceptions.raise_not_implemented('build_config_dict macro not implemented for adapter ' ~ adapter.type()) %}{% endmacro %}
{% macro py_script_postfix(model) %}{% do exceptions.raise_not_implemented('py_script_postfix macro not implemented for adapter ' ~ adapter.type()) %}{% endmacro %}
{% macro py_script_comment() %}{% endmacro %}
