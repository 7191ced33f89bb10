{{ config(tags='order', meta={'level': 2}, grants={'+select': ['ops'], 'insert': 'loader'}, alias='stg_orders') }}
select 1 as id, '{{ var("start") }}' as start, {{ var('limit') }} as most
