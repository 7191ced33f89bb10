{{ config(materialized='table') }}

select n as order_id, case when n % 2 = 0 then 'DK' else 'PT' end as country_code, n * 10.5 as amount
from generate_series(1, 6) as n
