{% test row_count(model, expected) %}
  select n from (select count(*) as n from {{ model }}) c where n <> {{ expected }}
{% endtest %}
