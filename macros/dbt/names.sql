{# How databases, schemas and relations are named: projects override these. The text they print is trimmed by the caller. #}

{% macro generate_database_name(custom_database_name=none, node=none) -%}
  {% do return(adapter.dispatch('generate_database_name', 'dbt')(custom_database_name, node)) %}
{%- endmacro %}
{% macro default__generate_database_name(custom_database_name=none, node=none) -%}
  {{ target.database if custom_database_name is none else custom_database_name }}
{%- endmacro %}

{% macro generate_schema_name(custom_schema_name=none, node=none) -%}
  {% do return(adapter.dispatch('generate_schema_name', 'dbt')(custom_schema_name, node)) %}
{%- endmacro %}
{% macro default__generate_schema_name(custom_schema_name, node) -%}
  {{ target.schema }}{{ '_' ~ (custom_schema_name | trim) if custom_schema_name is not none }}
{%- endmacro %}
{# For projects that build into the schemas' own names in production, and into one schema elsewhere. #}
{% macro generate_schema_name_for_env(custom_schema_name, node) -%}
  {{ custom_schema_name | trim if target.name == 'prod' and custom_schema_name is not none else target.schema }}
{%- endmacro %}

{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
  {% do return(adapter.dispatch('generate_alias_name', 'dbt')(custom_alias_name, node)) %}
{%- endmacro %}
{% macro default__generate_alias_name(custom_alias_name=none, node=none) -%}
  {%- if custom_alias_name -%}
    {{ custom_alias_name | trim }}
  {%- elif node.version -%}
    {{ node.name }}_v{{ node.version | replace('.', '_') }}
  {%- else -%}
    {{ node.name }}
  {%- endif -%}
{%- endmacro %}

{# The view that always shows a versioned model's latest version. #}
{% macro generate_latest_version_pointer_alias(custom_alias_name=none, node=none) -%}
  {% do return(adapter.dispatch('generate_latest_version_pointer_alias', 'dbt')(custom_alias_name, node)) %}
{%- endmacro %}
{% macro default__generate_latest_version_pointer_alias(custom_alias_name=none, node=none) -%}
  {{ custom_alias_name | trim if custom_alias_name else node.name }}
{%- endmacro %}
