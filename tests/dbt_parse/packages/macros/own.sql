text and {% set ignored = 1 %} outside of blocks
{% macro own(text, more=[]) -%} {{ return(adapter.dispatch('own', 'top')(text)) }} {%- endmacro %}
{% macro default__own(text) %}'{{ text }}'{{ nested() }}{% endmacro %}
{%- macro nested() -%} {{ tools.one() }} {{ dbt.current_timestamp() }} {%- endmacro -%}
{% macro default__one() %}2{% endmacro %}
{% macro cents(column) %}({{ column }} / 100){% endmacro %}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ node.resource_type }}_{{ custom_schema_name or target.schema }}{{ '_x' if node.name == 'uses' }}
{%- endmacro %}
