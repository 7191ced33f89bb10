{# Columns of relations and of queries: looking, comparing, changing; and what a model's contract says of them. #}

{% macro get_columns_in_relation(relation) %}{% do return(adapter.dispatch('get_columns_in_relation', 'dbt')(relation)) %}{% endmacro %}
{% macro default__get_columns_in_relation(relation) %}
  {% do exceptions.raise_not_implemented('get_columns_in_relation macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{# Rows of (name, type, length, precision, scale) as columns. #}
{% macro sql_convert_columns_in_relation(table) %}
  {% set columns = [] %}
  {% for row in table %}{% do columns.append(api.Column(*row)) %}{% endfor %}
  {% do return(columns) %}
{% endmacro %}

{% macro get_list_of_column_names(columns) %}{% do return(columns | map(attribute='name') | list) %}{% endmacro %}

{% macro get_quoted_csv(column_names) %}
  {% set quoted = [] %}
  {% for name in column_names %}{% do quoted.append(adapter.quote(name)) %}{% endfor %}
  {% do return(quoted | join(', ')) %}
{% endmacro %}

{# -- of queries: asked without reading a row -- #}

{% macro get_empty_subquery_sql(select_sql, select_sql_header=none) %}{% do return(adapter.dispatch('get_empty_subquery_sql', 'dbt')(select_sql, select_sql_header)) %}{% endmacro %}
{% macro default__get_empty_subquery_sql(select_sql, select_sql_header=none) %}
    {{- select_sql_header if select_sql_header is not none }}
    select * from (
        {{ select_sql }}
    ) as __dbt_sbq
    where false
    limit 0
{% endmacro %}

{% macro get_column_schema_from_query(select_sql, select_sql_header=none) %}
  {% do return(adapter.get_column_schema_from_query(get_empty_subquery_sql(select_sql, select_sql_header))) %}
{% endmacro %}

{% macro get_columns_in_query(select_sql) %}{% do return(adapter.dispatch('get_columns_in_query', 'dbt')(select_sql)) %}{% endmacro %}
{% macro default__get_columns_in_query(select_sql) %}
  {% call statement('get_columns_in_query', fetch_result=True, auto_begin=False) %}{{ get_empty_subquery_sql(select_sql) }}{% endcall %}
  {% do return(load_result('get_columns_in_query').table.columns | map(attribute='name') | list) %}
{% endmacro %}

{# A query without rows whose columns are those that a contract declares. #}
{% macro get_empty_schema_sql(columns) %}{% do return(adapter.dispatch('get_empty_schema_sql', 'dbt')(columns)) %}{% endmacro %}
{% macro default__get_empty_schema_sql(columns) %}
  {%- set untyped = [] -%}
  {%- set unscaled = [] -%}
  {%- set expressions = [] -%}
  {%- for column in columns.values() -%}
    {%- if column['data_type'] is not defined or not column['data_type'] -%}
      {%- do untyped.append(column['name']) -%}
    {%- else -%}
      {%- if column['data_type'].strip().lower() in ('numeric', 'decimal', 'number') -%}{%- do unscaled.append(column['name']) -%}{%- endif -%}
      {%- set name = adapter.quote(column['name']) if column.get('quote') else column['name'] -%}
      {%- do expressions.append((cast('null', column['data_type']) | trim) ~ ' as ' ~ name) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if untyped -%}
    {%- do exceptions.column_type_missing(column_names=untyped) -%}
  {%- elif unscaled -%}
    {%- do exceptions.warn('Detected columns with numeric type and unspecified precision/scale, this can lead to unintended rounding: ' ~ unscaled ~ '`') -%}
  {%- endif -%}
  select {{ expressions | join(', ') }}
{%- endmacro %}

{# -- comparing -- #}

{# Columns of the first list whose names the second one lacks. #}
{% macro diff_columns(source_columns, target_columns) %}
  {% set known = target_columns | map(attribute='column') | list %}
  {% do return(source_columns | rejectattr('name', 'in', known) | list) %}
{% endmacro %}

{# Columns of both whose type differs, unless the wider text type already holds the new values. #}
{% macro diff_column_data_types(source_columns, target_columns) %}{% do return(adapter.dispatch('diff_column_data_types', 'dbt')(source_columns, target_columns)) %}{% endmacro %}
{% macro default__diff_column_data_types(source_columns, target_columns) %}
  {% set changed = [] %}
  {% for new in source_columns %}
    {% for old in target_columns if old.name == new.name and old.expanded_data_type != new.expanded_data_type and not new.can_expand_to(other_column=old) %}
      {% do changed.append({'column_name': old.name, 'new_type': new.expanded_data_type}) %}
    {% endfor %}
  {% endfor %}
  {% do return(changed) %}
{% endmacro %}

{# -- changing: a column that something depends on is never dropped with it -- #}

{% macro alter_column_type(relation, column_name, new_column_type) %}{% do return(adapter.dispatch('alter_column_type', 'dbt')(relation, column_name, new_column_type)) %}{% endmacro %}
{% macro default__alter_column_type(relation, column_name, new_column_type) %}
  {% call statement('alter_column_type') %}
    alter table {{ relation.render() }} alter column {{ adapter.quote(column_name) }} type {{ new_column_type }} using {{ adapter.quote(column_name) }}::{{ new_column_type }}
  {% endcall %}
{% endmacro %}

{% macro alter_relation_add_remove_columns(relation, add_columns=none, remove_columns=none) %}{% do return(adapter.dispatch('alter_relation_add_remove_columns', 'dbt')(relation, add_columns, remove_columns)) %}{% endmacro %}
{% macro default__alter_relation_add_remove_columns(relation, add_columns, remove_columns) %}
  {% set changes = [] %}
  {% for column in add_columns or [] %}{% do changes.append('add column ' ~ column.quoted ~ ' ' ~ column.expanded_data_type) %}{% endfor %}
  {% for column in remove_columns or [] %}{% do changes.append('drop column ' ~ column.quoted) %}{% endfor %}
  {% do run_query('alter ' ~ relation.type ~ ' ' ~ relation.render() ~ ' ' ~ changes | join(', ')) %}
{% endmacro %}

{# -- contracts -- #}

{% macro get_table_columns_and_constraints() -%}
  {{ adapter.dispatch('get_table_columns_and_constraints', 'dbt')() }}
{%- endmacro %}
{% macro default__get_table_columns_and_constraints() %}{% do return(table_columns_and_constraints()) %}{% endmacro %}
{% macro table_columns_and_constraints() -%}
  {%- set columns = adapter.render_raw_columns_constraints(raw_columns=model['columns']) -%}
  {%- set constraints = adapter.render_raw_model_constraints(raw_constraints=model['constraints']) -%}
    (
    {{ (columns + constraints) | join(',\n    ') }}
    )
{%- endmacro %}

{% macro get_assert_columns_equivalent(sql) -%}
  {{ adapter.dispatch('get_assert_columns_equivalent', 'dbt')(sql) }}
{%- endmacro %}
{% macro default__get_assert_columns_equivalent(sql) %}{% do return(assert_columns_equivalent(sql)) %}{% endmacro %}

{# An error with both column lists if the model's query does not give what its contract declares. Order does not matter. #}
{% macro assert_columns_equivalent(sql) %}
  {%- if not model['columns'] -%}{%- do exceptions.raise_contract_error([], []) -%}{%- endif -%}
  {%- set given = format_columns(get_column_schema_from_query(sql, config.get('sql_header', none))) -%}
  {%- set declared = format_columns(get_column_schema_from_query(get_empty_schema_sql(model['columns']))) -%}
  {%- set wanted = {} -%}
  {%- for column in declared -%}{%- do wanted.update({column['name']: column['formatted']}) -%}{%- endfor -%}
  {%- set ok = namespace(yes=(given | length == declared | length)) -%}
  {%- for column in given if wanted.get(column['name']) != column['formatted'] -%}{%- set ok.yes = false -%}{%- endfor -%}
  {%- if not ok.yes -%}{%- do exceptions.raise_contract_error(declared, given) -%}{%- endif -%}
{%- endmacro %}

{% macro format_columns(columns) %}
  {% set formatted = [] %}
  {% for column in columns %}{% do formatted.append(adapter.dispatch('format_column', 'dbt')(column)) %}{% endfor %}
  {% do return(formatted) %}
{% endmacro %}
{% macro default__format_column(column) %}
  {% do return({'name': column.name, 'data_type': column.dtype, 'formatted': column.column.lower() ~ ' ' ~ column.dtype}) %}
{% endmacro %}

{# Names of the contract's columns, in its order. #}
{% macro default__get_column_names() -%}
  {%- for column in model['columns'].values() -%}
    {{ adapter.quote(column['name']) if column.get('quote') else column['name'] }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{%- endmacro %}
{% macro get_select_subquery(sql) %}{% do return(adapter.dispatch('get_select_subquery', 'dbt')(sql)) %}{% endmacro %}
{% macro default__get_select_subquery(sql) %}
    select {{ adapter.dispatch('get_column_names', 'dbt')() }}
    from (
        {{ sql }}
    ) as model_subq
{%- endmacro %}
