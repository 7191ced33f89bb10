{{ config(materialized='table') }}
{% set r = var('round') %}
select * from (values
  (1, 'a', 10, timestamp '2024-01-01'), {% if r != 2 %} (2, 'b', 20, timestamp '2024-01-01' + interval '1 day' * {{ r }}), {% endif %}
  (3, '{{ 'c' if r == 1 else 'changed' }}', 30, timestamp '2024-01-0{{ r }}')) v(id, name, amount, updated_at)
