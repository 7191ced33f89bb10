{% macro inner_one() %}1{% endmacro %}
{% macro outer_one() %}{{ inner_one() }}{% endmacro %}
{% macro kept() %}1{% endmacro %}
