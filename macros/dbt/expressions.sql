{# SQL expressions that hold on every database. Models call them within their own text, so the white space that each one
   prints is part of what it is: packages compare and reuse compiled SQL. #}

{% macro any_value(expression) %}{% do return(adapter.dispatch('any_value', 'dbt')(expression)) %}{% endmacro %}
{% macro default__any_value(expression) %}{% do return('any_value(' ~ expression ~ ')') %}{% endmacro %}

{% macro bool_or(expression) %}{% do return(adapter.dispatch('bool_or', 'dbt')(expression)) %}{% endmacro %}
{% macro default__bool_or(expression) %}{% do return('bool_or(' ~ expression ~ ')') %}{% endmacro %}

{% macro cast(field, type) %}{% do return(adapter.dispatch('cast', 'dbt')(field, type)) %}{% endmacro %}
{% macro default__cast(field, type) %}
    cast({{ field }} as {{ type }})
{% endmacro %}

{# PostgreSQL has no cast that gives NULL instead of an error. #}
{% macro safe_cast(field, type) %}{% do return(adapter.dispatch('safe_cast', 'dbt')(field, type)) %}{% endmacro %}
{% macro default__safe_cast(field, type) %}
    {{- '\n    \n    ' }}cast({{ field }} as {{ type }})
{% endmacro %}

{% macro cast_bool_to_text(field) %}
  {{ adapter.dispatch('cast_bool_to_text', 'dbt')(field) }}
{% endmacro %}
{% macro default__cast_bool_to_text(field) %}
    cast({{ field }} as {{ type_string() }})
{% endmacro %}

{% macro hash(field) %}{% do return(adapter.dispatch('hash', 'dbt')(field)) %}{% endmacro %}
{% macro default__hash(field) %}{% do return('md5(cast(' ~ field ~ ' as ' ~ type_string() ~ '))') %}{% endmacro %}

{# True if both sides are the same value. Whether two NULLs are depends on a behaviour flag. #}
{% macro equals(expr1, expr2) %}{% do return(adapter.dispatch('equals', 'dbt')(expr1, expr2)) %}{% endmacro %}
{% macro default__equals(expr1, expr2) -%}
  {%- if adapter.behavior.enable_truthy_nulls_equals_macro.no_warn %}
    case when (({{ expr1 }} = {{ expr2 }}) or ({{ expr1 }} is null and {{ expr2 }} is null))
        then 0
        else 1
    end = 0
  {%- else -%}
    ({{ expr1 }} = {{ expr2 }})
  {%- endif %}
{% endmacro %}

{# -- text -- #}

{% macro concat(fields) %}{% do return(adapter.dispatch('concat', 'dbt')(fields)) %}{% endmacro %}
{% macro default__concat(fields) %}{% do return(fields | join(' || ')) %}{% endmacro %}

{% macro string_literal(value) %}{% do return(adapter.dispatch('string_literal', 'dbt')(value)) %}{% endmacro %}
{% macro default__string_literal(value) %}{% do return("'" ~ value ~ "'") %}{% endmacro %}

{% macro escape_single_quotes(expression) %}{% do return(adapter.dispatch('escape_single_quotes', 'dbt')(expression)) %}{% endmacro %}
{% macro default__escape_single_quotes(expression) %}{{ expression | replace("'", "''") }}{% endmacro %}

{% macro length(expression) %}{% do return(adapter.dispatch('length', 'dbt')(expression)) %}{% endmacro %}
{% macro default__length(expression) %}

    length(
        {{ expression }}
    )
{%- endmacro %}

{% macro position(substring_text, string_text) %}{% do return(adapter.dispatch('position', 'dbt')(substring_text, string_text)) %}{% endmacro %}
{% macro default__position(substring_text, string_text) %}

    position(
        {{ substring_text }} in {{ string_text }}
    )
{%- endmacro %}

{% macro replace(field, old_chars, new_chars) %}{% do return(adapter.dispatch('replace', 'dbt')(field, old_chars, new_chars)) %}{% endmacro %}
{% macro default__replace(field, old_chars, new_chars) %}

    replace(
        {{ field }},
        {{ old_chars }},
        {{ new_chars }}
    )


{% endmacro %}

{% macro right(string_text, length_expression) %}{% do return(adapter.dispatch('right', 'dbt')(string_text, length_expression)) %}{% endmacro %}
{% macro default__right(string_text, length_expression) %}

    right(
        {{ string_text }},
        {{ length_expression }}
    )
{%- endmacro %}

{# Parts count from 1; a negative number counts from the end. #}
{% macro split_part(string_text, delimiter_text, part_number) %}{% do return(adapter.dispatch('split_part', 'dbt')(string_text, delimiter_text, part_number)) %}{% endmacro %}
{% macro default__split_part(string_text, delimiter_text, part_number) %}

    split_part(
        {{ string_text }},
        {{ delimiter_text }},
        {{ part_number }}
        )

{% endmacro %}
{% macro _split_part_negative(string_text, delimiter_text, part_number) %}

    split_part(
        {{ string_text }},
        {{ delimiter_text }},
          length({{ string_text }})
          - length(
              replace({{ string_text }},  {{ delimiter_text }}, '')
          ) + 2 + {{ part_number }}
        )

{% endmacro %}

{% macro listagg(measure, delimiter_text="','", order_by_clause=none, limit_num=none) %}{% do return(adapter.dispatch('listagg', 'dbt')(measure, delimiter_text, order_by_clause, limit_num)) %}{% endmacro %}
{% macro default__listagg(measure, delimiter_text, order_by_clause, limit_num) %}
  {% do exceptions.raise_not_implemented('listagg macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{# -- arrays: all elements of one type -- #}

{% macro array_construct(inputs=[], data_type=api.Column.translate_type('integer')) %}{% do return(adapter.dispatch('array_construct', 'dbt')(inputs, data_type)) %}{% endmacro %}
{% macro default__array_construct(inputs, data_type) %}
    {%- if inputs %}
    array[ {{ inputs | join(' , ') }} ]
    {% else %}
    array[]::{{ data_type }}[]
    {% endif -%}
{% endmacro %}

{% macro array_append(array, new_element) %}{% do return(adapter.dispatch('array_append', 'dbt')(array, new_element)) %}{% endmacro %}
{% macro default__array_append(array, new_element) %}{% do return('array_append(' ~ array ~ ', ' ~ new_element ~ ')') %}{% endmacro %}

{% macro array_concat(array_1, array_2) %}{% do return(adapter.dispatch('array_concat', 'dbt')(array_1, array_2)) %}{% endmacro %}
{% macro default__array_concat(array_1, array_2) %}{% do return('array_cat(' ~ array_1 ~ ', ' ~ array_2 ~ ')') %}{% endmacro %}

{# -- set operations -- #}

{% macro except() %}{% do return(adapter.dispatch('except', 'dbt')()) %}{% endmacro %}
{% macro default__except() %}{% do return('\n\n    except\n\n') %}{% endmacro %}

{% macro intersect() %}{% do return(adapter.dispatch('intersect', 'dbt')()) %}{% endmacro %}
{% macro default__intersect() %}{% do return('\n\n    intersect\n\n') %}{% endmacro %}
