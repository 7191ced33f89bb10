{# Data tests: the four generic ones, and how a test's query becomes a verdict. The text of a generic test is the node's
   compiled SQL. #}

{% test unique(model, column_name) %}
    {% set body = adapter.dispatch('test_unique', 'dbt') %}
    {{ body(model, column_name) }}
{% endtest %}
{% macro default__test_unique(model, column_name) %}

select
    {{ column_name }} as unique_field,
    count(*) as n_records

from {{ model }}
where {{ column_name }} is not null
group by {{ column_name }}
having count(*) > 1

{% endmacro %}

{% test not_null(model, column_name) %}
    {% set body = adapter.dispatch('test_not_null', 'dbt') %}
    {{ body(model, column_name) }}
{% endtest %}
{# Stored failures are whole rows. #}
{% macro default__test_not_null(model, column_name) %}

{{ '' }}

select {{ '*' if should_store_failures() else column_name }}
from {{ model }}
where {{ column_name }} is null

{% endmacro %}

{% test accepted_values(model, column_name, values, quote=True) %}
    {% set body = adapter.dispatch('test_accepted_values', 'dbt') %}
    {{ body(model, column_name, values, quote) }}
{% endtest %}
{% macro default__test_accepted_values(model, column_name, values, quote=True) %}
  {%- set mark = "'" if quote else '' %}

with all_values as (

    select
        {{ column_name }} as value_field,
        count(*) as n_records

    from {{ model }}
    group by {{ column_name }}

)

select *
from all_values
where value_field not in (
    {% for value in values %}{{ mark }}{{ value }}{{ mark }}{{ ',' if not loop.last }}{% endfor %}
)

{% endmacro %}

{% test relationships(model, column_name, to, field) %}
    {% set body = adapter.dispatch('test_relationships', 'dbt') %}
    {{ body(model, column_name, to, field) }}
{% endtest %}
{% macro default__test_relationships(model, column_name, to, field) %}

with child as (
    select {{ column_name }} as from_field
    from {{ model }}
    where {{ column_name }} is not null
),

parent as (
    select {{ field }} as to_field
    from {{ to }}
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null

{% endmacro %}

{# What a generic test gets as `model`: the relation, or a subquery of it under the test's `where`. #}
{% macro get_where_subquery(relation) -%}
  {% do return(adapter.dispatch('get_where_subquery', 'dbt')(relation)) %}
{%- endmacro %}
{% macro default__get_where_subquery(relation) -%}
  {% set where = config.get('where', '') %}
  {% do return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') dbt_subquery' if where else relation) %}
{%- endmacro %}

{# One row: how many failures, and whether that many are a warning or an error. #}
{% macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
  {{ adapter.dispatch('get_test_sql', 'dbt')(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}
{% macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    select
      {{ fail_calc }} as failures,
      {{ fail_calc }} {{ warn_if }} as should_warn,
      {{ fail_calc }} {{ error_if }} as should_error
    from (
      {{ main_sql }}
      {{ 'limit ' ~ limit if limit is not none }}
    ) dbt_internal_test
{%- endmacro %}

{% materialization test, default %}
  {% set relations = [] %}
  {% set header = config.get('sql_header') if flags.REQUIRE_SQL_HEADER_IN_TEST_CONFIGS else none %}
  {% set failures %}
    {{ get_limit_subquery_sql(sql, config.get('limit')) }}
  {% endset %}

  {% if should_store_failures() %}
    {% set kind = config.get('store_failures_as') or 'table' %}
    {% if kind not in ['table', 'view'] %}
      {% do exceptions.raise_compiler_error("'" ~ kind ~ "' is not a valid value for `store_failures_as`. Accepted values are: ['ephemeral', 'table', 'view']") %}
    {% endif %}
    {% set stored = api.Relation.create(database=database, schema=schema, identifier=model['alias'], type=kind) %}
    {% do drop_relation_if_exists(adapter.get_relation(database=database, schema=schema, identifier=model['alias'])) %}
    {% call statement(auto_begin=True) %}
      {{ header or '' }}
      {{ get_create_sql(stored, failures) }}
    {% endcall %}
    {% do relations.append(stored) %}
    {% set failures %}
        select *
        from {{ stored }}
    {% endset %}
    {% do adapter.commit() %}
  {% endif %}

  {% call statement('main', fetch_result=True) -%}
    {{ header or '' }}
    {{ get_test_sql(failures, config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), limit=none) }}
  {%- endcall %}
  {% do return({'relations': relations}) %}
{% endmaterialization %}
