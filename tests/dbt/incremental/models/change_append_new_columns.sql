{{ config(materialized='incremental', unique_key='id', on_schema_change='append_new_columns') }}
{% if var('round') == 1 -%}
select 1 as id, 'x'::varchar(5) as name, 1 as old_one, 5::int as num
{%- else -%}
select 2 as id, 'longer than that'::varchar(30) as name, {% if 'append_new_columns' == 'ignore' %} 2 as old_one, 6::int as num, {% else %} now()::date > '2000-01-01' as new_one, 6::bigint as num, {% endif %} 1 as extra
{%- endif %}
