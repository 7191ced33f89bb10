{% macro shout(x) %}{{ return(adapter.dispatch('shout')(x)) }}{% endmacro %}
{% macro default__shout(x) %}'default {{ x }}'{% endmacro %}
{% macro postgres__shout(x) %}'postgres {{ x | upper }}'{% endmacro %}
