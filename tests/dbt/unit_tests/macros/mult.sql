{% macro mult() %}2{% endmacro %}
