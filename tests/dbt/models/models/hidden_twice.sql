{{ config(materialized='ephemeral') }}
with a as (select * from {{ ref('hidden') }}) select id * 10 as id, label from a
