{% test is_small(model, limit_rows, column_name=none) %}
{{ config(fail_calc='sum(n)') }}
select count(*) as n from {{ model }} having count(*) > {{ limit_rows }}
{% endtest %}
