{# Functions (UDFs) of the project. #}

{% materialization function, default, supported_languages=['sql', 'python', 'javascript'] %}
  {% set existing = load_cached_relation(this) %}
  {% set target_relation = this.incorporate(type=this.Function) %}
  {{ run_hooks(pre_hooks) }}
  {% set find = adapter.dispatch %}
  {% set build_sql = find(this.get_function_macro_name(this.get_function_config(model)), 'dbt')(target_relation) %}
  {{ function_execute_build_sql(build_sql, existing, target_relation) }}
  {{ run_hooks(post_hooks) }}
  {% do return({'relations': [target_relation]}) %}
{% endmaterialization %}

{% macro function_execute_build_sql(build_sql, existing_relation, target_relation) %}{% do return(adapter.dispatch('function_execute_build_sql', 'dbt')(build_sql, existing_relation, target_relation)) %}{% endmacro %}
{% macro default__function_execute_build_sql(build_sql, existing_relation, target_relation) %}
  {% call statement(name='main') %}
    {{ build_sql }}
  {% endcall %}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation, full_refresh_mode=True)) %}
  {% do persist_docs(target_relation, model) %}
  {% do adapter.commit() %}
{% endmacro %}

{% macro scalar_function_sql(target_relation) %}{% do return(adapter.dispatch('scalar_function_sql', 'dbt')(target_relation)) %}{% endmacro %}
{% macro default__scalar_function_sql(target_relation) %}
    {{ scalar_function_create_replace_signature_sql(target_relation) }}
    {{ scalar_function_body_sql() }};
{% endmacro %}
{% macro scalar_function_create_replace_signature_sql(target_relation) %}{% do return(adapter.dispatch('scalar_function_create_replace_signature_sql', 'dbt')(target_relation)) %}{% endmacro %}
{% macro default__scalar_function_create_replace_signature_sql(target_relation) %}
    create or replace function {{ target_relation.render() }} ({{ formatted_scalar_function_args_sql() }})
    returns {{ model.returns.data_type }}
    {{ scalar_function_volatility_sql() }}
    as
{% endmacro %}
{% macro scalar_function_body_sql() %}{% do return(adapter.dispatch('scalar_function_body_sql', 'dbt')()) %}{% endmacro %}
{% macro default__scalar_function_body_sql() %}
    $$
       {{ model.compiled_code }}
    $$ language sql
{% endmacro %}

{% macro formatted_scalar_function_args_sql() %}{% do return(adapter.dispatch('formatted_scalar_function_args_sql', 'dbt')()) %}{% endmacro %}
{% macro default__formatted_scalar_function_args_sql() %}
  {% set arguments = [] %}
  {% for argument in model.arguments %}{% do arguments.append(argument.name ~ ' ' ~ argument.data_type) %}{% endfor %}
  {% do return(arguments | join(', ')) %}
{% endmacro %}
{% macro formatted_scalar_function_args_javascript() %}{% do return(adapter.dispatch('formatted_scalar_function_args_javascript', 'dbt')()) %}{% endmacro %}
{% macro default__formatted_scalar_function_args_javascript() %}
  {% do exceptions.raise_compiler_error('formatted_scalar_function_args_javascript not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{% macro scalar_function_volatility_sql() %}{% do return(adapter.dispatch('scalar_function_volatility_sql', 'dbt')()) %}{% endmacro %}
{% macro default__scalar_function_volatility_sql() %}
  {% set words = {'deterministic': 'immutable', 'stable': 'stable', 'non-deterministic': 'volatile'} %}
  {% set volatility = model.config.get('volatility') %}
  {% if volatility is not none and volatility not in words %}{% do unsupported_volatility_warning(volatility) %}{% endif %}
  {% do return(words.get(volatility, '')) %}
{% endmacro %}
{% macro scalar_function_volatility_javascript() %}{% do return(adapter.dispatch('scalar_function_volatility_javascript', 'dbt')()) %}{% endmacro %}
{% macro default__scalar_function_volatility_javascript() %}
  {% if model.config.get('volatility') is not none %}
    {% do exceptions.warn('Volatility is not supported by ' ~ adapter.type() ~ ' in javascript UDF and will be ignored') %}
  {% endif %}
{% endmacro %}
{% macro unsupported_volatility_warning(volatility) %}{% do return(adapter.dispatch('unsupported_volatility_warning', 'dbt')(volatility)) %}{% endmacro %}
{% macro default__unsupported_volatility_warning(volatility) %}
  {% do exceptions.warn('Found `' ~ volatility ~ '` volatility specified on function `' ~ model.name ~ '`. This volatility is not supported by ' ~ adapter.type() ~ ', and will be ignored') %}
{% endmacro %}

{# -- aggregates: databases that can write one in SQL or Python -- #}

{% macro get_aggregate_function_create_replace_signature(target_relation) %}{% do return(adapter.dispatch('get_aggregate_function_create_replace_signature', 'dbt')(target_relation)) %}{% endmacro %}
{% macro default__get_aggregate_function_create_replace_signature(target_relation) %}
  {% do exceptions.raise_not_implemented('get_aggregate_function_create_replace_signature macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}
{% macro get_formatted_aggregate_function_args() %}{% do return(adapter.dispatch('get_formatted_aggregate_function_args', 'dbt')()) %}{% endmacro %}
{% macro default__get_formatted_aggregate_function_args() %}{% do return(formatted_scalar_function_args_sql()) %}{% endmacro %}
{% macro get_function_language_specifier() %}{% do return(adapter.dispatch('get_function_language_specifier', 'dbt')()) %}{% endmacro %}
{% macro default__get_function_language_specifier() %}{% do return('' if model.get('language') == 'sql' else 'language ' ~ model.get('language')) %}{% endmacro %}
{% macro get_aggregate_function_volatility_specifier() %}{% do return(adapter.dispatch('get_aggregate_function_volatility_specifier', 'dbt')()) %}{% endmacro %}
{% macro default__get_aggregate_function_volatility_specifier() %}{% do return(scalar_function_volatility_sql()) %}{% endmacro %}
{% macro get_function_python_options() %}{% do return(adapter.dispatch('get_function_python_options', 'dbt')()) %}{% endmacro %}
{% macro default__get_function_python_options() %}
  {% do exceptions.raise_not_implemented('get_function_python_options macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}
