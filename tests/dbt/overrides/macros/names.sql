{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name if custom_schema_name else target.schema }}
{%- endmacro %}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
  {%- if custom_alias_name -%}{{ custom_alias_name }}{%- else -%}x_{{ node.name }}{%- endif -%}
{%- endmacro %}
{% macro default__create_table_as(temporary, relation, sql) %}
  create {{ 'temporary' if temporary }} table {{ relation }} as select *, 'ours'::text as made_by from ({{ sql }}) q
{% endmacro %}
{% macro postgres__create_table_as(temporary, relation, sql) %}{{ return(default__create_table_as(temporary, relation, sql)) }}{% endmacro %}
{% macro ref() %}
  {% set r = builtins.ref(*varargs, **kwargs) %}
  {% do return(r) %}
{% endmacro %}
{% macro default__test_not_null(model, column_name) %}
  select {{ column_name }} from {{ model }} where {{ column_name }} is null or false
{% endmacro %}
{% materialization kept, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing = adapter.get_relation(this.database, this.schema, this.identifier) -%}
  {{ run_hooks(pre_hooks) }}
  {% if existing is none %}
    {% call statement('main') %}create table {{ target_relation }} as {{ sql }}{% endcall %}
  {% else %}
    {% do adapter.drop_relation(existing) %}
    {% call statement('main', fetch_result=true) %}create table {{ target_relation }} as select 2 as n{% endcall %}
  {% endif %}
  {{ run_hooks(post_hooks) }}
  {{ adapter.commit() }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
