{% macro inner_one() %}2{% endmacro %}
{% macro outer_one() %}{{ inner_one() }}{% endmacro %}
{% macro kept() %}1{% endmacro %}
