{{ config(materialized='view') }} select * from {{ ref('two') }}
