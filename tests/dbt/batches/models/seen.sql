{{ config(materialized='table') }} select id, at from {{ source('raw', 'events') }}
