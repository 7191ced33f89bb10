{{ config(materialized='table', event_time='at') }}
select n as id, timestamp '2024-01-01 12:00' + interval '1 day' * (n - 1) as at, n * {{ var('f', 1) }} as v from generate_series(1, 5) n
