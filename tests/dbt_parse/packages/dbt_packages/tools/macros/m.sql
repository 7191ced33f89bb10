{% macro column_list(names) %}{% for name in names %}{{ name }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro %}
{% macro one() %}{{ return(adapter.dispatch('one', 'tools')()) }}{% endmacro %}
{% macro default__one() %}1{% endmacro %}
{% test has_rows(model, least) %}select 1 from {{ model }} having count(*) < {{ least }}{% endtest %}
