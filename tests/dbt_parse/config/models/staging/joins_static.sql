{{ config(tags=['static'], enabled=True) }}
{# dbt reads this file without rendering it, and keeps its sources in a set #}
select * from {{ source('raw', 'Plain') }} a
join {{ source('quoted', 't') }} b using (id)
join {{ source('raw', 'Plain') }} c using (id)
join {{ ref('orders') }} d using (id)
join {{ ref('orders') }} e using (id)
