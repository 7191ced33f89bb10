{{ config(materialized='view') }}
select n as id, 'row ' || n as label from generate_series(1, {{ var('limit_rows') }}) n
