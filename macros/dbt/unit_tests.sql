{# Unit tests: a model's query over rows that the test gives, compared with the rows that it expects. #}

{% macro get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
  {{ adapter.dispatch('get_unit_test_sql', 'dbt')(main_sql, expected_fixture_sql, expected_column_names) }}
{%- endmacro %}
{% macro default__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
  {%- set columns = expected_column_names | join(', ') -%}
  {%- set which = adapter.quote('actual_or_expected') -%}
with dbt_internal_unit_test_actual as (
  select {{ columns }}, {{ string_literal('actual') }} as {{ which }}
  from (
    {{ main_sql }}
  ) _dbt_internal_unit_test_actual
),
dbt_internal_unit_test_expected as (
  select {{ columns }}, {{ string_literal('expected') }} as {{ which }}
  from (
    {{ expected_fixture_sql }}
  ) _dbt_internal_unit_test_expected
)
select * from dbt_internal_unit_test_actual
union all
select * from dbt_internal_unit_test_expected
{%- endmacro %}

{# The rows of one given input as a select; columns that the fixture leaves out are NULL of the right type. #}
{% macro get_fixture_sql(rows, column_name_to_data_types) %}
-- Fixture for {{ model.name }}
  {%- set types = column_name_to_data_types or {} -%}
  {%- set names = {} -%}
  {%- if not types -%}
    {%- set known = defer_relation if (defer_relation and not load_relation(this)) else this -%}
    {%- for column in adapter.get_columns_in_relation(known) -%}
      {%- do types.update({column.name | lower: column.data_type}) -%}
      {%- do names.update({column.name | lower: column.quoted}) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- if not types -%}
    {%- do exceptions.raise_compiler_error("Not able to get columns for unit test '" ~ model.name ~ "' from relation " ~ this ~ " because the relation doesn't exist") -%}
  {%- endif -%}
  {%- do validate_fixture_rows(rows, row_number) -%}
  {%- set selects = [] -%}
  {%- for row in (rows or [{}]) -%}
    {%- set given = format_row(row, types) -%}
    {%- set expressions = [] -%}
    {%- for name, type in types.items() -%}
      {%- set value = given[name] if name in given else safe_cast('null', type) | trim -%}
      {%- do expressions.append(value ~ ' as ' ~ names.get(name, name)) -%}
    {%- endfor -%}
    {%- do selects.append('select ' ~ expressions | join(', ')) -%}
  {%- endfor %}
{{ selects | join('\nunion all\n') }}{{ '\n    limit 0' if not rows }}
{%- endmacro %}

{# The expected rows, with the columns that they name. #}
{% macro get_expected_sql(rows, column_name_to_data_types, column_name_to_quoted) %}
  {%- if not rows %}
    select * from dbt_internal_unit_test_actual
    limit 0
  {%- else -%}
    {%- set selects = [] -%}
    {%- for row in rows -%}
      {%- set expressions = [] -%}
      {%- for name, value in format_row(row, column_name_to_data_types).items() -%}
        {%- do expressions.append((value | trim) ~ ' as ' ~ column_name_to_quoted[name]) -%}
      {%- endfor -%}
      {%- do selects.append('select ' ~ expressions | join(', ')) -%}
    {%- endfor %}
{{ selects | join('\nunion all\n') }}
  {%- endif -%}
{% endmacro %}

{# {column: SQL expression} of one row of a fixture; column names are compared in lower case. #}
{% macro format_row(row, column_name_to_data_types) %}
  {% set out = {} %}
  {% for given_name, given in row.items() %}
    {% set name = given_name | lower %}
    {% if name not in column_name_to_data_types %}
      {% set fixture = 'expected output' if model.resource_type == 'unit_test' else "'" ~ model.name ~ "'" %}
      {% do exceptions.raise_compiler_error("Invalid column name: '" ~ name ~ "' in unit test fixture for " ~ fixture ~ ".\nAccepted columns for " ~ fixture ~ ' are: ' ~ (column_name_to_data_types.keys() | list)) %}
    {% endif %}
    {% set type = column_name_to_data_types[name] %}
    {% if given is string %}
      {# A value longer than the column would be cut silently: compare it whole. #}
      {% set type = type.split('(')[0] if 'varying' in type else type %}
      {% set value = string_literal(escape_single_quotes(given)) %}
    {% else %}
      {% set value = 'null' if given is none else given %}
    {% endif %}
    {% do out.update({name: safe_cast(value, type)}) %}
  {% endfor %}
  {% do return(out) %}
{% endmacro %}

{% macro validate_fixture_rows(rows, row_number) %}{% do return(adapter.dispatch('validate_fixture_rows', 'dbt')(rows, row_number)) %}{% endmacro %}
{% macro default__validate_fixture_rows(rows, row_number) %}{% endmacro %}

{% materialization unit, default %}
  {% set expected_rows = config.get('expected_rows') %}
  {% set expected_sql = config.get('expected_sql') %}
  {% set header = config.get('sql_header') if flags.REQUIRE_SQL_HEADER_IN_TEST_CONFIGS else none %}
  {% set tested = expected_rows[0].keys() if expected_rows else get_columns_in_query(sql) %}

  {# A temporary table without rows tells the types of the model's columns. #}
  {% set probe = make_temp_relation(this.incorporate(type='table')) %}
  {% do run_query(get_create_table_as_sql(True, probe, get_empty_subquery_sql(sql))) %}
  {% set types = {} %}
  {% set quoted = {} %}
  {% for column in adapter.get_columns_in_relation(probe) %}
    {% do types.update({column.name | lower: column.data_type}) %}
    {% do quoted.update({column.name | lower: column.quoted}) %}
  {% endfor %}
  {% set compared = [] %}
  {% for name in tested %}{% do compared.append(quoted[name | lower]) %}{% endfor %}
  {% if not expected_sql %}{% set expected_sql = get_expected_sql(expected_rows, types, quoted) %}{% endif %}

  {% call statement('main', fetch_result=True) -%}
    {{ header or '' }}
    {{ get_unit_test_sql(sql, expected_sql, compared) }}
  {%- endcall %}
  {% do adapter.drop_relation(probe) %}
  {% do return({'relations': []}) %}
{% endmaterialization %}
